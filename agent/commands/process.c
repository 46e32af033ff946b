/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"
#include "agent/commands/families.h"

#include <string.h>

static const char *const capture_values[] = {"none",      "stdout", "stderr",
                                             "separated", "merged", NULL};

/* Old clients say true or false, newer ones which streams. */
static FirnCapture capture_of(const QgaArguments *arguments)
{
    JsonNode *capture = json_object_get_member(arguments->object, "capture-output");

    if (!capture)
        return FIRN_CAPTURE_NONE;
    if (json_node_get_value_type(capture) == G_TYPE_STRING)
        return (FirnCapture)qga_member_index(capture_values, json_node_get_string(capture));
    return json_node_get_boolean(capture) ? FIRN_CAPTURE_SEPARATED : FIRN_CAPTURE_NONE;
}

/* The path, which is also the program's name, and the arguments; NULL-terminated. */
static char **argv_of(const QgaArguments *arguments, const char *path)
{
    g_auto(GStrv) list = qga_json_get_strings(arguments->object, "arg");
    GPtrArray *argv = g_ptr_array_new();

    g_ptr_array_add(argv, g_strdup(path));
    for (char **argument = list; argument && *argument; argument++)
        g_ptr_array_add(argv, g_steal_pointer(argument));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

static void return_pid(GVariant *answer, int memory, QgaReply *reply)
{
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "pid", g_variant_get_int32(answer));
    qga_reply_return_object(reply, object);
}

static void guest_exec(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    const char *path = json_object_get_string_member(arguments->object, "path");
    g_auto(GStrv) argv = argv_of(arguments, path);
    g_auto(GStrv) environment = qga_json_get_strings(arguments->object, "env");
    const char *const nothing[] = {NULL};
    GError *error = NULL;
    gsize length = 0;
    GVariant *request, *input = NULL;
    int memory;

    if (qga_arguments_base64_check(arguments, "input-data", &length, &error))
        input = firn_ask_bytes(arguments, "input-data", length, &memory, &error);
    if (!input) {
        qga_reply_fail_error(reply, error);
        return;
    }
    request = g_variant_new("(^ay^aayb^aayb@ayut)", path, argv, environment != NULL,
                            environment ? environment : (char **)(gsize)(gconstpointer)nothing,
                            qga_arguments_slice(arguments, "input-data") != NULL, input,
                            (guint32)capture_of(arguments), context->config->exec_output_max);
    firn_ask(context->worker, FIRN_TASK_EXEC, request, memory, reply, return_pid);
}

/* One stream's output; the bytes are a part of the worker's answer. */
typedef struct {
    const char *name;           /* of the member */
    const char *truncated_name; /* of the one that tells whether it was cut */
    GVariant *bytes;
    gboolean truncated;
} Output;

/* The end of a process, whose output goes out in pieces. */
typedef struct {
    int exit_code, signal;
    Output outputs[2];
    guint next; /* of `outputs`, behind the one that goes out */
    gsize at;   /* bytes of that one that are out */
} Ending;

static void ending_free(gpointer data)
{
    Ending *ending = data;

    for (guint i = 0; i < G_N_ELEMENTS(ending->outputs); i++)
        g_variant_unref(ending->outputs[i].bytes);
    g_free(ending);
}

static gboolean has_output(const Output *output)
{
    return g_variant_get_size(output->bytes) > 0 || output->truncated;
}

static const char *ending_next(gpointer data)
{
    Ending *ending = data;

    ending->at = 0;
    while (ending->next < G_N_ELEMENTS(ending->outputs)) {
        const Output *output = &ending->outputs[ending->next++];

        if (has_output(output))
            return output->name;
    }
    return NULL;
}

static gsize ending_read(guint8 *bytes, gsize size, gpointer data)
{
    Ending *ending = data;
    GVariant *output = ending->outputs[ending->next - 1].bytes;
    gsize count = MIN(size, g_variant_get_size(output) - ending->at);

    if (count > 0)
        memcpy(bytes, (const guint8 *)g_variant_get_data(output) + ending->at, count);
    ending->at += count;
    return count;
}

