/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_TARGETS_H
#define AGENT_FREEZE_TARGETS_H

#include "agent/freeze/plan.h"
#include "agent/freeze/record.h"

/*
 * The descriptors through which the filesystems of a freeze are synced, frozen and thawed: open
 * from before the freeze until all is thawed, so that a path that vanishes meanwhile is no matter.
 */

/* Is told each path before it is opened, since that may hang. */
typedef void (*FirnTargetsProgress)(const char *path, gpointer data);

/*
 * Opens each target of the plan into record->fds by the first of its mountpoints that works, the
 * covered ones left out. A target that no path leads to is FIRN_TARGET_HIDDEN. FALSE with an error
 * that names the remedy when one could not be opened.
 */
gboolean firn_targets_open(const FirnPlan *plan, FirnRecord *record, FirnTargetsProgress progress,
                           gpointer data, GError **error);

/*
 * Opens a target that this process has no descriptor of: by any mount of its device that can be
 * seen, else by a mount of its own in a mount namespace of its own, which ends with the process. So
 * it is for a child process made for this. The descriptor, or -1 with errno; ENODEV: no
 * filesystem has the device any more. *mounted says whether a path led to it.
 */
int firn_targets_reach(const FirnRecord *record, guint target, gboolean *mounted);

#endif
