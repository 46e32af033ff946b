/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_PASSWORD_H
#define PLATFORM_PASSWORD_H

#include "platform/roots.h"

/*
 * Sets the password of an account with chpasswd(8), which knows the system's rules; it gets it
 * through its stdin, so no list of processes ever shows it. crypted: it is encrypted already, as
 * crypt(5) writes it. `length` bytes; what would make more than one line of chpasswd's input, or
 * another account's, is refused. May block, up to a minute. The password is in no error's text.
 */
gboolean firn_password_set(const FirnRoots *roots, const char *user, const char *password,
                           gsize length, gboolean crypted, GError **error);

/* TRUE when name and password can be handed on, as firn_password_set() asks first. */
gboolean firn_password_check(const char *user, const char *password, gsize length, GError **error);

#endif
