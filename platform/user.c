/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/user.h"

#include <errno.h>
#include <pwd.h>

/* An entry longer than this is broken. */
#define ENTRY_MAX (1024 * 1024)

static void set_error(GError **error, const char *name, int cause)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "failed to lookup user '%s': %s", name,
                cause == ENOENT ? "there is no such account" : g_strerror(cause));
}

FirnUser *firn_user_find(const char *name, GError **error)
{
    struct passwd entry, *found = NULL;
    FirnUser *user;
    int failure;

    for (gsize size = 4096; size <= ENTRY_MAX; size *= 4) {
        g_autofree char *buffer = g_malloc(size);

        failure = getpwnam_r(name, &entry, buffer, size, &found);
        if (failure == ERANGE)
            continue;
        if (!found)
            break;
        user = g_new0(FirnUser, 1);
        user->name = g_strdup(entry.pw_name);
        user->uid = entry.pw_uid;
        user->gid = entry.pw_gid;
        user->home = g_strdup(entry.pw_dir);
        return user;
    }
    /* getpwnam_r(3) lists these as what some sources say instead of "not found" */
    if (failure == 0 || failure == ESRCH || failure == EBADF || failure == EPERM)
        failure = ENOENT;
    set_error(error, name, failure);
    return NULL;
}

void firn_user_free(FirnUser *user)
{
    if (!user)
        return;
    g_free(user->name);
    g_free(user->home);
    g_free(user);
}
