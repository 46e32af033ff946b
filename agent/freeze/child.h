/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_CHILD_H
#define AGENT_FREEZE_CHILD_H

#include "agent/freeze/record.h"

#include <sys/types.h>

/*
 * Children that do what may hang in the kernel: a sync, a thaw. Each has the record's mapping and
 * the descriptors of the targets and of `pipe`, and no other: a child that hangs for hours keeps
 * neither a socket nor the record's lock.
 */

/* As fork(2). pipe: the writing end of a pipe, whose end of file tells that the children are done;
 * -1: none. */
pid_t firn_child_fork(const FirnRecord *record, int pipe);

/* What the keeper and the watcher set for themselves: a name in /proc/PID/comm, and that the
 * out-of-memory killer takes others first. System calls alone. */
void firn_child_call(const char *name);

#endif
