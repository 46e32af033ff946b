/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/writer.h"

#include "qga-protocol/base64.h"

#include <math.h>
#include <string.h>

struct QgaWriter {
    GString *out;
    gboolean comma;  /* one is due before the next name or value */
    guint8 carry[3]; /* bytes of a base64 string that make no whole group yet */
    gsize carried;
};

QgaWriter *qga_writer_new(GString *out)
{
    QgaWriter *writer = g_new0(QgaWriter, 1);

    writer->out = out;
    return writer;
}

void qga_writer_set_output(QgaWriter *writer, GString *out)
{
    writer->out = out;
}

void qga_writer_free(QgaWriter *writer)
{
    g_free(writer);
}

/* Makes the buffer `length` bytes longer and returns where they begin. */
static char *extend(QgaWriter *writer, gsize length)
{
    gsize old = writer->out->len;

    g_string_set_size(writer->out, old + length);
    return writer->out->str + old;
}

void qga_writer_reserve(QgaWriter *writer, gsize length)
{
    gsize old = writer->out->len;

    extend(writer, length);
    g_string_truncate(writer->out, old);
}

static void separate(QgaWriter *writer)
{
    if (writer->comma)
        g_string_append_len(writer->out, ", ", 2);
}

static void begin(QgaWriter *writer, char bracket)
{
    separate(writer);
    g_string_append_c(writer->out, bracket);
    writer->comma = FALSE;
}

static void end(QgaWriter *writer, char bracket)
{
    g_string_append_c(writer->out, bracket);
    writer->comma = TRUE;
}

void qga_writer_begin_object(QgaWriter *writer)
{
    begin(writer, '{');
}

void qga_writer_end_object(QgaWriter *writer)
{
    end(writer, '}');
}

void qga_writer_begin_array(QgaWriter *writer)
{
    begin(writer, '[');
}

void qga_writer_end_array(QgaWriter *writer)
{
    end(writer, ']');
}

void qga_writer_raw(QgaWriter *writer, const char *json, gsize length)
{
    separate(writer);
    g_string_append_len(writer->out, json, (gssize)length);
    writer->comma = TRUE;
}

static void append_unicode(GString *out, gunichar c)
{
    if (c > 0xFFFF) {
        c -= 0x10000;
        append_unicode(out, 0xD800 + (c >> 10));
        c = 0xDC00 + (c & 0x3FF);
    }
    g_string_append_printf(out, "\\u%04X", c);
}

static void append_ascii(GString *out, char c)
{
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c ? strchr(bytes, c) : NULL;

    if (found) {
        g_string_append_c(out, '\\');
        g_string_append_c(out, letters[found - bytes]);
    } else {
        append_unicode(out, (guint8)c);
    }
}

/* What is not plain ASCII at `at`; returns how many bytes it was. */
static gsize append_special(GString *out, const char *at, gsize left)
{
    gunichar c;

    if ((guint8)*at < 0x80) {
        append_ascii(out, *at);
        return 1;
    }
    c = g_utf8_get_char_validated(at, (gssize)left);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
        append_unicode(out, 0xFFFD);
        return 1;
    }
    append_unicode(out, c);
    return (gsize)g_unichar_to_utf8(c, NULL);
}

static gsize plain_run(const char *text, gsize length)
{
    gsize at = 0;

    while (at < length && text[at] >= 0x20 && text[at] < 0x7F && text[at] != '"' &&
           text[at] != '\\')
        at++;
    return at;
}

static void append_quoted(GString *out, const char *text, gsize length)
{
    gsize at = 0;

    g_string_append_c(out, '"');
    while (at < length) {
        gsize run = plain_run(text + at, length - at);

        g_string_append_len(out, text + at, (gssize)run);
        at += run;
        if (at < length)
            at += append_special(out, text + at, length - at);
    }
    g_string_append_c(out, '"');
}

static gboolean is_ascii(const char *text, const char *end)
{
    while (text < end && (guint8)*text < 0x80)
        text++;
    return text == end;
}

static void append_value_string(GString *out, QgaValue string)
{
    gsize length;
    g_autofree char *text = NULL;

    if (*string.start == '"' && is_ascii(string.start, string.end)) {
        g_string_append_len(out, string.start, string.end - string.start);
        return;
    }
    text = qga_value_string(string, &length);
    append_quoted(out, text, length);
}

void qga_writer_value(QgaWriter *writer, QgaValue value)
{
    const char *at = value.start;

    separate(writer);
    while (at < value.end) {
        if (*at == '"' || *at == '\'') {
            QgaValue string = qga_value_string_at(at, value.end);

            append_value_string(writer->out, string);
            at = string.end;
            continue;
        }
        g_string_append_c(writer->out, *at == '\n' || *at == '\r' ? ' ' : *at);
        at++;
    }
    writer->comma = TRUE;
}

