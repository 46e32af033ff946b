/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_OS_RELEASE_H
#define PLATFORM_OS_RELEASE_H

#include "platform/roots.h"

/*
 * The assignments of os-release(5), name to unquoted value: from `file` where it is given, else
 * /etc/os-release, else /usr/lib/os-release; empty where there is none. A line that is no
 * assignment costs only itself; of two for one name the last counts. Free with
 * g_hash_table_unref().
 */
GHashTable *firn_os_release_read(const FirnRoots *roots, const char *file);

#endif
