/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_ROW_H
#define TESTS_BENCH_ROW_H

#include "tests/bench/samples.h"

typedef enum {
    GOAL_NONE,
    GOAL_TIMES,   /* firn is so many times better than the packaged agent */
    GOAL_AT_MOST, /* firn's own value, in the row's unit */
    GOAL_WITHIN,  /* firn's value is no more than so much above the packaged agent's */
} BenchGoal;

/* One row of the table: what was measured on both agents, and the goal for it. */
typedef struct {
    const char *what;
    guint64 size;     /* 0: a row without sizes */
    const char *unit; /* "" for a plain number */
    gboolean higher;  /* more is better (a rate) */
    gboolean linear;  /* over its sizes it is to grow no faster than they do */
    BenchGoal goal;   /* goal and target */
    double target;    /* times, or the row's unit */
    BenchSpread firn; /* from here on filled in by bench_row_report() */
    BenchSpread peer;
    double client; /* what the bench's client does with a server that does nothing; 0: not asked */
} BenchRow;

/* Fills in what the samples say (client: NULL or empty where it was not asked), prints the row, and
 * appends it to the file that FIRN_BENCH_OUT names. */
void bench_row_report(const BenchRow *what, const GArray *firn, const GArray *peer,
                      const GArray *client);

/* Reads such a file; of BenchRow. NULL where it cannot be read. */
GArray *bench_rows_read(const char *path);

/* How many times better firn is; 0 where that has no meaning (one of them is 0). */
double bench_row_ratio(const BenchRow *row);
/* Whether the goal is reached; TRUE where there is none. */
gboolean bench_row_reached(const BenchRow *row);
/* "≥ 8×", "≤ 1 MiB", or "". */
char *bench_row_goal(const BenchRow *row);
/* "guest-get-fsinfo, 200". */
char *bench_row_label(const BenchRow *row);

#endif
