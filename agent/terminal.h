/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_TERMINAL_H
#define AGENT_TERMINAL_H

#include <glib.h>

/* What the subcommands that talk to people need to know of their terminal and arguments. */

/* Whether stdout takes UTF-8, by the locale of the environment. */
gboolean firn_terminal_is_utf8(void);

/* Columns of stdout; 100 when it is no terminal. */
guint firn_terminal_width(void);

/* Takes every `flag` out of the arguments (after the first, up to "--"). TRUE when there was one.
 */
gboolean firn_terminal_take_flag(int *argc, char **argv, const char *flag);

/*
 * Takes "--name VALUE" or "--name=VALUE" out of the arguments; the last one counts. *value points
 * into argv, or stays as it is. FALSE with an error when the value is missing.
 */
gboolean firn_terminal_take_option(int *argc, char **argv, const char *name, const char **value,
                                   GError **error);

#endif