void qga_writer_name(QgaWriter *writer, const char *name)
{
    separate(writer);
    append_quoted(writer->out, name, strlen(name));
    g_string_append_len(writer->out, ": ", 2);
    writer->comma = FALSE;
}

void qga_writer_string_length(QgaWriter *writer, const char *text, gsize length)
{
    separate(writer);
    append_quoted(writer->out, text, length);
    writer->comma = TRUE;
}

void qga_writer_string(QgaWriter *writer, const char *text)
{
    qga_writer_string_length(writer, text ? text : "", text ? strlen(text) : 0);
}

static void append_number(QgaWriter *writer, const char *text)
{
    qga_writer_raw(writer, text, strlen(text));
}

/* Without printf(): replies consist of numbers by and large. */
static void append_decimal(QgaWriter *writer, guint64 value, gboolean negative)
{
    char text[sizeof("-18446744073709551615")];
    char *end = text + sizeof(text), *at = end;

    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    if (negative)
        *--at = '-';
    qga_writer_raw(writer, at, (gsize)(end - at));
}

void qga_writer_int(QgaWriter *writer, gint64 value)
{
    append_decimal(writer, value < 0 ? -(guint64)value : (guint64)value, value < 0);
}

void qga_writer_uint(QgaWriter *writer, guint64 value)
{
    append_decimal(writer, value, FALSE);
}

void qga_writer_double(QgaWriter *writer, double value)
{
    static const char *const formats[] = {"%.15g", "%.16g", "%.17g"};
    char text[400];

    if (!isfinite(value)) {
        append_number(writer, "null"); /* JSON has no word for it */
        return;
    }
    if (value == floor(value)) {
        append_number(writer, g_ascii_formatd(text, sizeof(text), "%.0f", value));
        return;
    }
    /* the shortest that reads back as the same number */
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_ascii_formatd(text, sizeof(text), formats[i], value);
        if (g_ascii_strtod(text, NULL) == value)
            break;
    }
    append_number(writer, text);
}

void qga_writer_bool(QgaWriter *writer, gboolean value)
{
    append_number(writer, value ? "true" : "false");
}

void qga_writer_begin_base64(QgaWriter *writer)
{
    begin(writer, '"');
    writer->carried = 0;
}

void qga_writer_base64_piece(QgaWriter *writer, const void *data, gsize length)
{
    const guint8 *bytes = data;
    gsize whole;

    while (writer->carried > 0 && writer->carried < 3 && length > 0) {
        writer->carry[writer->carried++] = *bytes++;
        length--;
    }
    if (writer->carried == 3) {
        qga_base64_encode(writer->carry, 3, extend(writer, 4));
        writer->carried = 0;
    }
    if (length == 0)
        return;
    whole = length / 3 * 3;
    qga_base64_encode(bytes, whole, extend(writer, qga_base64_encoded_length(whole)));
    writer->carried = length - whole;
    memcpy(writer->carry, bytes + whole, writer->carried);
}

void qga_writer_end_base64(QgaWriter *writer)
{
    if (writer->carried > 0)
        qga_base64_encode(writer->carry, writer->carried, extend(writer, 4));
    writer->carried = 0;
    end(writer, '"');
}

void qga_writer_base64(QgaWriter *writer, const void *data, gsize length)
{
    qga_writer_begin_base64(writer);
    qga_writer_base64_piece(writer, data, length);
    qga_writer_end_base64(writer);
}

void qga_writer_member_string(QgaWriter *writer, const char *name, const char *text)
{
    if (!text)
        return;
    qga_writer_name(writer, name);
    qga_writer_string(writer, text);
}

void qga_writer_member_int(QgaWriter *writer, const char *name, gint64 value)
{
    qga_writer_name(writer, name);
    qga_writer_int(writer, value);
}

void qga_writer_member_uint(QgaWriter *writer, const char *name, guint64 value)
{
    qga_writer_name(writer, name);
    qga_writer_uint(writer, value);
}

void qga_writer_member_double(QgaWriter *writer, const char *name, double value)
{
    qga_writer_name(writer, name);
    qga_writer_double(writer, value);
}

void qga_writer_member_bool(QgaWriter *writer, const char *name, gboolean value)
{
    qga_writer_name(writer, name);
    qga_writer_bool(writer, value);
}

void qga_writer_member_base64(QgaWriter *writer, const char *name, const void *data, gsize length)
{
    qga_writer_name(writer, name);
    qga_writer_base64(writer, data, length);
}
