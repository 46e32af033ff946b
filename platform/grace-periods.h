/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_GRACE_PERIODS_H
#define PLATFORM_GRACE_PERIODS_H

#include "platform/roots.h"

#include <glib.h>

/*
 * RCU grace periods of the kernel. A freeze waits for several, some 27 ms a filesystem; expedited
 * (/sys/kernel/rcu_expedited, kernel-parameters.txt), they take next to nothing and bother every
 * processor for it.
 */

/*
 * Opens the switch for firn_grace_periods_expedite(), so that nothing has to be opened later.
 * Returns a descriptor (O_CLOEXEC), or -1 with why not: the kernel expedites already, prefers
 * normal ones (rcu_normal, as on real-time kernels), keeps processors undisturbed (isolated,
 * nohz_full), or has no such switch. why: a static text; may be NULL.
 */
int firn_grace_periods_open(const FirnRoots *roots, const char **why);

/* On or off; fd: of the above. Off is what it was before, or it would not have been opened. Safe
 * after fork(). FALSE when it could not be written. */
gboolean firn_grace_periods_expedite(int fd, gboolean on);

/* Off, for one who finds them expedited by somebody who is dead. */
gboolean firn_grace_periods_restore(const FirnRoots *roots);

#endif
