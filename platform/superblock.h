/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_SUPERBLOCK_H
#define PLATFORM_SUPERBLOCK_H

#include <glib.h>

/*
 * A mounted filesystem through a descriptor of one of its folders. All return 0 or an errno, use no
 * memory and take no lock, so that they may be called after fork(). All may block as long as the
 * filesystem likes.
 */

/*
 * Opens `path` when it still leads to the mount `mount_id` (as mountinfo and statx(2) give it; -1:
 * any), never through a symbolic link. ESTALE when another mount lies over it. Kernels before 5.8
 * do not tell mount ids: then the path is believed.
 */
int firn_superblock_open(const char *path, int mount_id, int *fd);

/* Writes what is dirty: syncfs(2), and of ext4 what its journal holds. */
int firn_superblock_sync(int fd);

/*
 * FIFREEZE of linux/fs.h. EOPNOTSUPP: this filesystem cannot be frozen. EBUSY: somebody else has
 * frozen it already.
 */
int firn_superblock_freeze(int fd);

/* FITHAW of linux/fs.h. EINVAL: it is not frozen (any more). */
int firn_superblock_thaw(int fd);

/* The three calls above, apart so that a test can answer them. */
typedef struct {
    int (*sync)(int fd);
    int (*freeze)(int fd);
    int (*thaw)(int fd);
} FirnSuperblockCalls;

extern const FirnSuperblockCalls firn_superblock_kernel_calls;

/* The mount id that an open file lies on, or -1. */
int firn_superblock_mount_id(int fd);

#endif
