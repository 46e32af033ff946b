/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_WALK_H
#define AGENT_FREEZE_WALK_H

#include "agent/freeze/state.h"
#include "agent/freeze/trace.h"

/*
 * FIFREEZE of one filesystem after the other, and FITHAW back again. Several may be at it at once
 * (the walk that hangs, the worker that thaws the others, the guard): each filesystem's state word
 * says whose turn it is.
 */

/*
 * Freezes in order, from those not done yet. Stops as soon as the state's `end` is set, and undoes
 * what it was just at: FALSE without error then. FALSE with an error when one failed; what was
 * frozen before stays so. trace: may be NULL.
 */
gboolean firn_walk_freeze(FirnState *state, const FirnTrace *trace, GError **error);

/*
 * Thaws what is frozen, in the reverse order; returns how many it thawed. What still hangs in
 * FIFREEZE is left alone. Safe after fork(). Those that could not be thawed stay frozen with their
 * thaw_error.
 */
guint firn_walk_thaw(FirnState *state, const FirnTrace *trace);

/*
 * Take over from a process that is dead, threads and all: what it was just at may be frozen, and
 * is thawed by the next firn_walk_thaw(). The first is for the agent that froze. The second is also
 * for a thawing process that was stopped, which may go on: a second FITHAW does no harm. Safe after
 * fork().
 */
void firn_walk_adopt_freezing(FirnState *state);
void firn_walk_adopt_thawing(FirnState *state);

/* TRUE when all who thaw have been hanging in FITHAW for a second, and others wait for them. */
gboolean firn_walk_is_held_up(const FirnState *state);

/* The target whose FIFREEZE has not returned, or -1. */
int firn_walk_find_stuck(const FirnState *state);

/* The error for a filesystem that could not be thawed. NULL when there is none. */
GError *firn_walk_thaw_error(const FirnState *state);

#endif
