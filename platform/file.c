/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a device may hand out at once, and loses where a read has less room: a record of /dev/kmsg
 * has up to 8 KiB (CONSOLE_EXT_LOG_MAX of the kernel's printk.c). */
#define RECORD_MAX (16 * 1024)

struct FirnFile {
    gint64 handle;
    int fd;
    GBytes *rest; /* of a device's record that was longer than wanted; or NULL */
    gboolean is_device, is_regular;
    char *path;
    gboolean busy;
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
    g_clear_pointer(&file->rest, g_bytes_unref);
    g_free(file->path);
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

static gboolean file_is_busy(gpointer key, gpointer value, gpointer data)
{
    return ((const FirnFile *)value)->busy;
}

void firn_files_free(FirnFiles *files)
{
    if (!files)
        return;
    g_hash_table_foreach_steal(files->by_handle, file_is_busy, NULL);
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

gboolean firn_files_check_room(const FirnFiles *files, const char *path, const char *mode,
                               GError **error)
{
    if (g_hash_table_size(files->by_handle) < files->limit)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_MFILE,
                "failed to open file '%s' (mode: '%s'): Too many open files: %u handles are open, "
                "close some with guest-file-close",
                path, mode, g_hash_table_size(files->by_handle));
    return FALSE;
}

FirnFile *firn_file_open(const char *path, const char *mode, GError **error)
{
    struct stat status;
    FirnFile *file;
    int flags, fd;

    if (!parse_mode(mode, &flags)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "invalid file open mode '%s'", mode);
        return NULL;
    }
    fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0) {
        set_error(error, "failed to open file '%s' (mode: '%s')", path, mode);
        return NULL;
    }
    file = g_new0(FirnFile, 1);
    file->fd = fd;
    file->path = g_strdup(path);
    if (fstat(fd, &status) == 0) {
        file->is_device = S_ISCHR(status.st_mode);
        file->is_regular = S_ISREG(status.st_mode);
    }
    return file;
}

gint64 firn_files_add(FirnFiles *files, FirnFile *file)
{
    file->handle = files->next++;
    g_hash_table_insert(files->by_handle, &file->handle, file);
    return file->handle;
}

FirnFile *firn_files_find(FirnFiles *files, gint64 handle, GError **error)
{
    FirnFile *file = g_hash_table_lookup(files->by_handle, &handle);

    if (file && !file->busy)
        return file;
    if (file)
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "handle '%" G_GINT64_FORMAT "' is busy: an earlier request to '%s' has not "
                    "come back",
                    handle, file->path);
    else
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_BADF,
                    "handle '%" G_GINT64_FORMAT "' has not been found", handle);
    return NULL;
}

FirnFile *firn_files_take(FirnFiles *files, gint64 handle, GError **error)
{
    FirnFile *file = firn_files_find(files, handle, error);

    if (file)
        g_hash_table_steal(files->by_handle, &handle);
    return file;
}

void firn_file_set_busy(FirnFile *file, gboolean busy)
{
    file->busy = busy;
}

const char *firn_file_path(const FirnFile *file)
{
    return file->path;
}

gboolean firn_file_close(FirnFile *file, GError **error)
{
    gboolean closed = close(file->fd) == 0;

    file->fd = -1; /* Linux has released it even when close(2) fails */
    if (!closed)
        set_error(error, "failed to close handle");
    file_free(file);
    return closed;
}

/* Hands out what is there of a record, and keeps the rest for the next call. */
static gssize device_give(FirnFile *file, GBytes *record, void *buffer, gsize count)
{
    gsize length;
    gconstpointer data = g_bytes_get_data(record, &length);
    gsize given = MIN(count, length);

    memcpy(buffer, data, given);
    if (given < length)
        file->rest = g_bytes_new_from_bytes(record, given, length - given);
    return (gssize)given;
}

/* One record a call: where the next one did not fit, it would be lost. */
static gssize device_read(FirnFile *file, void *buffer, gsize count, gboolean *eof, GError **error)
{
    g_autoptr(GBytes) record = g_steal_pointer(&file->rest);
    guint8 *data = NULL;
    gssize length;

    if (record)
        return device_give(file, record, buffer, count);
    if (count < RECORD_MAX)
        data = g_malloc(RECORD_MAX);
    do
        length = read(file->fd, data ? data : buffer, MAX(count, RECORD_MAX));
    while (length < 0 && errno == EINTR);
    if (length < 0)
        set_error(error, "failed to read file");
    *eof = length == 0;
    if (data && length > 0) {
        record = g_bytes_new_take(g_steal_pointer(&data), (gsize)length);
        return device_give(file, record, buffer, count);
    }
    g_free(data);
    return length;
}

gssize firn_file_read(FirnFile *file, void *buffer, gsize count, gboolean *eof, GError **error)
{
    gsize done = 0;

    *eof = FALSE;
    if (file->is_device && count > 0)
        return device_read(file, buffer, count, eof, error);
    while (done < count) {
        gssize n = read(file->fd, (guint8 *)buffer + done, count - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && done > 0)
            break; /* what is done is the answer; the next call brings the error */
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

gboolean firn_file_read_now(FirnFile *file, void *buffer, gsize count, gssize *got, gboolean *eof)
{
    gsize done = 0;
    gssize n = 1;

    while (file->is_regular && done < count && n > 0) {
        struct iovec room = {(guint8 *)buffer + done, count - done};

        n = preadv2(file->fd, &room, 1, -1, RWF_NOWAIT);
        done += (gsize)MAX(n, 0);
    }
    if (!file->is_regular || (n < 0 && (done == 0 || lseek(file->fd, -(off_t)done, SEEK_CUR) >= 0)))
        return FALSE;
    *got = (gssize)done;
    *eof = n == 0;
    return TRUE;
}

gssize firn_file_write(FirnFile *file, const void *data, gsize count, GError **error)
{
    gsize done = 0;

    while (done < count) {
        gssize n = write(file->fd, (const guint8 *)data + done, count - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && done > 0)
            break; /* what is done is the answer; the next call brings the error */
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
    gsize ahead = file->rest ? g_bytes_get_size(file->rest) : 0;
    off_t position = lseek(file->fd, whence == SEEK_CUR ? offset - (gint64)ahead : offset, whence);

    if (position < 0)
        set_error(error, "failed to seek file");
    else
        g_clear_pointer(&file->rest, g_bytes_unref);
    return position;
}
