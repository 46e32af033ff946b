/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_MOUNT_NAMESPACES_H
#define PLATFORM_MOUNT_NAMESPACES_H

#include "platform/mountinfo.h"
#include "platform/roots.h"

/* A mount namespace that is not this process's. */
typedef struct {
    FirnMounts *mounts; /* as that process sees them */
    char *whose;        /* the process in it that has the lowest number: "pid 812 (nginx)" */
} FirnMountNamespace;

/*
 * Those that some process lives in, by the numbers of these. Any user may make namespaces with
 * large tables: so at most the first 256 are read, and the first 16 MiB of all their tables
 * together. Reads /proc/PID/ns/mnt of each process, and one table a namespace. Free with
 * g_ptr_array_unref().
 */
GPtrArray *firn_mount_namespaces_read(const FirnRoots *roots);

#endif
