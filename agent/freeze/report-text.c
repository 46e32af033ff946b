/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"

#include "agent/freeze/timeline.h"

#include <errno.h>
#include <string.h>

#define MAX_NAME 32
#define MAX_DEVICE 24
/* A timeline of more rows is looked at by nobody; the table has them all. */
#define MAX_ROWS 40
#define PANELS 7

static gint64 length_of(gint64 begin, gint64 end)
{
    return begin == FIRN_NEVER || end == FIRN_NEVER ? FIRN_NEVER : MAX(end - begin, 0);
}

gint64 firn_report_sync_time(const FirnAccountFilesystem *filesystem)
{
    return length_of(filesystem->sync_begin, filesystem->sync_end);
}

gint64 firn_report_freeze_time(const FirnAccountFilesystem *filesystem)
{
    return length_of(filesystem->freeze_begin, filesystem->freeze_end);
}

gint64 firn_report_held_time(const FirnAccountFilesystem *filesystem)
{
    if (filesystem->outcome != FIRN_OUTCOME_FROZEN)
        return FIRN_NEVER;
    return length_of(filesystem->freeze_end, filesystem->thaw_end);
}

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

static void append_head(GString *out, const FirnAccount *account, gboolean utf8)
{
    g_autofree char *when = time_text(account->started);
    g_autofree char *who = firn_timeline_printable(account->who, utf8);
    gint64 walk = length_of(account->freeze_begin, account->freeze_end);
    gint64 held = length_of(account->freeze_end, account->thaw_begin);
    g_autofree char *walk_text = firn_timeline_duration(walk);
    g_autofree char *held_text = firn_timeline_duration(held);

    g_string_append_printf(out, "%s  %s\n", when, who);
    g_string_append_printf(out, "  %u frozen", account->frozen);
    if (walk != FIRN_NEVER)
        g_string_append_printf(out, " in %s", walk_text);
    if (account->frozen > 0 && held != FIRN_NEVER)
        g_string_append_printf(out, ", held for %s", held_text);
    if (account->thaw_reason != FIRN_THAW_NONE)
        g_string_append_printf(out, ", %u thawed (%s)", account->thawed,
                               firn_thaw_reason_name(account->thaw_reason));
    g_string_append_c(out, '\n');
    if (account->error) {
        g_autofree char *error = firn_timeline_printable(account->error, utf8);

        g_string_append_printf(out, "  error: %s\n", error);
    }
}

static guint widest(guint so_far, const char *text, guint most)
{
    return MIN(MAX(so_far, (guint)g_utf8_strlen(text, -1)), most);
}

static void append_filesystem(GString *out, const FirnAccountFilesystem *filesystem, guint name,
                              guint type, guint device, gboolean utf8)
{
    g_string_append(out, "  ");
    firn_timeline_append_fixed(out, filesystem->mountpoint, name, utf8);
    g_string_append_c(out, ' ');
    firn_timeline_append_fixed(out, filesystem->type, type, utf8);
    g_string_append_c(out, ' ');
    firn_timeline_append_fixed(out, filesystem->source, device, utf8);
    append_duration(out, firn_report_sync_time(filesystem));
    append_duration(out, firn_report_freeze_time(filesystem));
    append_duration(out, firn_report_held_time(filesystem));
    append_duration(out, length_of(filesystem->thaw_begin, filesystem->thaw_end));
    g_string_append_printf(out, "  %s", firn_outcome_name(filesystem->outcome));
    if (filesystem->outcome == FIRN_OUTCOME_FAILED)
        g_string_append_printf(out, ": %s", g_strerror(filesystem->error));
    if (filesystem->thaw_error == EINVAL)
        g_string_append(out, ", thawed by somebody else");
    else if (filesystem->thaw_error != 0)
        g_string_append_printf(out, ", thaw failed: %s", g_strerror(filesystem->thaw_error));
    g_string_append_c(out, '\n');
}

static void append_table(GString *out, const FirnAccount *account, gboolean utf8)
{
    guint name = strlen("filesystem"), type = strlen("type"), device = strlen("device");

    for (guint i = 0; i < account->filesystems->len; i++) {
        const FirnAccountFilesystem *filesystem = firn_account_filesystem(account, i);
        g_autofree char *mountpoint = firn_timeline_printable(filesystem->mountpoint, utf8);
        g_autofree char *source = firn_timeline_printable(filesystem->source, utf8);

        name = widest(name, mountpoint, MAX_NAME);
        type = widest(type, filesystem->type, MAX_NAME);
        device = widest(device, source, MAX_DEVICE);
    }
    g_string_append_printf(out, "\n  %-*s %-*s %-*s%9s%9s%9s%9s  %s\n", (int)name, "filesystem",
                           (int)type, "type", (int)device, "device", "sync", "freeze", "held",
                           "thaw", "outcome");
    for (guint i = 0; i < account->filesystems->len; i++)
        append_filesystem(out, firn_account_filesystem(account, i), name, type, device, utf8);
}

