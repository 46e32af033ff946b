/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_LOAD_H
#define PLATFORM_LOAD_H

#include "platform/roots.h"

/* The load averages of proc_loadavg(5) over 1, 5 and 15 minutes. */
typedef struct {
    double minutes1;
    double minutes5;
    double minutes15;
} FirnLoad;

gboolean firn_load_read(const FirnRoots *roots, FirnLoad *load, GError **error);

#endif
