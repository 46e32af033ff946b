/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/state-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "platform/trust.h"

#define REMEDY "set 'statedir' to a folder below /run"

static void state_dir_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define AUTO_CLOSE __attribute__((cleanup(state_dir_close))) int

static gboolean state_dir_fail(const char *path, int cause, GError **error)
{
    struct stat status;
    const char *why = g_strerror(cause);

    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        why = "it is a symbolic link";
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "the state directory %s cannot be used: %s; make it, or %s", path, why, REMEDY);
    return FALSE;
}

/* What lies on a filesystem that gets frozen would wait for the thaw that it is needed for. */
static gboolean state_dir_check_type(const char *path, int fd, GError **error)
{
    struct statfs status;

    if (fstatfs(fd, &status) < 0)
        return state_dir_fail(path, errno, error);
    if (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "the state directory %s does not lie on a tmpfs or ramfs, so that a freeze could "
                "stop it: %s",
                path, REMEDY);
    return FALSE;
}

static gboolean state_dir_check_owner(const char *path, int fd, GError **error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return state_dir_fail(path, errno, error);
    if (firn_trust_status(&status))
        return TRUE;
    g_set_error(
        error, G_FILE_ERROR, G_FILE_ERROR_PERM,
        "the state directory %s %s: make it root's alone ('chown root', 'chmod go-w') after "
        "a look at what is in it, or %s",
        path,
        (status.st_mode & (S_IWGRP | S_IWOTH)) ? "may be written to by others"
                                               : "belongs to another user",
        REMEDY);
    return FALSE;
}

gboolean firn_state_dir_check(const char *path, GError **error)
{
    AUTO_CLOSE fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return state_dir_fail(path, errno, error);
    if (!state_dir_check_type(path, fd, error) || !state_dir_check_owner(path, fd, error))
        return FALSE;
    if (firn_trust_check_way(path, error))
        return TRUE;
    g_prefix_error(error, "the state directory %s is not safe: ", path);
    return FALSE;
}

gboolean firn_state_dir_check_room(const char *path, guint64 bytes, GError **error)
{
    AUTO_CLOSE fd = open(path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    int cause = fd < 0 ? errno : 0;

    if (fd >= 0 && fallocate(fd, 0, 0, (off_t)bytes) < 0)
        cause = errno;
    if (cause == 0 || cause == EOPNOTSUPP) /* a ramfs has no limit, and no fallocate(2) */
        return TRUE;
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "the state directory %s has no room for the %" G_GUINT64_FORMAT
                " bytes of a freeze's record: %s; free some of it, or %s",
                path, bytes, g_strerror(cause), REMEDY);
    return FALSE;
}
