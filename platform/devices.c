/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/devices.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

typedef struct {
    dev_t number;
    gboolean visited;
    gboolean suspended;
    GArray *lower;    /* dev_t */
    GPtrArray *names; /* char * */
    char *file;
} Device;

struct FirnDevices {
    GHashTable *table; /* dev_t -> Device */
    GHashTable *btrfs; /* of read_all_btrfs(); NULL before the first */
};

G_STATIC_ASSERT(sizeof(dev_t) == sizeof(gint64));

static void device_free(gpointer data)
{
    Device *device = data;

    g_array_unref(device->lower);
    g_ptr_array_unref(device->names);
    g_free(device->file);
    g_free(device);
}

FirnDevices *firn_devices_new(void)
{
    FirnDevices *devices = g_new0(FirnDevices, 1);

    devices->table = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, device_free);
    return devices;
}

void firn_devices_free(FirnDevices *devices)
{
    if (!devices)
        return;
    g_hash_table_unref(devices->table);
    if (devices->btrfs)
        g_hash_table_unref(devices->btrfs);
    g_free(devices);
}

static Device *find(const FirnDevices *devices, dev_t number)
{
    return g_hash_table_lookup(devices->table, &number);
}

static Device *need(FirnDevices *devices, dev_t number)
{
    Device *device = find(devices, number);

    if (device)
        return device;
    device = g_new0(Device, 1);
    device->number = number;
    device->lower = g_array_new(FALSE, FALSE, sizeof(dev_t));
    device->names = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(devices->table, &device->number, device);
    return device;
}

void firn_devices_add_edge(FirnDevices *devices, dev_t upper, dev_t lower)
{
    g_array_append_val(need(devices, upper)->lower, lower);
}

void firn_devices_add_file(FirnDevices *devices, dev_t loop, const char *path)
{
    Device *device = need(devices, loop);

    g_free(device->file);
    device->file = g_strdup(path);
}

void firn_devices_add_name(FirnDevices *devices, dev_t number, const char *name)
{
    g_ptr_array_add(need(devices, number)->names, g_strdup(name));
}

const dev_t *firn_devices_lower(const FirnDevices *devices, dev_t number, guint *count)
{
    const Device *device = find(devices, number);

    *count = device ? device->lower->len : 0;
    return *count > 0 ? (const dev_t *)(gconstpointer)device->lower->data : NULL;
}

const char *firn_devices_file(const FirnDevices *devices, dev_t number)
{
    const Device *device = find(devices, number);

    return device ? device->file : NULL;
}

const char *const *firn_devices_names(const FirnDevices *devices, dev_t number, guint *count)
{
    const Device *device = find(devices, number);

    *count = device ? device->names->len : 0;
    return *count > 0 ? (const char *const *)(gconstpointer)device->names->pdata : NULL;
}

const char *firn_devices_find_suspended(const FirnDevices *devices, dev_t number)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) queue = g_ptr_array_new();

    g_ptr_array_add(queue, find(devices, number));
    for (guint i = 0; i < queue->len; i++) {
        const Device *device = queue->pdata[i];

        if (!device || !g_hash_table_add(seen, queue->pdata[i]))
            continue;
        if (device->suspended) /* its last name is the one that dmsetup(8) takes */
            return device->names->len > 0 ? device->names->pdata[device->names->len - 1] : "dm";
        for (guint k = 0; k < device->lower->len; k++)
            g_ptr_array_add(queue, find(devices, g_array_index(device->lower, dev_t, k)));
    }
    return NULL;
}

/* The content of a small file without its last newline, or NULL. */
static char *read_line(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, NULL))
        return NULL;
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    return g_steal_pointer(&text);
}

/* A file that holds "MAJOR:MINOR". */
static gboolean read_number(const char *folder, const char *name, dev_t *number)
{
    g_autofree char *text = read_line(folder, name);
    guint64 major_number, minor_number;
    char *colon = text ? strchr(text, ':') : NULL;

    if (!colon)
        return FALSE;
    *colon = '\0';
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &major_number, NULL) ||
        !g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT32, &minor_number, NULL))
        return FALSE;
    *number = makedev((guint)major_number, (guint)minor_number);
    return TRUE;
}

