/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table RESULTS CHART: prints the results of a run as tables in Markdown, with goals and fitted
 * exponents, and draws them as an SVG chart. */
#include "tests/bench/chart.h"
#include "tests/bench/fit.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    guint all, reached;
} Goals;

static const char *verdict(gboolean reached, Goals *goals)
{
    goals->all++;
    goals->reached += reached ? 1 : 0;
    return reached ? "reached" : "**not reached**";
}

/* One number, or with what the others were. */
static char *spread_text(BenchSpread spread)
{
    if (spread.min == spread.max)
        return g_strdup_printf("%.4g", spread.median);
    return g_strdup_printf("%.4g (%.3g–%.3g)", spread.median, spread.min, spread.max);
}

static void print_row(const BenchRow *row, Goals *goals)
{
    g_autofree char *label = bench_row_label(row);
    g_autofree char *firn = spread_text(row->firn);
    g_autofree char *peer = spread_text(row->peer);
    g_autofree char *client = row->client > 0 ? g_strdup_printf("%.4g", row->client) : g_strdup("");
    g_autofree char *goal = bench_row_goal(row);
    double times = bench_row_ratio(row);
    g_autofree char *ratio = times > 0 ? g_strdup_printf("%.1f×", times) : g_strdup("");

    printf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", label, row->unit, firn, peer, client,
           ratio, goal, row->goal == GOAL_NONE ? "" : verdict(bench_row_reached(row), goals));
}

static gboolean is_linear_goal(const GArray *rows, const char *what)
{
    for (guint i = 0; i < rows->len; i++) {
        const BenchRow *row = &g_array_index(rows, BenchRow, i);

        if (row->linear && !strcmp(row->what, what))
            return TRUE;
    }
    return FALSE;
}

static void print_fit(const GArray *rows, const char *what, Goals *goals)
{
    Fit firn = fit_of(rows, what, TRUE), peer = fit_of(rows, what, FALSE);
    gboolean linear = is_linear_goal(rows, what);

    printf("| %s | n^%.2f | n^%.2f | n^%.2f | n^%.2f | %s | %s |\n", what, firn.all, firn.last,
           peer.all, peer.last, linear ? "linear" : "",
           linear ? verdict(firn.last <= FIT_LINEAR, goals) : "");
}

static void print_tables(const GArray *rows)
{
    g_autoptr(GPtrArray) names = fit_names(rows);
    Goals goals = {0};

    printf("| what | unit | firn | packaged agent | client alone | firn is better | goal | |\n"
           "|---|---|---|---|---|---|---|---|\n");
    for (guint i = 0; i < rows->len; i++)
        print_row(&g_array_index(rows, BenchRow, i), &goals);
    if (names->len > 0)
        printf(
            "\n| growth with n | firn | its last step | packaged agent | its last step | goal | |\n"
            "|---|---|---|---|---|---|---|\n");
    for (guint i = 0; i < names->len; i++)
        print_fit(rows, names->pdata[i], &goals);
    printf("\n%u of %u goals reached.\n", goals.reached, goals.all);
}

int main(int argc, char **argv)
{
    g_autoptr(GArray) rows = NULL;

    if (argc != 3) {
        fprintf(stderr, "table RESULTS CHART\n");
        return 2;
    }
    rows = bench_rows_read(argv[1]);
    if (!rows || rows->len == 0) {
        fprintf(stderr, "'%s' holds no result\n", argv[1]);
        return 1;
    }
    print_tables(rows);
    return chart_draw(rows, argv[2]) ? 0 : 1;
}
