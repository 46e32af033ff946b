/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_POLICY_H
#define AGENT_POLICY_H

#include "agent/config.h"
#include "agent/freeze/freezer.h"
#include "qga-protocol/command.h"

/* Which commands may run: by the configuration's lists, and while filesystems are frozen. */
typedef struct FirnPolicy FirnPolicy;

/* freezer: NULL for one that is never frozen. Both are borrowed. Free with firn_policy_free(). */
FirnPolicy *firn_policy_new(const FirnConfig *config, FirnFreezer *freezer);
void firn_policy_free(FirnPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnPolicy, firn_policy_free)

/* NULL when it may run now, else the text to refuse it with, for class CommandNotFound; free with
 * g_free(). */
char *firn_policy_refuses(const FirnPolicy *policy, const QgaCommand *command);

/*
 * A freeze that is refused because freezing is switched off leaves a log entry and a report, as all
 * freezes do. FALSE when `command` is no such freeze; else `done` is called from the main loop once
 * they are written.
 */
gboolean firn_policy_record_refusal(const FirnPolicy *policy, const QgaCommand *command,
                                    FirnFreezerDone done, gpointer data);

/* Fails, with an error of FIRN_CONFIG_ERROR, where block-rpcs or allow-rpcs has a name that is no
 * command of the protocol: a misspelt one would block nothing. */
gboolean firn_policy_check_names(const FirnConfig *config, const QgaCommands *commands,
                                 GError **error);

#endif
