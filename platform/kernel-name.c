/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/kernel-name.h"

#include "platform/text-file.h"

#include <sys/utsname.h>

static char *read_kernel_file(const FirnRoots *roots, const char *file)
{
    g_autofree char *path = firn_roots_pathf(roots, "/proc/sys/kernel/%s", file);

    return firn_text_file_read(path, NULL);
}

FirnKernelName *firn_kernel_name_read(const FirnRoots *roots)
{
    FirnKernelName *name = g_new0(FirnKernelName, 1);
    struct utsname uts;

    if (firn_roots_are_host(roots) && uname(&uts) == 0) {
        name->release = g_strdup(uts.release);
        name->version = g_strdup(uts.version);
        name->machine = g_strdup(uts.machine);
        return name;
    }
    name->release = read_kernel_file(roots, "osrelease");
    name->version = read_kernel_file(roots, "version");
    name->machine = read_kernel_file(roots, "arch");
    return name;
}

void firn_kernel_name_free(FirnKernelName *name)
{
    if (!name)
        return;
    g_free(name->release);
    g_free(name->version);
    g_free(name->machine);
    g_free(name);
}
