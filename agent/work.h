/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_WORK_H
#define AGENT_WORK_H

#include <glib.h>

/* Runs on a thread of its own, made for this job; touches nothing but `job`. */
typedef void (*FirnWorkRun)(gpointer job);
/* Runs on the main loop after it; owns `job` from then on. */
typedef void (*FirnWorkDone)(gpointer job);

/*
 * Starts a thread named `name` for one job that may block. When no thread can be had the job runs
 * at once, and `done` still from the main loop.
 */
void firn_work_start(const char *name, FirnWorkRun run, FirnWorkDone done, gpointer job);

#endif
