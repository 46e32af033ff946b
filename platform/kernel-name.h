/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_KERNEL_NAME_H
#define PLATFORM_KERNEL_NAME_H

#include "platform/roots.h"

/* What uname(2) tells of the kernel; a member that cannot be had is NULL. */
typedef struct {
    char *release;
    char *version;
    char *machine;
} FirnKernelName;

/* Never NULL; free with firn_kernel_name_free(). */
FirnKernelName *firn_kernel_name_read(const FirnRoots *roots);
void firn_kernel_name_free(FirnKernelName *name);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnKernelName, firn_kernel_name_free)

#endif
