/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_MOUNTINFO_H
#define PLATFORM_MOUNTINFO_H

#include "platform/roots.h"

#include <glib.h>
#include <sys/types.h>

/*
 * The kernel's table of mounts, /proc/self/mountinfo, as proc_pid_mountinfo(5) tells it. Strings
 * are unescaped, hold any bytes but NUL, may be empty, and belong to the table.
 */
typedef struct {
    int id;              /* as statx(2) gives it in stx_mnt_id; unique while mounted */
    int parent;          /* of the mount it lies on; of none in the table for the root */
    dev_t device;        /* of the superblock; on btrfs it is not the st_dev of the files */
    char *root;          /* what of the filesystem is mounted: "/", a folder, a file, a subvolume */
    char *mountpoint;    /* seen from this process's root */
    char *options;       /* of the mount, such as "rw,relatime" */
    char *type;          /* with its subtype, such as "fuse.sshfs" */
    char *source;        /* whatever the one who mounted it said; often a device */
    char *super_options; /* of the superblock */
} FirnMount;

/* In the order of the table, which is the order of mounting. */
typedef struct {
    FirnMount *entries;
    guint count;
    guint skipped; /* lines that were no mount */
    char *text;
} FirnMounts;

/*
 * Parses a table of `length` bytes (-1: up to the NUL), in one pass and linear time. Lines that are
 * no mount are skipped and counted. Never NULL; free with firn_mounts_free().
 */
FirnMounts *firn_mounts_parse(const char *text, gssize length);
void firn_mounts_free(FirnMounts *mounts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnMounts, firn_mounts_free)

/* Reads and parses /proc/self/mountinfo below `roots`. NULL with a G_FILE_ERROR when it cannot be
 * read. */
FirnMounts *firn_mounts_read(const FirnRoots *roots, GError **error);

/* TRUE when the comma separated `options` hold exactly `option`. */
gboolean firn_mount_option(const char *options, const char *option);

/* The value of "NAME=value" in the comma separated `options`, or NULL; free with g_free(). */
char *firn_mount_option_value(const char *options, const char *name);

/* TRUE when nothing can be written through this mount. */
gboolean firn_mount_is_read_only(const FirnMount *mount);

/* FUSE of any kind: a process of this system answers for it. */
gboolean firn_mount_type_is_fuse(const char *type);

/* A filesystem that another machine, or the host, answers for: touching it may hang. */
gboolean firn_mount_type_is_network(const char *type);

/* TRUE for a type on block devices that is known to answer FIFREEZE with EOPNOTSUPP: its
 * super_operations in the kernel have neither freeze_fs nor freeze_super. */
gboolean firn_mount_type_cannot_freeze(const char *type);

/*
 * Finds the mount a path lies in by the table alone: nothing is opened, so a dead server hangs
 * nothing. Borrows the table. Symbolic links in the path are not followed.
 */
typedef struct FirnMountIndex FirnMountIndex;
FirnMountIndex *firn_mount_index_new(const FirnMounts *mounts);
void firn_mount_index_free(FirnMountIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnMountIndex, firn_mount_index_free)

/* The mount one sees at the absolute `path`, over-mounts considered; NULL where there is none. */
const FirnMount *firn_mount_index_find(const FirnMountIndex *index, const char *path);

#endif
