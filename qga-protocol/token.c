/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/token.h"

#include <string.h>

#define NUMBER_MAX 20 /* characters of the longest int64 and uint64 */

gsize qga_token_plain_length(const char *text, gsize length, char quote)
{
    gsize at = 0;

    /* what is not ASCII is negative */
    while (at < length && (signed char)text[at] >= 0x20 && text[at] != quote && text[at] != '\\')
        at++;
    return at;
}

gboolean qga_token_is_word(char c, char first)
{
    if (g_ascii_isalpha(first))
        return g_ascii_isalpha(c);
    return g_ascii_isdigit(c) || (c && strchr("+-.eE", c));
}

/* The code of the four hexadecimal digits at `at`, which are before `end`; -1: they are none. */
static int token_hex(const char *at, const char *end)
{
    int code = 0;

    if (end - at < 4)
        return -1;
    for (guint i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(at[i]);

        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* How many bytes the escape \uXXXX at `at`, or the pair of them, has; 0: it is no character. */
static gsize token_unicode_length(const char *at, const char *end, gboolean *has_nul)
{
    int code = token_hex(at + 2, end), low;

    if (code == 0)
        *has_nul = TRUE;
    if (code < 0 || (code >= 0xDC00 && code < 0xE000))
        return 0;
    if (code < 0xD800 || code >= 0xE000)
        return 6;
    low = end - at >= 8 && at[6] == '\\' && at[7] == 'u' ? token_hex(at + 8, end) : -1;
    return low >= 0xDC00 && low < 0xE000 ? 12 : 0;
}

const char *qga_token_string_problem(const char *text, gsize length, gboolean *has_nul)
{
    const char *at = text + 1, *end = text + length - 1;

    if (!g_utf8_validate(at, end - at, NULL))
        return "invalid UTF-8 sequence in string";
    while ((at = memchr(at, '\\', (gsize)(end - at))) != NULL) {
        gsize size = 2;

        if (at[1] == 'u')
            size = token_unicode_length(at, end, has_nul);
        else if (!strchr("\"\\/bfnrt", at[1]) && (at[1] != '\'' || *text != '\''))
            return "invalid escape sequence in string";
        if (size == 0)
            return "a \\u in a string is not a valid Unicode character";
        at += size;
    }
    return NULL;
}

void qga_token_append_string(GString *out, const char *text, gsize length, gboolean keep_nul)
{
    const char *at = text + 1, *end = text + length - 1;

    g_string_append_c(out, '"');
    while (at < end) {
        gsize run = qga_token_plain_length(at, (gsize)(end - at), '"');

        g_string_append_len(out, at, (gssize)run);
        at += run;
        if (at == end)
            break;
        if (*at == '"') {
            g_string_append(out, "\\\"");
        } else if (*at != '\\') {
            g_string_append_c(out, *at);
        } else if (*++at == '\'') {
            g_string_append_c(out, '\'');
        } else if (*at == 'u' && !keep_nul && token_hex(at + 1, end) == 0) {
            g_string_append(out, "\\uFFFD");
            at += 4;
        } else {
            g_string_append_c(out, '\\');
            g_string_append_c(out, *at);
        }
        at++;
    }
    g_string_append_c(out, '"');
}

static const char *token_digits(const char *at, const char *end)
{
    while (at < end && g_ascii_isdigit(*at))
        at++;
    return at;
}

/* RFC 8259, section 6. `whole` becomes TRUE where it has neither fraction nor exponent. */
static gboolean token_is_number(const char *at, const char *end, gboolean *whole)
{
    const char *from;

    if (at < end && *at == '-')
        at++;
    from = at;
    at = token_digits(at, end);
    if (at == from || (*from == '0' && at - from > 1))
        return FALSE;
    *whole = at == end;
    if (at < end && *at == '.') {
        from = ++at;
        at = token_digits(at, end);
        if (at == from)
            return FALSE;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        from = at;
        at = token_digits(at, end);
        if (at == from)
            return FALSE;
    }
    return at == end;
}

QgaNumber qga_token_number(const char *text, gsize length, gint64 *value)
{
    char digits[NUMBER_MAX + 1] = "";
    gboolean whole = FALSE;
    guint64 wide;

    if (!token_is_number(text, text + length, &whole))
        return QGA_NUMBER_NONE;
    if (!whole || length > NUMBER_MAX)
        return QGA_NUMBER_OTHER;
    memcpy(digits, text, length);
    if (g_ascii_string_to_signed(digits, 10, G_MININT64, G_MAXINT64, value, NULL))
        return QGA_NUMBER_INT64;
    if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64, &wide, NULL))
        return QGA_NUMBER_OTHER;
    *value = (gint64)wide;
    return QGA_NUMBER_WIDE;
}
