/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_ROOTS_H
#define PLATFORM_ROOTS_H

#include <glib.h>

/*
 * Where the operating system's own files are found. Every module that reads below /proc, /sys,
 * /etc, /run or /dev builds its paths here, so that a test can feed it a tree captured on another
 * machine.
 */
typedef struct FirnRoots FirnRoots;

/*
 * prefix: a folder that holds proc/, sys/, etc/, run/ and dev/; NULL or "" for this machine's own
 * "/". Free with firn_roots_free().
 */
FirnRoots *firn_roots_new(const char *prefix);
void firn_roots_free(FirnRoots *roots);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnRoots, firn_roots_free)

/* The path of an absolute one such as "/proc/self/mountinfo" below these roots; free with g_free().
 */
char *firn_roots_path(const FirnRoots *roots, const char *absolute);

/* The same with a printf format for the absolute path. */
char *firn_roots_pathf(const FirnRoots *roots, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* TRUE when these are this machine's own (no prefix). */
gboolean firn_roots_are_host(const FirnRoots *roots);

#endif
