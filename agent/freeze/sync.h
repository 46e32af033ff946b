/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_SYNC_H
#define AGENT_FREEZE_SYNC_H

#include "agent/freeze/record.h"

/*
 * Writes what is dirty before anything is frozen, so that little is left to be written inside the
 * freeze. Child processes do it, one for each disk up to some, so that a disk that hangs costs the
 * time-out and nothing else.
 */

/*
 * Once before the hooks. timeout: seconds, 0 for none; what is not synced by then is frozen all the
 * same, and the log says so. check: may be asked from 20 times a second on. FALSE with an error
 * when a disk did not take what was written: the kernel tells of lost data once, and may then well
 * freeze what has gone read-only. FALSE without one when check() said so. Blocks.
 */
gboolean firn_sync_before_hooks(FirnRecord *record, guint timeout, FirnEndCheck check,
                                gpointer data, GError **error);

/* After the hooks, until a pass is short. The same arguments and results. */
gboolean firn_sync_before_walk(FirnRecord *record, guint timeout, FirnEndCheck check, gpointer data,
                               GError **error);

#endif
