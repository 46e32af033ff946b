/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/host-name.h"

#include "platform/text-file.h"

#include <sys/utsname.h>

char *firn_host_name_read(const FirnRoots *roots, GError **error)
{
    g_autofree char *path = NULL;
    struct utsname name;

    if (firn_roots_are_host(roots) && uname(&name) == 0)
        return g_strdup(name.nodename);
    path = firn_roots_path(roots, "/proc/sys/kernel/hostname");
    return firn_text_file_read(path, error);
}
