/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/samples.h"

#include <stdlib.h>
#include <time.h>

GArray *samples_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(double));
}

void samples_add(GArray *samples, double value)
{
    g_array_append_val(samples, value);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

BenchSpread samples_spread(const GArray *samples)
{
    guint count = samples->len;
    g_autofree double *sorted = g_memdup2(samples->data, count * sizeof(double));

    if (count == 0)
        return (BenchSpread){0};
    qsort(sorted, count, sizeof(double), compare);
    return (BenchSpread){sorted[count / 2], sorted[0], sorted[count - 1]};
}

double samples_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
