/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

struct FirnFile {
    gint64 handle;
    int fd;
};

struct FirnFiles {
    guint limit;
    gint64 next;
    GHashTable *by_handle;
};

static void file_free(gpointer data)
{
    FirnFile *file = data;

    if (file->fd >= 0)
        close(file->fd);
    g_free(file);
}

FirnFiles *firn_files_new(guint limit)
{
    FirnFiles *files = g_new0(FirnFiles, 1);

    files->limit = limit;
    files->next = MAX(1, g_get_real_time());
    files->by_handle = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, file_free);
    return files;
}

void firn_files_free(FirnFiles *files)
{
    if (!files)
        return;
    g_hash_table_unref(files->by_handle);
    g_free(files);
}

guint firn_files_default_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 256;
    return (guint)(MIN(limit.rlim_cur, 65536) / 4 * 3);
}

/* Exactly the modes of the C standard. FALSE for any other. */
static gboolean parse_mode(const char *mode, int *flags)
{
    static const struct {
        const char *modes[4];
        int flags;
    } table[] = {
        {{"r", "rb"}, O_RDONLY},
        {{"w", "wb"}, O_WRONLY | O_CREAT | O_TRUNC},
        {{"a", "ab"}, O_WRONLY | O_CREAT | O_APPEND},
        {{"r+", "rb+", "r+b"}, O_RDWR},
        {{"w+", "wb+", "w+b"}, O_RDWR | O_CREAT | O_TRUNC},
        {{"a+", "ab+", "a+b"}, O_RDWR | O_CREAT | O_APPEND},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (!g_strv_contains(table[i].modes, mode))
            continue;
        *flags = table[i].flags;
        return TRUE;
    }
    return FALSE;
}

G_GNUC_PRINTF(2, 3) static void set_error(GError **error, const char *format, ...)
{
    int cause = errno;
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause), "%s: %s", text,
                g_strerror(cause));
}

gint64 firn_files_open(FirnFiles *files, const char *path, const char *mode, GError **error)
{
    FirnFile *file;
    int flags, fd;

    if (!parse_mode(mode, &flags)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "invalid file open mode '%s'", mode);
        return 0;
    }
    if (g_hash_table_size(files->by_handle) >= files->limit) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_MFILE,
                    "failed to open file '%s' (mode: '%s'): Too many open files: %u handles are "
                    "open, close some with guest-file-close",
                    path, mode, g_hash_table_size(files->by_handle));
        return 0;
    }
    fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0) {
        set_error(error, "failed to open file '%s' (mode: '%s')", path, mode);
        return 0;
    }
    file = g_new(FirnFile, 1);
    *file = (FirnFile){.handle = files->next++, .fd = fd};
    g_hash_table_insert(files->by_handle, &file->handle, file);
    return file->handle;
}

FirnFile *firn_files_find(FirnFiles *files, gint64 handle, GError **error)
{
    FirnFile *file = g_hash_table_lookup(files->by_handle, &handle);

    if (!file)
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_BADF,
                    "handle '%" G_GINT64_FORMAT "' has not been found", handle);
    return file;
}

gboolean firn_files_close(FirnFiles *files, gint64 handle, GError **error)
{
    FirnFile *file = firn_files_find(files, handle, error);
    gboolean closed;

    if (!file)
        return FALSE;
    closed = close(file->fd) == 0;
    file->fd = -1; /* Linux has released it even when close(2) fails */
    if (!closed)
        set_error(error, "failed to close handle");
    g_hash_table_remove(files->by_handle, &handle);
    return closed;
}

gssize firn_file_read(FirnFile *file, void *buffer, gsize count, gboolean *eof, GError **error)
{
    gsize done = 0;

    *eof = FALSE;
    while (done < count) {
        gssize n = read(file->fd, (guint8 *)buffer + done, count - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && done > 0)
            break;
        if (n < 0) {
            set_error(error, "failed to read file");
            return -1;
        }
        if (n == 0) {
            *eof = TRUE;
            break;
        }
        done += (gsize)n;
    }
    return (gssize)done;
}

gssize firn_file_write(FirnFile *file, const void *data, gsize count, GError **error)
{
    gsize done = 0;

    while (done < count) {
        gssize n = write(file->fd, (const guint8 *)data + done, count - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && done > 0)
            break;
        if (n < 0) {
            set_error(error, "failed to write to file");
            return -1;
        }
        done += (gsize)n;
    }
    return (gssize)done;
}

gint64 firn_file_seek(FirnFile *file, gint64 offset, int whence, GError **error)
{
    off_t position = lseek(file->fd, offset, whence);

    if (position < 0)
        set_error(error, "failed to seek file");
    return position;
}
