/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/btrfs.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SUBVOLUMES 10000

/* The kernel's fs/btrfs/export.h: a handle without a parent, FILEID_BTRFS_WITHOUT_PARENT of
 * include/linux/exportfs.h. A generation of 0 is any. */
#define HANDLE_TYPE 0x4d
typedef struct {
    guint64 inode;
    guint64 subvolume;
    guint32 generation;
} __attribute__((packed)) BtrfsHandle;

static gboolean btrfs_get_info(int fd, struct btrfs_ioctl_fs_info_args *info)
{
    memset(info, 0, sizeof *info);
    return ioctl(fd, BTRFS_IOC_FS_INFO, info) == 0;
}

char *firn_btrfs_get_uuid(int fd)
{
    struct btrfs_ioctl_fs_info_args info;
    GString *text;

    if (!btrfs_get_info(fd, &info))
        return NULL;
    text = g_string_new(NULL);
    for (guint i = 0; i < sizeof info.fsid; i++)
        g_string_append_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                               info.fsid[i]);
    return g_string_free(text, FALSE);
}

guint64 firn_btrfs_get_last_device(int fd)
{
    struct btrfs_ioctl_fs_info_args info;

    return btrfs_get_info(fd, &info) ? info.max_id : 0;
}

/* The st_dev of a subvolume's own folder, by its handle. */
static gboolean btrfs_get_number(int fd, guint64 subvolume, dev_t *number)
{
    BtrfsHandle content = {.inode = BTRFS_FIRST_FREE_OBJECTID, .subvolume = subvolume};
    guint64 room[8] = {0};
    struct file_handle *handle = (struct file_handle *)room;
    struct stat status;
    int opened;

    G_STATIC_ASSERT(sizeof *handle + sizeof content <= sizeof room);
    handle->handle_bytes = sizeof content;
    handle->handle_type = HANDLE_TYPE;
    memcpy(handle->f_handle, &content, sizeof content);
    opened = open_by_handle_at(fd, handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return FALSE;
    if (fstat(opened, &status) < 0)
        status.st_dev = 0;
    close(opened);
    *number = status.st_dev;
    return status.st_dev != 0;
}

/* Lets the next answer begin behind an item: the three parts of its key are one number. */
static void btrfs_go_on(struct btrfs_ioctl_search_key *key,
                        const struct btrfs_ioctl_search_header *item)
{
    key->min_objectid = item->objectid;
    key->min_type = item->type;
    key->min_offset = item->offset + 1;
    if (key->min_offset != 0)
        return;
    key->min_type++;
    if (key->min_type > G_MAXUINT8) {
        key->min_type = 0;
        key->min_objectid++;
    }
}

static gboolean btrfs_is_subvolume(const struct btrfs_ioctl_search_header *item)
{
    return item->type == BTRFS_ROOT_ITEM_KEY && (item->objectid == BTRFS_FS_TREE_OBJECTID ||
                                                 item->objectid >= BTRFS_FIRST_FREE_OBJECTID);
}

/* Looks at the subvolumes of one answer, in which there are other items of the same range too, and
 * counts them down. */
static gboolean btrfs_scan(int fd, struct btrfs_ioctl_search_args *search, dev_t number,
                           guint *left)
{
    gsize at = 0;

    for (guint i = 0; i<search->key.nr_items && * left> 0; i++) {
        struct btrfs_ioctl_search_header item;
        dev_t found;

        if (at + sizeof item > sizeof search->buf)
            break;
        memcpy(&item, search->buf + at, sizeof item);
        at += sizeof item + item.len;
        btrfs_go_on(&search->key, &item);
        if (!btrfs_is_subvolume(&item))
            continue;
        (*left)--;
        if (btrfs_get_number(fd, item.objectid, &found) && found == number)
            return TRUE;
    }
    return FALSE;
}

gboolean firn_btrfs_has_number(int fd, dev_t number)
{
    struct btrfs_ioctl_search_args search = {
        .key = {.tree_id = BTRFS_ROOT_TREE_OBJECTID,
                .min_objectid = BTRFS_FS_TREE_OBJECTID,
                .max_objectid = BTRFS_LAST_FREE_OBJECTID,
                .max_offset = G_MAXUINT64,
                .max_transid = G_MAXUINT64,
                .min_type = BTRFS_ROOT_ITEM_KEY,
                .max_type = BTRFS_ROOT_ITEM_KEY},
    };
    guint left = MOST_SUBVOLUMES;

    while (left > 0) {
        search.key.nr_items = G_MAXUINT32;
        if (ioctl(fd, BTRFS_IOC_TREE_SEARCH, &search) < 0 || search.key.nr_items == 0)
            return FALSE;
        if (btrfs_scan(fd, &search, number, &left))
            return TRUE;
    }
    return FALSE;
}
