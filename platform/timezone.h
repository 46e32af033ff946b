/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_TIMEZONE_H
#define PLATFORM_TIMEZONE_H

#include "platform/roots.h"

typedef struct {
    char *zone;  /* the abbreviation in force, such as "CEST"; NULL when unknown */
    gint offset; /* seconds east of UTC, in force */
} FirnTimezone;

/*
 * The system's zone at `now`, seconds since the epoch. /etc/localtime is looked at afresh each
 * time; on the machine's own roots the variable TZ goes before it. Free with firn_timezone_free().
 */
FirnTimezone *firn_timezone_read(const FirnRoots *roots, gint64 now);
void firn_timezone_free(FirnTimezone *zone);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnTimezone, firn_timezone_free)

#endif
