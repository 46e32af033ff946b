/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_HELPER_H
#define PLATFORM_HELPER_H

#include "platform/roots.h"

/*
 * The path, below the roots, of a program of the system: from /usr/sbin, /usr/bin, /sbin or /bin,
 * or where none of those has it, from a folder of this process's PATH, as on systems that have no
 * such folders. NULL when there is none. Free with g_free().
 */
char *firn_helper_find(const FirnRoots *roots, const char *name);

/*
 * Runs a program and waits for it: no input, a session of its own, as firn_program_start() starts
 * it. Fails when it cannot be started, ends otherwise than with 0, or takes longer than `timeout`
 * seconds (it is then killed); the error has the end of what it wrote to stderr. output: receives
 * the last 1 KiB of its stdout, free with g_free(); or NULL. May be called from any thread.
 */
gboolean firn_helper_run(const char *const *argv, guint timeout, char **output, GError **error);
/* The same with the descriptor `input`, which stays the caller's, as its stdin. */
gboolean firn_helper_run_input(const char *const *argv, int input, guint timeout, char **output,
                               GError **error);

#endif
