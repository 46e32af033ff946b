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

/* limit: how many may be open at once. Free with firn_files_free(), which closes all. */
FirnFiles *firn_files_new(guint limit);
void firn_files_free(FirnFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnFiles, firn_files_free)

/* Three quarters of the descriptors that this process may have, so that some are left for what
 * else it does. */
guint firn_files_default_limit(void);

/* Opens a file in one of the modes of fopen(3); 0 with a G_FILE_ERROR. New files get the mode 0666
 * less the umask. */
gint64 firn_files_open(FirnFiles *files, const char *path, const char *mode, GError **error);
/* NULL with an error where no such file is open. It belongs to the table. */
FirnFile *firn_files_find(FirnFiles *files, gint64 handle, GError **error);
/* The handle is free afterwards in any case. */
gboolean firn_files_close(FirnFiles *files, gint64 handle, GError **error);

/*
 * Reads `count` bytes, less at the end of the file (which sets *eof) or when a FIFO or a device has
 * no more now. Returns the number read, or -1.
 */
gssize firn_file_read(FirnFile *file, void *buffer, gsize count, gboolean *eof, GError **error);

/* Writes all of it, less when a FIFO or a device takes no more now; the number written, or -1. */
gssize firn_file_write(FirnFile *file, const void *data, gsize count, GError **error);

/* whence: SEEK_SET, SEEK_CUR or SEEK_END. The new position, or -1. */
gint64 firn_file_seek(FirnFile *file, gint64 offset, int whence, GError **error);

#endif
