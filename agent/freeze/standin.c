/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/freezer.h"

/* Until the engine is there: nothing is ever frozen. */
struct FirnFreezer {
    int unused;
};

FirnFreezer *firn_freezer_new(const FirnConfig *config, const FirnRoots *roots, GError **error)
{
    return g_new0(FirnFreezer, 1);
}

void firn_freezer_free(FirnFreezer *freezer)
{
    g_free(freezer);
}

gboolean firn_freezer_is_frozen(const FirnFreezer *freezer)
{
    return FALSE;
}

gboolean firn_freezer_is_busy(const FirnFreezer *freezer)
{
    return FALSE;
}

void firn_freezer_freeze(FirnFreezer *freezer, const char *const *mountpoints, const char *who,
                         FirnFreezerDone done, gpointer data)
{
    done(0, NULL, data);
}

void firn_freezer_thaw(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    done(0, NULL, data);
}

void firn_freezer_shutdown(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    done(0, NULL, data);
}
