/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_BTRFS_H
#define PLATFORM_BTRFS_H

#include <glib.h>
#include <sys/types.h>

/* A mounted btrfs, asked through a descriptor of any of its folders. */

/* Its UUID as sysfs spells it, below /sys/fs/btrfs; NULL when fd is on another filesystem. Free
 * with g_free(). */
char *firn_btrfs_get_uuid(int fd);

/* The largest device id that it has given out; 0 when fd is on another filesystem. */
guint64 firn_btrfs_get_last_device(int fd);

/*
 * Whether files of one of its subvolumes have `number` as their st_dev: each subvolume has an
 * anonymous number of its own, which is in no table. Needs root's rights; looks at the first 10,000
 * subvolumes.
 */
gboolean firn_btrfs_has_number(int fd, dev_t number);

#endif
