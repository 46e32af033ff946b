/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_ARGUMENTS_H
#define QGA_PROTOCOL_ARGUMENTS_H

#include "qga-protocol/schema.h"
#include "qga-protocol/value.h"

/*
 * The arguments of a request, checked against the command's schema: a handler asks for a member
 * that its schema has, by the schema's type; asking otherwise is a programming error and aborts.
 * They are a view of the request's text and live only as long as the handler's call.
 */
typedef struct QgaArguments QgaArguments;

/*
 * Checks `value` (an object, or no value) against `schema` (ends with {0}; NULL for a command
 * without arguments) and returns the view, or NULL with QGA_ARGUMENTS_ERROR in the packaged agent's
 * words. The value's text and the schema must outlive it. Free with qga_arguments_free().
 */
QgaArguments *qga_arguments_new(const QgaMember *schema, QgaValue value, GError **error);
void qga_arguments_free(QgaArguments *arguments);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QgaArguments, qga_arguments_free)

/* TRUE when the optional member was given. */
gboolean qga_arguments_has(const QgaArguments *arguments, const char *name);

/* The member's value, or `fallback` where it was not given. */
gint64 qga_arguments_int(const QgaArguments *arguments, const char *name, gint64 fallback);
guint64 qga_arguments_uint(const QgaArguments *arguments, const char *name, guint64 fallback);
double qga_arguments_number(const QgaArguments *arguments, const char *name, double fallback);
gboolean qga_arguments_bool(const QgaArguments *arguments, const char *name, gboolean fallback);
/* ENUM: the index into the schema's `values`. */
int qga_arguments_enum(const QgaArguments *arguments, const char *name, int fallback);

/* INT_OR_ENUM, BOOL_OR_ENUM: TRUE when the value is given as one of the `values` (then ask
 * qga_arguments_enum(), else qga_arguments_int() or qga_arguments_bool()). */
gboolean qga_arguments_is_enum(const QgaArguments *arguments, const char *name);

/* STRING: a copy, NULL where it was not given; free with g_free(). */
char *qga_arguments_string(const QgaArguments *arguments, const char *name);
/* LIST of STRING: NULL-terminated, NULL where it was not given; free with g_strfreev(). */
char **qga_arguments_strings(const QgaArguments *arguments, const char *name);

/*
 * BASE64: the decoded bytes in one allocation, a 0 byte after them that `length` does not count;
 * NULL where it was not given. A text that is no base64 sets QGA_ARGUMENTS_ERROR with the packaged
 * agent's text. Free with g_free(). It may be a password: no other copy of it is left.
 */
guint8 *qga_arguments_base64(const QgaArguments *arguments, const char *name, gsize *length,
                             GError **error);

/*
 * The same for bytes too many to hold: check first, which tells how many there are (0 where it was
 * not given), then get them in pieces, until a call returns FALSE.
 */
gboolean qga_arguments_base64_check(const QgaArguments *arguments, const char *name, gsize *length,
                                    GError **error);
typedef gboolean (*QgaArgumentsPiece)(const guint8 *bytes, gsize length, gpointer data);
void qga_arguments_base64_each(const QgaArguments *arguments, const char *name,
                               QgaArgumentsPiece each, gpointer data);

/*
 * LIST of STRUCT: calls `each` with the checked members of every element, in order, until one call
 * returns FALSE. Returns the number of elements visited.
 */
typedef gboolean (*QgaArgumentsEach)(const QgaArguments *element, gpointer data);
guint qga_arguments_each(const QgaArguments *arguments, const char *name, QgaArgumentsEach each,
                         gpointer data);

#define QGA_ARGUMENTS_ERROR (qga_arguments_error_quark())
GQuark qga_arguments_error_quark(void);

#endif
