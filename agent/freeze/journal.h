/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_JOURNAL_H
#define AGENT_FREEZE_JOURNAL_H

#include "agent/freeze/record.h"

/*
 * Log entries about a freeze, with fields to query in the journal; plain lines elsewhere. Fields of
 * all: FIRN_EVENT (freeze, filesystem, hook, thaw), FIRN_WHO. Of some: FIRN_FILESYSTEMS (how many
 * were frozen or thawed), FIRN_DURATION_USEC, FIRN_HELD_USEC, FIRN_SYNC_USEC, FIRN_MOUNTPOINT,
 * FIRN_TYPE, FIRN_DEVICE, FIRN_OUTCOME, FIRN_REASON, FIRN_HOOK, FIRN_STATUS, FIRN_ERROR, ERRNO.
 */

/* How the freeze went, well or not: for when the walk has ended, or the freeze was refused. Whoever
 * knows that the entry has reached the log, not only a held log's ring, sets head->logged. */
void firn_journal_freeze(const FirnRecord *record);

/*
 * All is over. An entry for how the freeze went comes first, unless head->logged says that the log
 * has it; then an entry for each filesystem and hook, and one for how it ended. A freeze that was
 * refused has the first one alone. Filesystems that were frozen and thawed well are told of in
 * detail only up to 64 of them, or when verbose.
 */
void firn_journal_thaw(const FirnRecord *record);

#endif
