/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_WRITER_H
#define QGA_PROTOCOL_WRITER_H

#include "qga-protocol/value.h"

/*
 * Writes JSON text straight into a buffer: ASCII only (anything else as \uXXXX), bytes that are no
 * UTF-8 as U+FFFD, whole numbers without point or exponent. Commas are the writer's business.
 */
typedef struct QgaWriter QgaWriter;

/* Appends to `out`, which must outlive the writer. Free with qga_writer_free(). */
QgaWriter *qga_writer_new(GString *out);
void qga_writer_free(QgaWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QgaWriter, qga_writer_free)

/* Goes on in another buffer, in the middle of whatever is open. */
void qga_writer_set_output(QgaWriter *writer, GString *out);

void qga_writer_begin_object(QgaWriter *writer);
void qga_writer_end_object(QgaWriter *writer);
void qga_writer_begin_array(QgaWriter *writer);
void qga_writer_end_array(QgaWriter *writer);

/* The name of the next member of the open object; its value follows. */
void qga_writer_name(QgaWriter *writer, const char *name);

/* Values, in an array, after a name, or as the whole text. `text` NULL is written as "". */
void qga_writer_string(QgaWriter *writer, const char *text);
void qga_writer_string_length(QgaWriter *writer, const char *text, gsize length);
void qga_writer_int(QgaWriter *writer, gint64 value);
void qga_writer_uint(QgaWriter *writer, guint64 value);
void qga_writer_double(QgaWriter *writer, double value);
void qga_writer_bool(QgaWriter *writer, gboolean value);
void qga_writer_base64(QgaWriter *writer, const void *data, gsize length);
/* A text that is valid JSON in ASCII already, letter by letter. */
void qga_writer_raw(QgaWriter *writer, const char *json, gsize length);
/* A value of a request (the echo of an id): numbers, spaces and strings keep their letters, save
 * that strings in single quotes or beyond ASCII become what a reply may hold, and line breaks
 * spaces. */
void qga_writer_value(QgaWriter *writer, QgaValue value);

/* name and value in one call. The string form leaves the member out when `text` is NULL. */
void qga_writer_member_string(QgaWriter *writer, const char *name, const char *text);
void qga_writer_member_int(QgaWriter *writer, const char *name, gint64 value);
void qga_writer_member_uint(QgaWriter *writer, const char *name, guint64 value);
void qga_writer_member_double(QgaWriter *writer, const char *name, double value);
void qga_writer_member_bool(QgaWriter *writer, const char *name, gboolean value);
void qga_writer_member_base64(QgaWriter *writer, const char *name, const void *data, gsize length);

/*
 * A base64 string made in pieces, so that large data need not be held whole: begin, any number of
 * pieces, end. Nothing else may be written in between.
 */
void qga_writer_begin_base64(QgaWriter *writer);
void qga_writer_base64_piece(QgaWriter *writer, const void *data, gsize length);
void qga_writer_end_base64(QgaWriter *writer);

/* Makes room for `length` more bytes of output at once, so that a large reply is not copied as it
 * grows. */
void qga_writer_reserve(QgaWriter *writer, gsize length);

#endif
