/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_VALUE_H
#define QGA_PROTOCOL_VALUE_H

#include <glib.h>

/*
 * One value in a text that the scanner has passed: a slice of it, without space around. Nothing is
 * built or copied; walking a container's members costs one pass over its bytes. The functions trust
 * the text: never make one from bytes that have not been through a QgaScanner.
 */
typedef struct {
    const char *start; /* NULL: no value */
    const char *end;   /* behind the last byte */
} QgaValue;

typedef enum {
    QGA_VALUE_NULL,
    QGA_VALUE_BOOL,
    QGA_VALUE_NUMBER,
    QGA_VALUE_STRING,
    QGA_VALUE_ARRAY,
    QGA_VALUE_OBJECT,
} QgaValueType;

QgaValueType qga_value_type(QgaValue value);

/* TRUE and the exact number when it is written as digits alone (with '-' before them) and in range:
 * not 1.0, not 1e2. */
gboolean qga_value_int64(QgaValue value, gint64 *number);
gboolean qga_value_uint64(QgaValue value, guint64 *number);
/* Any number; what no double can hold becomes an infinity. */
double qga_value_double(QgaValue value);
gboolean qga_value_bool(QgaValue value);

/* The string whose opening quote is at `at`, in a text that goes on to `end`. */
QgaValue qga_value_string_at(const char *at, const char *end);
/*
 * A string's bytes as UTF-8, escapes resolved, in a new allocation with a 0 byte behind; `length`
 * may be NULL. \u0000 becomes a 0 byte: see qga_value_string_has_nul(). Free with g_free().
 */
char *qga_value_string(QgaValue value, gsize *length);
gboolean qga_value_string_equal(QgaValue value, const char *text);
gboolean qga_value_string_has_nul(QgaValue value);
/* The same for the text of an error, cut short where it is long; free with g_free(). */
char *qga_value_string_shown(QgaValue value);
/* The bytes between the quotes when they hold no escape, so that they need no copy; else FALSE. */
gboolean qga_value_string_plain(QgaValue value, const char **text, gsize *length);

/* Walks the members of an object or the elements of an array, in order. */
typedef struct {
    const char *at;
    const char *end;
} QgaValueIter;

void qga_value_iter_init(QgaValueIter *iter, QgaValue container);
gboolean qga_value_iter_element(QgaValueIter *iter, QgaValue *element);
/* `name` is a string value. */
gboolean qga_value_iter_member(QgaValueIter *iter, QgaValue *name, QgaValue *value);

#endif
