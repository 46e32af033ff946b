/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_SYNC_H
#define AGENT_FREEZE_SYNC_H

#include "agent/freeze/state.h"
#include "agent/freeze/targets.h"

/*
 * Writes out what is dirty before anything stands still, so that next to nothing is left to write
 * inside the freeze. Independent disks are written side by side, each one's filesystems one after
 * the other. A syncfs() that hangs is left behind, with its thread.
 */

/* Before the hooks: one pass, noted in each target's times. Returns once all is written, the
 * configuration's cap of `timeout` seconds (0: none) is reached, or the state's `end` is set. FALSE
 * when a filesystem could not be written: that target has failed. */
gboolean firn_sync_before_hooks(FirnState *state, FirnTargets *targets, guint timeout,
                                GError **error);

/* After them: passes until one is short, or the same reasons to stop. */
gboolean firn_sync_before_walk(FirnState *state, FirnTargets *targets, guint timeout,
                               GError **error);

#endif
