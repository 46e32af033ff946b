/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_FIT_H
#define TESTS_BENCH_FIT_H

#include "tests/bench/row.h"

/* What a row marked `linear` may grow with at most between its two largest sizes, where fixed costs
 * count least: 1 would be linear to the point, the rest is for measuring. */
#define FIT_LINEAR 1.1

typedef struct {
    double all;  /* exponent over all sizes: 1 is linear, 0 is flat */
    double last; /* between the two largest */
} Fit;

/* The rows that have several sizes: each name once, in their order; of char *. */
GPtrArray *fit_names(const GArray *rows);
/* The slope of log(value) over log(size) of the rows of that name, through the least of their
 * samples: the others were disturbed, which says nothing of growth. */
Fit fit_of(const GArray *rows, const char *what, gboolean firn);

#endif
