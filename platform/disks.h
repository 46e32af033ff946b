/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DISKS_H
#define PLATFORM_DISKS_H

#include "platform/disk-address.h"
#include "platform/roots.h"

#include <glib.h>

/* A disk of non-zero size or a partition of one. */
typedef struct {
    char *node; /* such as "/dev/vda" */
    gboolean partition;
    char **dependencies;      /* nodes of what it stands on, NULL-terminated */
    FirnDiskAddress *address; /* NULL: a partition, or one that lies on no bus */
    char *alias;              /* the device-mapper's name, or NULL */
} FirnDisk;

/*
 * What /sys/block shows, in the packaged agent's order: the folder's backwards, the partitions of a
 * disk before it. FirnDisk; free with g_ptr_array_unref(). NULL with a G_FILE_ERROR when sysfs
 * cannot be read. Opens no device.
 */
GPtrArray *firn_disks_read(const FirnRoots *roots, GError **error);

#endif
