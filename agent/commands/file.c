/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"
#include "agent/commands/families.h"

#include <stdio.h>

/* The packaged agent's limit, which clients know: 48 MiB, 64 MiB as base64. */
#define READ_MAX (48 * 1024 * 1024)
#define READ_DEFAULT 4096
/* Encoded at once: whole groups of base64, and with the rest of a line below 64 KiB, which the C
 * library keeps for the next piece where it would give more back to the kernel each time. */
#define PIECE (3 * 15 * 1024)

static gint64 handle_of(const QgaArguments *arguments)
{
    return qga_arguments_int(arguments, "handle", 0);
}

static void write_number(GVariant *answer, QgaReply *reply)
{
    qga_writer_int(qga_reply_begin(reply), g_variant_get_int64(answer));
    qga_reply_finish(reply);
}

static void guest_file_open(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autofree char *path = qga_arguments_string(arguments, "path");
    g_autofree char *mode = qga_arguments_string(arguments, "mode");

    firn_ask(data, FIRN_TASK_OPEN, g_variant_new("(^ay^ay)", path, mode ? mode : "r"), reply,
             write_number);
}

static void guest_file_close(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    firn_ask(data, FIRN_TASK_CLOSE, g_variant_new_int64(handle_of(arguments)), reply, NULL);
}

static gboolean check_count(gint64 count, gint64 max, QgaReply *reply)
{
    if (count >= 0 && count <= max)
        return TRUE;
    qga_reply_fail(reply, "value '%" G_GINT64_FORMAT "' is invalid for argument count", count);
    return FALSE;
}

/* What was read, on its way out in pieces: encoded it is never held as a whole. */
typedef struct {
    GVariant *answer;
    const guint8 *bytes;
    gsize length, done;
    gboolean eof;
} Reading;

static void reading_free(gpointer data)
{
    Reading *reading = data;

    g_variant_unref(reading->answer);
    g_free(reading);
}

static gboolean reading_more(QgaWriter *writer, gpointer data)
{
    Reading *reading = data;
    gsize piece = MIN(PIECE, reading->length - reading->done);

    qga_writer_base64_piece(writer, reading->bytes + reading->done, piece);
    reading->done += piece;
    if (reading->done < reading->length)
        return TRUE;
    qga_writer_end_base64(writer);
    qga_writer_member_int(writer, "count", (gint64)reading->length);
    qga_writer_member_bool(writer, "eof", reading->eof);
    qga_writer_end_object(writer);
    return FALSE;
}

static void write_reading(GVariant *answer, QgaReply *reply)
{
    g_autoptr(GVariant) bytes = g_variant_get_child_value(answer, 0);
    Reading *reading = g_new0(Reading, 1);
    QgaWriter *writer = qga_reply_begin(reply);

    reading->answer = g_variant_ref(answer); /* which `bytes` is a part of */
    reading->bytes = g_variant_get_fixed_array(bytes, &reading->length, 1);
    g_variant_get_child(answer, 1, "b", &reading->eof);
    qga_writer_begin_object(writer);
    qga_writer_name(writer, "buf-b64");
    qga_writer_begin_base64(writer);
    qga_reply_finish_in_pieces(reply, reading_more, reading, reading_free);
}

static void guest_file_read(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    gint64 count = qga_arguments_int(arguments, "count", READ_DEFAULT);

    if (check_count(count, READ_MAX, reply))
        firn_ask(data, FIRN_TASK_READ, g_variant_new("(xt)", handle_of(arguments), (guint64)count),
                 reply, write_reading);
}

