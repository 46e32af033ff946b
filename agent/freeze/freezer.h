/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_FREEZER_H
#define AGENT_FREEZE_FREEZER_H

#include "agent/config.h"
#include "platform/roots.h"

/*
 * The agent's side of a freeze: it starts a keeper for each, asks, and passes the answers on. The
 * agent freezes and thaws nothing itself. All calls are from the main loop's thread, none blocks,
 * and `done` is called from the main loop.
 */
typedef struct FirnFreezer FirnFreezer;

/* count: filesystems frozen or thawed. error: NULL on success; belongs to the freezer, copy to
 * keep. */
typedef void (*FirnFreezerDone)(gint64 count, const GError *error, gpointer data);

/*
 * Takes over what an earlier instance left frozen: from its keeper, when that lives, else by a new
 * one. Borrows config and roots for its life. Free with firn_freezer_free() when idle.
 */
FirnFreezer *firn_freezer_new(const FirnConfig *config, const FirnRoots *roots);
void firn_freezer_free(FirnFreezer *freezer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnFreezer, firn_freezer_free)

/* TRUE from the answer to a freeze until all is thawed: what guest-fsfreeze-status says. */
gboolean firn_freezer_is_frozen(const FirnFreezer *freezer);

/*
 * Freezes the filesystems of these mountpoints, or all when NULL. mountpoints: copied; unknown ones
 * are ignored. who: the requester for the report, such as "guest-fsfreeze-freeze".
 */
void firn_freezer_freeze(FirnFreezer *freezer, const char *const *mountpoints, const char *who,
                         FirnFreezerDone done, gpointer data);

/*
 * Thaws what is frozen. While a freeze runs it cancels it: the freeze's `done` then gets an error
 * that says so, and this one the number of filesystems thawed. After a deadline or another early
 * thaw: once, an error that tells it.
 */
void firn_freezer_thaw(FirnFreezer *freezer, FirnFreezerDone done, gpointer data);

/* SIGTERM: cancels and thaws, runs the thaw hooks, leaves a note for the next instance's first
 * thaw. */
void firn_freezer_shutdown(FirnFreezer *freezer, FirnFreezerDone done, gpointer data);

/* TRUE when an earlier instance may have left something frozen: nothing is to be written to a disk
 * until a freezer knows. */
gboolean firn_freezer_finds_record(const FirnConfig *config);

#endif
