/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/filesystems.h"

#include "platform/devices.h"
#include "platform/disk-index.h"
#include "platform/mount-ways.h"
#include "platform/mountinfo.h"

#include <sys/statvfs.h>
#include <sys/sysmacros.h>

typedef struct FirnFilesystemsStore {
    FirnMounts *mounts;
    FirnDiskIndex *index;
    GPtrArray *disks;    /* arrays of addresses, one a superblock */
    GStringChunk *names; /* of devices that sysfs does not know */
} Store;

/* What all mounts of one superblock share. */
typedef struct {
    dev_t device;
    const char *name;
    GPtrArray *disks;    /* in the store; NULL: none of ours */
    guint first;         /* place of its first mount in the table */
    const char *visible; /* a mountpoint where it can be asked, or NULL */
} Superblock;

/* btrfs and bcachefs have a number that no device has; their devices are found by their sources. */
static FirnDevices *read_anonymous(const FirnRoots *roots, const FirnMounts *mounts)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(FirnMount));
    FirnMounts view = {0};

    for (guint i = 0; i < mounts->count; i++) {
        const FirnMount *mount = &mounts->entries[i];

        if (major(mount->device) == 0 &&
            (g_str_equal(mount->type, "btrfs") || g_str_equal(mount->type, "bcachefs")))
            g_array_append_val(found, *mount);
    }
    if (found->len == 0)
        return firn_devices_new();
    view.entries = (FirnMount *)(gpointer)found->data;
    view.count = found->len;
    return firn_devices_read(roots, &view);
}

static const char *device_name(Store *store, dev_t number)
{
    const char *name = firn_disk_index_name(store->index, number);
    g_autofree char *text = NULL;

    if (name)
        return name;
    text = g_strdup_printf("%u:%u", major(number), minor(number));
    return g_string_chunk_insert(store->names, text);
}

static Superblock *superblock_new(Store *store, const FirnDevices *anonymous, dev_t device)
{
    Superblock *superblock = g_new0(Superblock, 1);
    guint count = 1;
    const dev_t *numbers = &device;

    superblock->device = device;
    if (major(device) == 0)
        numbers = firn_devices_lower(anonymous, device, &count);
    if (count == 0)
        return superblock;
    superblock->name = device_name(store, numbers[0]);
    superblock->disks = g_ptr_array_new();
    g_ptr_array_add(store->disks, superblock->disks);
    for (guint i = 0; i < count; i++)
        firn_disk_index_collect(store->index, numbers[i], superblock->disks);
    return superblock;
}

static GHashTable *find_superblocks(Store *store, const FirnRoots *roots, FirnMountWays *ways)
{
    GHashTable *superblocks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    g_autoptr(FirnDevices) anonymous = read_anonymous(roots, store->mounts);

    for (guint i = 0; i < store->mounts->count; i++) {
        const FirnMount *mount = &store->mounts->entries[i];
        Superblock *superblock = g_hash_table_lookup(superblocks, &mount->device);

        if (!superblock) {
            superblock = superblock_new(store, anonymous, mount->device);
            superblock->first = i;
            g_hash_table_insert(superblocks, &superblock->device, superblock);
        }
        if (superblock->name && !superblock->visible && firn_mount_ways_is_open(ways, i))
            superblock->visible = mount->mountpoint;
    }
    return superblocks;
}

static void fill(FirnFilesystem *filesystem, const FirnMount *mount, const Superblock *superblock)
{
    filesystem->name = superblock->name;
    filesystem->mountpoint = mount->mountpoint;
    filesystem->type = mount->type;
    filesystem->usage_path = superblock->visible;
    filesystem->disks = (const FirnDiskAddress *const *)(gconstpointer)superblock->disks->pdata;
    filesystem->disk_count = superblock->disks->len;
}

FirnFilesystems *firn_filesystems_read(const FirnRoots *roots, GError **error)
{
    g_autoptr(FirnMountWays) ways = NULL;
    g_autoptr(GHashTable) superblocks = NULL;
    FirnMounts *mounts = firn_mounts_read(roots, error);
    FirnFilesystems *list;

    if (!mounts)
        return NULL;
    list = g_new0(FirnFilesystems, 1);
    list->store = g_new0(Store, 1);
    list->store->mounts = mounts;
    list->store->index = firn_disk_index_new(roots);
    list->store->disks = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    list->store->names = g_string_chunk_new(64);
    list->entries = g_new0(FirnFilesystem, mounts->count);
    ways = firn_mount_ways_new(mounts);
    superblocks = find_superblocks(list->store, roots, ways);
    for (guint i = mounts->count; i > 0; i--) {
        const FirnMount *mount = &mounts->entries[i - 1];
        const Superblock *superblock = g_hash_table_lookup(superblocks, &mount->device);

        if (superblock->name && superblock->first == i - 1)
            fill(&list->entries[list->count++], mount, superblock);
    }
    return list;
}

void firn_filesystems_free(FirnFilesystems *list)
{
    if (!list)
        return;
    g_ptr_array_unref(list->store->disks);
    firn_disk_index_free(list->store->index);
    firn_mounts_free(list->store->mounts);
    g_string_chunk_free(list->store->names);
    g_free(list->store);
    g_free(list->entries);
    g_free(list);
}

FirnUsage firn_usage_read(const char *path)
{
    FirnUsage usage = {0};
    struct statvfs status;
    guint64 used;

    if (statvfs(path, &status) < 0 || status.f_bfree > status.f_blocks)
        return usage;
    used = status.f_blocks - status.f_bfree;
    usage.known = TRUE;
    usage.used = used * status.f_frsize;
    usage.total = (used + status.f_bavail) * status.f_frsize;
    usage.total_privileged = status.f_blocks * status.f_frsize;
    return usage;
}
