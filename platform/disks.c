/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/disks.h"

#include <string.h>

static void disk_free(gpointer data)
{
    FirnDisk *disk = data;

    g_free(disk->node);
    g_strfreev(disk->dependencies);
    firn_disk_address_free(disk->address);
    g_free(disk->alias);
    g_free(disk);
}

static char *read_node(const FirnRoots *roots, const FirnBlockDevice *device)
{
    g_autoptr(FirnBlockFacts) facts = firn_block_device_facts(roots, device);

    return g_steal_pointer(&facts->node);
}

static char **read_dependencies(const FirnRoots *roots, const FirnBlockDevice *device)
{
    g_autoptr(GPtrArray) slaves = firn_block_device_slaves(roots, device);
    GPtrArray *nodes = g_ptr_array_new();

    for (guint i = 0; i < slaves->len; i++)
        g_ptr_array_add(nodes, read_node(roots, g_ptr_array_index(slaves, i)));
    g_ptr_array_add(nodes, NULL);
    return (char **)g_ptr_array_free(nodes, FALSE);
}

static FirnDisk *read_disk(const FirnRoots *roots, const FirnBlockDevice *device)
{
    FirnDisk *disk = g_new0(FirnDisk, 1);

    disk->dependencies = read_dependencies(roots, device);
    if (firn_block_device_is_virtual(device)) {
        disk->node = read_node(roots, device);
        disk->alias = firn_block_device_attribute(roots, device, "dm/name");
    } else {
        disk->address = firn_disk_address_read(roots, device);
        disk->node = g_strdup(disk->address->node);
    }
    return disk;
}

static void add_partitions(const FirnRoots *roots, const FirnBlockDevice *device, const char *node,
                           GPtrArray *list)
{
    g_autofree char *path = firn_roots_pathf(roots, "/sys/%s", device->path);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name;

    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *child = g_strdup_printf("%s/%s", device->path, name);
        g_autoptr(FirnBlockDevice) partition = NULL;
        g_autoptr(FirnBlockFacts) facts = NULL;
        FirnDisk *disk;

        if (!g_str_has_prefix(name, device->name)) /* the kernel names them so: vda1, nvme0n1p1 */
            continue;
        partition = firn_block_device_new(child);
        facts = firn_block_device_facts(roots, partition);
        if (!facts->partition)
            continue;
        disk = g_new0(FirnDisk, 1);
        disk->node = g_steal_pointer(&facts->node);
        disk->partition = TRUE;
        disk->dependencies = g_new0(char *, 2);
        disk->dependencies[0] = g_strdup(node);
        g_ptr_array_add(list, disk);
    }
}

/* An empty drive has size 0, an unused loop device too. */
static gboolean is_empty(const FirnRoots *roots, const FirnBlockDevice *device)
{
    g_autofree char *size = firn_block_device_attribute(roots, device, "size");

    return !size || strspn(size, "0") == strlen(size);
}

GPtrArray *firn_disks_read(const FirnRoots *roots, GError **error)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/block");
    g_autoptr(GDir) folder = g_dir_open(path, 0, error);
    GPtrArray *list;
    const char *name;

    if (!folder)
        return NULL;
    list = g_ptr_array_new_with_free_func(disk_free);
    while ((name = g_dir_read_name(folder))) {
        g_autofree char *link = g_strdup_printf("/sys/block/%s", name);
        g_autoptr(FirnBlockDevice) device = firn_block_device_at(roots, link);
        FirnDisk *disk;

        if (!device || is_empty(roots, device))
            continue;
        disk = read_disk(roots, device);
        g_ptr_array_add(list, disk);
        add_partitions(roots, device, disk->node, list);
    }
    for (guint i = 0; i < list->len / 2; i++) {
        gpointer first = list->pdata[i];

        list->pdata[i] = list->pdata[list->len - 1 - i];
        list->pdata[list->len - 1 - i] = first;
    }
    return list;
}
