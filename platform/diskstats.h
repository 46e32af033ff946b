/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_DISKSTATS_H
#define PLATFORM_DISKSTATS_H

#include "platform/roots.h"

#include <glib.h>

/* The columns of /proc/diskstats after the name (Documentation/admin-guide/iostats.rst), in order.
 * Sectors are of 512 bytes, ticks are milliseconds. */
typedef enum {
    FIRN_DISKSTAT_READ_IOS,
    FIRN_DISKSTAT_READ_MERGES,
    FIRN_DISKSTAT_READ_SECTORS,
    FIRN_DISKSTAT_READ_TICKS,
    FIRN_DISKSTAT_WRITE_IOS,
    FIRN_DISKSTAT_WRITE_MERGES,
    FIRN_DISKSTAT_WRITE_SECTORS,
    FIRN_DISKSTAT_WRITE_TICKS,
    FIRN_DISKSTAT_IOS_PGR,
    FIRN_DISKSTAT_TOTAL_TICKS,
    FIRN_DISKSTAT_WEIGHT_TICKS,
    FIRN_DISKSTAT_DISCARD_IOS, /* since Linux 4.18 */
    FIRN_DISKSTAT_DISCARD_MERGES,
    FIRN_DISKSTAT_DISCARD_SECTORS,
    FIRN_DISKSTAT_DISCARD_TICKS,
    FIRN_DISKSTAT_FLUSH_IOS, /* since Linux 5.5 */
    FIRN_DISKSTAT_FLUSH_TICKS,
    FIRN_DISKSTAT_COLUMNS,
} FirnDiskstatColumn;

typedef struct {
    const char *name; /* belongs to the list */
    guint major, minor;
    guint columns; /* how many this kernel tells: 11, 15 or all */
    guint64 values[FIRN_DISKSTAT_COLUMNS];
} FirnDiskstat;

typedef struct {
    GArray *entries; /* FirnDiskstat */
    char *text;
} FirnDiskstats;

/* `text` is taken. Lines that no kernel writes are left out. */
FirnDiskstats *firn_diskstats_parse(char *text);
/* NULL with a G_FILE_ERROR. Free with firn_diskstats_free(). */
FirnDiskstats *firn_diskstats_read(const FirnRoots *roots, GError **error);
void firn_diskstats_free(FirnDiskstats *stats);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnDiskstats, firn_diskstats_free)

#endif
