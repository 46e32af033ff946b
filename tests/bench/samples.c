/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/samples.h"

#include <stdio.h>
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

static double nth(const GArray *samples, guint index)
{
    g_autofree double *sorted = NULL;

    if (samples->len == 0)
        return 0;
    sorted = g_memdup2(samples->data, samples->len * sizeof(double));
    qsort(sorted, samples->len, sizeof(double), compare);
    return sorted[index];
}

double samples_median(const GArray *samples)
{
    return nth(samples, samples->len / 2);
}

double samples_min(const GArray *samples)
{
    return nth(samples, 0);
}

double samples_max(const GArray *samples)
{
    return nth(samples, samples->len ? samples->len - 1 : 0);
}

void samples_report(const char *what, guint64 size, const char *unit, gboolean higher,
                    double wanted, const GArray *firn, const GArray *peer)
{
    const char *path = g_getenv("FIRN_BENCH_OUT");
    double a = samples_median(firn), b = samples_median(peer);
    double ratio = higher ? (b > 0 ? a / b : 0) : (a > 0 ? b / a : 0);
    g_autofree char *line = g_strdup_printf(
        "%s\t%" G_GUINT64_FORMAT "\t%s\t%d\t%.2f\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.2f\n", what,
        size, unit, higher, wanted, a, samples_min(firn), samples_max(firn), b, samples_min(peer),
        samples_max(peer), ratio);

    fprintf(stderr, "%-44s %8" G_GUINT64_FORMAT "  firn %.4g  peer %.4g %s  %.1fx (goal %.3gx)\n",
            what, size, a, b, unit, ratio, wanted);
    if (path) {
        FILE *out = fopen(path, "a");

        if (!out || fputs(line, out) < 0 || fclose(out) != 0)
            g_error("cannot write '%s'", path);
    }
}

double samples_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
