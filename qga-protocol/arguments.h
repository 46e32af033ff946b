/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_ARGUMENTS_H
#define QGA_PROTOCOL_ARGUMENTS_H

#include "qga-protocol/gate.h"
#include "qga-protocol/json.h"
#include "qga-protocol/schema.h"

/*
 * The arguments of a request. A handler gets them checked against its command's schema, and so asks
 * json-glib for a member of `object` by the schema's type without looking again. They live only as
 * long as the handler's call. An integer of type UINT64 is an int64 with the same bits. Members of
 * type BASE64 are asked for here: `object` has null for them.
 */
typedef struct {
    JsonObject *object;  /* empty where the request has none */
    const char *message; /* what the slices are of */
    QgaSlice *slices;
    guint slice_count;
    GHashTable *wide; /* the nodes in `object` that are integers beyond int64; NULL: none */
} QgaArguments;

/* Holds the arguments against `schema` (ends with {0}; NULL for a command without arguments). FALSE
 * with QGA_ARGUMENTS_ERROR in the packaged agent's words. */
gboolean qga_arguments_check(const QgaArguments *arguments, const QgaMember *schema,
                             GError **error);

/* Holds what a command returns against its row's `returns` (NULL: an empty object). For tests. */
gboolean qga_returns_check(const QgaMember *returns, JsonNode *value, GError **error);

/* Where the string of the member `name` of type BASE64 stands; NULL: it was not given. */
const QgaSlice *qga_arguments_slice(const QgaArguments *arguments, const char *name);

/*
 * BASE64: the decoded bytes in one allocation, a 0 byte after them that `length` does not count;
 * NULL where it was not given. Space, tab, CR and LF are skipped, missing padding at the end is no
 * error, and texts in a row, each with its padding, are decoded one after the other, as the
 * packaged agent does. A text that is no base64 sets QGA_ARGUMENTS_ERROR with the packaged agent's
 * text. Free with g_free(). It may be a password: no other copy of it is left.
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

/* A text for an error, cut short where it has more than `max` bytes; free with g_free(). */
char *qga_arguments_show(const char *text, gsize max);

#define QGA_ARGUMENTS_ERROR (qga_arguments_error_quark())
GQuark qga_arguments_error_quark(void);

#endif
