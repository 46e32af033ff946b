/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_REMAINS_H
#define AGENT_FREEZE_REMAINS_H

#include "agent/config.h"
#include "agent/freeze/state.h"

/* What an earlier instance of the agent has left in the state directory. */

/*
 * The state of a freeze that it did not end; NULL when there is none. What is over, or of an
 * earlier boot, is removed. Only for the one that has locked the state directory (startup.h).
 */
FirnState *firn_remains_find(const FirnConfig *config, const FirnRoots *roots);

/* TRUE when filesystems are frozen. */
gboolean firn_remains_are_frozen(const FirnConfig *config, const FirnRoots *roots);

#endif