static void append_hooks(GString *out, const FirnAccount *account, gboolean utf8)
{
    for (guint i = 0; i < account->hooks->len; i++) {
        const FirnAccountHook *hook = firn_account_hook(account, i);
        g_autofree char *name = firn_timeline_printable(hook->name, utf8);

        if (i == 0)
            g_string_append_c(out, '\n');
        g_string_append_printf(out, "  hook %-6s", hook->thaw ? "thaw" : "freeze");
        append_duration(out, length_of(hook->begin, hook->end));
        g_string_append_printf(out, "  %s", name);
        if (hook->status != 0)
            g_string_append_printf(out, ": status %d", hook->status);
        g_string_append_c(out, '\n');
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

static guint list_panels(const FirnAccount *account, FirnTimelinePanel *panels)
{
    Range sync = {FIRN_NEVER, FIRN_NEVER}, freeze_hooks = sync, thaw_hooks = sync;
    Range again = {account->resync_begin, account->resync_end};
    Range freeze = {account->freeze_begin, account->freeze_end};
    Range held = {account->freeze_end, account->thaw_begin};
    Range thaw = {account->thaw_begin, account->thaw_end};
    guint count = 0;

    for (guint i = 0; i < account->filesystems->len; i++) {
        const FirnAccountFilesystem *filesystem = firn_account_filesystem(account, i);

        widen(&sync, filesystem->sync_begin, filesystem->sync_end);
    }
    for (guint i = 0; i < account->hooks->len; i++) {
        const FirnAccountHook *hook = firn_account_hook(account, i);

        widen(hook->thaw ? &thaw_hooks : &freeze_hooks, hook->begin, hook->end);
    }
    count = add_panel(panels, count, "sync", sync, 2);
    count = add_panel(panels, count, "hooks", freeze_hooks, 1);
    count = add_panel(panels, count, "sync", again, 1);
    count = add_panel(panels, count, "freeze", freeze, 4);
    if (account->frozen > 0)
        count = add_panel(panels, count, "held", held, 1);
    count = add_panel(panels, count, "thaw", thaw, 2);
    return add_panel(panels, count, "hooks", thaw_hooks, 1);
}

static guint add_span(FirnSpan *spans, guint count, FirnSpanKind kind, gint64 begin, gint64 end)
{
    if (begin == FIRN_NEVER || end == FIRN_NEVER)
        return count;
    spans[count] = (FirnSpan){kind, begin, end};
    return count + 1;
}

static guint list_spans(const FirnAccount *account, const FirnAccountFilesystem *filesystem,
                        FirnSpan *spans)
{
    gboolean frozen = filesystem->outcome == FIRN_OUTCOME_FROZEN;
    guint count = 0;

    count = add_span(spans, count, FIRN_SPAN_SYNC, filesystem->sync_begin, filesystem->sync_end);
    count = add_span(spans, count, FIRN_SPAN_SYNC, account->resync_begin, account->resync_end);
    count = add_span(spans, count, frozen ? FIRN_SPAN_FREEZE : FIRN_SPAN_FAILED,
                     filesystem->freeze_begin, filesystem->freeze_end);
    if (frozen)
        count =
            add_span(spans, count, FIRN_SPAN_HELD, filesystem->freeze_end, filesystem->thaw_begin);
    return add_span(spans, count, FIRN_SPAN_THAW, filesystem->thaw_begin, filesystem->thaw_end);
}

#define SPANS_OF_ONE 5

static void append_timeline(GString *out, const FirnAccount *account, guint width, gboolean utf8)
{
    guint shown = MIN(account->filesystems->len, MAX_ROWS);
    FirnTimelinePanel panels[PANELS];
    guint panel_count = list_panels(account, panels);
    g_autofree FirnTimelineRow *rows = g_new0(FirnTimelineRow, shown + 1);
    g_autofree FirnSpan *spans = g_new0(FirnSpan, shown * SPANS_OF_ONE + account->hooks->len + 1);
    guint row_count = 0, used = 0;
    g_autofree char *drawing = NULL;
    g_auto(GStrv) lines = NULL;

    for (guint i = 0; i < account->hooks->len; i++) {
        const FirnAccountHook *hook = firn_account_hook(account, i);

        used = add_span(spans, used, hook->status == 0 ? FIRN_SPAN_HOOK : FIRN_SPAN_FAILED,
                        hook->begin, hook->end);
    }
    if (account->hooks->len > 0)
        rows[row_count++] = (FirnTimelineRow){"hooks", spans, used};
    for (guint i = 0; i < shown; i++) {
        const FirnAccountFilesystem *filesystem = firn_account_filesystem(account, i);
        FirnSpan *own = spans + used;
        guint count = list_spans(account, filesystem, own);

        rows[row_count++] = (FirnTimelineRow){filesystem->mountpoint, own, count};
        used += count;
    }
    if (panel_count == 0 || row_count == 0)
        return;
    drawing = firn_timeline_draw(panels, panel_count, rows, row_count, width - MIN(width, 2), utf8);
    lines = g_strsplit(drawing, "\n", -1);
    g_string_append_c(out, '\n');
    for (char **line = lines; *line && **line; line++)
        g_string_append_printf(out, "  %s\n", *line);
    if (account->filesystems->len > shown)
        g_string_append_printf(out, "  and %u more\n", account->filesystems->len - shown);
}

char *firn_report_text(const FirnAccount *account, guint width, gboolean utf8)
{
    GString *out = g_string_new(NULL);

    append_head(out, account, utf8);
    if (account->filesystems->len > 0)
        append_table(out, account, utf8);
    append_hooks(out, account, utf8);
    append_timeline(out, account, width, utf8);
    return g_string_free(out, FALSE);
}
