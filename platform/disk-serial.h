/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DISK_SERIAL_H
#define PLATFORM_DISK_SERIAL_H

#include "platform/block-device.h"
#include "platform/roots.h"

/*
 * The serial number of a disk, or of the disk that a partition is on: ID_SERIAL of udev's database
 * (a text file for each device, /run/udev/data/bMAJOR:MINOR), which is what the packaged agent
 * tells; without udev what the driver tells in sysfs. NULL where none is known; free with g_free().
 */
char *firn_disk_serial_read(const FirnRoots *roots, const FirnBlockDevice *device);

#endif
