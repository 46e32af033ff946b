/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/requests.h"

#include "qga-protocol/command.h"
#include "qga-protocol/request.h"
#include "qga-protocol/scanner.h"

#include <string.h>

#define IDLE_MEMORY 16384

static const char *const words[] = {"set", "cur", "end", NULL};
static const QgaMember member_schema[] = {
    {.name = "logical-id", .type = QGA_TYPE_INT},
    {.name = "online", .type = QGA_TYPE_BOOL},
    {.name = "can-offline", .type = QGA_TYPE_BOOL, .optional = TRUE},
    {0},
};
static const QgaMember sync_schema[] = {
    {.name = "id", .type = QGA_TYPE_INT},
    {0},
};
static const QgaMember all_schema[] = {
    {.name = "int", .type = QGA_TYPE_INT, .optional = TRUE},
    {.name = "uint", .type = QGA_TYPE_UINT64, .optional = TRUE},
    {.name = "number", .type = QGA_TYPE_NUMBER, .optional = TRUE},
    {.name = "string", .type = QGA_TYPE_STRING, .optional = TRUE},
    {.name = "base64", .type = QGA_TYPE_BASE64, .optional = TRUE},
    {.name = "word", .type = QGA_TYPE_INT_OR_ENUM, .optional = TRUE, .values = words},
    {.name = "strings", .type = QGA_TYPE_LIST, .optional = TRUE, .element = QGA_TYPE_STRING},
    {.name = "structs",
     .type = QGA_TYPE_LIST,
     .optional = TRUE,
     .element = QGA_TYPE_STRUCT,
     .members = member_schema},
    {0},
};

static void sync_handler(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_writer_int(qga_reply_begin(reply), qga_arguments_int(arguments, "id", 0));
    qga_reply_finish(reply);
}

static gboolean write_struct(const QgaArguments *element, gpointer data)
{
    QgaWriter *writer = data;

    qga_writer_int(writer, qga_arguments_int(element, "logical-id", -1));
    qga_writer_bool(writer, qga_arguments_bool(element, "can-offline", TRUE));
    return qga_arguments_bool(element, "online", FALSE);
}

/* Answers with everything it was given. */
static void all_handler(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autofree char *string = qga_arguments_string(arguments, "string");
    g_auto(GStrv) strings = qga_arguments_strings(arguments, "strings");
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree guint8 *bytes = qga_arguments_base64(arguments, "base64", &length, &error);
    QgaWriter *writer;

    if (error) {
        qga_reply_fail_error(reply, g_steal_pointer(&error));
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_array(writer);
    qga_writer_int(writer, qga_arguments_int(arguments, "int", 0));
    qga_writer_uint(writer, qga_arguments_uint(arguments, "uint", 0));
    qga_writer_double(writer, qga_arguments_number(arguments, "number", 0));
    qga_writer_string(writer, string);
    qga_writer_base64(writer, bytes, length);
    qga_writer_int(writer, qga_arguments_enum(arguments, "word", -1));
    qga_writer_int(writer, qga_arguments_int(arguments, "word", -1));
    for (guint i = 0; strings && strings[i]; i++)
        qga_writer_string(writer, strings[i]);
    qga_arguments_each(arguments, "structs", write_struct, writer);
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

static const QgaCommand rows[] = {
    {.name = "guest-sync", .arguments = sync_schema, .handler = sync_handler},
    {.name = "all", .arguments = all_schema, .handler = all_handler},
};

static void append_line(QgaReply *reply, GString *line, gpointer data)
{
    GString *out = data;

    g_assert_cmpuint(line->len, >, 0);
    for (gsize i = 0; i + 1 < line->len; i++)
        g_assert_true((guint8)line->str[i] >= 0x20 && (guint8)line->str[i] < 0x80);
    g_assert_cmpint(line->str[line->len - 1], ==, '\n');
    g_string_append_len(out, line->str, (gssize)line->len);
    g_string_free(line, TRUE);
}

static void answer(const QgaCommands *commands, const char *text, gsize length, GString *out)
{
    g_auto(QgaRequest) request = {0};
    g_autoptr(GError) error = NULL;
    gboolean good = qga_request_parse(text, length, &request, &error);
    g_autoptr(QgaReply) reply =
        qga_reply_new(request.id, request.id_length, FALSE, FALSE, append_line, out);
    g_autoptr(QgaArguments) arguments = NULL;
    const QgaCommand *command = good ? qga_commands_find(commands, request.name, NULL) : NULL;

    if (good && !command) {
        qga_reply_fail_not_found(reply, "The command %s has not been found", request.name);
        return;
    }
    if (good)
        arguments = qga_arguments_new(command->arguments, request.arguments, &error);
    if (arguments)
        command->handler(arguments, reply, NULL);
    else
        qga_reply_fail_error(reply, g_steal_pointer(&error));
}

static void answer_error(GError *error, GString *out)
{
    g_autoptr(QgaReply) reply = qga_reply_new(NULL, 0, FALSE, FALSE, append_line, out);

    qga_reply_fail_error(reply, error);
}

/* The replies to the bytes when they come in pieces of that size. */
static GString *run(const QgaCommands *commands, const char *bytes, gsize size, gsize piece)
{
    const QgaScannerLimits limits = {.max_depth = 32, .max_message = 2048};
    g_autoptr(QgaScanner) scanner = qga_scanner_new(&limits);
    GString *out = g_string_new(NULL);

    for (gsize at = 0; at < size; at += piece) {
        const char *text;
        gsize length;
        GError *error = NULL;
        QgaScan found;

        /* A copy of its own, so that a sanitizer sees a read past its end. */
        g_autofree char *copy = g_memdup2(bytes + at, MIN(piece, size - at));
        qga_scanner_feed(scanner, copy, MIN(piece, size - at));
        while ((found = qga_scanner_next(scanner, &text, &length, &error)) != QGA_SCAN_MORE) {
            if (found == QGA_SCAN_TEXT)
                answer(commands, text, length, out);
            else
                answer_error(g_steal_pointer(&error), out);
        }
        g_assert_cmpuint(qga_scanner_memory(scanner), <=, IDLE_MEMORY + 2 * piece);
    }
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(QgaCommands) commands = NULL;
    g_autoptr(GString) whole = NULL;
    g_autoptr(GString) pieces = NULL;
    const char *bytes = (const char *)data + 1;

    if (size < 2)
        return 0;
    commands = qga_commands_new();
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), NULL, NULL);
    whole = run(commands, bytes, size - 1, size - 1);
    pieces = run(commands, bytes, size - 1, (gsize)data[0] % 64 + 1);
    g_assert_true(g_string_equal(whole, pieces));
    return 0;
}
