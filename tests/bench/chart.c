/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/chart.h"

#include "tests/bench/fit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 960
#define FIRN "#2a6f97"
#define PEER "#c8553d"
#define FAINT "#dddddd"

/* Bars: from equal (1) to the right where firn is better, on a logarithmic scale. */
#define LABELS 310
#define BARS 560
#define STEP 22
#define BARS_TOP 60
#define LEAST (-1) /* decades */
#define MOST 3

/* Plots: two beside each other. */
#define PLOT_WIDTH 370
#define PLOT_HEIGHT 190
#define PLOT_ROOM 270

typedef struct {
    double low, high; /* logarithms */
} Range;

static double bar_x(double ratio)
{
    double decades = CLAMP(log10(ratio), LEAST, MOST) - LEAST;

    return LABELS + BARS * decades / (MOST - LEAST);
}

static void text(FILE *out, double x, double y, const char *anchor, const char *words)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, words);
}

static void line(FILE *out, double x1, double y1, double x2, double y2, const char *colour)
{
    fprintf(out, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour);
}

static void rectangle(FILE *out, double x, double y, double width, double height,
                      const char *colour)
{
    fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x, y,
            width, height, colour);
}

/* Sizes that no goal names are in the plots only. */
static gboolean has_bar(const GArray *rows, const BenchRow *row)
{
    g_autoptr(GPtrArray) names = fit_names(rows);

    if (bench_row_ratio(row) <= 0 || row->goal == GOAL_AT_MOST)
        return FALSE;
    return row->goal != GOAL_NONE ||
           !g_ptr_array_find_with_equal_func(names, row->what, g_str_equal, NULL);
}

static void draw_bar(FILE *out, const BenchRow *row, int y)
{
    double ratio = bench_row_ratio(row), one = bar_x(1), end = bar_x(ratio);
    g_autofree char *label = bench_row_label(row);
    g_autofree char *number = g_strdup_printf("%.1f×", ratio);

    text(out, LABELS - 8, y + 12, "end", label);
    rectangle(out, MIN(one, end), y, MAX(fabs(end - one), 1), 14,
              bench_row_reached(row) ? FIRN : PEER);
    if (row->goal == GOAL_TIMES)
        rectangle(out, bar_x(row->target) - 1, y - 2, 2, 18, "#000000");
    text(out, MAX(one, end) + 6, y + 12, "start", number);
}

/* Returns where the next thing may begin. */
static int draw_bars(FILE *out, const GArray *rows)
{
    int y = BARS_TOP, count = 0;

    for (guint i = 0; i < rows->len; i++)
        count += has_bar(rows, &g_array_index(rows, BenchRow, i));
    for (int decade = LEAST; decade <= MOST; decade++) {
        g_autofree char *number = g_strdup_printf("%g×", pow(10, decade));
        double x = bar_x(pow(10, decade));

        line(out, x, y - 6, x, y + count * STEP, decade == 0 ? "#888888" : FAINT);
        text(out, x, y - 10, "middle", number);
    }
    for (guint i = 0; i < rows->len; i++) {
        const BenchRow *row = &g_array_index(rows, BenchRow, i);

        if (!has_bar(rows, row))
            continue;
        draw_bar(out, row, y + 2);
        y += STEP;
    }
    return y;
}

static void widen(Range *range, double value)
{
    range->low = MIN(range->low, floor(log10(value)));
    range->high = MAX(range->high, ceil(log10(value)));
}

static double scale(const Range *range, double value, double length)
{
    return (log10(value) - range->low) / (range->high - range->low) * length;
}

