/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_FILESYSTEMS_H
#define PLATFORM_FILESYSTEMS_H

#include "platform/disk-address.h"
#include "platform/roots.h"

#include <glib.h>

/* A filesystem that has a device, and is mounted. Strings belong to the list. */
typedef struct {
    const char *name;       /* of the device: "vda1", "dm-0"; "7:1" where sysfs does not know it */
    const char *mountpoint; /* the first one */
    const char *type;
    /*
     * The path where its sizes can be asked: the first of its mountpoints that nothing hides. NULL
     * where asking would touch a network or FUSE filesystem, or where no way leads to it.
     */
    const char *usage_path;
    const FirnDiskAddress *const *disks; /* `disk_count` of them */
    guint disk_count;
} FirnFilesystem;

/*
 * Every mounted filesystem with a device, once, as releases of the packaged agent since QEMU 10
 * list them: in the order of their first mounts, the last one first; those without a device only
 * where they are btrfs or bcachefs on block devices. From mountinfo and sysfs alone, in one pass:
 * no filesystem is touched.
 */
typedef struct {
    FirnFilesystem *entries;
    guint count;
    struct FirnFilesystemsStore *store; /* what the strings and addresses live in */
} FirnFilesystems;

/* NULL with an error when the table of mounts cannot be read. Free with firn_filesystems_free(). */
FirnFilesystems *firn_filesystems_read(const FirnRoots *roots, GError **error);
void firn_filesystems_free(FirnFilesystems *filesystems);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnFilesystems, firn_filesystems_free)

/* Sizes in bytes. */
typedef struct {
    gboolean known;
    guint64 used;
    guint64 total;            /* that an ordinary user can use */
    guint64 total_privileged; /* with what is reserved for root */
} FirnUsage;

/* Asks statvfs(3), which may hang on a filesystem that does; call it where that costs nothing.
 * Unknown sizes where it fails. */
FirnUsage firn_usage_read(const char *path);

#endif
