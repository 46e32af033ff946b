/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/value.h"

#include <string.h>

#define SHOWN_MAX 256 /* bytes; longer than any name that the protocol has */

static gboolean is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* `at` is on the opening quote; returns what follows the closing one. Each run of backslashes is
 * looked at once, by the quote behind it. */
static const char *skip_string(const char *at, const char *end)
{
    char quote = *at;
    const char *from = ++at;

    while ((at = memchr(at, quote, (gsize)(end - at))) != NULL) {
        const char *slash = at;

        while (slash > from && slash[-1] == '\\')
            slash--;
        at++;
        if ((at - 1 - slash) % 2 == 0)
            return at;
        from = at;
    }
    return end;
}

static const char *skip_container(const char *at, const char *end)
{
    guint depth = 0;

    while (at < end) {
        char c = *at;

        if (c == '"' || c == '\'') {
            at = skip_string(at, end);
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            break;
    }
    return at;
}

static const char *skip_scalar(const char *at, const char *end)
{
    while (at < end && !is_space(*at) && *at != ',' && *at != ']' && *at != '}')
        at++;
    return at;
}

static QgaValue value_at(const char *at, const char *end)
{
    QgaValue value = {at, NULL};

    if (*at == '"' || *at == '\'')
        value.end = skip_string(at, end);
    else if (*at == '{' || *at == '[')
        value.end = skip_container(at, end);
    else
        value.end = skip_scalar(at, end);
    return value;
}

QgaValue qga_value_string_at(const char *at, const char *end)
{
    return (QgaValue){at, skip_string(at, end)};
}

QgaValueType qga_value_type(QgaValue value)
{
    switch (*value.start) {
    case '{':
        return QGA_VALUE_OBJECT;
    case '[':
        return QGA_VALUE_ARRAY;
    case '"':
    case '\'':
        return QGA_VALUE_STRING;
    case 't':
    case 'f':
        return QGA_VALUE_BOOL;
    case 'n':
        return QGA_VALUE_NULL;
    default:
        return QGA_VALUE_NUMBER;
    }
}

gboolean qga_value_uint64(QgaValue value, guint64 *number)
{
    guint64 sum = 0;

    if (value.start == value.end)
        return FALSE;
    for (const char *at = value.start; at < value.end; at++) {
        guint64 digit = (guint64)*at - '0';

        if (*at < '0' || *at > '9' || sum > G_MAXUINT64 / 10 ||
            (sum == G_MAXUINT64 / 10 && digit > G_MAXUINT64 % 10))
            return FALSE;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return TRUE;
}

gboolean qga_value_int64(QgaValue value, gint64 *number)
{
    gboolean negative = *value.start == '-';
    QgaValue digits = {value.start + (negative ? 1 : 0), value.end};
    guint64 size;

    if (!qga_value_uint64(digits, &size) || size > (guint64)G_MAXINT64 + (negative ? 1 : 0))
        return FALSE;
    if (negative)
        *number = size > G_MAXINT64 ? G_MININT64 : -(gint64)size;
    else
        *number = (gint64)size;
    return TRUE;
}

double qga_value_double(QgaValue value)
{
    g_autofree char *text = g_strndup(value.start, (gsize)(value.end - value.start));

    return g_ascii_strtod(text, NULL);
}

gboolean qga_value_bool(QgaValue value)
{
    return *value.start == 't';
}

gboolean qga_value_string_plain(QgaValue value, const char **text, gsize *length)
{
    *text = value.start + 1;
    *length = (gsize)(value.end - value.start) - 2;
    return memchr(*text, '\\', *length) == NULL;
}

static guint hex4(const char *digits)
{
    guint code = 0;

    for (guint i = 0; i < 4; i++)
        code = code << 4 | (guint)g_ascii_xdigit_value(digits[i]);
    return code;
}

/* `*at` is behind a backslash; writes what the escape stands for and returns how many bytes. */
static gsize decode_escape(const char **at, char *out)
{
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    char c = *(*at)++;
    const char *letter = strchr(letters, c);
    guint code;

    if (c != 'u') {
        *out = letter ? bytes[letter - letters] : c;
        return 1;
    }
    code = hex4(*at);
    *at += 4;
    if (code >= 0xD800 && code < 0xDC00) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(*at + 2) - 0xDC00);
        *at += 6;
    }
    return (gsize)g_unichar_to_utf8(code, out);
}

char *qga_value_string(QgaValue value, gsize *length)
{
    const char *at = value.start + 1, *end = value.end - 1;
    /* No escape is shorter than what it stands for. */
    char *text = g_malloc((gsize)(end - at) + 1), *out = text;

    while (at < end) {
        const char *slash = memchr(at, '\\', (gsize)(end - at));
        gsize run = (gsize)((slash ? slash : end) - at);

        memcpy(out, at, run);
        out += run;
        at += run;
        if (slash) {
            at++;
            out += decode_escape(&at, out);
        }
    }
    *out = '\0';
    if (length)
        *length = (gsize)(out - text);
    return text;
}

gboolean qga_value_string_equal(QgaValue value, const char *text)
{
    const char *plain;
    gsize length, wanted = strlen(text);
    g_autofree char *decoded = NULL;

    if (qga_value_string_plain(value, &plain, &length))
        return length == wanted && memcmp(plain, text, length) == 0;
    decoded = qga_value_string(value, &length);
    return length == wanted && memcmp(decoded, text, length) == 0;
}

gboolean qga_value_string_has_nul(QgaValue value)
{
    const char *at = value.start + 1, *end = value.end - 1;

    while (at < end && (at = memchr(at, '\\', (gsize)(end - at))) != NULL) {
        if (at[1] == 'u' && hex4(at + 2) == 0)
            return TRUE;
        at += 2;
    }
    return FALSE;
}

char *qga_value_string_shown(QgaValue value)
{
    gsize length;
    g_autofree char *text = qga_value_string(value, &length);
    const char *end;

    if (length <= SHOWN_MAX)
        return g_steal_pointer(&text);
    end = g_utf8_find_prev_char(text, text + SHOWN_MAX);
    return g_strdup_printf("%.*s...", (int)(end - text), text);
}

void qga_value_iter_init(QgaValueIter *iter, QgaValue container)
{
    iter->at = container.start + 1;
    iter->end = container.end;
}

gboolean qga_value_iter_element(QgaValueIter *iter, QgaValue *element)
{
    const char *at = skip_space(iter->at, iter->end);

    if (at < iter->end && *at == ',')
        at = skip_space(at + 1, iter->end);
    if (at >= iter->end || *at == ']' || *at == '}')
        return FALSE;
    *element = value_at(at, iter->end);
    iter->at = element->end;
    return TRUE;
}

gboolean qga_value_iter_member(QgaValueIter *iter, QgaValue *name, QgaValue *value)
{
    if (!qga_value_iter_element(iter, name))
        return FALSE;
    iter->at = skip_space(iter->at, iter->end) + 1; /* the colon */
    return qga_value_iter_element(iter, value);
}
