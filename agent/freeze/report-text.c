/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"

#include "agent/freeze/record-read.h"
#include "agent/freeze/timeline.h"

#include <string.h>

#define MAX_NAME 32
#define MAX_DEVICE 24
/* A timeline of more rows is looked at by nobody; the table has them all. */
#define MAX_ROWS 40
#define PANELS 7

static void append_duration(GString *out, gint64 microseconds)
{
    g_autofree char *text =
        microseconds == FIRN_NEVER ? g_strdup("-") : firn_timeline_duration(microseconds);

    g_string_append_printf(out, "%9s", text);
}

/* Local time with its zone, for it is read beside other logs of the same machine. */
static char *time_text(gint64 microseconds)
{
    g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_local(microseconds / G_USEC_PER_SEC);
    g_autofree char *day = seconds ? g_date_time_format(seconds, "%Y-%m-%d %H:%M:%S") : NULL;
    g_autofree char *zone = seconds ? g_date_time_format(seconds, "%z") : NULL;

    if (!day || !zone)
        return g_strdup("an unknown time");
    return g_strdup_printf("%s.%03d %s", day, (int)(microseconds % G_USEC_PER_SEC / 1000), zone);
}

/* What was frozen, how fast and for how long. */
static void append_summary(GString *out, const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;
    gint64 walk = firn_record_length(record, head->walk_begin, head->walk_end);
    gint64 held = firn_record_length(record, head->walk_end, head->thaw_begin);
    g_autofree char *walk_text = firn_timeline_duration(walk);
    g_autofree char *held_text = firn_timeline_duration(held);

    g_string_append_printf(out, "  %u frozen", head->frozen);
    if (walk != FIRN_NEVER)
        g_string_append_printf(out, " in %s", walk_text);
    if (head->frozen > 0 && held != FIRN_NEVER)
        g_string_append_printf(out, ", held for %s", held_text);
    if (firn_record_end(record) != FIRN_END_NONE)
        g_string_append_printf(out, ", %u thawed (%s)", (guint)head->thawed,
                               firn_end_name(firn_record_end(record)));
    g_string_append_c(out, '\n');
}

static void append_head(GString *out, const FirnRecord *record, gboolean utf8)
{
    g_autofree char *when = time_text(firn_record_started(record));
    g_autofree char *who =
        firn_timeline_printable(firn_record_text(record, record->head->who), utf8);
    g_autofree char *error = firn_timeline_printable(record->head->message, utf8);
    gboolean refused = firn_record_was_refused(record);

    g_string_append_printf(out, "%s  %s\n", when, who);
    if (!refused)
        append_summary(out, record);
    if (*error)
        g_string_append_printf(out, "  %s: %s\n", refused ? "refused" : "error", error);
}

static guint widest(guint so_far, const char *text, guint most)
{
    return MIN(MAX(so_far, (guint)g_utf8_strlen(text, -1)), most);
}

/* Filesystems of other mount namespaces are no part of the freeze, and told of apart. */
static gboolean is_in_table(const FirnRecord *record, guint target)
{
    return firn_record_state(record, target) != FIRN_TARGET_ELSEWHERE;
}

/* "frozen", "failed: Input/output error", "frozen, thawed by somebody else" */
static void append_outcome(GString *out, const FirnRecord *record, guint target)
{
    FirnTargetState state = firn_record_state(record, target);
    gboolean explains = state == FIRN_TARGET_FAILED || state == FIRN_TARGET_LOST;
    g_autofree char *remark = firn_record_remark(record, target);

    g_string_append(out, firn_target_outcome(state));
    if (remark)
        g_string_append_printf(out, "%s%s", explains ? ": " : ", ", remark);
}

typedef struct {
    guint name;
    guint type;
    guint device;
} Columns;

