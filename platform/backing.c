/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/backing.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "platform/btrfs.h"
#include "platform/loop.h"
#include "platform/mount-ways.h"
#include "platform/superblock.h"

struct FirnBacking {
    const FirnMounts *mounts;
    gboolean live; /* the table is this machine's */
    FirnMountIndex *index;
    FirnMountWays *ways;
    GHashTable *supers; /* dev_t -> FirnMount, a superblock's first that can be opened, or first */
    GHashTable *anonymous; /* dev_t -> dev_t: st_dev of files that is in no table; 0: not found */
};

static gboolean backing_is_open(const FirnBacking *backing, const FirnMount *mount)
{
    return firn_mount_ways_is_open(backing->ways, (guint)(mount - backing->mounts->entries));
}

FirnBacking *firn_backing_new(const FirnRoots *roots, const FirnMounts *mounts)
{
    FirnBacking *backing = g_new0(FirnBacking, 1);

    backing->mounts = mounts;
    backing->live = firn_roots_are_host(roots);
    backing->index = firn_mount_index_new(mounts);
    backing->ways = firn_mount_ways_new(mounts);
    backing->supers = g_hash_table_new(g_int64_hash, g_int64_equal);
    backing->anonymous = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    for (guint i = 0; i < mounts->count; i++) {
        FirnMount *mount = &mounts->entries[i];
        const FirnMount *known = g_hash_table_lookup(backing->supers, &mount->device);

        if (!known || (!backing_is_open(backing, known) && backing_is_open(backing, mount)))
            g_hash_table_replace(backing->supers, &mount->device, mount);
    }
    return backing;
}

void firn_backing_free(FirnBacking *backing)
{
    if (!backing)
        return;
    g_hash_table_unref(backing->anonymous);
    g_hash_table_unref(backing->supers);
    firn_mount_ways_free(backing->ways);
    firn_mount_index_free(backing->index);
    g_free(backing);
}

/* A folder of the superblock, or -1. */
static int backing_open(const FirnBacking *backing, const FirnMount *mount)
{
    int fd;

    if (!backing->live || !backing_is_open(backing, mount) ||
        firn_superblock_open(mount->mountpoint, mount->id, &fd) != 0)
        return -1;
    return fd;
}

int firn_backing_open(const FirnBacking *backing, dev_t device)
{
    const FirnMount *mount = g_hash_table_lookup(backing->supers, &device);

    return mount ? backing_open(backing, mount) : -1;
}

static gboolean backing_is_subvolume(const FirnBacking *backing, const FirnMount *mount,
                                     dev_t number)
{
    struct stat status;
    int fd = g_str_equal(mount->type, "btrfs") ? backing_open(backing, mount) : -1;
    gboolean found;

    if (fd < 0)
        return FALSE;
    found =
        (fstat(fd, &status) == 0 && status.st_dev == number) || firn_btrfs_has_number(fd, number);
    close(fd);
    return found;
}

/* An overlay over several filesystems gives its files a number for each of those. */
static gboolean backing_is_on_overlay(const FirnBacking *backing, const FirnMount *mount,
                                      const char *path, dev_t number)
{
    struct stat status;

    return mount && g_str_equal(mount->type, "overlay") && backing_is_open(backing, mount) &&
           lstat(path, &status) == 0 && status.st_dev == number;
}

/* The superblock whose files have a number that is in no table, or 0. */
static dev_t backing_search(const FirnBacking *backing, const FirnMount *by_path, const char *path,
                            dev_t number)
{
    GHashTableIter iter;
    gpointer value;

    if (backing_is_on_overlay(backing, by_path, path, number))
        return by_path->device;
    g_hash_table_iter_init(&iter, backing->supers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const FirnMount *mount = value;

        if (backing_is_subvolume(backing, mount, number))
            return mount->device;
    }
    return 0;
}

/* Many loop devices may stand on files of one subvolume. */
static gboolean backing_find_anonymous(FirnBacking *backing, const FirnMount *by_path,
                                       const char *path, dev_t number, dev_t *lower)
{
    dev_t *known = g_hash_table_lookup(backing->anonymous, &number);

    *lower = known ? *known : backing_search(backing, by_path, path, number);
    if (!known)
        g_hash_table_insert(backing->anonymous, g_memdup2(&number, sizeof number),
                            g_memdup2(lower, sizeof *lower));
    return *lower != 0;
}

