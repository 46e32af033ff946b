/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/timeline.h"

#include <string.h>

#define MIN_WIDTH 60
#define MIN_PANEL 7 /* room for a length of time */
#define MAX_LABEL 28
#define EMPTY FIRN_SPAN_KINDS

static const struct {
    const char *utf8;
    const char *ascii;
    const char *name;
} glyphs[] = {
    [FIRN_SPAN_HELD] = {"═", "=", "frozen"},
    [FIRN_SPAN_SYNC] = {"▒", "~", "sync"},
    [FIRN_SPAN_HOOK] = {"▓", "h", "hook"},
    [FIRN_SPAN_FREEZE] = {"█", "#", "freeze"},
    [FIRN_SPAN_THAW] = {"▁", "_", "thaw"},
    [FIRN_SPAN_FAILED] = {"✗", "x", "failed or not frozen"},
    [FIRN_SPAN_KINDS] = {" ", " ", "nothing"},
};

/* g_utf8_next_char() would cast the const away. */
static const char *next_char(const char *text)
{
    return text + g_utf8_skip[(guchar)*text];
}

char *firn_timeline_duration(gint64 microseconds)
{
    double value = (double)MAX(microseconds, 0);

    if (value < 10e3)
        return g_strdup_printf("%.2f ms", value / 1e3);
    if (value < 1e6)
        return g_strdup_printf("%.0f ms", value / 1e3);
    if (value < 120e6)
        return g_strdup_printf("%.1f s", value / 1e6);
    return g_strdup_printf("%.0f min", value / 60e6);
}

char *firn_timeline_printable(const char *text, gboolean utf8)
{
    GString *out = g_string_new(NULL);

    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);
        gsize length = 1;

        if (c < 0x80 && !g_ascii_iscntrl((char)c)) {
            g_string_append_c(out, *text);
        } else if (utf8 && c != (gunichar)-1 && c != (gunichar)-2 && g_unichar_isprint(c)) {
            length = (gsize)(next_char(text) - text);
            g_string_append_len(out, text, (gssize)length);
        } else {
            g_string_append_printf(out, "\\%03o", (guchar)*text);
        }
        text += length;
    }
    return g_string_free(out, FALSE);
}

static guint columns_of(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    return g_unichar_iswide(c) ? 2 : 1;
}

static guint text_columns(const char *text)
{
    guint columns = 0;

    for (; *text; text = next_char(text))
        columns += columns_of(g_utf8_get_char(text));
    return columns;
}

/* Appends as many characters as fit; returns the columns taken. */
static guint append_fitting(GString *out, const char *text, guint columns)
{
    guint taken = 0;

    for (; *text; text = next_char(text)) {
        guint more = columns_of(g_utf8_get_char(text));

        if (taken + more > columns)
            break;
        g_string_append_unichar(out, g_utf8_get_char(text));
        taken += more;
    }
    return taken;
}

/* The end of a path tells more than its beginning, but both count: the middle goes. */
void firn_timeline_append_fixed(GString *out, const char *text, guint columns, gboolean utf8)
{
    g_autofree char *printable = firn_timeline_printable(text, utf8);
    const char *ellipsis = utf8 ? "…" : "..";
    guint all = text_columns(printable);
    guint taken = 0;

    if (all <= columns) {
        taken = append_fitting(out, printable, columns);
    } else if (columns > 4) {
        const char *tail = printable;
        guint left = all;

        taken = append_fitting(out, printable, columns / 3);
        taken += append_fitting(out, ellipsis, 2);
        for (; left > columns - taken; tail = next_char(tail))
            left -= columns_of(g_utf8_get_char(tail));
        taken += append_fitting(out, tail, columns - taken);
    }
    for (; taken < columns; taken++)
        g_string_append_c(out, ' ');
}

static guint label_width(const FirnTimelineRow *rows, guint count, gboolean utf8)
{
    guint width = 0;

    for (guint i = 0; i < count; i++) {
        g_autofree char *label = firn_timeline_printable(rows[i].label, utf8);

        width = MAX(width, text_columns(label));
    }
    return MIN(width, MAX_LABEL);
}

