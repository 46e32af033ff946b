/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_REPORT_H
#define AGENT_FREEZE_REPORT_H

#include "agent/freeze/account.h"

#include <glib.h>

/*
 * The last freezes, kept in the folder "reports" of the state directory, a file each that only its
 * owner may read, and told by 'firn report'.
 */

/*
 * Writes the account down and removes the oldest beyond `keep` (0: keeps none). To be called after
 * the thaw, when disks may be touched. A reader never sees half a file.
 */
gboolean firn_report_store(const char *state_dir, guint keep, const FirnAccount *account,
                           GError **error);

/*
 * The newest `last` accounts, oldest first. Damaged files are passed over. NULL with
 * an error when the folder may not be read; no folder means none. Free with
 * g_ptr_array_unref().
 */
GPtrArray *firn_report_load(const char *state_dir, guint last, GError **error);

/* One freeze for people: a table of its filesystems, its hooks, and a timeline of at most `width`
 * columns; free with g_free(). */
char *firn_report_text(const FirnAccount *account, guint width, gboolean utf8);

/* Accounts (of FirnAccount) for programs: {"reports": [...]} on one line; free with g_free(). */
char *firn_report_json(const GPtrArray *accounts);

/* The subcommand: the arguments after its name. Returns the exit status. */
int firn_report_main(int argc, char **argv);

/* How long it took, all of it; FIRN_NEVER when it did not happen. */
gint64 firn_report_sync_time(const FirnAccountFilesystem *filesystem);
gint64 firn_report_freeze_time(const FirnAccountFilesystem *filesystem);
gint64 firn_report_held_time(const FirnAccountFilesystem *filesystem);

#endif
