/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/base64.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

gsize qga_base64_encoded_length(gsize length)
{
    return (length + 2) / 3 * 4;
}

#ifdef __x86_64__
/* Twelve bytes to sixteen characters at once, as long as sixteen can be read; returns how many
 * bytes were encoded. After W. Muła and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2
 * Instructions", ACM Transactions on the Web 12 (2018). */
__attribute__((target("ssse3"))) static gsize encode_vectors(const guint8 *data, gsize length,
                                                             char *out)
{
    const __m128i spread = _mm_set_epi8(10, 11, 9, 10, 7, 8, 6, 7, 4, 5, 3, 4, 1, 2, 0, 1);
    /* what to add to a value for its character: 0 for 26 to 51, 1 to 10 for digits, 11 for '+', 12
     * for '/', 13 for the first 26 */
    const __m128i offsets =
        _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                      '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
    gsize at = 0;

    for (; length - at >= 16; at += 12, out += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(gconstpointer)(data + at));
        __m128i groups = _mm_shuffle_epi8(bytes, spread);
        __m128i upper = _mm_mulhi_epu16(_mm_and_si128(groups, _mm_set1_epi32(0x0fc0fc00)),
                                        _mm_set1_epi32(0x04000040));
        __m128i lower = _mm_mullo_epi16(_mm_and_si128(groups, _mm_set1_epi32(0x003f03f0)),
                                        _mm_set1_epi32(0x01000010));
        __m128i values = _mm_or_si128(upper, lower);
        __m128i first = _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), values), _mm_set1_epi8(13));
        __m128i kind = _mm_or_si128(_mm_subs_epu8(values, _mm_set1_epi8(51)), first);

        _mm_storeu_si128((__m128i *)(gpointer)out,
                         _mm_add_epi8(values, _mm_shuffle_epi8(offsets, kind)));
    }
    return at;
}

static gsize encode_many(const guint8 *data, gsize length, char *out)
{
    return __builtin_cpu_supports("ssse3") ? encode_vectors(data, length, out) : 0;
}
#else
static gsize encode_many(const guint8 *data, gsize length, char *out)
{
    return 0;
}
#endif

void qga_base64_encode(const void *data, gsize length, char *out)
{
    const guint8 *bytes = data;
    gsize at = encode_many(bytes, length, out);

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

#ifdef __x86_64__
/* Sixteen characters to twelve bytes at once, as long as they are all digits and what is written
 * for them, sixteen bytes, has room; returns how many characters. From the same paper. */
__attribute__((target("ssse3"))) static gsize decode_vectors(const guint8 *text, gsize length,
                                                             guint8 *out)
{
    /* a character is a digit unless the entries for its halves share a bit */
    const __m128i bad_low = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                          0x11, 0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A);
    const __m128i bad_high = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10,
                                           0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    /* what to add for the value, by the upper half; '/' has the entry before its own */
    const __m128i offsets = _mm_setr_epi8(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a',
                                          26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i gather = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const __m128i slash = _mm_set1_epi8('/');
    gsize at = 0;

    for (; length - at >= 24; at += 16, out += 12) {
        __m128i chars = _mm_loadu_si128((const __m128i *)(gconstpointer)(text + at));
        /* 0x2F is as good as 0x0F here: the shuffle looks at bits 0 to 3 and 7 */
        __m128i high = _mm_and_si128(_mm_srli_epi32(chars, 4), slash);
        __m128i low = _mm_and_si128(chars, slash);
        __m128i bad =
            _mm_and_si128(_mm_shuffle_epi8(bad_low, low), _mm_shuffle_epi8(bad_high, high));
        __m128i values, pairs;

        if (_mm_movemask_epi8(_mm_cmpgt_epi8(bad, _mm_setzero_si128())) != 0)
            break;
        values = _mm_add_epi8(
            chars, _mm_shuffle_epi8(offsets, _mm_add_epi8(_mm_cmpeq_epi8(chars, slash), high)));
        pairs = _mm_maddubs_epi16(values, _mm_set1_epi32(0x01400140));
        _mm_storeu_si128(
            (__m128i *)(gpointer)out,
            _mm_shuffle_epi8(_mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000)), gather));
    }
    return at;
}

static gsize decode_many(const guint8 *text, gsize length, guint8 *out)
{
    return __builtin_cpu_supports("ssse3") ? decode_vectors(text, length, out) : 0;
}
#else
static gsize decode_many(const guint8 *text, gsize length, guint8 *out)
{
    return 0;
}
#endif

/* Whole groups of four digits in a row; returns how many characters. */
static gsize decode_run(const guint8 digits[256], const guint8 *text, gsize length, guint8 *out)
{
    gsize at = decode_many(text, length, out);

    for (out += at / 4 * 3; length - at >= 4; at += 4, out += 3) {
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