static void append_filesystem(GString *out, const FirnRecord *record, guint target,
                              const Columns *columns, gboolean utf8)
{
    const FirnRecordTarget *row = &record->targets[target];

    g_string_append(out, "  ");
    firn_timeline_append_fixed(out, firn_record_text(record, row->mountpoint), columns->name, utf8);
    g_string_append_c(out, ' ');
    firn_timeline_append_fixed(out, firn_record_text(record, row->type), columns->type, utf8);
    g_string_append_c(out, ' ');
    firn_timeline_append_fixed(out, firn_record_text(record, row->source), columns->device, utf8);
    append_duration(out, firn_record_length(record, row->sync_begin, row->sync_end));
    append_duration(out, firn_record_length(record, row->freeze_begin, row->freeze_end));
    append_duration(out, firn_record_held_time(record, target));
    append_duration(out, firn_record_length(record, row->thaw_begin, row->thaw_end));
    g_string_append(out, "  ");
    append_outcome(out, record, target);
    g_string_append_c(out, '\n');
}

static Columns columns_measure(const FirnRecord *record, gboolean utf8)
{
    Columns columns = {strlen("filesystem"), strlen("type"), strlen("device")};

    for (guint i = 0; i < record->head->target_count; i++) {
        const FirnRecordTarget *row = &record->targets[i];
        g_autofree char *name =
            firn_timeline_printable(firn_record_text(record, row->mountpoint), utf8);
        g_autofree char *type = firn_timeline_printable(firn_record_text(record, row->type), utf8);
        g_autofree char *device =
            firn_timeline_printable(firn_record_text(record, row->source), utf8);

        if (!is_in_table(record, i))
            continue;
        columns.name = widest(columns.name, name, MAX_NAME);
        columns.type = widest(columns.type, type, MAX_NAME);
        columns.device = widest(columns.device, device, MAX_DEVICE);
    }
    return columns;
}

static void append_table(GString *out, const FirnRecord *record, gboolean utf8)
{
    Columns columns = columns_measure(record, utf8);

    g_string_append_printf(out, "\n  %-*s %-*s %-*s%9s%9s%9s%9s  %s\n", (int)columns.name,
                           "filesystem", (int)columns.type, "type", (int)columns.device, "device",
                           "sync", "freeze", "held", "thaw", "outcome");
    for (guint i = 0; i < record->head->target_count; i++)
        if (is_in_table(record, i))
            append_filesystem(out, record, i, &columns, utf8);
}

static void append_elsewhere(GString *out, const FirnRecord *record, gboolean utf8)
{
    gboolean first = TRUE;

    for (guint i = 0; i < record->head->target_count; i++) {
        const FirnRecordTarget *row = &record->targets[i];
        g_autofree char *device =
            firn_timeline_printable(firn_record_text(record, row->source), utf8);
        g_autofree char *name =
            firn_timeline_printable(firn_record_text(record, row->mountpoint), utf8);
        g_autofree char *whose =
            firn_timeline_printable(firn_record_text(record, row->whose), utf8);

        if (is_in_table(record, i))
            continue;
        g_string_append_printf(out,
                               "%s  not frozen: %s, mounted at %s in the mount namespace of %s\n",
                               first ? "\n" : "", device, name, whose);
        first = FALSE;
    }
}

static void append_run(GString *out, const FirnHookRun *run, gboolean utf8)
{
    g_autofree char *path = firn_timeline_printable(run->path, utf8);

    g_string_append_printf(out, "  hook %-6s", run->thaw ? "thaw" : "freeze");
    append_duration(out, run->end == FIRN_NEVER ? FIRN_NEVER : MAX(run->end - run->begin, 0));
    g_string_append_printf(out, "  %s", path);
    if (run->end == FIRN_NEVER)
        g_string_append(out, ": was not waited for");
    else if (run->trouble)
        g_string_append_printf(out, ": %s", run->trouble);
    else if (run->status != 0)
        g_string_append_printf(out, ": status %d", run->status);
    g_string_append_c(out, '\n');
}