static void read_names(FirnDevices *devices, dev_t number, const char *folder)
{
    g_autofree char *uevent = read_line(folder, "uevent");
    g_autofree char *mapper = read_line(folder, "dm/name");
    const char *name = uevent ? strstr(uevent, "DEVNAME=") : NULL;

    if (name) {
        g_autofree char *value = g_strdup(name + strlen("DEVNAME="));

        value[strcspn(value, "\n")] = '\0';
        firn_devices_add_name(devices, number, value);
    }
    if (mapper) {
        g_autofree char *value = g_strconcat("mapper/", mapper, NULL);

        firn_devices_add_name(devices, number, value);
    }
}

/* Of device-mapper's devices: Documentation/ABI/testing/sysfs-block-dm of the kernel. */
static gboolean read_suspended(const char *folder)
{
    g_autofree char *suspended = read_line(folder, "dm/suspended");

    return suspended && g_str_equal(suspended, "1");
}

static void read_slaves(FirnDevices *devices, dev_t number, const char *folder, GArray *queue)
{
    g_autofree char *path = g_build_filename(folder, "slaves", NULL);
    g_autoptr(GDir) slaves = g_dir_open(path, 0, NULL);
    const char *name;

    while (slaves && (name = g_dir_read_name(slaves))) {
        g_autofree char *file = g_build_filename(name, "dev", NULL);
        dev_t lower;

        if (read_number(path, file, &lower)) {
            firn_devices_add_edge(devices, number, lower);
            g_array_append_val(queue, lower);
        }
    }
}

static void read_device(FirnDevices *devices, const FirnRoots *roots, dev_t number, GArray *queue)
{
    Device *device = need(devices, number);
    g_autofree char *folder =
        firn_roots_pathf(roots, "/sys/dev/block/%u:%u", major(number), minor(number));
    g_autofree char *partition = NULL;
    g_autofree char *file = NULL;
    dev_t disk;

    if (device->visited)
        return;
    device->visited = TRUE;
    read_names(devices, number, folder);
    device->suspended = major(number) != 0 && read_suspended(folder);
    partition = read_line(folder, "partition");
    if (partition && read_number(folder, "../dev", &disk)) {
        firn_devices_add_edge(devices, number, disk);
        g_array_append_val(queue, disk);
    }
    file = read_line(folder, "loop/backing_file");
    if (file)
        firn_devices_add_file(devices, number, file);
    read_slaves(devices, number, folder, queue);
}

static void read_all(FirnDevices *devices, const FirnRoots *roots, dev_t number)
{
    g_autoptr(GArray) queue = g_array_new(FALSE, FALSE, sizeof(dev_t));

    g_array_append_val(queue, number);
    for (guint i = 0; i < queue->len; i++)
        read_device(devices, roots, g_array_index(queue, dev_t, i), queue);
}

void firn_devices_add(FirnDevices *devices, const FirnRoots *roots, dev_t device)
{
    read_all(devices, roots, device);
}

/* The number of a device by its path in /dev: by the node, by the link, or by sysfs. */
static gboolean resolve(const FirnRoots *roots, const char *source, dev_t *number)
{
    g_autofree char *path = firn_roots_path(roots, source);
    g_autofree char *target = NULL;
    g_autofree char *name = NULL;
    g_autofree char *folder = NULL;
    struct stat status;

    if (!g_str_has_prefix(source, "/dev/") || strstr(source, "/../"))
        return FALSE;
    if (lstat(path, &status) == 0 && S_ISBLK(status.st_mode)) {
        *number = status.st_rdev;
        return TRUE;
    }
    target = g_file_read_link(path, NULL);
    name = target ? g_path_get_basename(target) : g_strdup(source + strlen("/dev/"));
    g_strdelimit(name, "/", '!');
    folder = firn_roots_pathf(roots, "/sys/class/block/%s", name);
    return read_number(folder, "dev", number);
}

