/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_TRUST_H
#define PLATFORM_TRUST_H

#include <glib.h>
#include <sys/stat.h>

/*
 * Whether somebody else could make a path of root's lead to something else. Trusted are root and
 * the user that this process runs as.
 */

/* TRUE when the file is trusted users' and nobody else may write to it. */
gboolean firn_trust_status(const struct stat *status);

/*
 * Looks at every folder on the way to the absolute `path`, through symbolic links too, but not at
 * what the path leads to itself: each must pass firn_trust_status(). A folder such as /tmp, where
 * the sticky bit keeps everybody from what is not his own, will do where the next step is a trusted
 * user's. FALSE with a G_FILE_ERROR that names the folder and the remedy, or the cause for which
 * the way could not be walked. Blocks as long as the filesystems on the way like.
 */
gboolean firn_trust_check_way(const char *path, GError **error);

#endif
