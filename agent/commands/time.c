/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "agent/work.h"
#include "platform/clock.h"

typedef struct {
    const FirnRoots *roots;
    QgaReply *reply;
    gboolean from_rtc;
    gint64 time;
    GError *error;
} Job;

static void get_time(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_reply_return_int(reply, firn_clock_now());
}

static void run(gpointer data)
{
    Job *job = data;
    const FirnClockCalls *calls = firn_roots_are_host(job->roots) ? &firn_clock_kernel_calls : NULL;

    if (job->from_rtc)
        firn_clock_set_from_rtc(job->roots, calls, &job->error);
    else
        firn_clock_set(job->roots, calls, job->time, &job->error);
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

/* A hardware clock can take a second, so it is asked on a worker. */
static void set_time(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Job *job = g_new0(Job, 1);

    job->roots = data;
    job->reply = qga_reply_ref(reply);
    job->from_rtc = !json_object_has_member(arguments->object, "time");
    job->time = json_object_get_int_member_with_default(arguments->object, "time", 0);
    firn_work_start("set-time", run, done, job);
}

static const QgaMember set_time_arguments[] = {
    {"time", QGA_TYPE_INT, .optional = TRUE},
    {0},
};

static const QgaMember time_returns = {.type = QGA_TYPE_INT};

static const QgaCommand rows[] = {
    {
        .name = "guest-get-time",
        .returns = &time_returns,
        .summary = "The system's time, nanoseconds since the epoch.",
        .handler = get_time,
    },
    {
        .name = "guest-set-time",
        .arguments = set_time_arguments,
        .summary = "Sets the system's time, and the hardware clock from it; without a time, the "
                   "system's from the hardware clock.",
        .handler = set_time,
    },
};

void firn_time_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
