/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_BLOCK_DEVICE_H
#define PLATFORM_BLOCK_DEVICE_H

#include "platform/roots.h"

#include <glib.h>
#include <sys/types.h>

/* A block device by its folder in sysfs. Nothing here opens the device itself. */
typedef struct {
    char *path;       /* below /sys, such as "devices/pci0000:00/0000:00:05.0/virtio2/block/vda" */
    const char *name; /* the kernel's, such as "vda1", "dm-0" or "cciss!c0d0"; in `path` */
} FirnBlockDevice;

/* What the kernel tells in the device's file "uevent". */
typedef struct {
    char *node;         /* such as "/dev/vda1", whether or not that is there */
    char *number;       /* "MAJOR:MINOR", or NULL where the file does not tell */
    gboolean partition; /* of its parent folder's device */
} FirnBlockFacts;

/*
 * Finds a device by a link to it, such as "/sys/block/vda", by its number, or by its folder below
 * /sys. NULL where sysfs does not know it. Free with firn_block_device_free().
 */
FirnBlockDevice *firn_block_device_at(const FirnRoots *roots, const char *link);
FirnBlockDevice *firn_block_device_find(const FirnRoots *roots, dev_t number);
FirnBlockDevice *firn_block_device_new(const char *path);
void firn_block_device_free(FirnBlockDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnBlockDevice, firn_block_device_free)

/* TRUE when it is made by the kernel, as dm, md, loop, zram are, and lies on no bus. */
gboolean firn_block_device_is_virtual(const FirnBlockDevice *device);

/* Never NULL; free with firn_block_facts_free(). */
FirnBlockFacts *firn_block_device_facts(const FirnRoots *roots, const FirnBlockDevice *device);
void firn_block_facts_free(FirnBlockFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnBlockFacts, firn_block_facts_free)

/* The device a partition is one of. */
FirnBlockDevice *firn_block_device_parent(const FirnBlockDevice *device);

/* An attribute, such as "size" or "dm/name", without white space around it; NULL where it has none
 * or an empty one. Free with g_free(). */
char *firn_block_device_attribute(const FirnRoots *roots, const FirnBlockDevice *device,
                                  const char *attribute);

/* What dm, md and bcache devices stand on: FirnBlockDevice, in the packaged agent's order, which is
 * that of the folder backwards. Never NULL; free with g_ptr_array_unref(). */
GPtrArray *firn_block_device_slaves(const FirnRoots *roots, const FirnBlockDevice *device);

#endif
