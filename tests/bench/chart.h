/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_CHART_H
#define TESTS_BENCH_CHART_H

#include "tests/bench/row.h"

/* Draws the rows as SVG: a bar for how many times better firn is, with its goal, and a plot for
 * each row that has sizes. FALSE, with a message, when `path` cannot be written. */
gboolean chart_draw(const GArray *rows, const char *path);

#endif
