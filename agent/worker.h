/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_WORKER_H
#define AGENT_WORKER_H

#include "agent/tasks.h"

/*
 * The worker: a process of the agent's own program that does whatever a file server which is gone
 * could hold up, and that is the parent of what guest-exec starts. So no request can hang the
 * agent, nor keep it from ending; and what guest-exec has started runs on when the agent ends: its
 * worker stays for as long as there is a process to be told of, and answers the next agent over a
 * socket in the state directory. A worker is started with the first task; the agent that finds
 * workers of an agent before it asks those for the processes they know, and for nothing else.
 */
typedef struct FirnWorker FirnWorker;

/* Either the answer, of the kind's type, or an error. */
typedef void (*FirnWorkerAnswered)(GVariant *answer, const GError *error, gpointer data);

/* limit: seconds after which a task is given up. Free with firn_worker_free(), which ends no
 * process of guest-exec's and calls nobody back. */
FirnWorker *firn_worker_new(const char *state_dir, guint limit);
void firn_worker_free(FirnWorker *worker);

/* Asks for a task; takes a floating `request` of the kind's type, without the limit. memory: -1, or
 * the memory file that goes with it; borrowed. `answered` is called once, on the main loop, maybe
 * within this call; free_data (may be NULL) where it is not, as nobody waits any more. */
void firn_worker_ask(FirnWorker *worker, FirnTaskKind kind, GVariant *request, int memory,
                     FirnWorkerAnswered answered, gpointer data, GDestroyNotify free_data);

/* The worker's main(): `firn worker STATEDIR`, with the agent's socket as descriptor 0. */
int firn_worker_main(int argc, char **argv);

#endif
