/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_SAMPLES_H
#define TESTS_BENCH_SAMPLES_H

#include <glib.h>

/* Measurements of one quantity; a GArray of double. */
GArray *samples_new(void);
void samples_add(GArray *samples, double value);
/* The middle of the sorted samples, 0 where there are none. */
double samples_median(const GArray *samples);
double samples_min(const GArray *samples);
double samples_max(const GArray *samples);

/*
 * Writes one result for the table: what was measured, its size (0 where a row has none), unit, the
 * goal as text, and both agents' samples. higher: more is better (a rate). Goes to stdout and to
 * the file named by FIRN_BENCH_OUT. wanted: the ratio the goal asks for, in firn's favour.
 */
void samples_report(const char *what, guint64 size, const char *unit, gboolean higher,
                    double wanted, const GArray *firn, const GArray *peer);

/* CLOCK_MONOTONIC in seconds. */
double samples_now(void);

#endif
