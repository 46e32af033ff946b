/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_GRACE_PERIODS_H
#define PLATFORM_GRACE_PERIODS_H

#include "platform/roots.h"

#include <glib.h>

/*
 * RCU grace periods of the kernel. A freeze waits for several, some 27 ms a filesystem; expedited
 * (/sys/kernel/rcu_expedited, kernel-parameters.txt), they take next to nothing and bother every
 * processor for it.
 *
 * The switch is one for the whole machine, and several processes may want it at once. So each holds
 * a shared lock of the file (flock(2)) while it wants it, and the last one switches it off. It is
 * switched on by FIRN_GRACE_PERIODS_MARK, a number that nobody else writes: where that is found
 * without a lock, the processes that wanted it were killed, and it is switched off. Any other
 * number is somebody else's, and stays.
 */
#define FIRN_GRACE_PERIODS_MARK 70

/*
 * Opens the switch, so that nothing has to be opened later. Returns a descriptor (O_CLOEXEC), or -1
 * with why not: the kernel expedites already, prefers normal ones (rcu_normal, as on real-time
 * kernels), keeps processors undisturbed (isolated, nohz_full), or has no such switch. why: a
 * static text; may be NULL.
 */
int firn_grace_periods_open(const FirnRoots *roots, const char **why);

/* On; fd: of the above. System calls alone. FALSE when it could not be written, or is somebody
 * else's by now. */
gboolean firn_grace_periods_expedite(int fd);

/* Off, unless another process wants it still. System calls alone. */
void firn_grace_periods_restore(int fd);

/* Off, where killed processes have left it on. hanging: one of them hangs in the kernel, and has
 * its lock still; should another process want it on, that one is slower from then on. */
void firn_grace_periods_reclaim(const FirnRoots *roots, gboolean hanging);

#endif
