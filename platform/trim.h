/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_TRIM_H
#define PLATFORM_TRIM_H

#include <glib.h>

/*
 * Tells the disk below a filesystem which blocks hold nothing (FITRIM of linux/fs.h). May take
 * minutes. path: its mountpoint, or any file of it. minimum: free ranges of fewer bytes are left
 * alone; set to what the filesystem made of it. trimmed: bytes told. The error's text is the
 * packaged agent's.
 */
gboolean firn_trim(const char *path, guint64 *minimum, guint64 *trimmed, GError **error);

#endif
