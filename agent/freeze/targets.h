/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_TARGETS_H
#define AGENT_FREEZE_TARGETS_H

#include "agent/freeze/plan.h"
#include "agent/freeze/state.h"

/*
 * The descriptors through which the filesystems of a freeze are synced, frozen and thawed: kept
 * from before the freeze until all is thawed, so that a path that vanishes meanwhile is no problem.
 * Shared by whoever uses them; closed when the last one lets go.
 */
typedef struct FirnTargets FirnTargets;

/*
 * Opens one of each, trying all its mountpoints, and puts the numbers into the state. One that no
 * path leads to is FIRN_TARGET_HIDDEN there. NULL with an error that names the remedy when one
 * could not be opened. May block as long as a filesystem likes: for workers only.
 */
FirnTargets *firn_targets_open(const FirnPlan *plan, FirnState *state, GError **error);

/*
 * Opens what a state says is frozen, for one who was not there: from the guard when it still lives
 * (guard: its pidfd, or -1), else by path, by any mount of the device. FALSE in `complete` when
 * some could not be had.
 */
FirnTargets *firn_targets_recover(FirnState *state, int guard, const FirnRoots *roots,
                                  gboolean *complete);

FirnTargets *firn_targets_ref(FirnTargets *targets);
void firn_targets_unref(FirnTargets *targets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnTargets, firn_targets_unref)

/* "/home (xfs on /dev/vdb)"; free with g_free(). */
char *firn_target_describe(const FirnState *state, guint target);

#endif