static void write_written(GVariant *answer, QgaReply *reply)
{
    QgaWriter *writer = qga_reply_begin(reply);

    qga_writer_begin_object(writer);
    qga_writer_member_int(writer, "count", (gint64)g_variant_get_uint64(answer));
    qga_writer_member_bool(writer, "eof", FALSE);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

/* The first `count` of some bytes, which go with it. */
static GVariant *first_bytes(GVariant *bytes, gsize count)
{
    return g_variant_new_from_data(G_VARIANT_TYPE_BYTESTRING, g_variant_get_data(bytes), count,
                                   TRUE, (GDestroyNotify)g_variant_unref, g_variant_ref(bytes));
}

static void guest_file_write(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    gsize length = 0;
    guint8 *decoded = qga_arguments_base64(arguments, "buf-b64", &length, &error);
    gint64 count = qga_arguments_int(arguments, "count", (gint64)length);
    g_autoptr(GVariant) bytes = NULL;

    if (error) {
        qga_reply_fail_error(reply, error);
        return;
    }
    bytes = g_variant_ref_sink(firn_frames_bytes(decoded, length));
    if (check_count(count, (gint64)length, reply))
        firn_ask(data, FIRN_TASK_WRITE,
                 g_variant_new("(x@ay)", handle_of(arguments), first_bytes(bytes, (gsize)count)),
                 reply, write_written);
}

/* SEEK_SET, SEEK_CUR or SEEK_END; -1 for any other number, and the reply has failed. */
static int whence_of(const QgaArguments *arguments, QgaReply *reply)
{
    static const int places[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    gint64 code;

    if (qga_arguments_is_enum(arguments, "whence"))
        code = qga_arguments_enum(arguments, "whence", 0);
    else
        code = qga_arguments_int(arguments, "whence", 0);
    if (code >= 0 && code < (gint64)G_N_ELEMENTS(places))
        return places[code];
    qga_reply_fail(reply, "invalid whence code %" G_GINT64_FORMAT, code);
    return -1;
}

static void write_position(GVariant *answer, QgaReply *reply)
{
    QgaWriter *writer = qga_reply_begin(reply);

    qga_writer_begin_object(writer);
    qga_writer_member_bool(writer, "eof", FALSE);
    qga_writer_member_int(writer, "position", g_variant_get_int64(answer));
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void guest_file_seek(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    int whence = whence_of(arguments, reply);

    if (whence >= 0)
        firn_ask(data, FIRN_TASK_SEEK,
                 g_variant_new("(xxi)", handle_of(arguments),
                               qga_arguments_int(arguments, "offset", 0), whence),
                 reply, write_position);
}

/* What was written is the kernel's already: there is no buffer to flush. */
static void guest_file_flush(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    firn_ask(data, FIRN_TASK_FLUSH, g_variant_new_int64(handle_of(arguments)), reply, NULL);
}

static const char *const whence_values[] = {"set", "cur", "end", NULL};

static const QgaMember open_arguments[] = {
    {"path", QGA_TYPE_STRING}, {"mode", QGA_TYPE_STRING, TRUE}, {0}};
static const QgaMember handle_arguments[] = {{"handle", QGA_TYPE_INT}, {0}};
static const QgaMember read_arguments[] = {
    {"handle", QGA_TYPE_INT}, {"count", QGA_TYPE_INT, TRUE}, {0}};
static const QgaMember write_arguments[] = {
    {"handle", QGA_TYPE_INT}, {"buf-b64", QGA_TYPE_BASE64}, {"count", QGA_TYPE_INT, TRUE}, {0}};
static const QgaMember seek_arguments[] = {
    {"handle", QGA_TYPE_INT},
    {"offset", QGA_TYPE_INT},
    {"whence", QGA_TYPE_INT_OR_ENUM, .values = whence_values, .type_name = "GuestFileWhence"},
    {0}};

static const QgaCommand rows[] = {
    {"guest-file-open", open_arguments, "int",
     "Opens a file in one of the modes of fopen(3), \"r\" when none is given, and returns its "
     "handle.",
     QGA_COMMAND_BRIEF, guest_file_open},
    {"guest-file-close", handle_arguments, NULL, "Closes a file.", QGA_COMMAND_BRIEF,
     guest_file_close},
    {"guest-file-read", read_arguments, "{count: int, buf-b64: str, eof: bool}",
     "Reads up to count bytes, 4096 when it is left out and at most 48 MiB.", QGA_COMMAND_BRIEF,
     guest_file_read},
    {"guest-file-write", write_arguments, "{count: int, eof: bool}",
     "Writes the bytes, or the first count of them.", QGA_COMMAND_BRIEF, guest_file_write},
    {"guest-file-seek", seek_arguments, "{position: int, eof: bool}",
     "Moves to a place relative to the file's start, the current position or the file's end.",
     QGA_COMMAND_BRIEF, guest_file_seek},
    {"guest-file-flush", handle_arguments, NULL,
     "Hands to the kernel what was written, which has happened before.", QGA_COMMAND_BRIEF,
     guest_file_flush},
};

void firn_file_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), context->worker, NULL);
}
