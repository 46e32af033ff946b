/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"
#include "agent/commands/families.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platform/memory-file.h"

/* The packaged agent's limit, which clients know: 48 MiB, 64 MiB as base64. */
#define READ_MAX (48 * 1024 * 1024)
#define READ_DEFAULT 4096

static gint64 handle_of(const QgaArguments *arguments)
{
    return json_object_get_int_member(arguments->object, "handle");
}

static void return_number(GVariant *answer, int memory, QgaReply *reply)
{
    qga_reply_return_int(reply, g_variant_get_int64(answer));
}

static void guest_file_open(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const char *path = json_object_get_string_member(arguments->object, "path");
    const char *mode = json_object_get_string_member_with_default(arguments->object, "mode", "r");

    firn_ask(data, FIRN_TASK_OPEN, g_variant_new("(^ay^ay)", path, mode), -1, reply, return_number);
}

static void guest_file_close(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    firn_ask(data, FIRN_TASK_CLOSE, g_variant_new_int64(handle_of(arguments)), -1, reply, NULL);
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
    GVariant *bytes; /* where they came with the answer */
    int memory;      /* the memory file where they are, or -1 */
    gsize length;
    gsize done;
    gboolean named;
    gboolean eof;
} Reading;

static void reading_free(gpointer data)
{
    Reading *reading = data;

    if (reading->memory >= 0)
        close(reading->memory);
    g_variant_unref(reading->bytes);
    g_free(reading);
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
    gsize count = MIN(size, reading->length - reading->done);

    if (reading->memory >= 0)
        count = firn_memory_file_read(reading->memory, reading->done, bytes, count);
    else if (count > 0)
        memcpy(bytes, (const guint8 *)g_variant_get_data(reading->bytes) + reading->done, count);
    reading->done += count;
    return count;
}

static JsonObject *reading_rest(gpointer data)
{
    const Reading *reading = data;
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "count", (gint64)reading->done);
    json_object_set_boolean_member(object, "eof", reading->eof);
    return object;
}

static void return_reading(GVariant *answer, int memory, QgaReply *reply)
{
    static const QgaReplySource source = {reading_next, reading_read, reading_rest, reading_free};
    Reading *reading = g_new0(Reading, 1);
    guint64 in_memory;

    g_variant_get(answer, "(@aytb)", &reading->bytes, &in_memory, &reading->eof);
    reading->memory = memory >= 0 ? fcntl(memory, F_DUPFD_CLOEXEC, 0) : -1;
    reading->length = memory >= 0 ? (gsize)in_memory : g_variant_get_size(reading->bytes);
    qga_reply_stream(reply, &source, reading);
}

static void guest_file_read(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    gint64 count =
        json_object_get_int_member_with_default(arguments->object, "count", READ_DEFAULT);
    GError *error = NULL;
    int memory = -1;

    if (!check_count(count, READ_MAX, reply))
        return;
    if (count > FIRN_TASK_BYTES_MAX)
        memory = firn_memory_file_new(&error);
    if (error) {
        qga_reply_fail_error(reply, error);
        return;
    }
    firn_ask(data, FIRN_TASK_READ, g_variant_new("(xt)", handle_of(arguments), (guint64)count),
             memory, reply, return_reading);
}

static void return_written(GVariant *answer, int memory, QgaReply *reply)
{
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "count", (gint64)g_variant_get_uint64(answer));
    json_object_set_boolean_member(object, "eof", FALSE);
    qga_reply_return_object(reply, object);
}

static void guest_file_write(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    GVariant *bytes = NULL;
    gint64 count = 0;
    gsize length = 0;
    int memory;

    if (qga_arguments_base64_check(arguments, "buf-b64", &length, &error)) {
        count = json_object_get_int_member_with_default(arguments->object, "count", (gint64)length);
        if (!check_count(count, (gint64)length, reply))
            return;
        bytes = firn_ask_bytes(arguments, "buf-b64", (gsize)count, &memory, &error);
    }
    if (bytes)
        firn_ask(data, FIRN_TASK_WRITE, g_variant_new("(x@ay)", handle_of(arguments), bytes),
                 memory, reply, return_written);
    else
        qga_reply_fail_error(reply, error);
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

static void return_position(GVariant *answer, int memory, QgaReply *reply)
{
    JsonObject *object = json_object_new();

    json_object_set_boolean_member(object, "eof", FALSE);
    json_object_set_int_member(object, "position", g_variant_get_int64(answer));
    qga_reply_return_object(reply, object);
}

static void guest_file_seek(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    gint64 offset = json_object_get_int_member(arguments->object, "offset");
    int whence = whence_of(arguments, reply);

    if (whence >= 0)
        firn_ask(data, FIRN_TASK_SEEK, g_variant_new("(xxi)", handle_of(arguments), offset, whence),
                 -1, reply, return_position);
}

/* What was written is the kernel's already: there is no buffer to flush. */
static void guest_file_flush(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    firn_ask(data, FIRN_TASK_FLUSH, g_variant_new_int64(handle_of(arguments)), -1, reply, NULL);
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
     QGA_COMMAND_BRIEF, guest_file_open},
    {"guest-file-close", handle_arguments, NULL, "Closes a file.", QGA_COMMAND_BRIEF,
     guest_file_close},
    {"guest-file-read", read_arguments, &read_returns,
     "Reads up to count bytes, 4096 when it is left out and at most 48 MiB.", QGA_COMMAND_BRIEF,
     guest_file_read},
    {"guest-file-write", write_arguments, &write_returns,
     "Writes the bytes, or the first count of them.", QGA_COMMAND_BRIEF, guest_file_write},
    {"guest-file-seek", seek_arguments, &seek_returns,
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
