/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_BACKING_H
#define PLATFORM_BACKING_H

#include "platform/mountinfo.h"
#include "platform/roots.h"

/*
 * Which filesystem has the file of a loop device, and which takes the changes of an overlay. The
 * paths that sysfs and mountinfo tell may be those of another mount namespace, of a mount that was
 * detached, or relative to the folder of whoever made the mount; so numbers are asked for wherever
 * there are some, and a path decides only where there are none.
 */
typedef struct FirnBacking FirnBacking;

/* `roots` and `mounts` must outlive it. Where the roots are not this machine's, paths alone decide.
 * Free with firn_backing_free(). */
FirnBacking *firn_backing_new(const FirnRoots *roots, const FirnMounts *mounts);
void firn_backing_free(FirnBacking *backing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnBacking, firn_backing_free)

/* A descriptor of a folder of the superblock; -1 when no mountpoint leads to it but such that only
 * a server does, or the roots are not this machine's. */
int firn_backing_open(const FirnBacking *backing, dev_t device);

/*
 * What a loop device stands on. name: the kernel's, such as "loop3". path: of its file, as sysfs
 * has it. lower: receives the device of the superblock. FALSE when it is not known. Opens
 * mountpoints of btrfs where that is needed, none that only a server leads to.
 */
gboolean firn_backing_find_file(FirnBacking *backing, dev_t loop, const char *name,
                                const char *path, dev_t *lower);

/* TRUE when that is the device of an overlay in the table. */
gboolean firn_backing_is_overlay(const FirnBacking *backing, dev_t device);

/*
 * Which filesystem has an overlay's upper directory. lower: receives the device of the superblock,
 * 0 when it is none that has a block device, or there is no upper directory. FALSE when it is not
 * known. Opens mountpoints, none that only a server leads to.
 */
gboolean firn_backing_find_upper(FirnBacking *backing, dev_t overlay, dev_t *lower);

#endif
