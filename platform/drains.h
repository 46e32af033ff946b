/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DRAINS_H
#define PLATFORM_DRAINS_H

#include <glib.h>

/*
 * Pipes that nobody wants the contents of any more, though somebody may still write to them: what
 * comes is read and forgotten on the main loop, for a writer would be killed by SIGPIPE or stand
 * still otherwise. Nothing is woken while nobody writes.
 */
typedef struct FirnDrains FirnDrains;

FirnDrains *firn_drains_new(void);
/* Closes all. */
void firn_drains_free(FirnDrains *drains);

/* Takes the reading end, which must not block, and closes it when its last writer is gone. Of more
 * than 64 of them the oldest is closed. */
void firn_drains_add(FirnDrains *drains, int fd);
/* How many are open. */
guint firn_drains_count(const FirnDrains *drains);

#endif
