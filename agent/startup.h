/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_STARTUP_H
#define AGENT_STARTUP_H

#include "agent/config.h"

/* What a daemon does around its work: its process, its state directory, its pid file. */

/* Opens /dev/null for each standard descriptor that is closed: else a file or a client would get
 * its number. The first thing to do. */
void firn_startup_descriptors(void);

/* Mask, stdin, no death by SIGPIPE (processes it starts get the default back), and the working
 * directory of a daemon; else paths that a client names are relative to where it was started. */
void firn_startup_process(gboolean daemon);

/*
 * Goes on in a child in the background. The parent stays until firn_startup_ready(), so that its
 * exit status tells whether the start worked: there *parent is TRUE, and it ends with *status. Call
 * before any thread is made.
 */
gboolean firn_startup_background(gboolean *parent, int *status, GError **error);

/* Lets the waiting parent go, with success, and leaves its terminal. Nothing in the foreground. */
void firn_startup_ready(void);

/* Makes the state directory when it is missing, for root alone, and locks it while the process
 * lives. Fails when another agent has it. */
gboolean firn_startup_state_dir(const FirnConfig *config, GError **error);

/* Writes and locks the pid file, where one is wanted. Returns its descriptor, or -1; with `error`
 * set when another instance has it. */
int firn_startup_pid_file(const FirnConfig *config, GError **error);

#endif