static void draw_axes(FILE *out, const Range *x, const Range *y, double left, double top)
{
    for (double decade = x->low; decade <= x->high; decade++) {
        g_autofree char *number = g_strdup_printf("%g", pow(10, decade));
        double at = left + scale(x, pow(10, decade), PLOT_WIDTH);

        line(out, at, top, at, top + PLOT_HEIGHT, FAINT);
        text(out, at, top + PLOT_HEIGHT + 15, "middle", number);
    }
    for (double decade = y->low; decade <= y->high; decade++) {
        g_autofree char *number = g_strdup_printf("%g", pow(10, decade));
        double at = top + PLOT_HEIGHT - scale(y, pow(10, decade), PLOT_HEIGHT);

        line(out, left, at, left + PLOT_WIDTH, at, FAINT);
        text(out, left - 6, at + 4, "end", number);
    }
}

/* The row's sizes of one agent, as points joined by lines. */
static void draw_series(FILE *out, const GArray *rows, const char *what, gboolean firn,
                        const Range *x, const Range *y, double left, double top)
{
    const char *colour = firn ? FIRN : PEER;
    g_autoptr(GString) points = g_string_new(NULL);

    for (guint i = 0; i < rows->len; i++) {
        const BenchRow *row = &g_array_index(rows, BenchRow, i);
        double px, py;

        if (strcmp(row->what, what) != 0)
            continue;
        px = left + scale(x, (double)row->size, PLOT_WIDTH);
        py = top + PLOT_HEIGHT - scale(y, firn ? row->firn.median : row->peer.median, PLOT_HEIGHT);
        g_string_append_printf(points, "%.1f,%.1f ", px, py);
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", px, py, colour);
    }
    fprintf(out, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n",
            points->str, colour);
}

static void draw_plot(FILE *out, const GArray *rows, const char *what, double left, double top)
{
    Range x = {G_MAXDOUBLE, -G_MAXDOUBLE}, y = x;
    g_autofree char *title = NULL;

    for (guint i = 0; i < rows->len; i++) {
        const BenchRow *row = &g_array_index(rows, BenchRow, i);

        if (strcmp(row->what, what) != 0)
            continue;
        widen(&x, (double)row->size);
        widen(&y, row->firn.median);
        widen(&y, row->peer.median);
        if (!title)
            title = g_strdup_printf("%s: %s over n; <tspan fill=\"" FIRN "\">n^%.2f</tspan> and "
                                    "<tspan fill=\"" PEER "\">n^%.2f</tspan>",
                                    what, row->unit, fit_of(rows, what, TRUE).all,
                                    fit_of(rows, what, FALSE).all);
    }
    y.high = MAX(y.high, y.low + 1);
    text(out, left, top - 8, "start", title);
    draw_axes(out, &x, &y, left, top);
    draw_series(out, rows, what, TRUE, &x, &y, left, top);
    draw_series(out, rows, what, FALSE, &x, &y, left, top);
}

gboolean chart_draw(const GArray *rows, const char *path)
{
    g_autoptr(GPtrArray) names = fit_names(rows);
    guint bars = 0;
    int height, top;
    FILE *out = fopen(path, "w");

    if (!out) {
        fprintf(stderr, "cannot write '%s': %s\n", path, g_strerror(errno));
        return FALSE;
    }
    for (guint i = 0; i < rows->len; i++)
        bars += has_bar(rows, &g_array_index(rows, BenchRow, i));
    height = BARS_TOP + (int)(bars * STEP + (names->len + 1) / 2 * PLOT_ROOM) + 10;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n",
            WIDTH, height, WIDTH, height);
    rectangle(out, 0, 0, WIDTH, height, "#ffffff");
    text(out, 10, 22, "start",
         "How many times better firn is than the packaged agent; a black mark is the goal. Below: "
         "<tspan fill=\"" FIRN "\">firn</tspan> and <tspan fill=\"" PEER
         "\">the packaged agent</tspan>.");
    top = draw_bars(out, rows) + 50;
    for (guint i = 0; i < names->len; i++)
        draw_plot(out, rows, names->pdata[i], 60 + i % 2 * 480.0, top + i / 2 * PLOT_ROOM);
    fprintf(out, "</svg>\n");
    return fclose(out) == 0;
}
