/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/devices.h"

#include "platform/backing.h"
#include "platform/btrfs.h"
#include "platform/loop.h"

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
    gboolean unknown; /* stands on something else too that nobody tells */
} Device;

struct FirnDevices {
    GHashTable *table; /* dev_t -> Device */
    GHashTable *btrfs; /* of read_all_btrfs(); NULL before the first */
};

/* One look-up. */
typedef struct {
    FirnDevices *devices;
    const FirnRoots *roots;
    const FirnMounts *mounts; /* NULL: only devices are looked at */
    FirnBacking *backing;     /* made for the first loop device */
    GArray *queue;            /* dev_t: devices to look at */
} Reader;

G_STATIC_ASSERT(sizeof(dev_t) == sizeof(gint64));

static void device_free(gpointer data)
{
    Device *device = data;

    g_array_unref(device->lower);
    g_ptr_array_unref(device->names);
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

void firn_devices_set_unknown(FirnDevices *devices, dev_t number)
{
    need(devices, number)->unknown = TRUE;
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

gboolean firn_devices_is_unknown(const FirnDevices *devices, dev_t number)
{
    const Device *device = find(devices, number);

    return device && device->unknown;
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

/* upper stands on lower, which is looked at as well. */
static void reader_connect(Reader *reader, dev_t upper, dev_t lower)
{
    firn_devices_add_edge(reader->devices, upper, lower);
    if (major(lower) != 0)
        g_array_append_val(reader->queue, lower);
}

static void reader_read_slaves(Reader *reader, dev_t number, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "slaves", NULL);
    g_autoptr(GDir) slaves = g_dir_open(path, 0, NULL);
    const char *name;

    while (slaves && (name = g_dir_read_name(slaves))) {
        g_autofree char *file = g_build_filename(name, "dev", NULL);
        dev_t lower;

        if (read_number(path, file, &lower))
            reader_connect(reader, number, lower);
    }
}

/* What is written to an overlay goes to its upper directory. */
static void reader_read_overlay(Reader *reader, dev_t number)
{
    Device *device = need(reader->devices, number);
    dev_t lower;

    if (device->visited)
        return;
    device->visited = TRUE;
    if (!firn_backing_find_upper(reader->backing, number, &lower))
        device->unknown = TRUE;
    else if (lower != 0)
        reader_connect(reader, number, lower);
}

static FirnBacking *reader_need_backing(Reader *reader)
{
    if (!reader->backing)
        reader->backing = firn_backing_new(reader->roots, reader->mounts);
    return reader->backing;
}

static void reader_read_file(Reader *reader, dev_t number, const char *path)
{
    Device *device = need(reader->devices, number);
    const char *name = device->names->len > 0 ? device->names->pdata[0] : "";
    dev_t lower;

    if (!reader->mounts) {
        if (firn_roots_are_host(reader->roots) && firn_loop_get_file_device(number, name, &lower))
            reader_connect(reader, number, lower);
        return;
    }
    if (!firn_backing_find_file(reader_need_backing(reader), number, name, path, &lower)) {
        device->unknown = TRUE;
        return;
    }
    reader_connect(reader, number, lower);
    if (firn_backing_is_overlay(reader->backing, lower))
        reader_read_overlay(reader, lower);
}

static void reader_read_device(Reader *reader, dev_t number)
{
    Device *device = need(reader->devices, number);
    g_autofree char *folder =
        firn_roots_pathf(reader->roots, "/sys/dev/block/%u:%u", major(number), minor(number));
    g_autofree char *partition = NULL;
    g_autofree char *file = NULL;
    dev_t disk;

    if (device->visited)
        return;
    device->visited = TRUE;
    read_names(reader->devices, number, folder);
    device->suspended = read_suspended(folder);
    partition = read_line(folder, "partition");
    if (partition && read_number(folder, "../dev", &disk))
        reader_connect(reader, number, disk);
    file = read_line(folder, "loop/backing_file");
    if (file)
        reader_read_file(reader, number, file);
    reader_read_slaves(reader, number, folder);
}

/* One device and all that it stands on. */
static void reader_read(Reader *reader, dev_t number)
{
    g_array_append_val(reader->queue, number);
    for (guint i = 0; i < reader->queue->len; i++)
        reader_read_device(reader, g_array_index(reader->queue, dev_t, i));
    g_array_set_size(reader->queue, 0);
}

void firn_devices_add(FirnDevices *devices, const FirnRoots *roots, dev_t device)
{
    Reader reader = {
        .devices = devices, .roots = roots, .queue = g_array_new(FALSE, FALSE, sizeof(dev_t))};

    reader_read(&reader, device);
    g_array_unref(reader.queue);
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

/* but: one that is added already; 0 for none. */
static void reader_add_members(Reader *reader, dev_t anonymous, dev_t but, const GArray *members)
{
    for (guint i = 0; members && i < members->len; i++) {
        dev_t number = g_array_index(members, dev_t, i);

        if (number == but)
            continue;
        firn_devices_add_edge(reader->devices, anonymous, number);
        reader_read(reader, number);
    }
}

/* By one of its devices, which comes first: the filesystem is told by it. */
static void reader_add_btrfs(Reader *reader, dev_t anonymous, dev_t member)
{
    if (!reader->devices->btrfs)
        reader->devices->btrfs = read_all_btrfs(reader->roots);
    firn_devices_add_edge(reader->devices, anonymous, member);
    reader_read(reader, member);
    reader_add_members(reader, anonymous, member,
                       g_hash_table_lookup(reader->devices->btrfs, &member));
}

/* A source that leads to no device is asked for by the filesystem itself. */
static void reader_ask_btrfs(Reader *reader, const FirnMount *mount)
{
    g_autofree char *uuid = NULL;
    g_autoptr(GArray) members = NULL;
    int fd = firn_backing_open(reader_need_backing(reader), mount->device);

    if (fd < 0)
        return;
    uuid = firn_btrfs_get_uuid(fd);
    close(fd);
    members = uuid ? firn_devices_list_btrfs(reader->roots, uuid) : NULL;
    reader_add_members(reader, mount->device, 0, members);
}

/* A superblock without a device number of its own names its devices as its source; bcachefs all of
 * them, parted by colons, which may be part of a name elsewhere. */
static void reader_read_anonymous(Reader *reader, const FirnMount *mount)
{
    gboolean is_btrfs = g_str_equal(mount->type, "btrfs");
    g_auto(GStrv) sources = g_strsplit(mount->source, ":", is_btrfs ? 1 : -1);

    need(reader->devices, mount->device)->visited = TRUE;
    for (char **source = sources; *source; source++) {
        dev_t number;

        if (!resolve(reader->roots, *source, &number)) {
            if (is_btrfs)
                reader_ask_btrfs(reader, mount);
            continue;
        }
        if (is_btrfs) {
            reader_add_btrfs(reader, mount->device, number);
        } else {
            firn_devices_add_edge(reader->devices, mount->device, number);
            reader_read(reader, number);
        }
    }
}

/* The log and the realtime section of XFS may have devices of their own. */
static void reader_read_options(Reader *reader, const FirnMount *mount)
{
    static const char *const names[] = {"logdev", "rtdev"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *source = firn_mount_option_value(mount->super_options, names[i]);
        dev_t number;

        if (!source || !resolve(reader->roots, source, &number))
            continue;
        firn_devices_add_edge(reader->devices, mount->device, number);
        reader_read(reader, number);
    }
}

FirnDevices *firn_devices_read(const FirnRoots *roots, const FirnMounts *mounts)
{
    Reader reader = {.devices = firn_devices_new(),
                     .roots = roots,
                     .mounts = mounts,
                     .queue = g_array_new(FALSE, FALSE, sizeof(dev_t))};

    for (guint i = 0; i < mounts->count; i++) {
        const FirnMount *mount = &mounts->entries[i];
        const Device *known = find(reader.devices, mount->device);

        if (known && known->visited)
            continue;
        if (major(mount->device) != 0) {
            reader_read(&reader, mount->device);
            reader_read_options(&reader, mount);
        } else if (g_str_equal(mount->type, "btrfs") || g_str_equal(mount->type, "bcachefs")) {
            reader_read_anonymous(&reader, mount);
        }
    }
    firn_backing_free(reader.backing);
    g_array_unref(reader.queue);
    return reader.devices;
}
