/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_TRIM_H
#define PLATFORM_TRIM_H

#include <glib.h>

/* Opens a filesystem at its mountpoint, to trim it; -1 with a G_FILE_ERROR. It may have to wait for
 * what lies on the way there. */
int firn_trim_open(const char *path, GError **error);

/*
 * Tells the disk of a filesystem which of its blocks are free (FITRIM), in extents of at least
 * *minimum bytes; takes minutes on a large one. *minimum receives the least the filesystem goes
 * for, *trimmed the bytes. Closes `fd`. FALSE with a G_FILE_ERROR.
 */
gboolean firn_trim(int fd, guint64 *minimum, guint64 *trimmed, GError **error);

#endif
