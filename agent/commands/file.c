/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/file.h"
#include "agent/commands/families.h"

#include <stdio.h>

/* The packaged agent's limit, which clients know: 48 MiB, 64 MiB as base64. */
#define READ_MAX (48 * 1024 * 1024)
#define READ_DEFAULT 4096
/* Read and encoded at once: whole groups of base64, and with the rest of a line below 64 KiB, which
 * the C library keeps for the next piece where it would give more back to the kernel each time. */
#define PIECE (3 * 15 * 1024)

static void guest_file_open(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autofree char *path = qga_arguments_string(arguments, "path");
    g_autofree char *mode = qga_arguments_string(arguments, "mode");
    GError *error = NULL;
    gint64 handle = firn_files_open(data, path, mode ? mode : "r", &error);

    if (error) {
        qga_reply_fail_error(reply, error);
        return;
    }
    qga_writer_int(qga_reply_begin(reply), handle);
    qga_reply_finish(reply);
}

static void guest_file_close(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;

    if (!firn_files_close(data, qga_arguments_int(arguments, "handle", 0), &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    qga_reply_finish(reply);
}

/* The file of the argument "handle"; where there is none, the reply has failed. */
static FirnFile *find_file(const QgaArguments *arguments, QgaReply *reply, FirnFiles *files)
{
    GError *error = NULL;
    FirnFile *file = firn_files_find(files, qga_arguments_int(arguments, "handle", 0), &error);

    if (!file)
        qga_reply_fail_error(reply, error);
    return file;
}

static gboolean check_count(gint64 count, gint64 max, QgaReply *reply)
{
    if (count >= 0 && count <= max)
        return TRUE;
    qga_reply_fail(reply, "value '%" G_GINT64_FORMAT "' is invalid for argument count", count);
    return FALSE;
}

/* A read whose reply goes out in pieces: however large, no more than one of them is held. */
typedef struct {
    FirnFiles *files;
    gint64 handle;
    gint64 left; /* bytes still wanted */
    gint64 done;
    gboolean eof;
    gsize got; /* bytes in the buffer, not written yet */
    guint8 buffer[PIECE];
} Reading;

/* Fills the buffer. FALSE with an error when the file cannot be read. */
static gboolean reading_fill(Reading *reading, GError **error)
{
    gsize wanted = (gsize)MIN(reading->left, PIECE);
    FirnFile *file = firn_files_find(reading->files, reading->handle, error);
    gssize got = file ? firn_file_read(file, reading->buffer, wanted, &reading->eof, error) : -1;

    reading->got = got > 0 ? (gsize)got : 0;
    reading->left = reading->got < wanted ? 0 : reading->left - (gint64)wanted;
    reading->done += (gint64)reading->got;
    return got >= 0;
}

/* Writes what is in the buffer and fills it again; the value's end when nothing is left. */
static gboolean reading_more(QgaWriter *writer, gpointer data)
{
    Reading *reading = data;

    qga_writer_base64_piece(writer, reading->buffer, reading->got);
    reading->got = 0;
    if (reading->left > 0 && reading_fill(reading, NULL))
        return TRUE;
    if (reading->got > 0)
        return TRUE;
    qga_writer_end_base64(writer);
    qga_writer_member_int(writer, "count", reading->done);
    qga_writer_member_bool(writer, "eof", reading->eof);
    qga_writer_end_object(writer);
    return FALSE;
}

static void guest_file_read(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    gint64 count = qga_arguments_int(arguments, "count", READ_DEFAULT);
    g_autofree Reading *reading = NULL;
    GError *error = NULL;
    QgaWriter *writer;

    if (!find_file(arguments, reply, data) || !check_count(count, READ_MAX, reply))
        return;
    reading = g_new(Reading, 1);
    reading->files = data;
    reading->handle = qga_arguments_int(arguments, "handle", 0);
    reading->left = count;
    reading->done = 0;
    if (!reading_fill(reading, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_name(writer, "buf-b64");
    qga_writer_begin_base64(writer);
    qga_reply_finish_in_pieces(reply, reading_more, g_steal_pointer(&reading), g_free);
}

typedef struct {
    FirnFile *file;
    gsize left; /* bytes still to be written */
    gint64 done;
    GError *error;
} Writing;

static gboolean write_piece(const guint8 *bytes, gsize length, gpointer data)
{
    Writing *writing = data;
    gsize wanted = MIN(length, writing->left);
    gssize written = firn_file_write(writing->file, bytes, wanted, &writing->error);

    if (written > 0) {
        writing->done += written;
        writing->left -= (gsize)written;
    } else if (writing->done > 0 &&
               g_error_matches(writing->error, G_FILE_ERROR, G_FILE_ERROR_AGAIN))
        g_clear_error(&writing->error); /* it takes no more now: what it took is the answer */
    return written == (gssize)wanted && writing->left > 0;
}

static void guest_file_write(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Writing writing = {.file = find_file(arguments, reply, data)};
    GError *error = NULL;
    QgaWriter *writer;
    gint64 count;
    gsize length;

    if (!writing.file)
        return;
    if (!qga_arguments_base64_check(arguments, "buf-b64", &length, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    count = qga_arguments_int(arguments, "count", (gint64)length);
    if (!check_count(count, (gint64)length, reply))
        return;
    writing.left = (gsize)count;
    qga_arguments_base64_each(arguments, "buf-b64", write_piece, &writing);
    if (writing.error) {
        qga_reply_fail_error(reply, writing.error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_member_int(writer, "count", writing.done);
    qga_writer_member_bool(writer, "eof", FALSE);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
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

static void guest_file_seek(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    FirnFile *file = find_file(arguments, reply, data);
    GError *error = NULL;
    QgaWriter *writer;
    gint64 position;
    int whence;

    if (!file)
        return;
    whence = whence_of(arguments, reply);
    if (whence < 0)
        return;
    position = firn_file_seek(file, qga_arguments_int(arguments, "offset", 0), whence, &error);
    if (position < 0) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_member_bool(writer, "eof", FALSE);
    qga_writer_member_int(writer, "position", position);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

/* What was written is the kernel's already: there is no buffer here to flush. */
static void guest_file_flush(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    if (find_file(arguments, reply, data))
        qga_reply_finish(reply);
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
     QGA_COMMAND_NONE, guest_file_open},
    {"guest-file-close", handle_arguments, NULL, "Closes a file.", QGA_COMMAND_NONE,
     guest_file_close},
    {"guest-file-read", read_arguments, "{count: int, buf-b64: str, eof: bool}",
     "Reads up to count bytes, 4096 when it is left out and at most 48 MiB.", QGA_COMMAND_NONE,
     guest_file_read},
    {"guest-file-write", write_arguments, "{count: int, eof: bool}",
     "Writes the bytes, or the first count of them.", QGA_COMMAND_NONE, guest_file_write},
    {"guest-file-seek", seek_arguments, "{position: int, eof: bool}",
     "Moves to a place relative to the file's start, the current position or the file's end.",
     QGA_COMMAND_NONE, guest_file_seek},
    {"guest-file-flush", handle_arguments, NULL,
     "Hands to the kernel what was written, which has happened before.", QGA_COMMAND_NONE,
     guest_file_flush},
};

static void free_files(gpointer data)
{
    firn_files_free(data);
}

void firn_file_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), firn_files_new(firn_files_default_limit()),
                     free_files);
}
