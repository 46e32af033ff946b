/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/disk-serial.h"

#include <string.h>

/* TRUE when udev has an entry for the device of that number ("MAJOR:MINOR"), with a serial number
 * or without. */
static gboolean ask_udev(const FirnRoots *roots, const char *number, char **serial)
{
    g_autofree char *path = firn_roots_pathf(roots, "/run/udev/data/b%s", number);
    g_autofree char *text = NULL;
    const char *found;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    found = strstr(text, "\nE:ID_SERIAL=");
    if (found) {
        found += strlen("\nE:ID_SERIAL=");
        *serial = g_strndup(found, strcspn(found, "\n"));
    }
    return TRUE;
}

/* A partition's entry has a copy of its disk's properties, unless udev's rules are old. */
static gboolean ask_udev_of_disk(const FirnRoots *roots, const FirnBlockDevice *device,
                                 const FirnBlockFacts *facts, char **serial)
{
    gboolean known = facts->number && ask_udev(roots, facts->number, serial);

    if (!*serial && facts->partition) {
        g_autoptr(FirnBlockDevice) disk = firn_block_device_parent(device);
        g_autoptr(FirnBlockFacts) disk_facts = firn_block_device_facts(roots, disk);

        if (disk_facts->number)
            known = ask_udev(roots, disk_facts->number, serial) || known;
    }
    return known;
}

char *firn_disk_serial_read(const FirnRoots *roots, const FirnBlockDevice *device,
                            const FirnBlockFacts *facts)
{
    char *serial = NULL;

    if (ask_udev_of_disk(roots, device, facts, &serial))
        return serial;
    return firn_block_device_attribute(roots, device,
                                       facts->partition ? "../device/serial" : "device/serial");
}
