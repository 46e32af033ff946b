/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_ACCOUNT_STATE_H
#define AGENT_FREEZE_ACCOUNT_STATE_H

#include "agent/freeze/account.h"
#include "agent/freeze/state.h"

/* What the state of a freeze tells so far, whoever has written to it. Free with
 * firn_account_free(). */
FirnAccount *firn_account_of_state(const FirnState *state);

/* The walk is over, well or not: tells the journal. */
void firn_account_tell_freeze(FirnState *state);

/* All is over: tells the journal (of the freeze too, where the one who was to tell it was killed
 * before it could), and keeps the report in the state directory, as many of them as the state says.
 * Failing to do so is told to the log alone. */
void firn_account_tell_end(const FirnState *state, const char *state_dir);

#endif
