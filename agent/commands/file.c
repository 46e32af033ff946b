/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/file.h"
#include "agent/commands/families.h"

#include <stdio.h>
#include <string.h>

/* The packaged agent's limit, which clients know: 48 MiB, 64 MiB as base64. */
#define READ_MAX (48 * 1024 * 1024)
#define READ_DEFAULT 4096
/* Read before the reply begins, so that a file that cannot be read is an error. */
#define FIRST_READ 4096

static void guest_file_open(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const char *path = json_object_get_string_member(arguments->object, "path");
    const char *mode = json_object_get_string_member_with_default(arguments->object, "mode", "r");
    GError *error = NULL;
    gint64 handle = firn_files_open(data, path, mode, &error);

    if (error) {
        qga_reply_fail_error(reply, error);
        return;
    }
    qga_reply_return_int(reply, handle);
}

static gint64 handle_of(const QgaArguments *arguments)
{
    return json_object_get_int_member(arguments->object, "handle");
}

static void guest_file_close(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;

    if (!firn_files_close(data, handle_of(arguments), &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    qga_reply_finish(reply);
}

/* The file of the argument "handle"; where there is none, the reply has failed. */
static FirnFile *find_file(const QgaArguments *arguments, QgaReply *reply, FirnFiles *files)
{
    GError *error = NULL;
    FirnFile *file = firn_files_find(files, handle_of(arguments), &error);

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
    gsize left; /* bytes still wanted */
    gint64 done;
    gboolean named;
    gboolean eof;
    gsize first; /* bytes read before the reply began */
    guint8 buffer[FIRST_READ];
} Reading;

/* Reads up to `size` bytes more. FALSE with an error when the file cannot be read. */
static gboolean reading_fill(Reading *reading, guint8 *bytes, gsize size, gsize *got,
                             GError **error)
{
    gsize wanted = MIN(reading->left, size);
    FirnFile *file = firn_files_find(reading->files, reading->handle, error);
    gssize count = file ? firn_file_read(file, bytes, wanted, &reading->eof, error) : -1;

    *got = count > 0 ? (gsize)count : 0;
    reading->left = *got < wanted ? 0 : reading->left - wanted;
    reading->done += (gint64)*got;
    return count >= 0;
}

static const char *reading_next(gpointer data)
{
    Reading *reading = data;
    gboolean named = reading->named;

    reading->named = TRUE;
    return named ? NULL : "buf-b64";
}

static gsize reading_read(guint8 *bytes, gsize size, gpointer data)
{
    Reading *reading = data;
    gsize first = reading->first, got = 0;

    memcpy(bytes, reading->buffer, first);
    reading->first = 0;
    if (reading->left > 0)
        reading_fill(reading, bytes + first, size - first, &got, NULL);
    return first + got;
}

static JsonObject *reading_rest(gpointer data)
{
    const Reading *reading = data;
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "count", reading->done);
    json_object_set_boolean_member(object, "eof", reading->eof);
    return object;
}

static void guest_file_read(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    static const QgaReplySource source = {reading_next, reading_read, reading_rest, g_free};
    gint64 count =
        json_object_get_int_member_with_default(arguments->object, "count", READ_DEFAULT);
    g_autofree Reading *reading = NULL;
    GError *error = NULL;

    if (!find_file(arguments, reply, data) || !check_count(count, READ_MAX, reply))
        return;
    reading = g_new0(Reading, 1);
    reading->files = data;
    reading->handle = handle_of(arguments);
    reading->left = (gsize)count;
    if (!reading_fill(reading, reading->buffer, FIRST_READ, &reading->first, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    qga_reply_stream(reply, &source, g_steal_pointer(&reading));
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
    JsonObject *object;
    gint64 count;
    gsize length;

    if (!writing.file)
        return;
    if (!qga_arguments_base64_check(arguments, "buf-b64", &length, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    count = json_object_get_int_member_with_default(arguments->object, "count", (gint64)length);
    if (!check_count(count, (gint64)length, reply))
        return;
    writing.left = (gsize)count;
    qga_arguments_base64_each(arguments, "buf-b64", write_piece, &writing);
    if (writing.error) {
        qga_reply_fail_error(reply, writing.error);
        return;
    }
    object = json_object_new();
    json_object_set_int_member(object, "count", writing.done);
    json_object_set_boolean_member(object, "eof", FALSE);
    qga_reply_return_object(reply, object);
}

static const char *const whence_values[] = {"set", "cur", "end", NULL};

/* SEEK_SET, SEEK_CUR or SEEK_END; -1 for any other number, and the reply has failed. */
static int whence_of(const QgaArguments *arguments, QgaReply *reply)
{
    static const int places[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    JsonNode *whence = json_object_get_member(arguments->object, "whence");
    gint64 code;

    if (json_node_get_value_type(whence) == G_TYPE_STRING)
        code = qga_member_index(whence_values, json_node_get_string(whence));
    else
        code = json_node_get_int(whence);
    if (code >= 0 && code < (gint64)G_N_ELEMENTS(places))
        return places[code];
    qga_reply_fail(reply, "invalid whence code %" G_GINT64_FORMAT, code);
    return -1;
}

static void guest_file_seek(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    FirnFile *file = find_file(arguments, reply, data);
    GError *error = NULL;
    JsonObject *object;
    gint64 offset, position;
    int whence;

    if (!file)
        return;
    whence = whence_of(arguments, reply);
    if (whence < 0)
        return;
    offset = json_object_get_int_member(arguments->object, "offset");
    position = firn_file_seek(file, offset, whence, &error);
    if (position < 0) {
        qga_reply_fail_error(reply, error);
        return;
    }
    object = json_object_new();
    json_object_set_boolean_member(object, "eof", FALSE);
    json_object_set_int_member(object, "position", position);
    qga_reply_return_object(reply, object);
}

/* What was written is the kernel's already: there is no buffer here to flush. */
static void guest_file_flush(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    if (find_file(arguments, reply, data))
        qga_reply_finish(reply);
}

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

static const QgaMember handle_returns = {.type = QGA_TYPE_INT};
static const QgaMember read_members[] = {
    {"count", QGA_TYPE_INT}, {"buf-b64", QGA_TYPE_BASE64}, {"eof", QGA_TYPE_BOOL}, {0}};
static const QgaMember read_returns = {.type = QGA_TYPE_STRUCT, .members = read_members};
static const QgaMember write_members[] = {{"count", QGA_TYPE_INT}, {"eof", QGA_TYPE_BOOL}, {0}};
static const QgaMember write_returns = {.type = QGA_TYPE_STRUCT, .members = write_members};
static const QgaMember seek_members[] = {{"position", QGA_TYPE_INT}, {"eof", QGA_TYPE_BOOL}, {0}};
static const QgaMember seek_returns = {.type = QGA_TYPE_STRUCT, .members = seek_members};

static const QgaCommand rows[] = {
    {"guest-file-open", open_arguments, &handle_returns,
     "Opens a file in one of the modes of fopen(3), \"r\" when none is given, and returns its "
     "handle.",
     QGA_COMMAND_NONE, guest_file_open},
    {"guest-file-close", handle_arguments, NULL, "Closes a file.", QGA_COMMAND_NONE,
     guest_file_close},
    {"guest-file-read", read_arguments, &read_returns,
     "Reads up to count bytes, 4096 when it is left out and at most 48 MiB.", QGA_COMMAND_NONE,
     guest_file_read},
    {"guest-file-write", write_arguments, &write_returns,
     "Writes the bytes, or the first count of them.", QGA_COMMAND_NONE, guest_file_write},
    {"guest-file-seek", seek_arguments, &seek_returns,
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
