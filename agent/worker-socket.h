/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_WORKER_SOCKET_H
#define AGENT_WORKER_SOCKET_H

#include <glib.h>
#include <sys/types.h>

/*
 * Where an agent finds the workers of agents before it: the sockets worker.PID of the state
 * directory. Whoever is at the other end must be of this process's user.
 */

/* Listens for agents as this process; -1 where the state directory cannot be used. */
int firn_worker_socket_listen(const char *state_dir);
/* A connection that does not block, or -1. */
int firn_worker_socket_accept(int listener);
/* Connects to each worker that is there, but for that of `own`, and removes the sockets of dead
 * ones. An array of int, one may be empty; free with g_array_unref(). */
GArray *firn_worker_socket_connect_all(const char *state_dir, pid_t own);
void firn_worker_socket_remove(const char *state_dir, pid_t pid);
/* TRUE while an agent can find this process. */
gboolean firn_worker_socket_is_there(const char *state_dir, pid_t pid);

#endif
