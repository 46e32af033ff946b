/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_STATE_DIR_H
#define AGENT_FREEZE_STATE_DIR_H

#include <glib.h>

/*
 * The state directory holds what a freeze has done, for whoever must end it. On a disk it would be
 * frozen with the rest; where others may write, they could have hooks of their own run as root.
 */

/*
 * TRUE when `path` is a folder (no symbolic link) on a tmpfs or ramfs that belongs to root, or to
 * the user that this process runs as, and that nobody else may write to or replace, see
 * firn_trust_check_way(). FALSE with a G_FILE_ERROR that names the folder, the cause and the
 * remedy. Blocks as long as the filesystems on the way to it like.
 */
gboolean firn_state_dir_check(const char *path, GError **error);

/* TRUE when a file of so many bytes can be made there; makes none. FALSE with such an error. */
gboolean firn_state_dir_check_room(const char *path, guint64 bytes, GError **error);

#endif
