/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_MEMORY_H
#define AGENT_FREEZE_MEMORY_H

#include <glib.h>

/*
 * Keeps the process in memory while the disk that its program lies on may stand still: reads in
 * what it executes and locks what it uses, as far as it may. Each page costs dozens of calls in the
 * kernel, which the buffer of a function tracer has to hold beside those of the freeze: so no more
 * than these.
 */
typedef void (*FirnMemoryFunction)(void);

/*
 * libraries: a function of each library besides the C library that is wanted, and NULL. Safe after
 * fork(). It stays so: a process that froze once will again, and letting go costs as much.
 */
void firn_memory_lock(const FirnMemoryFunction *libraries);

#endif
