/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_WRITERS_H
#define TESTS_BENCH_WRITERS_H

#include <glib.h>

/* One thread for each mountpoint that writes 4 KiB a millisecond and remembers how long its longest
 * write stood still. */
typedef struct Writers Writers;

/* mountpoints: NULL-terminated, copied. Ends the program when a file cannot be made. */
Writers *writers_start(char **mountpoints);
/* Stops them, frees them, and returns the longest write of any, in seconds. */
double writers_stop(Writers *writers);

/* Leaves `bytes` of dirty data in a file of the mountpoint: written, not synced. */
void writers_make_dirty(const char *mountpoint, gsize bytes);

#endif
