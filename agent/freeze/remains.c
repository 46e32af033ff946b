/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/remains.h"

#include "agent/freeze/undo.h"
#include "agent/freeze/walk.h"

/* All was done, but the file is still there. */
static gboolean is_over(FirnState *state)
{
    return g_atomic_int_get(&state->head->phase) == FIRN_PHASE_DONE && firn_undo_is_settled(state);
}

FirnState *firn_remains_find(const FirnConfig *config, const FirnRoots *roots)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(FirnState) state = firn_state_open(config->state_dir, &problem);

    if (problem)
        g_warning("%s", problem->message);
    if (!state)
        return NULL;
    if (!firn_state_is_of_this_boot(state, roots) || is_over(state)) {
        firn_state_remove(state);
        return NULL;
    }
    return g_steal_pointer(&state);
}

gboolean firn_remains_are_frozen(const FirnConfig *config, const FirnRoots *roots)
{
    g_autoptr(FirnState) state = firn_state_open(config->state_dir, NULL);

    return state && firn_state_is_of_this_boot(state, roots) &&
           (firn_state_count_frozen(state) > 0 || firn_walk_find_stuck(state) >= 0);
}
