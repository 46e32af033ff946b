/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_SHELL_H
#define TESTS_LIB_SHELL_H

#include <glib.h>

/* Runs a printf-formatted line of shell. TRUE when it ends with status 0; otherwise `why`, which
 * may be NULL, is what it wrote to stderr, on one line (free with g_free()). */
gboolean test_shell(char **why, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Moves the test's process into a mount, or a network namespace of its own, in which nothing
 * reaches the machine's. FALSE where this machine does not allow that. */
gboolean test_private_mounts(void);
gboolean test_private_network(void);

#endif
