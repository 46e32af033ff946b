/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_FS_IDENTITY_H
#define PLATFORM_FS_IDENTITY_H

#include <glib.h>
#include <sys/types.h>

/* Whose rights the calling thread, and no other, has on filesystems: see setfsuid(2). */
typedef struct {
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    int group_count;
} FirnFsIdentity;

/*
 * Takes the rights of another user with that one group; `before` receives what
 * firn_fs_identity_restore() needs. FALSE with a G_FILE_ERROR, and nothing changed, when this
 * process has no right to.
 */
gboolean firn_fs_identity_take(uid_t uid, gid_t gid, FirnFsIdentity *before, GError **error);
void firn_fs_identity_restore(FirnFsIdentity *before);

#endif
