/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/power.h"
#include "agent/commands/families.h"
#include "agent/work.h"

#include <string.h>

typedef struct {
    const FirnRoots *roots;
    QgaReply *reply;
    gboolean suspend;
    FirnShutdown shutdown_mode;
    FirnSuspend suspend_mode;
    GError *error;
} Job;

static void run(gpointer data)
{
    Job *job = data;

    if (job->suspend)
        firn_power_suspend(job->roots, job->suspend_mode, &job->error);
    else
        firn_power_shutdown(job->roots, job->shutdown_mode, &job->error);
}

static void done(gpointer data)
{
    Job *job = data;

    if (job->error)
        qga_reply_fail_error(job->reply, job->error);
    else
        qga_reply_finish(job->reply);
    qga_reply_unref(job->reply);
    g_free(job);
}

static Job *new_job(QgaReply *reply, gpointer data)
{
    Job *job = g_new0(Job, 1);

    job->roots = data;
    job->reply = qga_reply_ref(reply);
    return job;
}

/* The schema has a string here, not an enumeration, and the packaged agent this text (with a
 * bracket that it never closes). */
static gboolean parse_mode(const char *text, FirnShutdown *mode)
{
    static const char *const modes[] = {
        [FIRN_SHUTDOWN_POWERDOWN] = "powerdown",
        [FIRN_SHUTDOWN_HALT] = "halt",
        [FIRN_SHUTDOWN_REBOOT] = "reboot",
    };

    for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(text, modes[i]) == 0) {
            *mode = (FirnShutdown)i;
            return TRUE;
        }
    }
    return FALSE;
}

static void shut_down(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const char *text = json_object_get_string_member_with_default(arguments->object, "mode", NULL);
    FirnShutdown mode = FIRN_SHUTDOWN_POWERDOWN;
    Job *job;

    if (text && !parse_mode(text, &mode)) {
        qga_reply_fail(reply, "mode is invalid (valid values are: halt|powerdown|reboot");
        return;
    }
    g_message("a client of the agent asks for a shutdown: %s", text ? text : "powerdown");
    job = new_job(reply, data);
    job->shutdown_mode = mode;
    firn_work_start("shutdown", run, done, job);
}

static void suspend(QgaReply *reply, gpointer data, FirnSuspend mode)
{
    Job *job = new_job(reply, data);

    job->suspend = TRUE;
    job->suspend_mode = mode;
    firn_work_start("suspend", run, done, job);
}

static void suspend_disk(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    suspend(reply, data, FIRN_SUSPEND_DISK);
}

static void suspend_ram(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    suspend(reply, data, FIRN_SUSPEND_RAM);
}

static void suspend_hybrid(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    suspend(reply, data, FIRN_SUSPEND_HYBRID);
}

static const QgaMember shutdown_arguments[] = {
    {"mode", QGA_TYPE_STRING, .optional = TRUE},
    {0},
};

static const QgaCommand rows[] = {
    {
        .name = "guest-shutdown",
        .arguments = shutdown_arguments,
        .summary = "Shuts the system down: mode powerdown (the default), halt or reboot.",
        .flags = QGA_COMMAND_SILENT,
        .handler = shut_down,
    },
    {
        .name = "guest-suspend-disk",
        .summary = "Suspends to disk (hibernation).",
        .flags = QGA_COMMAND_SILENT,
        .handler = suspend_disk,
    },
    {
        .name = "guest-suspend-hybrid",
        .summary = "Suspends to RAM with an image on disk besides.",
        .flags = QGA_COMMAND_SILENT,
        .handler = suspend_hybrid,
    },
    {
        .name = "guest-suspend-ram",
        .summary = "Suspends to RAM.",
        .flags = QGA_COMMAND_SILENT,
        .handler = suspend_ram,
    },
};

void firn_power_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
