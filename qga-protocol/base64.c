/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* From this size on the table of pairs is worth making. */
#define PAIRS_WORTH 16384

gsize qga_base64_encoded_length(gsize length)
{
    return (length + 2) / 3 * 4;
}

/* 12 bits to two characters at once; returns how many bytes were encoded. */
static gsize encode_pairs(const guint8 *data, gsize length, char *out)
{
    char pairs[4096][2];
    gsize at = 0;

    for (guint i = 0; i < 4096; i++) {
        pairs[i][0] = alphabet[i >> 6];
        pairs[i][1] = alphabet[i & 63];
    }
    /* Eight bytes are read for the six that are used. */
    for (; length - at >= 8; at += 6, out += 8) {
        guint64 word;

        memcpy(&word, data + at, 8);
        word = GUINT64_FROM_BE(word);
        memcpy(out, pairs[word >> 52], 2);
        memcpy(out + 2, pairs[word >> 40 & 4095], 2);
        memcpy(out + 4, pairs[word >> 28 & 4095], 2);
        memcpy(out + 6, pairs[word >> 16 & 4095], 2);
    }
    return at;
}

void qga_base64_encode(const void *data, gsize length, char *out)
{
    const guint8 *bytes = data;
    gsize at = length >= PAIRS_WORTH ? encode_pairs(bytes, length, out) : 0;

    for (out += at / 3 * 4; at < length; at += 3, out += 4) {
        gsize left = length - at;
        guint group = (guint)bytes[at] << 16 | (left > 1 ? (guint)bytes[at + 1] << 8 : 0) |
                      (left > 2 ? bytes[at + 2] : 0u);

        out[0] = alphabet[group >> 18];
        out[1] = alphabet[group >> 12 & 63];
        out[2] = left > 1 ? alphabet[group >> 6 & 63] : '=';
        out[3] = left > 2 ? alphabet[group & 63] : '=';
    }
}

enum { NO_DIGIT = 0x80, SPACE, PADDING };

static void make_digits(guint8 digits[256])
{
    memset(digits, NO_DIGIT, 256);
    for (guint i = 0; i < 64; i++)
        digits[(guint8)alphabet[i]] = (guint8)i;
    digits[' '] = digits['\t'] = digits['\r'] = digits['\n'] = SPACE;
    digits['='] = PADDING;
}

/* Whole groups of four digits in a row; returns how many characters. */
static gsize decode_run(const guint8 digits[256], const guint8 *text, gsize length, guint8 *out)
{
    gsize at = 0;

    for (; length - at >= 4; at += 4, out += 3) {
        guint a = digits[text[at]], b = digits[text[at + 1]];
        guint c = digits[text[at + 2]], d = digits[text[at + 3]];
        guint group = a << 18 | b << 12 | c << 6 | d;

        if ((a | b | c | d) & NO_DIGIT)
            break;
        out[0] = (guint8)(group >> 16);
        out[1] = (guint8)(group >> 8);
        out[2] = (guint8)group;
    }
    return at;
}

static gsize flush(QgaBase64Decoder *group, guint8 *out)
{
    gsize count = group->digits > 1 ? group->digits - 1 : 0;
    guint bits = group->bits << 6 * (4 - group->digits);

    for (gsize i = 0; i < count; i++)
        out[i] = (guint8)(bits >> (16 - 8 * i));
    *group = (QgaBase64Decoder){0};
    return count;
}

gboolean qga_base64_decode_piece(QgaBase64Decoder *group, const char *text, gsize length,
                                 guint8 *out, gsize *decoded)
{
    const guint8 *bytes = (const guint8 *)text;
    guint8 digits[256];
    guint8 *start = out;

    make_digits(digits);
    for (gsize at = 0; at < length; at++) {
        guint8 digit;

        if (group->digits == 0) {
            gsize run = decode_run(digits, bytes + at, length - at, out);

            at += run;
            out += run / 4 * 3;
            if (at == length)
                break;
        }
        digit = digits[bytes[at]];
        if (digit == SPACE)
            continue;
        if (digit == NO_DIGIT || (digit == PADDING && group->digits < 2) ||
            (digit != PADDING && group->padding > 0))
            return FALSE;
        if (digit == PADDING) {
            group->padding++;
        } else {
            group->bits = group->bits << 6 | digit;
            group->digits++;
        }
        if (group->digits + group->padding == 4)
            out += flush(group, out);
    }
    *decoded = (gsize)(out - start);
    return TRUE;
}

gboolean qga_base64_decode_end(QgaBase64Decoder *group, guint8 *out, gsize *decoded)
{
    *decoded = 0;
    if (group->digits == 1)
        return FALSE;
    if (group->digits > 0)
        *decoded = flush(group, out);
    return TRUE;
}

gboolean qga_base64_decode(const char *text, gsize length, guint8 *out, gsize *decoded)
{
    QgaBase64Decoder group = {0};
    gsize last;

    if (!qga_base64_decode_piece(&group, text, length, out, decoded) ||
        !qga_base64_decode_end(&group, out + *decoded, &last))
        return FALSE;
    *decoded += last;
    return TRUE;
}
