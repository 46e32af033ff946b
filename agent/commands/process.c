/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/process.h"
#include "agent/commands/families.h"

/* Processes that have ended and that nobody asked for: how many, and for how many seconds. */
#define ENDED_MAX 256
#define ENDED_SECONDS 3600
/* Output kept of all processes, in shares of what one may have. */
#define OUTPUT_SHARES 8

/* Old clients say true or false, newer ones which streams. */
static FirnCapture capture_of(const QgaArguments *arguments)
{
    if (qga_arguments_is_enum(arguments, "capture-output"))
        return (FirnCapture)qga_arguments_enum(arguments, "capture-output", FIRN_CAPTURE_NONE);
    return qga_arguments_bool(arguments, "capture-output", FALSE) ? FIRN_CAPTURE_SEPARATED
                                                                  : FIRN_CAPTURE_NONE;
}

/* The path, which is also the program's name, and the arguments; NULL-terminated. */
static char **argv_of(const QgaArguments *arguments, const char *path)
{
    g_auto(GStrv) list = qga_arguments_strings(arguments, "arg");
    GPtrArray *argv = g_ptr_array_new();

    g_ptr_array_add(argv, g_strdup(path));
    for (char **argument = list; argument && *argument; argument++)
        g_ptr_array_add(argv, g_steal_pointer(argument));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

static void guest_exec(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autofree char *path = qga_arguments_string(arguments, "path");
    g_auto(GStrv) argv = argv_of(arguments, path);
    g_auto(GStrv) environment = qga_arguments_strings(arguments, "env");
    FirnProcessStart start = {.path = path, .capture = capture_of(arguments)};
    g_autoptr(GError) error = NULL;
    QgaWriter *writer;
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
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_member_int(writer, "pid", pid);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void write_output(QgaWriter *writer, const char *data_name, const char *truncated_name,
                         const FirnProcessOutput *output)
{
    if (output->length == 0 && !output->truncated)
        return;
    qga_writer_reserve(writer, output->length / 3 * 4 + 64);
    qga_writer_member_base64(writer, data_name, output->data, output->length);
    qga_writer_member_bool(writer, truncated_name, output->truncated);
}

static void guest_exec_status(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    gint64 pid = qga_arguments_int(arguments, "pid", 0);
    FirnProcessStatus status;
    QgaWriter *writer;

    if (!firn_processes_status(data, pid, &status)) {
        qga_reply_fail(reply, "Invalid parameter 'pid'");
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_member_bool(writer, "exited", status.exited);
    if (status.exited) {
        if (status.signal)
            qga_writer_member_int(writer, "signal", status.signal);
        else
            qga_writer_member_int(writer, "exitcode", status.exit_code);
        write_output(writer, "out-data", "out-truncated", &status.out);
        write_output(writer, "err-data", "err-truncated", &status.err);
    }
    qga_writer_end_object(writer);
    firn_processes_forget(data, pid);
    qga_reply_finish(reply);
}

static const char *const capture_values[] = {"none",      "stdout", "stderr",
                                             "separated", "merged", NULL};

static const QgaMember exec_arguments[] = {{"path", QGA_TYPE_STRING},
                                           {"arg", QGA_TYPE_LIST, TRUE, .element = QGA_TYPE_STRING},
                                           {"env", QGA_TYPE_LIST, TRUE, .element = QGA_TYPE_STRING},
                                           {"input-data", QGA_TYPE_BASE64, TRUE},
                                           {"capture-output", QGA_TYPE_BOOL_OR_ENUM, TRUE,
                                            .values = capture_values,
                                            .type_name = "GuestExecCaptureOutput"},
                                           {0}};
static const QgaMember status_arguments[] = {{"pid", QGA_TYPE_INT}, {0}};

static const QgaCommand rows[] = {
    {"guest-exec", exec_arguments, "{pid: int}",
     "Starts a program with these arguments and, when given, this environment and input.",
     QGA_COMMAND_NONE, guest_exec},
    {"guest-exec-status", status_arguments,
     "{exited: bool, exitcode?: int, signal?: int, out-data?: str, err-data?: str, "
     "out-truncated?: bool, err-truncated?: bool}",
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
