/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_WATCHER_H
#define AGENT_FREEZE_WATCHER_H

#include "agent/freeze/record.h"

#include <sys/types.h>

/*
 * The process that ends a freeze when the keeper cannot. It is forked from the keeper before the
 * first hook, has the record and the descriptors of all targets, and makes system calls only: it
 * allocates and opens nothing while it waits. It acts when
 *
 * - the keeper is dead: the end of file on a pipe that only the keeper has the other end of;
 * - the deadline, or the walk's, has passed, and the keeper has not seen to it within a second;
 * - an end is decided, and the keeper does not begin the thaw within two seconds, or 15 where it
 *   waits for a script to end;
 * - the agent's word to stop lies unread for two seconds, or the agent is gone as long while the
 *   freeze still begins;
 * - the keeper stands still for a second in the middle of the thaw, or three where it waits for a
 *   process that thaws.
 *
 * Then it kills the keeper first, so that nobody ever thaws beside it or after it. The one
 * exception is a keeper that stands in a FIFREEZE: it alone will learn whether the freeze was its
 * own. It is left alive, its target is FIRN_TARGET_STUCK, and it thaws that one itself when the
 * call returns (walk.h). The watcher thaws the others, each by a process of its own, and becomes
 * 'firn-keeper --resume', which runs the thaw hooks, writes the report and answers the agent.
 */

#define FIRN_WATCHER_NAME "firn-watcher"

typedef struct {
    pid_t pid;
    int end;  /* polls hung up once the watcher is gone */
    int life; /* the keeper's end of the pipe by which the watcher learns of its death */
} FirnWatcher;

/* What the watcher has of the keeper's. */
typedef struct {
    FirnRecord *record;
    int agent;    /* the agent's socket; -1: it is gone */
    int listener; /* of the socket for the next agent; -1: none */
    int grace;    /* of firn_grace_periods_open(), or -1 */
    int program;  /* of the keeper's program, to execute */
} FirnWatcherPost;

/*
 * Why a freeze has to be ended whose keeper lives, by its record alone; FIRN_END_NONE: the keeper
 * sees to it, or need not yet. now: a time of the record's clock; ended: since when its end is
 * decided, 0 when it is not. Pure.
 */
FirnEnd firn_watcher_judge(const FirnRecord *record, gint64 now, gint64 ended);

/* Starts it; it is ready when this returns. FALSE with an error. */
gboolean firn_watcher_start(FirnWatcher *watcher, const FirnWatcherPost *post, GError **error);

/* Ends it, at the end of a freeze. */
void firn_watcher_dismiss(FirnWatcher *watcher);

#endif
