/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table RESULTS CHART: prints the results of a run as a table with fitted exponents, and draws the
 * ratios as an SVG chart. */
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *what, *unit;
    guint64 size;
    gboolean higher;
    double wanted, firn, firn_min, firn_max, peer, peer_min, peer_max, ratio;
} Row;

static Row *row_parse(const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", -1);
    Row *row;

    if (g_strv_length(fields) != 12)
        return NULL;
    row = g_new0(Row, 1);
    row->what = g_strdup(fields[0]);
    row->size = g_ascii_strtoull(fields[1], NULL, 10);
    row->unit = g_strdup(fields[2]);
    row->higher = fields[3][0] == '1';
    double *numbers[] = {&row->wanted, &row->firn,     &row->firn_min, &row->firn_max,
                         &row->peer,   &row->peer_min, &row->peer_max, &row->ratio};
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        *numbers[i] = g_ascii_strtod(fields[4 + i], NULL);
    return row;
}

static GPtrArray *rows_read(const char *path)
{
    GPtrArray *rows = g_ptr_array_new();
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        fprintf(stderr, "cannot read '%s'\n", path);
        exit(2);
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        Row *row = row_parse(*line);

        if (row)
            g_ptr_array_add(rows, row);
    }
    return rows;
}

static const char *verdict(const Row *row)
{
    if (row->wanted <= 0)
        return "";
    return row->ratio >= row->wanted ? "reached" : "not reached";
}

static void print_table(const GPtrArray *rows)
{
    printf("| what | n | firn | packaged agent | unit | ratio | goal | |\n"
           "|---|---|---|---|---|---|---|---|\n");
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = rows->pdata[i];
        g_autofree char *size =
            row->size ? g_strdup_printf("%" G_GUINT64_FORMAT, row->size) : g_strdup("");
        g_autofree char *wanted =
            row->wanted > 0 ? g_strdup_printf("≥ %.3g", row->wanted) : g_strdup("");

        printf("| %s | %s | %.4g (%.3g–%.3g) | %.4g (%.3g–%.3g) | %s | %.1f | %s | %s |\n",
               row->what, size, row->firn, row->firn_min, row->firn_max, row->peer, row->peer_min,
               row->peer_max, row->unit, row->ratio, wanted, verdict(row));
    }
}

/* The slope of log(value) over log(size): 1 is linear, 0 is flat. Zeroes have no logarithm and are
 * left out. */
static double exponent(const GPtrArray *rows, const char *what, gboolean firn, guint *points)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;

    for (guint i = 0; i < rows->len; i++) {
        const Row *row = rows->pdata[i];
        double y = firn ? row->firn : row->peer;

        if (strcmp(row->what, what) != 0 || row->size == 0 || y <= 0)
            continue;
        n++;
        sx += log((double)row->size);
        sy += log(y);
        sxx += log((double)row->size) * log((double)row->size);
        sxy += log((double)row->size) * log(y);
    }
    *points = (guint)n;
    return n > 1 && n * sxx > sx * sx ? (n * sxy - sx * sy) / (n * sxx - sx * sx) : 0;
}

static void print_fits(const GPtrArray *rows)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < rows->len; i++) {
        const Row *row = rows->pdata[i];
        guint points;
        double firn;

        if (!g_hash_table_add(seen, row->what))
            continue;
        firn = exponent(rows, row->what, TRUE, &points);
        if (points > 2)
            printf("%s grows as n^%.2f, the packaged agent's as n^%.2f (%u sizes)\n", row->what,
                   firn, exponent(rows, row->what, FALSE, &points), points);
    }
}

/* A bar for each row: how many times better firn is, on a logarithmic scale; a tick where the goal
 * is. */
static void draw_chart(const GPtrArray *rows, const char *path)
{
    const int left = 330, width = 520, step = 22;
    int height = 60 + (int)rows->len * step;
    FILE *out = fopen(path, "w");

    if (!out) {
        fprintf(stderr, "cannot write '%s'\n", path);
        exit(2);
    }
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
            "<text x=\"10\" y=\"20\" font-size=\"14\">firn beside the packaged agent: times better "
            "(logarithmic); | is the goal</text>\n",
            left + width + 90, height);
    for (int decade = -1; decade <= 3; decade++) {
        double x = left + width * (decade + 1) / 4.0;

        fprintf(out, "<line x1=\"%.0f\" y1=\"34\" x2=\"%.0f\" y2=\"%d\" stroke=\"#ccc\"/>\n", x, x,
                height - 20);
        fprintf(out, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x, height - 6,
                pow(10, decade));
    }
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = rows->pdata[i];
        double bar = width * (log10(CLAMP(row->ratio, 0.1, 1000)) + 1) / 4;
        double goal = width * (log10(CLAMP(row->wanted, 0.1, 1000)) + 1) / 4;
        int y = 40 + (int)i * step;
        g_autofree char *label =
            row->size ? g_strdup_printf("%s, %" G_GUINT64_FORMAT, row->what, row->size)
                      : g_strdup(row->what);

        fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left - 8, y + 12,
                label);
        fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>\n", left,
                y, bar, row->wanted > 0 && row->ratio < row->wanted ? "#c96" : "#47a");
        if (row->wanted > 0)
            fprintf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"2\" height=\"18\" fill=\"#000\"/>\n",
                    left + goal, y - 2);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\">%.1f</text>\n", left + bar + 6, y + 12, row->ratio);
    }
    fprintf(out, "</svg>\n");
    fclose(out);
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) rows = NULL;

    if (argc != 3) {
        fprintf(stderr, "table RESULTS CHART\n");
        return 2;
    }
    rows = rows_read(argv[1]);
    if (rows->len == 0) {
        fprintf(stderr, "'%s' holds no result\n", argv[1]);
        return 1;
    }
    print_table(rows);
    print_fits(rows);
    draw_chart(rows, argv[2]);
    return 0;
}
