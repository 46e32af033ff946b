/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_PLAIN_H
#define QGA_PROTOCOL_PLAIN_H

#include <glib.h>

/* How many of the `length` bytes, from the first on, are plain inside a string that `quote` closes:
 * printable ASCII, no quote, no backslash. Looks at 64 bytes at a time. */
gsize qga_plain_length(const char *text, gsize length, char quote);

#endif