static void append_hooks(GString *out, const GArray *runs, gboolean utf8)
{
    for (guint i = 0; i < runs->len; i++) {
        if (i == 0)
            g_string_append_c(out, '\n');
        append_run(out, &g_array_index(runs, FirnHookRun, i), utf8);
    }
}

/* From the earliest begin to the latest end of something. */
typedef struct {
    gint64 begin;
    gint64 end;
} Range;

static void widen(Range *range, gint64 begin, gint64 end)
{
    if (begin == FIRN_NEVER || end == FIRN_NEVER)
        return;
    range->begin = range->begin == FIRN_NEVER ? begin : MIN(range->begin, begin);
    range->end = MAX(range->end, end);
}

static guint add_panel(FirnTimelinePanel *panels, guint count, const char *name, Range range,
                       guint weight)
{
    if (range.begin == FIRN_NEVER || range.end <= range.begin)
        return count;
    panels[count] = (FirnTimelinePanel){name, range.begin, range.end, weight};
    return count + 1;
}

/* Of two times of the record. */
static Range range_of(const FirnRecord *record, gint64 begin, gint64 end)
{
    return (Range){firn_record_since(record, begin), firn_record_since(record, end)};
}

static guint list_panels(const FirnRecord *record, const GArray *runs, FirnTimelinePanel *panels)
{
    const FirnRecordHead *head = record->head;
    Range sync = {FIRN_NEVER, FIRN_NEVER}, freeze_hooks = sync, thaw_hooks = sync;
    guint count = 0;

    for (guint i = 0; i < head->target_count; i++) {
        const FirnRecordTarget *row = &record->targets[i];
        Range own = range_of(record, row->sync_begin, row->sync_end);

        widen(&sync, own.begin, own.end);
    }
    for (guint i = 0; i < runs->len; i++) {
        const FirnHookRun *run = &g_array_index(runs, FirnHookRun, i);

        widen(run->thaw ? &thaw_hooks : &freeze_hooks, run->begin, run->end);
    }
    count = add_panel(panels, count, "sync", sync, 2);
    count = add_panel(panels, count, "hooks", freeze_hooks, 1);
    count = add_panel(panels, count, "sync",
                      range_of(record, head->last_sync_begin, head->last_sync_end), 1);
    count =
        add_panel(panels, count, "freeze", range_of(record, head->walk_begin, head->walk_end), 4);
    if (head->frozen > 0)
        count =
            add_panel(panels, count, "held", range_of(record, head->walk_end, head->thaw_begin), 1);
    count = add_panel(panels, count, "thaw", range_of(record, head->thaw_begin, head->thaw_end), 2);
    return add_panel(panels, count, "hooks", thaw_hooks, 1);
}

static guint add_span(FirnSpan *spans, guint count, FirnSpanKind kind, Range range)
{
    if (range.begin == FIRN_NEVER || range.end == FIRN_NEVER)
        return count;
    spans[count] = (FirnSpan){kind, range.begin, range.end};
    return count + 1;
}

/* When what was frozen got its FITHAW; of a lost one, when all others had theirs. */
static gint64 end_of_hold(const FirnRecord *record, guint target)
{
    if (firn_record_state(record, target) == FIRN_TARGET_LOST)
        return record->head->thaw_end;
    return record->targets[target].thaw_begin;
}

