/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DISK_SERIAL_H
#define PLATFORM_DISK_SERIAL_H

#include "platform/block-device.h"
#include "platform/roots.h"

/*
 * The serial number of a disk, or of the disk that a partition is on: ID_SERIAL of udev's database
 * (a text file for each device, /run/udev/data/bMAJOR:MINOR), which is what the packaged agent
 * tells. Where udev knows nothing of the device: what an NVMe controller has in sysfs. The
 * "serial" of a virtio disk is not read, since the kernel asks the host for it then, and waits.
 * NULL where none is known; free with g_free().
 */
char *firn_disk_serial_read(const FirnRoots *roots, const FirnBlockDevice *device,
                            const FirnBlockFacts *facts);

#endif
