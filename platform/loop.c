/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/loop.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)

/* -1 when the path is no node of that device. */
static int loop_open_node(const char *path, dev_t loop)
{
    struct stat status;
    int fd;

    if (lstat(path, &status) < 0 || !S_ISBLK(status.st_mode) || status.st_rdev != loop)
        return -1;
    fd = open(path, OPEN_FLAGS);
    if (fd >= 0 && (fstat(fd, &status) < 0 || status.st_rdev != loop)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Not every /dev makes nodes by itself. */
static int loop_open(const char *name, dev_t loop)
{
    g_autofree char *path = g_strconcat("/dev/", name, NULL);
    g_autofree char *made = g_strdup_printf("/dev/.firn-%s-%d", name, (int)getpid());
    int fd = loop_open_node(path, loop);

    if (fd >= 0 || mknod(made, S_IFBLK | 0600, loop) < 0)
        return fd;
    fd = loop_open_node(made, loop);
    unlink(made);
    return fd;
}

gboolean firn_loop_get_file_device(dev_t loop, const char *name, dev_t *device)
{
    struct loop_info64 info = {0};
    int fd = loop_open(name, loop);
    gboolean success;

    if (fd < 0)
        return FALSE;
    success = ioctl(fd, LOOP_GET_STATUS64, &info) == 0;
    close(fd);
    /* the kernel's new_encode_dev(), of which makedev(3) is the same in 32 bits */
    *device = (dev_t)(info.lo_rdevice != 0 ? info.lo_rdevice : info.lo_device);
    return success;
}
