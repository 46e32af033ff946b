/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_GUARD_H
#define AGENT_FREEZE_GUARD_H

#include "agent/freeze/state.h"
#include "agent/freeze/trace.h"

/*
 * The process that thaws when the agent does not. It is forked from the agent before anything is
 * done, shares the state, has the descriptors of all targets, and waits: for the agent's death, and
 * for the times in the state. While it waits it allocates and opens nothing and touches no disk.
 *
 * - The agent dies before the freeze is complete, or while it ends: the guard ends it, at once.
 * - The agent dies while filesystems are held: they stay so, for the agent that starts next, until
 *   the deadline.
 * - The deadline passes: the guard thaws, whatever the agent does. The same some seconds after the
 *   deadline of the walk, when an agent that hangs or is stopped has not seen to it.
 *
 * Then it becomes a new process that runs the thaw hooks and writes the report (see finish.h).
 */

/* What it is called in /proc/PID/comm. */
#define FIRN_GUARD_NAME "firn-guard"

typedef struct {
    pid_t pid;
    int pidfd;    /* -1 where the kernel has none */
    int lifeline; /* the guard takes its closing for the agent's death; -1: not our guard */
    int end;      /* readable when the guard has ended; -1: not our guard */
} FirnGuard;

/* A CLOCK_BOOTTIME timer for firn_guard_arm(), shared by a run's guards; -1 with errno. */
int firn_guard_timer(void);
/* Sets it by the times in the state: call whenever they have changed. */
void firn_guard_arm(int timer, FirnState *state);

/*
 * Starts one; it is ready when this returns. grace: of firn_grace_periods_open(), or -1. program:
 * what it becomes in the end, with the arguments "finish STATE-FILE"; NULL for this program. NULL
 * with an error. Dismiss it with firn_guard_dismiss().
 */
FirnGuard *firn_guard_start(FirnState *state, int timer, int grace, const FirnTrace *trace,
                            const char *program, GError **error);

/* That of an earlier agent, when it still runs; else NULL. */
FirnGuard *firn_guard_find(FirnState *state);

/* A process that ends a freeze; NULL when it does not run. */
FirnGuard *firn_guard_of(pid_t pid);

/* Kills it. */
void firn_guard_kill(FirnGuard *guard);
/* Kills it and frees this. */
void firn_guard_dismiss(FirnGuard *guard);
/* Frees this of one that has ended. */
void firn_guard_forget(FirnGuard *guard);

/* Polls readable, or hung up, when it has ended; -1: ask firn_guard_has_ended() now and then. */
int firn_guard_watch_fd(const FirnGuard *guard);
gboolean firn_guard_has_ended(const FirnGuard *guard);

#endif
