/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of type BASE64. GLib decodes; what it would skip in silence is refused here. */
#include "qga-protocol/arguments.h"

#include <string.h>

/* Characters decoded at a time, so that the bytes stay in the processor's cache. */
#define PIECE 32768

/* What has been seen of a text: the characters of a group of four that has begun, how many of them
 * are '=', and the bytes of all. */
typedef struct {
    guint place;
    guint padding;
    gsize bytes;
} Measure;

static gboolean base64_is_digit(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '/';
}

/* Takes one character, a digit or not. FALSE where it cannot stand there. */
static gboolean measure_character(Measure *measure, char c)
{
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return TRUE;
    if (c == '=' ? measure->place < 2 : !base64_is_digit(c) || measure->padding > 0)
        return FALSE;
    measure->padding += c == '=';
    if (++measure->place == 4) {
        measure->bytes += 3 - measure->padding;
        measure->place = measure->padding = 0;
    }
    return TRUE;
}

static gboolean measure_piece(Measure *measure, const char *text, gsize length)
{
    static const gboolean digits[256] = {
        ['A' ... 'Z'] = TRUE, ['a' ... 'z'] = TRUE, ['0' ... '9'] = TRUE,
        ['+'] = TRUE,         ['/'] = TRUE,
    };

    for (gsize at = 0; at < length; at++) {
        gsize from = at;

        while (measure->place == 0 && at + 4 <= length && digits[(guint8)text[at]] &&
               digits[(guint8)text[at + 1]] && digits[(guint8)text[at + 2]] &&
               digits[(guint8)text[at + 3]])
            at += 4;
        measure->bytes += (at - from) / 4 * 3;
        if (at < length && !measure_character(measure, text[at]))
            return FALSE;
    }
    return TRUE;
}

/* What the escape at `at`, behind its backslash, stands for; what is no ASCII becomes '\\', which
 * is no base64 either. `at` moves behind it. */
static char base64_unescape(const char **at)
{
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    char c = *(*at)++;
    const char *letter = strchr(letters, c);
    guint64 code;
    char digits[5] = "";

    if (letter)
        return bytes[letter - letters];
    if (c != 'u')
        return c;
    memcpy(digits, *at, 4);
    *at += 4;
    code = g_ascii_strtoull(digits, NULL, 16);
    return code < 0x80 ? (char)code : '\\';
}

/* The next characters of a slice, without escapes; returns how many. */
static gsize base64_fill(const char **at, const char *end, char *out)
{
    gsize length = 0;

    while (*at < end && length < PIECE) {
        gsize left = MIN((gsize)(end - *at), PIECE - length);
        const char *slash = memchr(*at, '\\', left);
        gsize run = slash ? (gsize)(slash - *at) : left;

        memcpy(out + length, *at, run);
        length += run;
        *at += run;
        if (slash) {
            ++*at;
            out[length++] = base64_unescape(at);
        }
    }
    return length;
}

/* Runs through a slice; each: NULL to measure only. FALSE when it is no base64, or `each` returned
 * FALSE. */
static gboolean base64_run(const QgaArguments *arguments, const QgaSlice *slice, Measure *measure,
                           QgaArgumentsPiece each, gpointer data)
{
    const char *at = arguments->message + slice->start, *end = at + slice->length;
    char text[PIECE];
    guint8 bytes[PIECE / 4 * 3 + 6];
    guint save = 0;
    int state = 0;
    gboolean more = TRUE;

    while (more && at < end) {
        gsize length = base64_fill(&at, end, text);

        more = measure_piece(measure, text, length);
        if (more && each)
            more = each(bytes, g_base64_decode_step(text, length, bytes, &state, &save), data);
    }
    if (measure->place == 1)
        more = FALSE;
    if (more && measure->place > 0) {
        gsize missing = 4 - measure->place;

        measure->bytes += 3 - measure->padding - missing;
        if (each)
            more = each(bytes, g_base64_decode_step("==", missing, bytes, &state, &save), data);
    }
    explicit_bzero(text, sizeof(text));
    explicit_bzero(bytes, sizeof(bytes));
    return more;
}

gboolean qga_arguments_base64_check(const QgaArguments *arguments, const char *name, gsize *length,
                                    GError **error)
{
    const QgaSlice *slice = qga_arguments_slice(arguments, name);
    Measure measure = {0};

    *length = 0;
    if (!slice)
        return TRUE;
    if (!base64_run(arguments, slice, &measure, NULL, NULL)) {
        g_set_error(error, QGA_ARGUMENTS_ERROR, 0, "Base64 data contains invalid characters");
        return FALSE;
    }
    *length = measure.bytes;
    return TRUE;
}

void qga_arguments_base64_each(const QgaArguments *arguments, const char *name,
                               QgaArgumentsPiece each, gpointer data)
{
    const QgaSlice *slice = qga_arguments_slice(arguments, name);
    Measure measure = {0};

    if (slice)
        base64_run(arguments, slice, &measure, each, data);
}

static gboolean base64_append(const guint8 *bytes, gsize length, gpointer data)
{
    guint8 **at = data;

    memcpy(*at, bytes, length);
    *at += length;
    return TRUE;
}

guint8 *qga_arguments_base64(const QgaArguments *arguments, const char *name, gsize *length,
                             GError **error)
{
    guint8 *bytes, *at;

    if (!qga_arguments_base64_check(arguments, name, length, error) ||
        !qga_arguments_slice(arguments, name))
        return NULL;
    at = bytes = g_malloc0(*length + 1);
    qga_arguments_base64_each(arguments, name, base64_append, &at);
    return bytes;
}
