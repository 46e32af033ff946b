/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_LOOK_H
#define AGENT_FREEZE_LOOK_H

#include "agent/freeze/plan.h"
#include "platform/roots.h"

/*
 * What is known to keep a filesystem from being frozen in time, looked for before it is tried:
 * FIFREEZE first locks out all writers and then waits for those that are at work, so that one that
 * works for hours stops all the others for as long.
 */

/*
 * fd: of a folder on the target. Names what a freeze of it would wait for, and what to do about
 * that: on btrfs a scrub, a balance, or a device that is being removed, resized or replaced (a
 * replacement is not waited for, but goes on writing to the disks that are to stand still); a
 * suspended device below it. NULL when there is nothing. Free with g_free().
 */
char *firn_look_find_holder(const FirnRoots *roots, const FirnPlanTarget *target, int fd);

/* The name of the suspended device that the filesystem of `device` and fd stands on; NULL when none
 * is suspended. fd: of a folder on it, or -1, with which a btrfs is not looked at. Free with
 * g_free(). */
char *firn_look_find_suspended(const FirnRoots *roots, dev_t device, int fd);

#endif