static gboolean backing_is_served(const FirnMount *mount)
{
    return firn_mount_type_is_network(mount->type) || firn_mount_type_is_fuse(mount->type);
}

gboolean firn_backing_find_file(FirnBacking *backing, dev_t loop, const char *name,
                                const char *path, dev_t *lower)
{
    const FirnMount *by_path = firn_mount_index_find(backing->index, path);

    *lower = 0;
    if (by_path && backing_is_served(by_path)) /* its server would be asked for the number */
        return FALSE;
    if (!backing->live || !firn_loop_get_file_device(loop, name, lower)) {
        *lower = by_path ? by_path->device : 0;
        return by_path != NULL;
    }
    if (major(*lower) != 0 || g_hash_table_contains(backing->supers, lower))
        return TRUE;
    return backing_find_anonymous(backing, by_path, path, *lower, lower);
}

gboolean firn_backing_is_overlay(const FirnBacking *backing, dev_t device)
{
    const FirnMount *mount = g_hash_table_lookup(backing->supers, &device);

    return mount && g_str_equal(mount->type, "overlay");
}

static gboolean backing_get_size(const FirnBacking *backing, const FirnMount *mount,
                                 struct statfs *size)
{
    int fd = backing_open(backing, mount);
    gboolean success = fd >= 0 && fstatfs(fd, size) == 0;

    if (fd >= 0)
        close(fd);
    return success;
}

/* How well a filesystem's statfs(2) fits an overlay's, which is that of its upper directory but for
 * the type, the length of names and, from Linux 6.6 on, often the id. */
enum { NO_FIT, SAME_SIZE, SAME_USE, SAME_ID };

static int backing_compare(const struct statfs *overlay, const struct statfs *size)
{
    static const fsid_t none;

    if (overlay->f_blocks != size->f_blocks || overlay->f_bsize != size->f_bsize)
        return NO_FIT;
    if (memcmp(&size->f_fsid, &none, sizeof none) != 0 &&
        memcmp(&overlay->f_fsid, &size->f_fsid, sizeof none) == 0)
        return SAME_ID;
    return overlay->f_bfree == size->f_bfree && overlay->f_ffree == size->f_ffree ? SAME_USE
                                                                                  : SAME_SIZE;
}

static gboolean backing_may_be_upper(const FirnMount *mount)
{
    return major(mount->device) != 0 || g_str_equal(mount->type, "btrfs") ||
           g_str_equal(mount->type, "bcachefs");
}

typedef struct {
    int best;
    guint count; /* how many fit so well */
    dev_t device;
    int by_path;       /* how well the one fits that the path in the table leads to */
    gboolean complete; /* all could be asked */
} Fit;

static void fit_add(Fit *fit, int fits, dev_t device, gboolean by_path)
{
    if (by_path)
        fit->by_path = fits;
    if (fits == NO_FIT || fits < fit->best)
        return;
    fit->count = fits > fit->best ? 1 : fit->count + 1;
    fit->best = fits;
    fit->device = device;
}

static Fit backing_fit(const FirnBacking *backing, const struct statfs *overlay,
                       const FirnMount *by_path)
{
    Fit fit = {.complete = TRUE};
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, backing->supers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const FirnMount *mount = value;
        struct statfs size;

        if (!backing_may_be_upper(mount))
            continue;
        if (backing_get_size(backing, mount, &size))
            fit_add(&fit, backing_compare(overlay, &size), mount->device,
                    by_path && by_path->device == mount->device);
        else
            fit.complete = FALSE;
    }
    return fit;
}

gboolean firn_backing_find_upper(FirnBacking *backing, dev_t overlay, dev_t *lower)
{
    const FirnMount *mount = g_hash_table_lookup(backing->supers, &overlay);
    g_autofree char *upper = firn_mount_option_value(mount->super_options, "upperdir");
    const FirnMount *by_path =
        upper && upper[0] == '/' ? firn_mount_index_find(backing->index, upper) : NULL;
    struct statfs size;
    Fit fit;

    *lower = by_path ? by_path->device : 0;
    if (!upper || !backing->live || !backing_get_size(backing, mount, &size))
        return !upper || by_path;
    fit = backing_fit(backing, &size, by_path);
    if (fit.best == SAME_ID && fit.count == 1)
        *lower = fit.device;
    else if (fit.by_path != NO_FIT)
        return TRUE;
    else
        *lower = fit.count == 1 ? fit.device : 0;
    return fit.count == 1 || (fit.count == 0 && fit.complete);
}
