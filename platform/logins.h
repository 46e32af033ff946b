/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_LOGINS_H
#define PLATFORM_LOGINS_H

#include "platform/roots.h"

typedef struct {
    char *user;
    gint64 since; /* microseconds since the epoch */
} FirnLogin;

/*
 * Who is logged in, each user once with the earliest login: from /run/utmp, in its order, or where
 * nobody is in it from logind's sessions below /run/systemd/sessions, by time: those of users that
 * are not closing and whose leader lives. Elements are FirnLogin
 * *; free with g_ptr_array_unref(). Nobody is no error.
 */
GPtrArray *firn_logins_read(const FirnRoots *roots);

#endif
