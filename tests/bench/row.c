/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/row.h"

#include <stdio.h>
#include <stdlib.h>

/* In the file: the fields of BenchRow, parted by tabs. */
enum { WHAT, SIZE, UNIT, HIGHER, LINEAR, GOAL, NUMBERS, FIELDS = NUMBERS + 8 };

static void append(const char *line)
{
    const char *path = g_getenv("FIRN_BENCH_OUT");
    FILE *out = path ? fopen(path, "a") : NULL;

    if (path && (!out || fputs(line, out) < 0 || fclose(out) != 0))
        g_error("cannot write '%s'", path);
}

void bench_row_report(const BenchRow *what, const GArray *firn, const GArray *peer,
                      const GArray *client)
{
    BenchRow row = *what;
    g_autofree char *line = NULL;
    g_autofree char *label = bench_row_label(what);
    g_autofree char *goal = bench_row_goal(what);

    row.firn = samples_spread(firn);
    row.peer = samples_spread(peer);
    row.client = client ? samples_spread(client).median : 0;
    fprintf(stderr, "%-44s firn %.4g  packaged %.4g %s  %.1f times  %s\n", label, row.firn.median,
            row.peer.median, row.unit, bench_row_ratio(&row), goal);
    line = g_strdup_printf(
        "%s\t%" G_GUINT64_FORMAT "\t%s\t%d\t%d\t%d\t%g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
        row.what, row.size, row.unit, row.higher, row.linear, row.goal, row.target, row.firn.median,
        row.firn.min, row.firn.max, row.peer.median, row.peer.min, row.peer.max, row.client);
    append(line);
}

static BenchRow parse(char **fields)
{
    BenchRow row = {.what = g_strdup(fields[WHAT]), .unit = g_strdup(fields[UNIT])};
    double *numbers[FIELDS - NUMBERS] = {&row.target,   &row.firn.median, &row.firn.min,
                                         &row.firn.max, &row.peer.median, &row.peer.min,
                                         &row.peer.max, &row.client};

    row.size = g_ascii_strtoull(fields[SIZE], NULL, 10);
    row.higher = atoi(fields[HIGHER]);
    row.linear = atoi(fields[LINEAR]);
    row.goal = (BenchGoal)atoi(fields[GOAL]);
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        *numbers[i] = g_ascii_strtod(fields[NUMBERS + i], NULL);
    return row;
}

GArray *bench_rows_read(const char *path)
{
    GArray *rows;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    rows = g_array_new(FALSE, FALSE, sizeof(BenchRow));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) fields = g_strsplit(*line, "\t", -1);

        if (g_strv_length(fields) == FIELDS) {
            BenchRow row = parse(fields);

            g_array_append_val(rows, row);
        }
    }
    return rows;
}

double bench_row_ratio(const BenchRow *row)
{
    double firn = row->firn.median, peer = row->peer.median;

    if (firn <= 0 || peer <= 0)
        return 0;
    return row->higher ? firn / peer : peer / firn;
}

gboolean bench_row_reached(const BenchRow *row)
{
    switch (row->goal) {
    case GOAL_TIMES:
        return bench_row_ratio(row) >= row->target;
    case GOAL_AT_MOST:
        return row->firn.median <= row->target;
    case GOAL_WITHIN:
        return row->firn.median <= row->peer.median + row->target;
    case GOAL_NONE:
    default:
        return TRUE;
    }
}

char *bench_row_goal(const BenchRow *row)
{
    switch (row->goal) {
    case GOAL_TIMES:
        return g_strdup_printf("≥ %g×", row->target);
    case GOAL_AT_MOST:
        return g_strdup_printf("≤ %g%s%s", row->target, *row->unit ? " " : "", row->unit);
    case GOAL_WITHIN:
        return g_strdup_printf("within %g %s", row->target, row->unit);
    case GOAL_NONE:
    default:
        return g_strdup("");
    }
}

char *bench_row_label(const BenchRow *row)
{
    return row->size ? g_strdup_printf("%s, %" G_GUINT64_FORMAT, row->what, row->size)
                     : g_strdup(row->what);
}
