/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/memory-file.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void memory_file_fail(int cause, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "no memory for so many bytes at once: %s", g_strerror(cause));
}

int firn_memory_file_new(GError **error)
{
    int fd = memfd_create("firn", MFD_CLOEXEC);

    if (fd < 0)
        memory_file_fail(errno, error);
    return fd;
}

gboolean firn_memory_file_append(int fd, const void *bytes, gsize length, GError **error)
{
    gsize done = 0;

    while (done < length) {
        gssize n = write(fd, (const guint8 *)bytes + done, length - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            memory_file_fail(n < 0 ? errno : ENOSPC, error);
            return FALSE;
        }
        done += (gsize)n;
    }
    return TRUE;
}

gsize firn_memory_file_read(int fd, guint64 offset, void *bytes, gsize length)
{
    gsize done = 0;

    while (done < length) {
        gssize n = pread(fd, (guint8 *)bytes + done, length - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (gsize)n;
    }
    return done;
}

gsize firn_memory_file_size(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? (gsize)status.st_size : 0;
}

gpointer firn_memory_file_map(int fd, gsize length, GError **error)
{
    gpointer map = MAP_FAILED;

    if (ftruncate(fd, (off_t)length) == 0)
        map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        return map;
    memory_file_fail(errno, error);
    return NULL;
}

void firn_memory_file_unmap(gpointer map, gsize length)
{
    munmap(map, length);
}
