/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DEVICES_H
#define PLATFORM_DEVICES_H

#include "platform/mountinfo.h"
#include "platform/roots.h"

#include <glib.h>
#include <sys/types.h>

/*
 * What the block devices below mounted filesystems stand on, as sysfs tells it: a partition on its
 * disk, dm and md (and bcache) on their slaves, a loop device on the filesystem that has its file
 * (see platform/backing.h). Filesystems and devices are known by number: that of a superblock in
 * mountinfo and of its disk are the same, but for those that have an anonymous one.
 */
typedef struct FirnDevices FirnDevices;

/* An empty set to fill by the calls below, as a test does. Free with firn_devices_free(). */
FirnDevices *firn_devices_new(void);
void firn_devices_free(FirnDevices *devices);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnDevices, firn_devices_free)

/* Looks up the devices of every mount that has one, and all that these stand on. What sysfs does
 * not tell is left out: it costs the order at worst, not the freeze. */
FirnDevices *firn_devices_read(const FirnRoots *roots, const FirnMounts *mounts);

/* Looks up one device and all that it stands on. For look-ups in an empty set. */
void firn_devices_add(FirnDevices *devices, const FirnRoots *roots, dev_t device);

/* The devices (dev_t) of a mounted btrfs, as sysfs lists them for its UUID; free with
 * g_array_unref(). Empty where it lists none. */
GArray *firn_devices_list_btrfs(const FirnRoots *roots, const char *uuid);

/* upper stands on lower. For a filesystem with an anonymous device (btrfs) upper is that one. */
void firn_devices_add_edge(FirnDevices *devices, dev_t upper, dev_t lower);
/* The device stands on something that could not be found out. */
void firn_devices_set_unknown(FirnDevices *devices, dev_t device);
/* The kernel's name of a device ("dm-0"), or a device-mapper name ("mapper/vg-root"). */
void firn_devices_add_name(FirnDevices *devices, dev_t device, const char *name);

/* What `device` stands on: `count` devices; belongs to the set; NULL for none. */
const dev_t *firn_devices_lower(const FirnDevices *devices, dev_t device, guint *count);
/* TRUE when it may stand on others than those, too. */
gboolean firn_devices_is_unknown(const FirnDevices *devices, dev_t device);
/* The device's names, `count` of them; NULL for none. */
const char *const *firn_devices_names(const FirnDevices *devices, dev_t device, guint *count);

/* The name of a device that is suspended (dmsetup(8)) so that whoever writes to it waits: `device`
 * itself or one that it stands on; NULL when there is none. Belongs to the set. */
const char *firn_devices_find_suspended(const FirnDevices *devices, dev_t device);

#endif
