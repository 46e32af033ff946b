/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/superblock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* EXT4_IOC_CHECKPOINT of the kernel's Documentation/filesystems/ext4, since Linux 5.14. */
#define EXT4_CHECKPOINT _IOW('f', 43, guint32)

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
    struct statfs status;
    guint32 flags = 0;

    if (syncfs(fd) < 0)
        return errno;
    /* An ext4 freeze also empties the journal, which syncfs() leaves full. A kernel or a filesystem
     * that cannot do it before loses nothing. */
    if (fstatfs(fd, &status) == 0 && status.f_type == EXT4_SUPER_MAGIC)
        (void)ioctl(fd, EXT4_CHECKPOINT, &flags);
    return 0;
}

int firn_superblock_freeze(int fd)
{
    return ioctl(fd, FIFREEZE, 0) < 0 ? errno : 0;
}

int firn_superblock_thaw(int fd)
{
    return ioctl(fd, FITHAW, 0) < 0 ? errno : 0;
}

const FirnSuperblockCalls firn_superblock_kernel_calls = {
    firn_superblock_sync,
    firn_superblock_freeze,
    firn_superblock_thaw,
};
