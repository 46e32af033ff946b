/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/disk-serial.h"

#include <string.h>

static char *from_udev(const FirnRoots *roots, const FirnBlockDevice *device)
{
    g_autofree char *number = firn_block_device_attribute(roots, device, "dev");
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    const char *found;

    if (!number)
        return NULL;
    path = firn_roots_pathf(roots, "/run/udev/data/b%s", number);
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    found = strstr(text, "\nE:ID_SERIAL=");
    if (!found)
        return NULL;
    found += strlen("\nE:ID_SERIAL=");
    return found[0] == '\n' || !found[0] ? NULL : g_strndup(found, strcspn(found, "\n"));
}

char *firn_disk_serial_read(const FirnRoots *roots, const FirnBlockDevice *device)
{
    g_autoptr(FirnBlockDevice) disk = NULL;
    char *serial = from_udev(roots, device);

    if (!serial && firn_block_device_is_partition(roots, device)) {
        disk = firn_block_device_parent(device);
        device = disk;
        serial = from_udev(roots, device);
    }
    if (!serial)
        serial = firn_block_device_attribute(roots, device, "serial");
    if (!serial)
        serial = firn_block_device_attribute(roots, device, "device/serial");
    return serial;
}