/* Gives each panel its least width and shares out the rest by weight. */
static void share_out(const FirnTimelinePanel *panels, guint count, guint room, guint *widths)
{
    guint least = count * (MIN_PANEL + 1) + 1;
    guint rest = room > least ? room - least : 0;
    guint weights = 0;

    for (guint i = 0; i < count; i++)
        weights += panels[i].weight;
    for (guint i = 0; i < count; i++)
        widths[i] = MIN_PANEL + (weights > 0 ? rest * panels[i].weight / weights : 0);
}

/* The columns of a panel that a span takes: at least one, be it ever so short. */
static void paint(const FirnTimelinePanel *panel, guint width, const FirnSpan *span, guint8 *cells)
{
    gint64 length = panel->end - panel->begin;
    gint64 begin = MAX(span->begin, panel->begin);
    gint64 end = MIN(span->end, panel->end);
    guint first, last;

    if (begin > end || length <= 0 || (begin == panel->end && span->begin != span->end) ||
        (end == panel->begin && span->begin != span->end))
        return;
    first = (guint)((double)(begin - panel->begin) / (double)length * width);
    last = (guint)((double)(end - panel->begin) / (double)length * width + 0.5);
    first = MIN(first, width - 1);
    last = MIN(MAX(last, first + 1), width);
    for (guint i = first; i < last; i++)
        if (cells[i] == EMPTY || cells[i] < span->kind)
            cells[i] = (guint8)span->kind;
}

static void end_line(GString *out)
{
    while (out->len > 0 && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    g_string_append_c(out, '\n');
}

static void append_heads(GString *out, const FirnTimelinePanel *panels, guint count,
                         const guint *widths, guint label, gboolean utf8)
{
    for (guint line = 0; line < 2; line++) {
        g_string_append_printf(out, "%*s", (int)label, "");
        for (guint i = 0; i < count; i++) {
            g_autofree char *length = firn_timeline_duration(panels[i].end - panels[i].begin);

            g_string_append_c(out, ' ');
            firn_timeline_append_fixed(out, line == 0 ? panels[i].name : length, widths[i], utf8);
        }
        end_line(out);
    }
}

static void append_row(GString *out, const FirnTimelinePanel *panels, guint count,
                       const guint *widths, const FirnTimelineRow *row, gboolean utf8,
                       gboolean *used)
{
    const char *edge = utf8 ? "│" : "|";

    for (guint i = 0; i < count; i++) {
        g_autofree guint8 *cells = g_malloc(widths[i]);

        memset(cells, EMPTY, widths[i]);
        for (guint j = 0; j < row->count; j++)
            paint(&panels[i], widths[i], &row->spans[j], cells);
        g_string_append(out, edge);
        for (guint j = 0; j < widths[i]; j++) {
            used[cells[j]] = TRUE;
            g_string_append(out, utf8 ? glyphs[cells[j]].utf8 : glyphs[cells[j]].ascii);
        }
    }
    g_string_append(out, edge);
    g_string_append_c(out, '\n');
}

static void append_legend(GString *out, const gboolean *used, guint label, gboolean utf8)
{
    g_string_append_printf(out, "%*s", (int)label, "");
    for (guint i = 0; i < FIRN_SPAN_KINDS; i++)
        if (used[i])
            g_string_append_printf(out, " %s %s ", utf8 ? glyphs[i].utf8 : glyphs[i].ascii,
                                   glyphs[i].name);
    end_line(out);
}

char *firn_timeline_draw(const FirnTimelinePanel *panels, guint panel_count,
                         const FirnTimelineRow *rows, guint row_count, guint width, gboolean utf8)
{
    GString *out = g_string_new(NULL);
    g_autofree guint *widths = g_new0(guint, panel_count + 1);
    guint label = label_width(rows, row_count, utf8);
    gboolean used[FIRN_SPAN_KINDS + 1] = {FALSE};

    width = MAX(width, MIN_WIDTH);
    share_out(panels, panel_count, width - label - 1, widths);
    append_heads(out, panels, panel_count, widths, label + 1, utf8);
    for (guint i = 0; i < row_count; i++) {
        firn_timeline_append_fixed(out, rows[i].label, label, utf8);
        g_string_append_c(out, ' ');
        append_row(out, panels, panel_count, widths, &rows[i], utf8, used);
    }
    append_legend(out, used, label + 1, utf8);
    return g_string_free(out, FALSE);
}
