/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_USER_H
#define PLATFORM_USER_H

#include <glib.h>
#include <sys/types.h>

/* A user account of this system, from whatever sources nsswitch.conf(5) names. */
typedef struct {
    char *name;
    uid_t uid;
    gid_t gid;
    char *home;
} FirnUser;

/* NULL with a G_FILE_ERROR that reads "failed to lookup user 'NAME': CAUSE". May wait for a
 * directory server. Free with firn_user_free(). */
FirnUser *firn_user_find(const char *name, GError **error);
void firn_user_free(FirnUser *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnUser, firn_user_free)

#endif
