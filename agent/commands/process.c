/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"
#include "agent/commands/families.h"

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

static void write_pid(GVariant *answer, QgaReply *reply)
{
    QgaWriter *writer = qga_reply_begin(reply);

    qga_writer_begin_object(writer);
    qga_writer_member_int(writer, "pid", g_variant_get_int32(answer));
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void guest_exec(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    g_autofree char *path = qga_arguments_string(arguments, "path");
    g_auto(GStrv) argv = argv_of(arguments, path);
    g_auto(GStrv) environment = qga_arguments_strings(arguments, "env");
    const char *const nothing[] = {NULL};
    GError *error = NULL;
    gsize length = 0;
    guint8 *input = qga_arguments_base64(arguments, "input-data", &length, &error);
    GVariant *request;

    if (error) {
        qga_reply_fail_error(reply, error);
        return;
    }
    request = g_variant_new("(^ay^aayb^aayb@ayut)", path, argv, environment != NULL,
                            environment ? environment : (char **)(gsize)(gconstpointer)nothing,
                            input != NULL, firn_frames_bytes(input, length),
                            (guint32)capture_of(arguments), context->config->exec_output_max);
    firn_ask(context->worker, FIRN_TASK_EXEC, request, reply, write_pid);
}

static void write_output(QgaWriter *writer, const char *data_name, const char *truncated_name,
                         GVariant *output, gboolean truncated)
{
    gsize length;
    gconstpointer bytes = g_variant_get_fixed_array(output, &length, 1);

    if (length == 0 && !truncated)
        return;
    qga_writer_reserve(writer, length / 3 * 4 + 64);
    qga_writer_member_base64(writer, data_name, bytes, length);
    qga_writer_member_bool(writer, truncated_name, truncated);
}

static void write_status(GVariant *answer, QgaReply *reply)
{
    g_autoptr(GVariant) out = NULL;
    g_autoptr(GVariant) err = NULL;
    gboolean known, exited, out_truncated, err_truncated;
    QgaWriter *writer = qga_reply_begin(reply);
    int exit_code, signal;

    g_variant_get(answer, "(bbii@ayb@ayb)", &known, &exited, &exit_code, &signal, &out,
                  &out_truncated, &err, &err_truncated);
    qga_writer_begin_object(writer);
    qga_writer_member_bool(writer, "exited", exited);
    if (exited) {
        if (signal)
            qga_writer_member_int(writer, "signal", signal);
        else
            qga_writer_member_int(writer, "exitcode", exit_code);
        write_output(writer, "out-data", "out-truncated", out, out_truncated);
        write_output(writer, "err-data", "err-truncated", err, err_truncated);
    }
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void guest_exec_status(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    gint64 pid = qga_arguments_int(arguments, "pid", 0);

    firn_ask(context->worker, FIRN_TASK_STATUS, g_variant_new_int64(pid), reply, write_status);
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
     QGA_COMMAND_BRIEF, guest_exec},
    {"guest-exec-status", status_arguments,
     "{exited: bool, exitcode?: int, signal?: int, out-data?: str, err-data?: str, "
     "out-truncated?: bool, err-truncated?: bool}",
     "Tells how a program that guest-exec started ended and what it wrote; forgets it once it has "
     "told the end.",
     QGA_COMMAND_BRIEF, guest_exec_status},
};

void firn_process_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context, NULL);
}
