/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/look.h"

#include <linux/btrfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "platform/devices.h"

/* Device ids are given in sequence and not used twice; those of one that had more are not all asked
 * for. */
#define MOST_IDS 4096

static gboolean btrfs_get_info(int fd, struct btrfs_ioctl_fs_info_args *info)
{
    memset(info, 0, sizeof *info);
    return ioctl(fd, BTRFS_IOC_FS_INFO, info) == 0;
}

/* As sysfs spells it; free with g_free(). */
static char *btrfs_format_uuid(const struct btrfs_ioctl_fs_info_args *info)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < sizeof info->fsid; i++)
        g_string_append_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                               info->fsid[i]);
    return g_string_free(text, FALSE);
}

/* Scrubs are asked for by device: ENOTCONN where none runs, ENODEV for an id of none. */
static gboolean btrfs_is_scrubbed(int fd, const struct btrfs_ioctl_fs_info_args *info)
{
    guint64 most = MIN(info->max_id, MOST_IDS);

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
    struct btrfs_ioctl_fs_info_args info;
    g_autofree char *uuid = NULL;
    g_autofree char *operation = NULL;
    g_autofree char *what = NULL;
    const char *remedy = NULL;

    if (!btrfs_get_info(fd, &info))
        return NULL;
    uuid = btrfs_format_uuid(&info);
    operation = btrfs_read_operation(roots, uuid);
    if (btrfs_is_replaced(fd))
        return g_strdup_printf("a device of %s is being replaced, which goes on writing to its "
                               "disks while it is frozen: wait for the replacement's end, or "
                               "cancel it with 'btrfs replace cancel %s'",
                               path, path);
    if (btrfs_is_scrubbed(fd, &info)) {
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

char *firn_look_find_suspended(const FirnRoots *roots, dev_t device, int fd)
{
    g_autoptr(FirnDevices) devices = firn_devices_new();
    struct btrfs_ioctl_fs_info_args info;
    g_autoptr(GArray) members = NULL;
    const char *found = NULL;

    if (major(device) == 0 && fd >= 0 && btrfs_get_info(fd, &info)) {
        g_autofree char *uuid = btrfs_format_uuid(&info);

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
