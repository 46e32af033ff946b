/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include <glib.h>

/* Asks thing `index`; runs on the probe's thread and may block for ever. */
typedef void (*FirnProbeOne)(guint index, gpointer data);
/* On the main loop, once: the first `finished` things have been asked. The next one hangs when that
 * is less than all. */
typedef void (*FirnProbeDone)(guint finished, gpointer data);

/*
 * Asks `count` things that may hang, one after the other on a single thread of the name, and
 * reports when all have answered, or what there is after `timeout_ms` milliseconds; then nothing
 * further is asked. `free_data` is called on the main loop after `done` and after the thread's end,
 * which may be much later: until then `data` belongs to both of them.
 */
void firn_probe_start(const char *name, guint count, guint timeout_ms, FirnProbeOne one,
                      FirnProbeDone done, gpointer data, GDestroyNotify free_data);

#endif
