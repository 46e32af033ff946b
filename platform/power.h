/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_POWER_H
#define PLATFORM_POWER_H

#include "platform/roots.h"

typedef enum {
    FIRN_SHUTDOWN_POWERDOWN,
    FIRN_SHUTDOWN_HALT,
    FIRN_SHUTDOWN_REBOOT,
} FirnShutdown;

typedef enum {
    FIRN_SUSPEND_DISK,
    FIRN_SUSPEND_RAM,
    FIRN_SUSPEND_HYBRID, /* to RAM with an image on disk, for when the power goes */
} FirnSuspend;

/*
 * Both ask, in turn, until one accepts: logind through D-Bus where it runs, the system's helpers,
 * and for a suspend the kernel itself. They block as long as that takes (a suspend until the
 * machine is awake again), and so belong on a worker. Helpers and kernel files are found below the
 * roots, so that roots of a test reach nothing of the machine.
 */
gboolean firn_power_shutdown(const FirnRoots *roots, FirnShutdown mode, GError **error);

/* A mode that the kernel does not offer is an error, and nothing is asked. */
gboolean firn_power_suspend(const FirnRoots *roots, FirnSuspend mode, GError **error);

#endif
