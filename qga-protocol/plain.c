/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/plain.h"

#include <string.h>

/* The compiler makes vector instructions of it where the processor has them. */
typedef signed char Lanes __attribute__((vector_size(16)));
typedef guint64 Halves __attribute__((vector_size(16)));

/* A lane is set where a byte is not plain: control bytes are less than a space, and so, being
 * negative, is anything that is not ASCII. */
static Lanes odd_lanes(const char *text, char quote)
{
    Lanes bytes;

    memcpy(&bytes, text, sizeof(bytes));
    return (bytes < 0x20) | (bytes == quote) | (bytes == '\\');
}

static gboolean any(Lanes lanes)
{
    Halves halves = (Halves)lanes;

    return (halves[0] | halves[1]) != 0;
}

gsize qga_plain_length(const char *text, gsize length, char quote)
{
    gsize at = 0;

    while (length - at >= 64) {
        Lanes odd = odd_lanes(text + at, quote) | odd_lanes(text + at + 16, quote) |
                    odd_lanes(text + at + 32, quote) | odd_lanes(text + at + 48, quote);

        if (any(odd))
            break;
        at += 64;
    }
    while (at < length && (signed char)text[at] >= 0x20 && text[at] != quote && text[at] != '\\')
        at++;
    return at;
}
