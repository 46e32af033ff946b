/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_FINISH_H
#define AGENT_FREEZE_FINISH_H

#include "agent/freeze/state.h"

/*
 * The last steps of a freeze, once everything is thawed: the thaw hooks, the journal, the report,
 * and the note about an early thaw. By the agent, by what the guard becomes, or by the next agent:
 * whoever has claimed the end. FALSE when another has taken that over meanwhile, as from one that
 * was stopped, and does what is left.
 */
gboolean firn_finish(FirnState *state);

/* The subcommand "finish STATE-FILE" that the guard becomes. */
int firn_finish_main(int argc, char **argv);

/*
 * That filesystems were thawed early is told to the host's next thaw, once, by whichever instance
 * of the agent gets it. Returns the note's text and removes it, NULL when there is none; free with
 * g_free().
 */
char *firn_finish_take_note(const char *state_dir);

#endif