static guint list_spans(const FirnRecord *record, guint target, FirnSpan *spans)
{
    const FirnRecordHead *head = record->head;
    const FirnRecordTarget *row = &record->targets[target];
    FirnTargetState state = firn_record_state(record, target);
    gboolean frozen = firn_record_was_frozen(record, target) || state == FIRN_TARGET_LOST;
    /* one that is stuck has no end of its own */
    gint64 freeze_end =
        state == FIRN_TARGET_STUCK && row->freeze_end == 0 ? head->walk_end : row->freeze_end;
    guint count = 0;

    count =
        add_span(spans, count, FIRN_SPAN_SYNC, range_of(record, row->sync_begin, row->sync_end));
    count = add_span(spans, count, FIRN_SPAN_SYNC,
                     range_of(record, head->last_sync_begin, head->last_sync_end));
    count = add_span(spans, count, frozen ? FIRN_SPAN_FREEZE : FIRN_SPAN_FAILED,
                     range_of(record, row->freeze_begin, freeze_end));
    if (frozen)
        count = add_span(spans, count, FIRN_SPAN_HELD,
                         range_of(record, row->freeze_end, end_of_hold(record, target)));
    return add_span(spans, count, FIRN_SPAN_THAW, range_of(record, row->thaw_begin, row->thaw_end));
}

#define SPANS_OF_ONE 5

/* The rows of a timeline and the spans they point to. */
typedef struct {
    FirnTimelineRow *rows;
    guint count;
    FirnSpan *spans;
    guint used;
    guint left_out;
} Rows;

static void add_hook_row(Rows *rows, const GArray *runs)
{
    for (guint i = 0; i < runs->len; i++) {
        const FirnHookRun *run = &g_array_index(runs, FirnHookRun, i);

        rows->used =
            add_span(rows->spans, rows->used, run->status == 0 ? FIRN_SPAN_HOOK : FIRN_SPAN_FAILED,
                     (Range){run->begin, run->end});
    }
    if (runs->len > 0)
        rows->rows[rows->count++] = (FirnTimelineRow){"hooks", rows->spans, rows->used};
}

static void add_filesystem_rows(Rows *rows, const FirnRecord *record)
{
    guint shown = 0;

    for (guint i = 0; i < record->head->target_count; i++) {
        FirnSpan *own = rows->spans + rows->used;
        const char *name = firn_record_text(record, record->targets[i].mountpoint);
        guint count;

        if (!is_in_table(record, i))
            continue;
        if (shown++ >= MAX_ROWS) {
            rows->left_out++;
            continue;
        }
        count = list_spans(record, i, own);
        rows->rows[rows->count++] = (FirnTimelineRow){name, own, count};
        rows->used += count;
    }
}

static void append_timeline(GString *out, const FirnRecord *record, const GArray *runs, guint width,
                            gboolean utf8)
{
    FirnTimelinePanel panels[PANELS];
    guint panel_count = list_panels(record, runs, panels);
    g_autofree FirnTimelineRow *row_store = g_new0(FirnTimelineRow, MAX_ROWS + 1);
    g_autofree FirnSpan *span_store = g_new0(FirnSpan, MAX_ROWS * SPANS_OF_ONE + runs->len);
    Rows rows = {.rows = row_store, .spans = span_store};
    g_autofree char *drawing = NULL;
    g_auto(GStrv) lines = NULL;

    add_hook_row(&rows, runs);
    add_filesystem_rows(&rows, record);
    if (panel_count == 0 || rows.count == 0)
        return;
    drawing =
        firn_timeline_draw(panels, panel_count, rows.rows, rows.count, width - MIN(width, 2), utf8);
    lines = g_strsplit(drawing, "\n", -1);
    g_string_append_c(out, '\n');
    for (char **line = lines; *line && **line; line++)
        g_string_append_printf(out, "  %s\n", *line);
    if (rows.left_out > 0)
        g_string_append_printf(out, "  and %u more\n", rows.left_out);
}

char *firn_report_text(const FirnRecord *record, guint width, gboolean utf8)
{
    g_autoptr(GArray) runs = firn_record_hook_runs(record);
    GString *out = g_string_new(NULL);

    append_head(out, record, utf8);
    if (!firn_record_was_refused(record) && record->head->target_count > 0)
        append_table(out, record, utf8);
    append_elsewhere(out, record, utf8);
    append_hooks(out, runs, utf8);
    append_timeline(out, record, runs, width, utf8);
    return g_string_free(out, FALSE);
}
