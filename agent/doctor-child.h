/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_DOCTOR_CHILD_H
#define AGENT_DOCTOR_CHILD_H

#include <glib.h>

/* What a child does: it writes lines to `out`. Runs after fork(2) of a process without threads. */
typedef void (*FirnDoctorWork)(int out, gpointer data);

/*
 * Does what may hang in a child process, since a process that hangs in the kernel cannot be ended:
 * the child is given up when it has been silent for `patience` seconds. Returns what it wrote; free
 * with g_free(). hung: whether it was given up.
 */
char *firn_doctor_child_run(FirnDoctorWork work, gpointer data, guint patience, gboolean *hung);

/* Writes a line; in a child. */
void firn_doctor_child_say(int out, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
