/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/process.h"
#include "agent/commands/families.h"

#include <string.h>

/* Processes that have ended and that nobody asked for: how many, and for how many seconds. */
#define ENDED_MAX 256
#define ENDED_SECONDS 3600
/* Output kept of all processes, in shares of what one may have. */
#define OUTPUT_SHARES 8

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

static void guest_exec(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const char *path = json_object_get_string_member(arguments->object, "path");
    g_auto(GStrv) argv = argv_of(arguments, path);
    g_auto(GStrv) environment = qga_json_get_strings(arguments->object, "env");
    FirnProcessStart start = {.path = path, .capture = capture_of(arguments)};
    g_autoptr(GError) error = NULL;
    JsonObject *object;
    pid_t pid;

    start.argv = (const char *const *)argv;
    start.environment = (const char *const *)environment;
    start.input = qga_arguments_base64(arguments, "input-data", &start.input_length, &error);
    if (error) {
        qga_reply_fail_error(reply, g_steal_pointer(&error));
        return;
    }
    pid = firn_processes_start(data, &start, &error);
    if (pid <= 0) {
        qga_reply_fail(reply, "Guest agent command failed, error was '%s'", error->message);
        return;
    }
    object = json_object_new();
    json_object_set_int_member(object, "pid", pid);
    qga_reply_return_object(reply, object);
}

/* The end of a process, whose output goes out in pieces. */
typedef struct {
    FirnProcessStatus status;
    guint stream; /* that goes out: 1 of stdout, 2 of stderr; 0: none yet */
    gsize at;     /* bytes of it that are out */
} Ending;

static gpointer ending_new(const FirnProcessStatus *status)
{
    Ending *ending = g_new0(Ending, 1);

    ending->status = *status;
    g_byte_array_ref(status->out.array);
    g_byte_array_ref(status->err.array);
    return ending;
}

static void ending_free(gpointer data)
{
    Ending *ending = data;

    g_byte_array_unref(ending->status.out.array);
    g_byte_array_unref(ending->status.err.array);
    g_free(ending);
}

static gboolean has_output(const FirnProcessOutput *output)
{
    return output->length > 0 || output->truncated;
}

static const char *ending_next(gpointer data)
{
    Ending *ending = data;

    ending->at = 0;
    if (ending->stream == 0 && has_output(&ending->status.out)) {
        ending->stream = 1;
        return "out-data";
    }
    if (ending->stream < 2 && has_output(&ending->status.err)) {
        ending->stream = 2;
        return "err-data";
    }
    return NULL;
}

static gsize ending_read(guint8 *bytes, gsize size, gpointer data)
{
    Ending *ending = data;
    const FirnProcessOutput *output =
        ending->stream == 1 ? &ending->status.out : &ending->status.err;
    gsize count = MIN(size, output->length - ending->at);

    if (count > 0)
        memcpy(bytes, output->data + ending->at, count);
    ending->at += count;
    return count;
}

static JsonObject *ending_rest(gpointer data)
{
    const FirnProcessStatus *status = &((const Ending *)data)->status;
    JsonObject *object = json_object_new();

    json_object_set_boolean_member(object, "exited", TRUE);
    if (status->signal)
        json_object_set_int_member(object, "signal", status->signal);
    else
        json_object_set_int_member(object, "exitcode", status->exit_code);
    if (has_output(&status->out))
        json_object_set_boolean_member(object, "out-truncated", status->out.truncated);
    if (has_output(&status->err))
        json_object_set_boolean_member(object, "err-truncated", status->err.truncated);
    return object;
}

static void guest_exec_status(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    static const QgaReplySource source = {ending_next, ending_read, ending_rest, ending_free};
    gint64 pid = json_object_get_int_member(arguments->object, "pid");
    FirnProcessStatus status;

    if (!firn_processes_status(data, pid, &status)) {
        qga_reply_fail(reply, "Invalid parameter 'pid'");
        return;
    }
    if (!status.exited) {
        JsonObject *object = json_object_new();

        json_object_set_boolean_member(object, "exited", FALSE);
        qga_reply_return_object(reply, object);
        return;
    }
    qga_reply_stream(reply, &source, ending_new(&status));
    firn_processes_forget(data, pid);
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
     QGA_COMMAND_NONE, guest_exec},
    {"guest-exec-status", status_arguments, &status_returns,
     "Tells how a program that guest-exec started ended and what it wrote; forgets it once it has "
     "told the end.",
     QGA_COMMAND_NONE, guest_exec_status},
};

static void free_processes(gpointer data)
{
    firn_processes_free(data);
}

void firn_process_commands_add(QgaCommands *commands, const FirnContext *context)
{
    gsize output = (gsize)context->config->exec_output_max;
    const FirnProcessLimits limits = {output, output * OUTPUT_SHARES, ENDED_MAX, ENDED_SECONDS};

    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), firn_processes_new(&limits),
                     free_processes);
}
