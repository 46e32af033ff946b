/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_FILE_H
#define PLATFORM_FILE_H

#include <glib.h>

/*
 * Files opened for somebody who knows them by a number. The first number is the time of the start
 * in microseconds, so that none of a restarted agent's collides with an older one, and it is below
 * 2^53, so that tools which take numbers for doubles do not round it.
 *
 * Nothing here blocks on a FIFO or a device: they are opened with O_NONBLOCK. Error texts are those
 * of the packaged agent.
 */
typedef struct FirnFiles FirnFiles;
typedef struct FirnFile FirnFile;

/* limit: how many may be open at once. Free with firn_files_free(), which closes all but those that
 * are busy, and waits as long as that takes. */
FirnFiles *firn_files_new(guint limit);
void firn_files_free(FirnFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnFiles, firn_files_free)

/* Three quarters of the descriptors that this process may have, so that some are left for what
 * else it does. */
guint firn_files_default_limit(void);

/* FALSE with an error where as many are open as may be. */
gboolean firn_files_check_room(const FirnFiles *files, const char *path, const char *mode,
                               GError **error);
/* Takes a file into the table and returns its handle. */
gint64 firn_files_add(FirnFiles *files, FirnFile *file);
/* NULL with an error where no such file is open, or one that is busy. It belongs to the table. */
FirnFile *firn_files_find(FirnFiles *files, gint64 handle, GError **error);
/* The same, and it is the caller's from then on: the handle is free. */
FirnFile *firn_files_take(FirnFiles *files, gint64 handle, GError **error);
/* While it is busy nobody finds it. */
void firn_file_set_busy(FirnFile *file, gboolean busy);
const char *firn_file_path(const FirnFile *file);

/*
 * What follows, but for firn_file_read_now(), waits for as long as the file's server does, and may
 * be called from any thread, for one file by one at a time.
 */

/* Opens a file in one of the modes of fopen(3); NULL with a G_FILE_ERROR. New files get the mode
 * 0666 less the umask. */
FirnFile *firn_file_open(const char *path, const char *mode, GError **error);
/* Takes the file. */
gboolean firn_file_close(FirnFile *file, GError **error);

/*
 * Reads `count` bytes, less at the end of the file (which sets *eof), when a FIFO has no more now,
 * when a device has handed out a record, or when an error follows what could be read: the next call
 * brings it. Returns the number read, or -1.
 */
gssize firn_file_read(FirnFile *file, void *buffer, gsize count, gboolean *eof, GError **error);

/* The same without waiting: FALSE, and nothing is read, where what is wanted is not in memory, or
 * the file is of a kind that cannot tell. */
gboolean firn_file_read_now(FirnFile *file, void *buffer, gsize count, gssize *got, gboolean *eof);

/* Writes all of it, less when a FIFO or a device takes no more now, or when an error follows what
 * was written: the next call brings it. The number written, or -1. */
gssize firn_file_write(FirnFile *file, const void *data, gsize count, GError **error);

/* whence: SEEK_SET, SEEK_CUR or SEEK_END. The new position, or -1. Only the place relative to the
 * end may have to be asked of a server. */
gint64 firn_file_seek(FirnFile *file, gint64 offset, int whence, GError **error);

#endif
