/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/journal.h"

#include "agent/freeze/record-read.h"
#include "agent/freeze/timeline.h"

#define MAX_FIELDS 16
/* Beyond, a host of containers would fill its log with each backup. */
#define MAX_IN_DETAIL 64

typedef struct {
    GLogField fields[MAX_FIELDS];
    gsize count;
    GPtrArray *values; /* texts of the fields that had to be made */
} Entry;

static void entry_begin(Entry *entry, const FirnRecord *record, const char *event)
{
    entry->count = 0;
    entry->values = g_ptr_array_new_with_free_func(g_free);
    entry->fields[entry->count++] = (GLogField){"GLIB_DOMAIN", G_LOG_DOMAIN, -1};
    entry->fields[entry->count++] = (GLogField){"FIRN_EVENT", event, -1};
    entry->fields[entry->count++] =
        (GLogField){"FIRN_WHO", firn_record_text(record, record->head->who), -1};
}

static void entry_add(Entry *entry, const char *key, const char *value)
{
    g_assert(entry->count < MAX_FIELDS);
    if (value)
        entry->fields[entry->count++] = (GLogField){key, value, -1};
}

static void entry_add_number(Entry *entry, const char *key, gint64 value)
{
    char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);

    g_ptr_array_add(entry->values, text);
    entry_add(entry, key, text);
}

static void entry_add_time(Entry *entry, const char *key, gint64 microseconds)
{
    if (microseconds != FIRN_NEVER)
        entry_add_number(entry, key, microseconds);
}

/* syslog(3)'s numbers, which the journal sorts by. */
static const char *priority(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_WARNING)
        return "4";
    return level & G_LOG_LEVEL_MESSAGE ? "5" : "6";
}

static void G_GNUC_PRINTF(3, 4)
    entry_send(Entry *entry, GLogLevelFlags level, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(entry->values, text);
    entry_add(entry, "MESSAGE", text);
    entry_add(entry, "PRIORITY", priority(level));
    g_log_structured_array(level, entry->fields, entry->count);
    g_ptr_array_unref(entry->values);
}

/* A host that asked for it expects these; all else it has to be told. */
static gboolean is_expected(FirnEnd end)
{
    return end == FIRN_END_REQUEST || end == FIRN_END_EMPTY || end == FIRN_END_CANCELLED;
}

static char *count_text(guint count)
{
    return g_strdup_printf("%u filesystem%s", count, count == 1 ? "" : "s");
}

/* Why a freeze has no error of its own, and yet did not come to the end of its walk. */
static void send_broken_off(Entry *entry, const FirnRecord *record, const char *count)
{
    FirnEnd end = firn_record_end(record);
    GLogLevelFlags level = is_expected(end) ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING;

    if (record->head->walk_begin == 0)
        entry_send(entry, level, "froze nothing: the freeze ended before its first filesystem (%s)",
                   firn_end_name(end));
    else
        entry_send(entry, level, "froze %s, and ended before the last (%s)", count,
                   firn_end_name(end));
}

void firn_journal_freeze(const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;
    gint64 walk = firn_record_length(record, head->walk_begin, head->walk_end);
    g_autofree char *duration = firn_timeline_duration(walk);
    g_autofree char *count = count_text(head->frozen);
    const char *failed = firn_record_was_refused(record) ? "refused" : "failed";
    Entry entry;

    entry_begin(&entry, record, "freeze");
    entry_add_number(&entry, "FIRN_FILESYSTEMS", head->frozen);
    entry_add_time(&entry, "FIRN_DURATION_USEC", walk);
    entry_add(&entry, "FIRN_ERROR", head->message[0] ? head->message : NULL);
    if (head->message[0])
        entry_send(&entry, G_LOG_LEVEL_WARNING, "freeze %s: %s", failed, head->message);
    else if (walk == FIRN_NEVER)
        send_broken_off(&entry, record, count);
    else
        entry_send(&entry, G_LOG_LEVEL_MESSAGE, "froze %s in %s", count, duration);
}

static gboolean is_trouble(const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];
    FirnTargetState state = firn_record_state(record, target);

    return state == FIRN_TARGET_FAILED || state == FIRN_TARGET_STUCK ||
           state == FIRN_TARGET_FREEZING || state == FIRN_TARGET_LOST || row->unsure ||
           row->thaw_error != 0;
}

/* Appends what is known of a filesystem that we froze. */
static void append_frozen(GString *out, const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];
    gint64 freeze = firn_record_length(record, row->freeze_begin, row->freeze_end);
    gint64 held = firn_record_held_time(record, target);
    g_autofree char *freeze_text = firn_timeline_duration(freeze);
    g_autofree char *held_text = firn_timeline_duration(held);

    g_string_append(out, " was frozen");
    if (freeze != FIRN_NEVER)
        g_string_append_printf(out, " in %s", freeze_text);
    if (held != FIRN_NEVER)
        g_string_append_printf(out, " and held for %s", held_text);
}

