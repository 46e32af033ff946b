/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/block-device.h"

#include <fcntl.h>
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

FirnBlockDevice *firn_block_device_parent(const FirnBlockDevice *device)
{
    g_autofree char *path = g_path_get_dirname(device->path);

    return firn_block_device_new(path);
}

/* An attribute in sysfs is a page at most. */
#define ATTRIBUTE_BYTES 4096

/* FALSE when there is none. */
static gboolean read_attribute(const FirnRoots *roots, const FirnBlockDevice *device,
                               const char *attribute, char *text)
{
    g_autofree char *path = firn_roots_pathf(roots, "/sys/%s/%s", device->path, attribute);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0)
        return FALSE;
    length = read(fd, text, ATTRIBUTE_BYTES - 1);
    close(fd);
    text[MAX(length, 0)] = '\0';
    return length > 0;
}

char *firn_block_device_attribute(const FirnRoots *roots, const FirnBlockDevice *device,
                                  const char *attribute)
{
    char text[ATTRIBUTE_BYTES];

    if (!read_attribute(roots, device, attribute, text) || !*g_strstrip(text))
        return NULL;
    return g_strdup(text);
}

/* The value of a line "NAME=VALUE" and its length, or NULL. */
static const char *find_value(const char *text, const char *name, int *length)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (g_str_has_prefix(line, name) && line[strlen(name)] == '=') {
            line += strlen(name) + 1;
            *length = (int)strcspn(line, "\n");
            return line;
        }
    }
    *length = 0;
    return NULL;
}

FirnBlockFacts *firn_block_device_facts(const FirnRoots *roots, const FirnBlockDevice *device)
{
    FirnBlockFacts *facts = g_new0(FirnBlockFacts, 1);
    char text[ATTRIBUTE_BYTES] = "";
    const char *name, *major_number, *minor_number, *type;
    int name_length, major_length, minor_length, type_length;

    read_attribute(roots, device, "uevent", text);
    name = find_value(text, "DEVNAME", &name_length);
    major_number = find_value(text, "MAJOR", &major_length);
    minor_number = find_value(text, "MINOR", &minor_length);
    type = find_value(text, "DEVTYPE", &type_length);
    if (name)
        facts->node = g_strdup_printf("/dev/%.*s", name_length, name);
    else
        facts->node = g_strdelimit(g_strconcat("/dev/", device->name, NULL), "!", '/');
    if (major_number && minor_number)
        facts->number =
            g_strdup_printf("%.*s:%.*s", major_length, major_number, minor_length, minor_number);
    facts->partition =
        type && g_str_has_prefix(type, "partition") && type_length == (int)strlen("partition");
    return facts;
}

void firn_block_facts_free(FirnBlockFacts *facts)
{
    if (!facts)
        return;
    g_free(facts->node);
    g_free(facts->number);
    g_free(facts);
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