/* The devices of one btrfs; free with g_array_unref(). */
static GArray *read_btrfs(const char *folder)
{
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(dev_t));
    g_autoptr(GDir) members = g_dir_open(folder, 0, NULL);
    const char *name;

    while (members && (name = g_dir_read_name(members))) {
        g_autofree char *file = g_build_filename(name, "dev", NULL);
        dev_t number;

        if (read_number(folder, file, &number))
            g_array_append_val(numbers, number);
    }
    return numbers;
}

GArray *firn_devices_list_btrfs(const FirnRoots *roots, const char *uuid)
{
    g_autofree char *folder = firn_roots_pathf(roots, "/sys/fs/btrfs/%s/devices", uuid);

    return read_btrfs(folder);
}

/* Each device of a btrfs (dev_t), with all of that filesystem (GArray). */
static GHashTable *read_all_btrfs(const FirnRoots *roots)
{
    GHashTable *table =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_array_unref);
    g_autofree char *path = firn_roots_path(roots, "/sys/fs/btrfs");
    g_autoptr(GDir) filesystems = g_dir_open(path, 0, NULL);
    const char *name;

    while (filesystems && (name = g_dir_read_name(filesystems))) {
        g_autofree char *folder = g_build_filename(path, name, "devices", NULL);
        g_autoptr(GArray) numbers = read_btrfs(folder);

        for (guint i = 0; i < numbers->len; i++)
            g_hash_table_replace(table, g_memdup2(&g_array_index(numbers, dev_t, i), sizeof(dev_t)),
                                 g_array_ref(numbers));
    }
    return table;
}

/* Adds the others of the devices of the btrfs that has `member`. */
static void add_btrfs(FirnDevices *devices, const FirnRoots *roots, dev_t anonymous, dev_t member)
{
    const GArray *numbers;

    if (!devices->btrfs)
        devices->btrfs = read_all_btrfs(roots);
    numbers = g_hash_table_lookup(devices->btrfs, &member);
    for (guint i = 0; numbers && i < numbers->len; i++) {
        dev_t number = g_array_index(numbers, dev_t, i);

        if (number == member)
            continue;
        firn_devices_add_edge(devices, anonymous, number);
        read_all(devices, roots, number);
    }
}

/* A superblock without a device number of its own names its devices as its source; bcachefs all of
 * them, parted by colons, which may be part of a name elsewhere. */
static void read_anonymous(FirnDevices *devices, const FirnRoots *roots, const FirnMount *mount)
{
    int most = g_str_equal(mount->type, "bcachefs") ? -1 : 1;
    g_auto(GStrv) sources = g_strsplit(mount->source, ":", most);

    for (char **source = sources; *source; source++) {
        dev_t number;

        if (!resolve(roots, *source, &number))
            continue;
        firn_devices_add_edge(devices, mount->device, number);
        read_all(devices, roots, number);
        if (g_str_equal(mount->type, "btrfs"))
            add_btrfs(devices, roots, mount->device, number);
    }
}

/* The log and the realtime section of XFS may have devices of their own. */
static void read_options(FirnDevices *devices, const FirnRoots *roots, const FirnMount *mount)
{
    static const char *const names[] = {"logdev", "rtdev"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *source = firn_mount_option_value(mount->super_options, names[i]);
        dev_t number;

        if (!source || !resolve(roots, source, &number))
            continue;
        firn_devices_add_edge(devices, mount->device, number);
        read_all(devices, roots, number);
    }
}

FirnDevices *firn_devices_read(const FirnRoots *roots, const FirnMounts *mounts)
{
    FirnDevices *devices = firn_devices_new();

    for (guint i = 0; i < mounts->count; i++) {
        const FirnMount *mount = &mounts->entries[i];
        const Device *known = find(devices, mount->device);

        if (known && known->visited)
            continue;
        if (major(mount->device) != 0) {
            read_all(devices, roots, mount->device);
            read_options(devices, roots, mount);
        } else if (g_str_equal(mount->type, "btrfs") || g_str_equal(mount->type, "bcachefs")) {
            need(devices, mount->device)->visited = TRUE;
            read_anonymous(devices, roots, mount);
        }
    }
    return devices;
}