static char *filesystem_text(const FirnRecord *record, guint target)
{
    FirnTargetState state = firn_record_state(record, target);
    g_autofree char *name = firn_record_describe(record, target);
    g_autofree char *remark = firn_record_remark(record, target);
    GString *out = g_string_new(name);

    if (firn_record_was_frozen(record, target))
        append_frozen(out, record, target);
    else if (state == FIRN_TARGET_FAILED)
        g_string_append(out, " failed to freeze");
    else if (state == FIRN_TARGET_LOST)
        g_string_append(out, " is lost");
    else
        g_string_append_printf(out, " was not frozen: %s", firn_target_outcome(state));
    if (remark)
        g_string_append_printf(
            out, "%s%s", state == FIRN_TARGET_FAILED || state == FIRN_TARGET_LOST ? ": " : ", ",
            remark);
    return g_string_free(out, FALSE);
}

static void tell_filesystem(const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];
    gboolean many = record->head->target_count > MAX_IN_DETAIL;
    GLogLevelFlags level = many ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_MESSAGE;
    g_autofree char *text = filesystem_text(record, target);
    Entry entry;

    entry_begin(&entry, record, "filesystem");
    entry_add(&entry, "FIRN_MOUNTPOINT", firn_record_text(record, row->mountpoint));
    entry_add(&entry, "FIRN_TYPE", firn_record_text(record, row->type));
    entry_add(&entry, "FIRN_DEVICE", firn_record_text(record, row->source));
    entry_add(&entry, "FIRN_OUTCOME", firn_target_outcome(firn_record_state(record, target)));
    entry_add_time(&entry, "FIRN_SYNC_USEC",
                   firn_record_length(record, row->sync_begin, row->sync_end));
    entry_add_time(&entry, "FIRN_DURATION_USEC",
                   firn_record_length(record, row->freeze_begin, row->freeze_end));
    entry_add_time(&entry, "FIRN_HELD_USEC", firn_record_held_time(record, target));
    if (row->error != 0)
        entry_add_number(&entry, "ERRNO", row->error);
    entry_send(&entry, is_trouble(record, target) ? G_LOG_LEVEL_WARNING : level, "%s", text);
}

static void tell_hook(const FirnRecord *record, const FirnHookRun *run)
{
    gboolean ended = run->end != FIRN_NEVER;
    gint64 length = ended ? MAX(run->end - run->begin, 0) : FIRN_NEVER;
    g_autofree char *duration = firn_timeline_duration(length);
    const char *action = run->thaw ? "thaw" : "freeze";
    Entry entry;

    entry_begin(&entry, record, "hook");
    entry_add(&entry, "FIRN_HOOK", run->path);
    entry_add(&entry, "FIRN_REASON", action);
    entry_add_time(&entry, "FIRN_DURATION_USEC", length);
    entry_add_number(&entry, "FIRN_STATUS", run->status);
    if (!ended)
        entry_send(&entry, G_LOG_LEVEL_WARNING, "hook %s %s was not waited for", run->path, action);
    else if (run->trouble)
        entry_send(&entry, G_LOG_LEVEL_WARNING, "hook %s %s %s after %s", run->path, action,
                   run->trouble, duration);
    else if (run->status != 0)
        entry_send(&entry, G_LOG_LEVEL_WARNING, "hook %s %s ended with status %d after %s",
                   run->path, action, run->status, duration);
    else
        entry_send(&entry, G_LOG_LEVEL_MESSAGE, "hook %s %s took %s", run->path, action, duration);
}

static void tell_hooks(const FirnRecord *record)
{
    g_autoptr(GArray) runs = firn_record_hook_runs(record);

    for (guint i = 0; i < runs->len; i++)
        tell_hook(record, &g_array_index(runs, FirnHookRun, i));
}

static void tell_end(const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;
    GLogLevelFlags level =
        is_expected(firn_record_end(record)) ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING;
    gint64 held = firn_record_length(record, head->walk_end, head->thaw_begin);
    g_autofree char *duration = firn_timeline_duration(held);
    g_autofree char *count = count_text((guint)head->thawed);
    const char *reason = firn_end_name(firn_record_end(record));
    Entry entry;

    entry_begin(&entry, record, "thaw");
    entry_add_number(&entry, "FIRN_FILESYSTEMS", head->thawed);
    entry_add(&entry, "FIRN_REASON", reason);
    entry_add_time(&entry, "FIRN_DURATION_USEC",
                   firn_record_length(record, head->thaw_begin, head->thaw_end));
    entry_add_time(&entry, "FIRN_HELD_USEC", held);
    if (held == FIRN_NEVER)
        entry_send(&entry, level, "thawed %s (%s)", count, reason);
    else
        entry_send(&entry, level, "thawed %s after %s (%s)", count, duration, reason);
}

void firn_journal_thaw(const FirnRecord *record)
{
    if (!record->head->logged)
        firn_journal_freeze(record);
    if (firn_record_was_refused(record))
        return;
    for (guint i = 0; i < record->head->target_count; i++)
        tell_filesystem(record, i);
    tell_hooks(record);
    tell_end(record);
}
