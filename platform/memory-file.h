/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_MEMORY_FILE_H
#define PLATFORM_MEMORY_FILE_H

#include <glib.h>

/*
 * Bytes that two processes have between them and that neither holds a copy of: a file without a
 * name in memory (memfd_create(2)), whose descriptor one sends the other. Its memory is given back
 * with the last descriptor.
 */

/* A descriptor of an empty one, or -1 with a GFileError. Close with close(2). */
int firn_memory_file_new(GError **error);
/* Writes `length` bytes where the last ones ended. FALSE when there is no memory for them. */
gboolean firn_memory_file_append(int fd, const void *bytes, gsize length, GError **error);
/* Reads up to `length` bytes from the place `offset`; 0 at the end, and where it cannot be read. */
gsize firn_memory_file_read(int fd, guint64 offset, void *bytes, gsize length);
/* How many bytes it has. */
gsize firn_memory_file_size(int fd);

/* Makes it `length` bytes long, and maps it to be written to; NULL with an error. */
gpointer firn_memory_file_map(int fd, gsize length, GError **error);
void firn_memory_file_unmap(gpointer map, gsize length);

#endif
