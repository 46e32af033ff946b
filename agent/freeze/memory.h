/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_MEMORY_H
#define AGENT_FREEZE_MEMORY_H

#include <glib.h>

/*
 * Keeps the process in memory while the disk that its program lies on may stand still: reads in its
 * program and libraries and locks what it uses, as far as it may. Nothing else is brought in, so it
 * costs no memory that was not in use. lock is safe after fork().
 */
void firn_memory_lock(void);
void firn_memory_unlock(void);

#endif
