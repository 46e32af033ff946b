/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_REPORT_H
#define AGENT_FREEZE_REPORT_H

#include "agent/freeze/record.h"

#include <glib.h>

/*
 * The last freezes: their records, kept in the folder "reports" of the state directory, a file each
 * that only its owner may read, and told by 'firn report'.
 */

/* Where the record of a freeze is to go when it is over: STATEDIR/reports/TIME.freeze, by when it
 * was asked for (firn_record_started()), so that names sort by time. Free with g_free(). */
char *firn_report_path(const char *state_dir, gint64 started);

/* Removes the oldest reports beyond `keep` (0: keeps none). */
void firn_report_remove_oldest(const char *state_dir, guint keep);

/*
 * The newest `last` reports (of FirnRecord), oldest first. Damaged files and those of another
 * version are passed over. NULL with an error when the folder may not be read; no folder means
 * none. Free with g_ptr_array_unref().
 */
GPtrArray *firn_report_load(const char *state_dir, guint last, GError **error);

/* What the host has not been told yet of a freeze that ended early, or NULL; told: it has been told
 * now. Free with g_free(). */
char *firn_report_note(const char *state_dir, gboolean told);

/* One freeze for people: a table of its filesystems, its hooks, and a timeline of at most `width`
 * columns; free with g_free(). */
char *firn_report_text(const FirnRecord *record, guint width, gboolean utf8);

/* Reports (of FirnRecord) for programs: {"reports": [...]} on one line; free with g_free(). */
char *firn_report_json(const GPtrArray *reports);

/* The subcommand: the arguments after its name. Returns the exit status. */
int firn_report_main(int argc, char **argv);

#endif
