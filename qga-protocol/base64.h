/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_BASE64_H
#define QGA_PROTOCOL_BASE64_H

#include <glib.h>

/* RFC 4648, section 4: the standard alphabet, padded. */

/* How many characters `length` bytes become. */
gsize qga_base64_encoded_length(gsize length);
/* Writes that many characters to `out`, no 0 byte behind them. */
void qga_base64_encode(const void *data, gsize length, char *out);

/*
 * Decodes into `out`, which has room for `length` / 4 * 3 + 3 bytes, and sets `decoded` to how many
 * there are. Space, tab, CR and LF are skipped, missing padding at the end is no error, and texts
 * in a row, each with its padding, are decoded one after the other, as the packaged agent does.
 * FALSE at any other character or an impossible length.
 */
gboolean qga_base64_decode(const char *text, gsize length, guint8 *out, gsize *decoded);

/*
 * The same in pieces of any size: what a group of four still lacks is kept in the decoder, which
 * starts as {0}. A piece needs room for `length` / 4 * 3 + 3 bytes, the end for 2.
 */
typedef struct {
    guint bits;
    guint digits;
    guint padding;
} QgaBase64Decoder;

gboolean qga_base64_decode_piece(QgaBase64Decoder *decoder, const char *text, gsize length,
                                 guint8 *out, gsize *decoded);
gboolean qga_base64_decode_end(QgaBase64Decoder *decoder, guint8 *out, gsize *decoded);

#endif
