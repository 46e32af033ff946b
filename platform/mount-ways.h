/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_MOUNT_WAYS_H
#define PLATFORM_MOUNT_WAYS_H

#include "platform/mountinfo.h"

/*
 * Which mountpoints can be walked to without asking another machine or a process: the filesystem
 * itself, and all that lie on the way to it, are neither network nor FUSE filesystems, and nothing
 * is mounted over it. Decided by the table alone, for each mount when it is asked for; linear in
 * the mounts.
 */
typedef struct FirnMountWays FirnMountWays;

/* `mounts` must outlive it. Free with firn_mount_ways_free(). */
FirnMountWays *firn_mount_ways_new(const FirnMounts *mounts);
void firn_mount_ways_free(FirnMountWays *ways);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnMountWays, firn_mount_ways_free)

/* entry: the mount's place in the table. */
gboolean firn_mount_ways_is_open(FirnMountWays *ways, guint entry);

/* TRUE when the filesystem or one on the way to it is a network or FUSE filesystem, whether
 * something is mounted over it or not. */
gboolean firn_mount_ways_is_remote(FirnMountWays *ways, guint entry);

#endif
