/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_REACH_H
#define AGENT_FREEZE_REACH_H

#include <glib.h>
#include <sys/types.h>

/* How the agent reaches a keeper: it starts one, or finds the socket of one that lives. */

/*
 * Opens the keeper's program (O_PATH), so that an upgrade of the package mixes no two versions:
 * beside this program, as in the build folder, else in libexecdir. -1 with errno.
 */
int firn_reach_open_program(void);

/* Starts `program`. Returns the agent's end of its socket and its process, a child; -1 with an
 * error. */
int firn_reach_start(int program, pid_t *child, GError **error);

/* Makes the socket in the state directory by which the next agent finds this keeper. -1 with an
 * error. */
int firn_reach_listen(const char *state_dir, GError **error);
/* Takes that away. */
void firn_reach_unlisten(const char *state_dir, int fd);

/* Connects to the keeper that listens there; -1: there is none. */
int firn_reach_find(const char *state_dir);

#endif
