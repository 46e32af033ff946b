/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_PROGRAM_H
#define PLATFORM_PROGRAM_H

#include <glib.h>
#include <sys/types.h>

/* A program to start, with these three descriptors and no other, default signal actions and no
 * signal blocked. */
typedef struct {
    const char *path; /* searched in PATH when it has no '/' */
    const char *const *argv;
    const char *const
        *environment; /* NULL: this process's; its PATH is searched, or else this one's */
    int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null; they stay the caller's */
    gboolean own_session;               /* apart from the agent's, to be killed with its children */
    void (*tries)(const char *path, gpointer data); /* NULL, or told of each file that is looked
                                                       at, which may hang */
    gpointer data;
} FirnProgram;

/*
 * Starts it with posix_spawn(3), which copies no memory and tells when the program cannot be
 * executed. Returns its pid, to be waited for by the caller, or 0 with a G_FILE_ERROR in the words
 * of g_spawn_async(). A file that is no binary and names no interpreter is run by /bin/sh, as
 * execvp(3) does.
 */
pid_t firn_program_start(const FirnProgram *program, GError **error);

/*
 * pipe2(2) with close-on-exec on both ends, neither of them a standard descriptor; the end that
 * stays here (0: reading, 1: writing) never blocks. FALSE with a G_FILE_ERROR.
 */
gboolean firn_program_pipe(int ends[2], int ours, GError **error);

#endif
