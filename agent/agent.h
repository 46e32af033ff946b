/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/config.h"
#include "platform/roots.h"

/* The parts of a running agent and how they are joined. */
typedef struct FirnAgent FirnAgent;

/* Takes over what is frozen, makes the commands, opens the channel. Borrows config and roots for
 * its life. activated: a listening socket, or -1. Free with firn_agent_free(). */
FirnAgent *firn_agent_new(const FirnConfig *config, const FirnRoots *roots, int activated,
                          GError **error);
void firn_agent_free(FirnAgent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnAgent, firn_agent_free)

/* Serves until SIGTERM or SIGINT, or the channel is lost. Returns the exit status, as firn(8) tells
 * them. */
int firn_agent_run(FirnAgent *agent);

/* Whether the configuration names commands that there are; the error is one of FIRN_CONFIG_ERROR.
 */
gboolean firn_agent_check_config(const FirnConfig *config, GError **error);

/* Prints the names of all commands, one a line: -b help. */
void firn_agent_list_commands(void);

#endif
