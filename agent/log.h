/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include <glib.h>

/*
 * Where g_warning(), g_message(), g_info(), g_debug() and g_log_structured() go: the journal where
 * stderr is the journal, with their fields if they have some of ours (FIRN_...), else a line with
 * its time to stderr or the log file.
 * While held, entries stay in a bounded ring in memory and touch no disk; released, they are
 * written with the times they were made at. A log file is opened on release when it would have been
 * opened while held.
 */
gboolean firn_log_open(const char *file, gboolean verbose, GError **error);
void firn_log_close(void);
/* Whether g_debug() and g_info() go anywhere: for who would make an entry for every request. */
gboolean firn_log_is_verbose(void);
/* Opens the log file by its name again, after logrotate moved it away. While held: on release. */
void firn_log_reopen(void);

/* Nested holds are counted. Safe from any thread. */
void firn_log_hold(void);
void firn_log_release(void);

#endif
