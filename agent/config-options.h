/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_CONFIG_OPTIONS_H
#define AGENT_CONFIG_OPTIONS_H

#include "agent/config-layer.h"

/*
 * Reads the options of a command line into the layer. argv: as main() gets it, with the program's
 * name first; getopt_long(3) may move its items. action: what the options ask for, FIRN_ACTION_RUN
 * to begin with.
 */
gboolean firn_config_options_parse(FirnConfigLayer *layer, int argc, char **argv,
                                   FirnAction *action, GError **error);

/* The value of the last -c, or NULL. A faulty command line is complained about by
 * firn_config_options_parse(). */
const char *firn_config_options_file(int argc, char **argv);

#endif
