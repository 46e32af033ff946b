/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* CLOSE_RANGE_CLOEXEC of close_range(2), Linux 5.11 */
#define CLOSE_ON_EXEC 4

static void close_from_to(guint first, guint last)
{
    if (first > last)
        return;
    if (syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (guint fd = first; fd <= last && fd < 65536; fd++)
        close((int)fd);
}

void firn_descriptors_close_but(const int *keep, guint count)
{
    guint next = 0;

    for (guint i = 0; i < count; i++) {
        guint fd = (guint)keep[i];

        if (fd > next)
            close_from_to(next, fd - 1);
        next = fd + 1;
    }
    close_from_to(next, ~0U);
}

void firn_descriptors_keep_private(void)
{
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_ON_EXEC) == 0)
        return;
    for (int fd = STDERR_FILENO + 1; fd < 65536; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static guint count_open(void)
{
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
    guint count = 0;

    while (folder && g_dir_read_name(folder))
        count++;
    return count;
}

gboolean firn_descriptors_make_room(guint count)
{
    rlim_t wanted = count + count_open();
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return FALSE;
    if (limit.rlim_cur >= wanted)
        return TRUE;
    limit.rlim_cur = wanted;
    limit.rlim_max = MAX(limit.rlim_max, wanted);
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}
