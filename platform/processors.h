/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_PROCESSORS_H
#define PLATFORM_PROCESSORS_H

#include "platform/roots.h"

typedef struct {
    gint64 id; /* N of /sys/devices/system/cpu/cpuN */
    gboolean online;
    gboolean can_offline;
} FirnProcessor;

/* All processors, FirnProcessor, by rising number. Free with g_array_unref(). */
GArray *firn_processors_read(const FirnRoots *roots, GError **error);

/* Brings one up or takes it down; nothing is written where it is so already. */
gboolean firn_processor_set(const FirnRoots *roots, gint64 id, gboolean online, GError **error);

#endif
