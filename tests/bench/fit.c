/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/fit.h"

#include <math.h>
#include <string.h>

GPtrArray *fit_names(const GArray *rows)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < rows->len; i++) {
        const BenchRow *row = &g_array_index(rows, BenchRow, i);
        guint sizes = 0;

        for (guint other = 0; other < rows->len; other++)
            sizes += !strcmp(g_array_index(rows, BenchRow, other).what, row->what);
        if (sizes > 1 && !g_ptr_array_find_with_equal_func(names, row->what, g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(row->what));
    }
    return names;
}

static double slope(const double *x, const double *y, guint count)
{
    double sx = 0, sy = 0, sxx = 0, sxy = 0, n = count;

    for (guint i = 0; i < count; i++) {
        sx += x[i];
        sy += y[i];
        sxx += x[i] * x[i];
        sxy += x[i] * y[i];
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

Fit fit_of(const GArray *rows, const char *what, gboolean firn)
{
    g_autoptr(GArray) x = samples_new();
    g_autoptr(GArray) y = samples_new();
    const double *sizes, *values;

    for (guint i = 0; i < rows->len; i++) {
        const BenchRow *row = &g_array_index(rows, BenchRow, i);
        double value = firn ? row->firn.min : row->peer.min;

        if (strcmp(row->what, what) != 0)
            continue;
        samples_add(x, log((double)row->size));
        samples_add(y, log(value));
    }
    sizes = (const double *)(gpointer)x->data;
    values = (const double *)(gpointer)y->data;
    return (Fit){slope(sizes, values, x->len), slope(sizes + x->len - 2, values + x->len - 2, 2)};
}
