/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DESCRIPTORS_H
#define PLATFORM_DESCRIPTORS_H

#include <glib.h>

/* Closes all descriptors of the process but these, which are sorted (close_range(2), Linux 5.9;
 * older kernels: those below 65536). Safe after fork(). */
void firn_descriptors_close_but(const int *keep, guint count);

/* Has an exec close all but the three streams. */
void firn_descriptors_keep_private(void);

/* Raises the limit of open files (RLIMIT_NOFILE), where it has to be, so that `count` more can be
 * opened. FALSE with errno when the process may not. */
gboolean firn_descriptors_make_room(guint count);

#endif
