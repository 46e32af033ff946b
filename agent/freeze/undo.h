/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_UNDO_H
#define AGENT_FREEZE_UNDO_H

#include "agent/freeze/state.h"

/*
 * Undoing a FIFREEZE that hangs in the kernel once it returns, when its caller may not live, or
 * run, to do it: in a process of its own, as FITHAW waits for that return, too. At most one
 * filesystem of a state hangs. The state stays in the state directory until that is settled, so
 * that nothing else is frozen by then; the process removes it when the freeze is over.
 */

/* Starts the process unless there is one. Safe after fork(). */
void firn_undo_start(FirnState *state);

/* TRUE once nothing of it hangs, and no such process runs; or nothing can be done about it. */
gboolean firn_undo_is_settled(FirnState *state);

#endif
