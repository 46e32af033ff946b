/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/pipeline.h"

#include "qga-protocol/command.h"
#include "qga-protocol/request.h"

#include <string.h>

#define IDLE_MEMORY (2 * 16384)

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
    qga_reply_return_int(reply, json_object_get_int_member(arguments->object, "id"));
}

static gboolean append_piece(const guint8 *bytes, gsize length, gpointer data)
{
    g_string_append_len(data, (const char *)bytes, (gssize)length);
    return TRUE;
}

/* Decoded at once and in pieces, base64 is the same. */
static gboolean check_base64(const QgaArguments *arguments, GError **error)
{
    g_autoptr(GString) pieces = g_string_new(NULL);
    gsize length, size;
    g_autofree guint8 *bytes = qga_arguments_base64(arguments, "base64", &length, error);

    if (!qga_arguments_base64_check(arguments, "base64", &size, NULL)) {
        g_assert_null(bytes);
        return FALSE;
    }
    qga_arguments_base64_each(arguments, "base64", append_piece, pieces);
    g_assert_cmpmem(bytes, (int)length, pieces->str, (int)pieces->len);
    g_assert_cmpuint(length, ==, size);
    return TRUE;
}

/* Answers with everything it was given. */
static void all_handler(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (!check_base64(arguments, &error)) {
        qga_reply_fail_error(reply, g_steal_pointer(&error));
        return;
    }
    qga_reply_return_object(reply, json_object_ref(arguments->object));
}

static const QgaCommand rows[] = {
    {.name = "guest-sync", .arguments = sync_schema, .handler = sync_handler},
    {.name = "all", .arguments = all_schema, .handler = all_handler},
};

static void append_line(QgaReply *reply, GString *line, gpointer data)
{
    GString *out = data;
    g_autoptr(JsonNode) parsed = json_from_string(line->str, NULL);

    g_assert_nonnull(parsed);

    g_assert_cmpuint(line->len, >, 0);
    for (gsize i = 0; i + 1 < line->len; i++)
        g_assert_true((guint8)line->str[i] >= 0x20 && (guint8)line->str[i] < 0x80);
    g_assert_cmpint(line->str[line->len - 1], ==, '\n');
    g_string_append_len(out, line->str, (gssize)line->len);
    g_string_free(line, TRUE);
}

static void answer(const QgaCommands *commands, const QgaText *text, gboolean keep, GString *out)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_auto(QgaRequest) request = {0};
    g_autoptr(GError) error = NULL;
    gboolean good = qga_request_parse(parser, text, &request, &error);
    g_autoptr(QgaReply) reply = qga_reply_new(request.id, FALSE, FALSE, append_line, out);
    const QgaCommand *command = good ? qga_commands_find(commands, request.name, NULL) : NULL;

    if (good && !command) {
        qga_reply_fail_not_found(reply, "The command %s has not been found", request.name);
        return;
    }
    if (good && keep)
        qga_request_keep(&request);
    if (good && qga_arguments_check(&request.arguments, command->arguments, &error))
        command->handler(&request.arguments, reply, NULL);
    else
        qga_reply_fail_error(reply, g_steal_pointer(&error));
}

static void answer_error(GError *error, GString *out)
{
    g_autoptr(QgaReply) reply = qga_reply_new(NULL, FALSE, FALSE, append_line, out);

    qga_reply_fail_error(reply, error);
}

/* The replies to the bytes when they come in pieces of that size, and requests wait or do not. */
static GString *run(const QgaCommands *commands, const char *bytes, gsize size, gsize piece,
                    gboolean keep)
{
    const QgaGateLimits limits = {.max_depth = 32, .max_message = 2048};
    g_autoptr(QgaGate) gate = qga_gate_new(&limits, qga_commands_base64(commands));
    GString *out = g_string_new(NULL);

    for (gsize at = 0; at < size; at += piece) {
        QgaText text;
        GError *error = NULL;
        QgaGateResult found;

        /* A copy of its own, so that a sanitizer sees a read past its end. */
        g_autofree char *copy = g_memdup2(bytes + at, MIN(piece, size - at));
        qga_gate_feed(gate, copy, MIN(piece, size - at));
        while ((found = qga_gate_next(gate, &text, &error)) != QGA_GATE_MORE) {
            if (found == QGA_GATE_TEXT)
                answer(commands, &text, keep, out);
            else
                answer_error(g_steal_pointer(&error), out);
        }
        g_assert_cmpuint(qga_gate_memory(gate), <=, IDLE_MEMORY + 2 * piece);
    }
    return out;
}

void fuzz_requests(const char *bytes, gsize size, gsize piece)
{
    g_autoptr(QgaCommands) commands = qga_commands_new();
    g_autoptr(GString) whole = NULL;
    g_autoptr(GString) pieces = NULL;

    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), NULL, NULL);
    whole = run(commands, bytes, size, size, FALSE);
    pieces = run(commands, bytes, size, piece, TRUE);
    g_assert_true(g_string_equal(whole, pieces));
}
