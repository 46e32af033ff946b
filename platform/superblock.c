/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/superblock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

int firn_superblock_mount_id(int fd)
{
    struct statx status;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0 ||
        !(status.stx_mask & STATX_MNT_ID))
        return -1;
    return (int)status.stx_mnt_id;
}

/* A folder, or a file that is mounted on its own; never a device, whose opening may do things. */
static int open_place(const char *path)
{
    struct stat status;
    int fd = open(path, OPEN_FLAGS | O_DIRECTORY);

    if (fd >= 0 || errno != ENOTDIR)
        return fd;
    if (lstat(path, &status) == 0 && S_ISREG(status.st_mode))
        return open(path, OPEN_FLAGS);
    errno = ENOTDIR;
    return -1;
}

int firn_superblock_open(const char *path, int mount_id, int *fd)
{
    int opened = open_place(path);
    int found;

    if (opened < 0)
        return errno;
    found = mount_id >= 0 ? firn_superblock_mount_id(opened) : -1;
    if (found >= 0 && found != mount_id) {
        close(opened);
        return ESTALE;
    }
    *fd = opened;
    return 0;
}

int firn_superblock_sync(int fd)
{
    return syncfs(fd) < 0 ? errno : 0;
}

int firn_superblock_freeze(int fd)
{
    return ioctl(fd, FIFREEZE, 0) < 0 ? errno : 0;
}

int firn_superblock_thaw(int fd)
{
    return ioctl(fd, FITHAW, 0) < 0 ? errno : 0;
}
