/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_AUTHORIZED_KEYS_H
#define PLATFORM_AUTHORIZED_KEYS_H

#include "platform/user.h"

/*
 * The SSH keys that let others log in as a user: ~/.ssh/authorized_keys, see sshd(8). The folder is
 * the user's, who must not get anything out of it but changes to his own files. So all is done with
 * the user's rights on the filesystem, relative to descriptors, without following links; only in a
 * folder of root's that none but root can write is it done as root. A file is replaced as a whole
 * or not at all, and keeps its mode, save write access for others, which sshd would refuse.
 *
 * These may block, and take the user's rights for the calling thread while they run.
 */

/* The keys in the order of the file, without comments and white space around them; free with
 * g_strfreev(). NULL with an error, also when there is no such file. */
char **firn_authorized_keys_read(const FirnUser *account, GError **error);

/* Adds those keys that are not there, after removing all that is there for `reset`. Empty keys are
 * left out: libvirt ends its lists with one. */
gboolean firn_authorized_keys_add(const FirnUser *account, const char *const *keys, gboolean reset,
                                  GError **error);

/* Removes every line that is one of the keys; without a file there is nothing to do. */
gboolean firn_authorized_keys_remove(const FirnUser *account, const char *const *keys,
                                     GError **error);

/* FALSE with an error when one of them is no key: a comment, or more than one line. */
gboolean firn_authorized_keys_check(const char *const *keys, GError **error);

#endif
