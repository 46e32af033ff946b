/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/probe.h"

#include "agent/work.h"

typedef struct {
    guint count;
    gint finished; /* atomic */
    gint given_up; /* atomic */
    guint timer;   /* 0: has reported */
    FirnProbeOne one;
    FirnProbeDone done;
    gpointer data;
    GDestroyNotify free_data;
} Probe;

static void probe_run(gpointer job)
{
    Probe *probe = job;

    for (guint i = 0; i < probe->count && !g_atomic_int_get(&probe->given_up); i++) {
        probe->one(i, probe->data);
        g_atomic_int_set(&probe->finished, (gint)i + 1);
    }
}

static void probe_end(gpointer job)
{
    Probe *probe = job;

    if (probe->timer) {
        g_source_remove(probe->timer);
        probe->done(probe->count, probe->data);
    }
    probe->free_data(probe->data);
    g_free(probe);
}

static gboolean on_timeout(gpointer data)
{
    Probe *probe = data;

    probe->timer = 0;
    g_atomic_int_set(&probe->given_up, TRUE);
    probe->done((guint)g_atomic_int_get(&probe->finished), probe->data);
    return G_SOURCE_REMOVE;
}

void firn_probe_start(const char *name, guint count, guint timeout_ms, FirnProbeOne one,
                      FirnProbeDone done, gpointer data, GDestroyNotify free_data)
{
    Probe *probe = g_new0(Probe, 1);

    probe->count = count;
    probe->one = one;
    probe->done = done;
    probe->data = data;
    probe->free_data = free_data;
    probe->timer = g_timeout_add(timeout_ms, on_timeout, probe);
    firn_work_start(name, probe_run, probe_end, probe);
}
