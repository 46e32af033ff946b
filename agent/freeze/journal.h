/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_JOURNAL_H
#define AGENT_FREEZE_JOURNAL_H

#include "agent/freeze/account.h"

/*
 * Log entries about a freeze, with fields to query in the journal; plain lines elsewhere. Fields of
 * all: FIRN_EVENT (freeze, filesystem, hook, thaw), FIRN_WHO. Of some: FIRN_FILESYSTEMS (how many
 * were frozen or thawed), FIRN_DURATION_USEC, FIRN_HELD_USEC, FIRN_SYNC_USEC, FIRN_MOUNTPOINT,
 * FIRN_TYPE, FIRN_DEVICE, FIRN_OUTCOME, FIRN_REASON, FIRN_HOOK, FIRN_STATUS, FIRN_ERROR, ERRNO.
 */

/* The walk is over, well or not. Goes to the ring while the log is held. */
void firn_journal_freeze(const FirnAccount *account);

/* All is over: an entry for each filesystem and hook, and one for the thaw. Filesystems that were
 * frozen and thawed well are told of in detail only up to 64 of them, or when verbose. */
void firn_journal_thaw(const FirnAccount *account);

#endif
