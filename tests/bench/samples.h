/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_SAMPLES_H
#define TESTS_BENCH_SAMPLES_H

#include <glib.h>

typedef struct {
    double median, min, max;
} BenchSpread;

/* Measurements of one quantity; a GArray of double. */
GArray *samples_new(void);
void samples_add(GArray *samples, double value);
/* Their middle, least and most; zeroes where there are none. */
BenchSpread samples_spread(const GArray *samples);

/* CLOCK_MONOTONIC in seconds. */
double samples_now(void);

#endif
