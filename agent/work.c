/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/work.h"

typedef struct {
    FirnWorkRun run;
    FirnWorkDone done;
    gpointer job;
    GThread *thread; /* NULL when it ran without one */
} Work;

static gboolean work_done(gpointer data)
{
    Work *work = data;

    if (work->thread)
        g_thread_join(work->thread);
    work->done(work->job);
    g_free(work);
    return G_SOURCE_REMOVE;
}

static gpointer work_thread(gpointer data)
{
    Work *work = data;

    work->run(work->job);
    return NULL;
}

static gpointer work_run(gpointer data)
{
    work_thread(data);
    g_idle_add_full(G_PRIORITY_DEFAULT, work_done, data, NULL);
    return NULL;
}

void firn_work_start(const char *name, FirnWorkRun run, FirnWorkDone done, gpointer job)
{
    Work *work = g_new0(Work, 1);

    work->run = run;
    work->done = done;
    work->job = job;
    work->thread = g_thread_try_new(name, work_run, work, NULL);
    if (!work->thread)
        work_run(work);
}
