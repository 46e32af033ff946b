/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DISK_INDEX_H
#define PLATFORM_DISK_INDEX_H

#include "platform/block-device.h"
#include "platform/disk-address.h"
#include "platform/roots.h"

/*
 * The disks below block devices, each device and each disk read from sysfs once however many stand
 * on it. A disk here is what lies on a bus: a whole one, or the partition that is used of it.
 */
typedef struct FirnDiskIndex FirnDiskIndex;

/* Borrows roots. Free with firn_disk_index_free(). */
FirnDiskIndex *firn_disk_index_new(const FirnRoots *roots);
void firn_disk_index_free(FirnDiskIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnDiskIndex, firn_disk_index_free)

/* The kernel's name of a device, or NULL where sysfs does not know it. Belongs to the index. */
const char *firn_disk_index_name(FirnDiskIndex *index, dev_t number);

/*
 * Adds the disks below a device to `disks` (FirnDiskAddress, which belong to the index), each once:
 * itself, or through dm, md and the like what that stands on. A loop device has none. `disks` may
 * hold some already.
 */
void firn_disk_index_collect(FirnDiskIndex *index, dev_t number, GPtrArray *disks);

#endif
