/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_CONFIG_FILES_H
#define AGENT_CONFIG_FILES_H

#include "agent/config.h"

#define FIRN_CONFIG_GROUP "general"

/* The two forms that a configuration file has. Each file is a layer over what `config` has.
 * path: what is opened. name: what messages call it. foreign: written for the packaged agent, so
 * that what firn does not know is noted in config->warnings instead of being an error. */

/* A GKeyFile with the group [general]. */
gboolean firn_config_file_load(FirnConfig *config, const char *path, const char *name,
                               gboolean foreign, GError **error);

/*
 * Lines NAME=VALUE, as a unit's EnvironmentFile= has them (systemd.exec(5)): the variables that
 * distributions start the packaged agent with, such as BLOCK_RPCS, FILTER_RPC_ARGS and DAEMON_ARGS.
 * The last line of a name counts. A value whose quotes do not match is an error.
 */
gboolean firn_config_variables_load(FirnConfig *config, const char *path, const char *name,
                                    gboolean foreign, GError **error);

#endif
