/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/fs-identity.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_setgroups32
#define SET_GROUPS SYS_setgroups32
#else
#define SET_GROUPS SYS_setgroups
#endif

/* The C library's setgroups() would change all threads. */
static gboolean set_groups(const gid_t *groups, int count)
{
    return syscall(SET_GROUPS, (gsize)count, groups) == 0;
}

/* setfsuid(2) tells only what was before: asking for no valid id changes nothing. */
static uid_t current_uid(void)
{
    return (uid_t)setfsuid((uid_t)-1);
}

static gid_t current_gid(void)
{
    return (gid_t)setfsgid((gid_t)-1);
}

gboolean firn_fs_identity_take(uid_t uid, gid_t gid, FirnFsIdentity *before, GError **error)
{
    int count = getgroups(0, NULL);

    *before = (FirnFsIdentity){.uid = current_uid(), .gid = current_gid()};
    before->groups = g_new(gid_t, (gsize)MAX(count, 0) + 1);
    before->group_count = MAX(getgroups(count, before->groups), 0);
    if (before->uid == uid && before->gid == gid)
        return TRUE;
    if (set_groups(NULL, 0)) {
        setfsgid(gid);
        setfsuid(uid);
        if (current_uid() == uid && current_gid() == gid)
            return TRUE;
        errno = EPERM;
    }
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                "cannot act with the rights of user %u: %s: the agent must run as root", uid,
                g_strerror(errno));
    firn_fs_identity_restore(before);
    return FALSE;
}

void firn_fs_identity_restore(FirnFsIdentity *before)
{
    setfsuid(before->uid);
    setfsgid(before->gid);
    set_groups(before->groups, before->group_count);
    g_clear_pointer(&before->groups, g_free);
}
