/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_TOKEN_H
#define QGA_PROTOCOL_TOKEN_H

#include <glib.h>

/* The tokens of RFC 8259 that have more than one letter, each whole. */

/* How many of the `length` bytes, from the first on, are plain inside a string that `quote` closes:
 * printable ASCII, no quote, no backslash. */
gsize qga_token_plain_length(const char *text, gsize length, char quote);

/* TRUE for a byte that a number or word may have which begins with `first`, right or wrong ones. */
gboolean qga_token_is_word(char c, char first);

/*
 * NULL when the string at text[0..length), quotes included, is right: valid UTF-8, known escapes,
 * surrogates in pairs (in single quotes, \' too). Otherwise what is wrong. `has_nul` becomes TRUE
 * where it has \u0000. The caller knows already where it ends and that no control byte is in it.
 */
const char *qga_token_string_problem(const char *text, gsize length, gboolean *has_nul);
/* Appends such a string in double quotes; keep_nul: else \uFFFD stands for \u0000. */
void qga_token_append_string(GString *out, const char *text, gsize length, gboolean keep_nul);

typedef enum {
    QGA_NUMBER_NONE,  /* it is none */
    QGA_NUMBER_INT64, /* digits alone, with '-' before them, and in range */
    QGA_NUMBER_WIDE,  /* a uint64 beyond that; `value` has its bits */
    QGA_NUMBER_OTHER,
} QgaNumber;

QgaNumber qga_token_number(const char *text, gsize length, gint64 *value);

#endif