static JsonObject *ending_rest(gpointer data)
{
    const Ending *ending = data;
    JsonObject *object = json_object_new();

    json_object_set_boolean_member(object, "exited", TRUE);
    if (ending->signal)
        json_object_set_int_member(object, "signal", ending->signal);
    else
        json_object_set_int_member(object, "exitcode", ending->exit_code);
    for (guint i = 0; i < G_N_ELEMENTS(ending->outputs); i++) {
        const Output *output = &ending->outputs[i];

        if (has_output(output))
            json_object_set_boolean_member(object, output->truncated_name, output->truncated);
    }
    return object;
}

static void return_status(GVariant *answer, int memory, QgaReply *reply)
{
    static const QgaReplySource source = {ending_next, ending_read, ending_rest, ending_free};
    Ending *ending = g_new0(Ending, 1);
    Output *out = &ending->outputs[0], *err = &ending->outputs[1];
    gboolean known, exited;
    JsonObject *object;

    out->name = "out-data";
    out->truncated_name = "out-truncated";
    err->name = "err-data";
    err->truncated_name = "err-truncated";
    g_variant_get(answer, "(bbii@ayb@ayb)", &known, &exited, &ending->exit_code, &ending->signal,
                  &out->bytes, &out->truncated, &err->bytes, &err->truncated);
    if (exited) {
        qga_reply_stream(reply, &source, ending);
        return;
    }
    ending_free(ending);
    object = json_object_new();
    json_object_set_boolean_member(object, "exited", FALSE);
    qga_reply_return_object(reply, object);
}

static void guest_exec_status(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    gint64 pid = json_object_get_int_member(arguments->object, "pid");

    firn_ask(context->worker, FIRN_TASK_STATUS, g_variant_new_int64(pid), -1, reply, return_status);
}

static const QgaMember exec_arguments[] = {{"path", QGA_TYPE_STRING},
                                           {"arg", QGA_TYPE_LIST, TRUE, .element = QGA_TYPE_STRING},
                                           {"env", QGA_TYPE_LIST, TRUE, .element = QGA_TYPE_STRING},
                                           {"input-data", QGA_TYPE_BASE64, TRUE},
                                           {"capture-output", QGA_TYPE_BOOL_OR_ENUM, TRUE,
                                            .values = capture_values,
                                            .type_name = "GuestExecCaptureOutput"},
                                           {0}};
static const QgaMember status_arguments[] = {{"pid", QGA_TYPE_INT}, {0}};
static const QgaMember exec_members[] = {{"pid", QGA_TYPE_INT}, {0}};
static const QgaMember exec_returns = {.type = QGA_TYPE_STRUCT, .members = exec_members};
static const QgaMember status_members[] = {{"exited", QGA_TYPE_BOOL},
                                           {"exitcode", QGA_TYPE_INT, TRUE},
                                           {"signal", QGA_TYPE_INT, TRUE},
                                           {"out-data", QGA_TYPE_BASE64, TRUE},
                                           {"err-data", QGA_TYPE_BASE64, TRUE},
                                           {"out-truncated", QGA_TYPE_BOOL, TRUE},
                                           {"err-truncated", QGA_TYPE_BOOL, TRUE},
                                           {0}};
static const QgaMember status_returns = {.type = QGA_TYPE_STRUCT, .members = status_members};

static const QgaCommand rows[] = {
    {"guest-exec", exec_arguments, &exec_returns,
     "Starts a program with these arguments and, when given, this environment and input.",
     QGA_COMMAND_BRIEF, guest_exec},
    {"guest-exec-status", status_arguments, &status_returns,
     "Tells how a program that guest-exec started ended and what it wrote; forgets it once it has "
     "told the end.",
     QGA_COMMAND_BRIEF, guest_exec_status},
};

void firn_process_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context, NULL);
}
