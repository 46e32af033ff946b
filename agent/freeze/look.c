/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/look.h"

#include <linux/btrfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "platform/btrfs.h"
#include "platform/devices.h"

/* Device ids are given in sequence and not used twice; those of one that had more are not all asked
 * for. */
#define MOST_IDS 4096

/* Scrubs are asked for by device: ENOTCONN where none runs, ENODEV for an id of none. */
static gboolean btrfs_is_scrubbed(int fd)
{
    guint64 most = MIN(firn_btrfs_get_last_device(fd), MOST_IDS);

    for (guint64 id = 1; id <= most; id++) {
        struct btrfs_ioctl_scrub_args scrub = {.devid = id};

        if (ioctl(fd, BTRFS_IOC_SCRUB_PROGRESS, &scrub) == 0)
            return TRUE;
    }
    return FALSE;
}

/* A balance that is paused holds nothing. */
static gboolean btrfs_is_balanced(int fd)
{
    struct btrfs_ioctl_balance_args balance = {0};

    return ioctl(fd, BTRFS_IOC_BALANCE_PROGRESS, &balance) == 0 &&
           (balance.state & BTRFS_BALANCE_STATE_RUNNING) != 0;
}

static gboolean btrfs_is_replaced(int fd)
{
    struct btrfs_ioctl_dev_replace_args replace = {.cmd = BTRFS_IOCTL_DEV_REPLACE_CMD_STATUS};

    return ioctl(fd, BTRFS_IOC_DEV_REPLACE, &replace) == 0 &&
           replace.status.replace_state == BTRFS_IOCTL_DEV_REPLACE_STATE_STARTED;
}

/* What else only one at a time may do; NULL before Linux 5.10. Free with g_free(). */
static char *btrfs_read_operation(const FirnRoots *roots, const char *uuid)
{
    g_autofree char *path = firn_roots_pathf(roots, "/sys/fs/btrfs/%s/exclusive_operation", uuid);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_strchomp(text) : NULL;
}

static char *look_describe(const char *path, const char *what, const char *remedy)
{
    return g_strdup_printf(
        "%s, which a freeze would have to wait for: wait for its end, or %s with "
        "'btrfs %s %s'",
        what, g_str_has_suffix(remedy, "pause") ? "pause it" : "cancel it", remedy, path);
}

/* A replacement looks like a scrub of the device that it reads, so that it is asked for first. */
static char *btrfs_find_holder(const FirnRoots *roots, const char *path, int fd)
{
    g_autofree char *uuid = firn_btrfs_get_uuid(fd);
    g_autofree char *operation = NULL;
    g_autofree char *what = NULL;
    const char *remedy = NULL;

    if (!uuid)
        return NULL;
    operation = btrfs_read_operation(roots, uuid);
    if (btrfs_is_replaced(fd))
        return g_strdup_printf("a device of %s is being replaced, which goes on writing to its "
                               "disks while it is frozen: wait for the replacement's end, or "
                               "cancel it with 'btrfs replace cancel %s'",
                               path, path);
    if (btrfs_is_scrubbed(fd)) {
        what = g_strdup_printf("a scrub of %s runs", path);
        remedy = "scrub cancel";
    } else if (btrfs_is_balanced(fd)) {
        what = g_strdup_printf("a balance of %s runs", path);
        remedy = "balance pause";
    } else if (operation && g_str_equal(operation, "device remove")) {
        what = g_strdup_printf("a device of %s is being removed", path);
        remedy = "device remove cancel";
    } else if (operation && g_str_equal(operation, "resize")) {
        what = g_strdup_printf("%s is being resized", path);
        remedy = "filesystem resize cancel";
    }
    return what ? look_describe(path, what, remedy) : NULL;
}

/* Where the kernel has no device-mapper, nothing can be suspended. */
static gboolean has_device_mapper(const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/class/misc/device-mapper");

    return access(path, F_OK) == 0;
}

char *firn_look_find_suspended(const FirnRoots *roots, dev_t device, int fd)
{
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(GArray) members = NULL;
    g_autofree char *uuid = NULL;
    const char *found = NULL;

    if (!has_device_mapper(roots))
        return NULL;
    uuid = major(device) == 0 && fd >= 0 ? firn_btrfs_get_uuid(fd) : NULL;
    if (uuid) {
        members = firn_devices_list_btrfs(roots, uuid);
    } else {
        members = g_array_new(FALSE, FALSE, sizeof(dev_t));
        g_array_append_val(members, device);
    }
    for (guint i = 0; !found && i < members->len; i++) {
        firn_devices_add(devices, roots, g_array_index(members, dev_t, i));
        found = firn_devices_find_suspended(devices, g_array_index(members, dev_t, i));
    }
    if (found && g_str_has_prefix(found, "mapper/"))
        found += strlen("mapper/");
    return g_strdup(found);
}

char *firn_look_find_holder(const FirnRoots *roots, const FirnPlanTarget *target, int fd)
{
    g_autofree char *suspended = firn_look_find_suspended(roots, target->device, fd);

    if (suspended)
        return g_strdup_printf("the device %s, which %s stands on, is suspended, so that nothing "
                               "can be written to it: resume it with 'dmsetup resume %s'",
                               suspended, target->mountpoint, suspended);
    return g_str_equal(target->type, "btrfs") ? btrfs_find_holder(roots, target->mountpoint, fd)
                                              : NULL;
}
