/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_HOST_NAME_H
#define PLATFORM_HOST_NAME_H

#include "platform/roots.h"

/* The kernel's host name, bytes of any kind; free with g_free(). */
char *firn_host_name_read(const FirnRoots *roots, GError **error);

#endif
