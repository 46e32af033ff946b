/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_HOOKS_H
#define AGENT_FREEZE_HOOKS_H

#include "agent/freeze/record.h"

/*
 * The scripts that bring applications to a consistent point around a freeze: called with "freeze"
 * before it and with "thaw" after it, FIRN_REASON in the environment saying why (request, rollback,
 * deadline, shutdown). The record remembers each one's progress, so that whoever sees to the end
 * pairs them: every script whose "freeze" was started gets one "thaw".
 */

/*
 * The scripts of `path` in the order of freezing: a file, or a folder's executables in the C
 * locale's order without what editors and package managers leave behind. NULL: none. Free with
 * g_strfreev(). NULL with an error that names the remedy when one is not there, cannot be run, or
 * could be written or replaced by others than root: see firn_trust_check_way().
 */
char **firn_hooks_list(const char *path, GError **error);

/* Why a script that is there cannot be executed because something else is not (ENOENT): its
 * interpreter, or the one of a name that ends in a carriage return. With the remedy; NULL when its
 * first line tells no reason. Free with g_free(). */
char *firn_hooks_explain(const char *path);

/* TRUE for a name that editors and package managers give to what they leave behind. */
gboolean firn_hooks_is_leftover(const char *name);

/*
 * Runs all with "freeze". FALSE with an error when one failed or took too long; FALSE without when
 * check() said that the freeze is to end: the script that ran is ended then. Blocks.
 */
gboolean firn_hooks_freeze(FirnRecord *record, FirnEndCheck check, gpointer data, GError **error);

/* Runs those that need it with "thaw", in the reverse order. What goes wrong is logged. Blocks. */
void firn_hooks_thaw(FirnRecord *record);

#endif
