/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/trim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void set_trim_error(GError **error, int code)
{
    if (code == ENOTTY || code == EOPNOTSUPP)
        g_set_error_literal(error, G_FILE_ERROR, g_file_error_from_errno(code),
                            "trim not supported");
    else
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "failed to trim: %s",
                    g_strerror(code));
}

int firn_trim_open(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "failed to open: %s",
                    g_strerror(errno));
    return fd;
}

gboolean firn_trim(int fd, guint64 *minimum, guint64 *trimmed, GError **error)
{
    struct fstrim_range range = {.start = 0, .len = G_MAXUINT64, .minlen = *minimum};
    int result;

    do {
        result = ioctl(fd, FITRIM, &range);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        set_trim_error(error, errno);
    close(fd);
    *minimum = range.minlen;
    *trimmed = range.len;
    return result == 0;
}
