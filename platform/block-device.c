/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/block-device.h"

#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

FirnBlockDevice *firn_block_device_new(const char *path)
{
    FirnBlockDevice *device = g_new0(FirnBlockDevice, 1);
    const char *slash;

    device->path = g_strdup(path);
    slash = strrchr(device->path, '/');
    device->name = slash ? slash + 1 : device->path;
    return device;
}

void firn_block_device_free(FirnBlockDevice *device)
{
    if (!device)
        return;
    g_free(device->path);
    g_free(device);
}

/* Links in sysfs are relative: "../../devices/...". What follows the last ".." is below /sys. */
static FirnBlockDevice *read_link(const char *link)
{
    char target[PATH_MAX];
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    const char *path = target;

    if (length <= 0)
        return NULL;
    target[length] = '\0';
    while (g_str_has_prefix(path, "../"))
        path += strlen("../");
    return g_str_has_prefix(path, "devices/") ? firn_block_device_new(path) : NULL;
}

FirnBlockDevice *firn_block_device_at(const FirnRoots *roots, const char *link)
{
    g_autofree char *path = firn_roots_path(roots, link);

    return read_link(path);
}

FirnBlockDevice *firn_block_device_find(const FirnRoots *roots, dev_t number)
{
    g_autofree char *link =
        firn_roots_pathf(roots, "/sys/dev/block/%u:%u", major(number), minor(number));

    return read_link(link);
}

gboolean firn_block_device_is_virtual(const FirnBlockDevice *device)
{
    return g_str_has_prefix(device->path, "devices/virtual/block/");
}

gboolean firn_block_device_is_partition(const FirnRoots *roots, const FirnBlockDevice *device)
{
    g_autofree char *path = firn_roots_pathf(roots, "/sys/%s/partition", device->path);

    return access(path, F_OK) == 0;
}

FirnBlockDevice *firn_block_device_parent(const FirnBlockDevice *device)
{
    g_autofree char *path = g_path_get_dirname(device->path);

    return firn_block_device_new(path);
}

char *firn_block_device_attribute(const FirnRoots *roots, const FirnBlockDevice *device,
                                  const char *attribute)
{
    g_autofree char *path = firn_roots_pathf(roots, "/sys/%s/%s", device->path, attribute);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    g_strstrip(text);
    return *text ? g_steal_pointer(&text) : NULL;
}

char *firn_block_device_node(const FirnRoots *roots, const FirnBlockDevice *device)
{
    g_autofree char *uevent = firn_block_device_attribute(roots, device, "uevent");
    const char *name = uevent ? strstr(uevent, "DEVNAME=") : NULL;
    char *node;

    if (name && (name == uevent || name[-1] == '\n')) {
        name += strlen("DEVNAME=");
        return g_strdup_printf("/dev/%.*s", (int)strcspn(name, "\n"), name);
    }
    node = g_strconcat("/dev/", device->name, NULL);
    return g_strdelimit(node, "!", '/');
}

GPtrArray *firn_block_device_slaves(const FirnRoots *roots, const FirnBlockDevice *device)
{
    GPtrArray *slaves = g_ptr_array_new_with_free_func((GDestroyNotify)firn_block_device_free);
    g_autofree char *path = firn_roots_pathf(roots, "/sys/%s/slaves", device->path);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name;

    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *link = g_build_filename(path, name, NULL);
        FirnBlockDevice *slave = read_link(link);

        if (slave)
            g_ptr_array_insert(slaves, 0, slave);
    }
    return slaves;
}
