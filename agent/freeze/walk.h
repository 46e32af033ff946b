/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_WALK_H
#define AGENT_FREEZE_WALK_H

#include "agent/freeze/record.h"
#include "agent/freeze/trace.h"

/*
 * FIFREEZE of one filesystem after the other, and FITHAW back again. One process is at it at a
 * time. Each step is noted in the record before and after the call, so that whoever takes over
 * knows what the process before it has done.
 */

/*
 * Freezes in order what is PENDING. FALSE when check() or the record's `end` said that the freeze
 * is to end, or with an error when a filesystem failed. What was frozen before stays so. trace: may
 * be NULL.
 */
gboolean firn_walk_freeze(FirnRecord *record, const FirnTrace *trace, FirnEndCheck check,
                          gpointer data, GError **error);

/* Thaws what is FROZEN, in the reverse order. What cannot be thawed stays FROZEN, with its
 * thaw_error. System calls alone. */
void firn_walk_thaw(FirnRecord *record, const FirnTrace *trace);

/*
 * The same, each in a process of its own and with a second's patience: what hangs keeps no other
 * frozen, and stays THAWING as long as its process hangs. Also thaws what this process has no
 * descriptor of (firn_targets_reach()). Where no process can be made, this one does it with the
 * descriptors that it has.
 */
void firn_walk_thaw_apart(FirnRecord *record);

/* Takes over from a process that is dead, or never runs again: what it was just at may be frozen.
 */
void firn_walk_adopt(FirnRecord *record);

/* Waits for those children of firn_walk_thaw_apart() that have ended. What one was killed in is
 * FROZEN again. */
void firn_walk_reap(FirnRecord *record);

/* The error for a filesystem that could not be thawed, or hangs in it. NULL when there is none. */
GError *firn_walk_thaw_error(const FirnRecord *record);

#endif
