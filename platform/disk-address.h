/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DISK_ADDRESS_H
#define PLATFORM_DISK_ADDRESS_H

#include "platform/block-device.h"
#include "platform/roots.h"

#include <glib.h>

/* The buses of GuestDiskBusType in the guest agent's schema, in its order. */
typedef enum {
    FIRN_BUS_IDE,
    FIRN_BUS_FDC,
    FIRN_BUS_SCSI,
    FIRN_BUS_VIRTIO,
    FIRN_BUS_XEN,
    FIRN_BUS_USB,
    FIRN_BUS_UML,
    FIRN_BUS_SATA,
    FIRN_BUS_SD,
    FIRN_BUS_UNKNOWN,
    FIRN_BUS_IEEE1394,
    FIRN_BUS_SSA,
    FIRN_BUS_FIBRE,
    FIRN_BUS_RAID,
    FIRN_BUS_ISCSI,
    FIRN_BUS_SAS,
    FIRN_BUS_MMC,
    FIRN_BUS_VIRTUAL,
    FIRN_BUS_FILE_BACKED_VIRTUAL,
    FIRN_BUS_NVME,
} FirnBus;

/* Such as "file-backed-virtual"; static. */
const char *firn_bus_name(FirnBus bus);

/*
 * Where a host finds the disk among those it gave to the guest. `bus`, `target` and `unit` follow
 * the host's way of counting: on IDE bus is the channel and unit the drive on it, on SATA unit is
 * the port, on SCSI they are channel, target and LUN (on the LSI 53C8xx unit is the target).
 */
typedef struct {
    gint64 domain, bus, slot, function; /* -1: unknown, or no PCI */
} FirnPciAddress;

typedef struct {
    gint64 cssid, ssid, subchno, devno;
} FirnCcwAddress;

typedef struct {
    FirnPciAddress pci;
    FirnBus bus_type;
    gint64 bus, target, unit;
    char *serial; /* NULL: none known */
    char *node;   /* such as "/dev/vda1" */
    gboolean has_ccw;
    FirnCcwAddress ccw; /* s390x channel I/O */
} FirnDiskAddress;

/*
 * The address of a disk, or of the disk that a partition is on, from its folder in sysfs and its
 * serial number in udev's database or sysfs. Opens no device. Never NULL; free with
 * firn_disk_address_free().
 */
FirnDiskAddress *firn_disk_address_read(const FirnRoots *roots, const FirnBlockDevice *device);
void firn_disk_address_free(FirnDiskAddress *address);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnDiskAddress, firn_disk_address_free)

#endif
