/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/journal.h"

#include "agent/freeze/report.h"
#include "agent/freeze/timeline.h"

#include <string.h>

#define MAX_FIELDS 16
/* Beyond, a host of containers would fill its log with each backup. */
#define MAX_IN_DETAIL 64

typedef struct {
    GLogField fields[MAX_FIELDS];
    gsize count;
    GPtrArray *values; /* texts of the fields that had to be made */
} Entry;

static void entry_begin(Entry *entry, const FirnAccount *account, const char *event)
{
    entry->count = 0;
    entry->values = g_ptr_array_new_with_free_func(g_free);
    entry->fields[entry->count++] = (GLogField){"GLIB_DOMAIN", G_LOG_DOMAIN, -1};
    entry->fields[entry->count++] = (GLogField){"FIRN_EVENT", event, -1};
    entry->fields[entry->count++] = (GLogField){"FIRN_WHO", account->who, -1};
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

static gint64 length_of(gint64 begin, gint64 end)
{
    return begin == FIRN_NEVER || end == FIRN_NEVER ? FIRN_NEVER : MAX(end - begin, 0);
}

static const char *plural(guint count)
{
    return count == 1 ? "" : "s";
}

void firn_journal_freeze(const FirnAccount *account)
{
    gint64 walk = length_of(account->freeze_begin, account->freeze_end);
    g_autofree char *duration = firn_timeline_duration(walk);
    Entry entry;

    entry_begin(&entry, account, "freeze");
    entry_add_number(&entry, "FIRN_FILESYSTEMS", account->frozen);
    entry_add_time(&entry, "FIRN_DURATION_USEC", walk);
    entry_add(&entry, "FIRN_ERROR", account->error);
    if (account->error)
        entry_send(&entry, G_LOG_LEVEL_WARNING, "freeze failed: %s", account->error);
    else
        entry_send(&entry, G_LOG_LEVEL_MESSAGE, "froze %u filesystem%s in %s", account->frozen,
                   plural(account->frozen), duration);
}

static gboolean is_trouble(const FirnAccountFilesystem *filesystem)
{
    return filesystem->outcome == FIRN_OUTCOME_FAILED ||
           filesystem->outcome == FIRN_OUTCOME_STUCK || filesystem->thaw_error != 0;
}

static char *filesystem_text(const FirnAccountFilesystem *filesystem)
{
    g_autofree char *held = firn_timeline_duration(firn_report_held_time(filesystem));
    g_autofree char *freeze = firn_timeline_duration(firn_report_freeze_time(filesystem));
    const char *outcome = firn_outcome_name(filesystem->outcome);

    if (filesystem->outcome == FIRN_OUTCOME_FROZEN)
        return g_strdup_printf("%s (%s on %s) was frozen in %s and held for %s",
                               filesystem->mountpoint, filesystem->type, filesystem->source, freeze,
                               held);
    if (filesystem->outcome == FIRN_OUTCOME_FAILED)
        return g_strdup_printf("%s (%s on %s) failed to freeze: %s", filesystem->mountpoint,
                               filesystem->type, filesystem->source, g_strerror(filesystem->error));
    return g_strdup_printf("%s (%s on %s) was not frozen: %s", filesystem->mountpoint,
                           filesystem->type, filesystem->source, outcome);
}

static void tell_filesystem(const FirnAccount *account, const FirnAccountFilesystem *filesystem)
{
    gboolean many = account->filesystems->len > MAX_IN_DETAIL;
    GLogLevelFlags level = many ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_MESSAGE;
    g_autofree char *text = filesystem_text(filesystem);
    Entry entry;

    entry_begin(&entry, account, "filesystem");
    entry_add(&entry, "FIRN_MOUNTPOINT", filesystem->mountpoint);
    entry_add(&entry, "FIRN_TYPE", filesystem->type);
    entry_add(&entry, "FIRN_DEVICE", filesystem->source);
    entry_add(&entry, "FIRN_OUTCOME", firn_outcome_name(filesystem->outcome));
    entry_add_time(&entry, "FIRN_SYNC_USEC", firn_report_sync_time(filesystem));
    entry_add_time(&entry, "FIRN_DURATION_USEC", firn_report_freeze_time(filesystem));
    entry_add_time(&entry, "FIRN_HELD_USEC", firn_report_held_time(filesystem));
    if (filesystem->error != 0)
        entry_add_number(&entry, "ERRNO", filesystem->error);
    entry_send(&entry, is_trouble(filesystem) ? G_LOG_LEVEL_WARNING : level, "%s", text);
}

static void tell_hook(const FirnAccount *account, const FirnAccountHook *hook)
{
    gint64 length = length_of(hook->begin, hook->end);
    g_autofree char *duration = firn_timeline_duration(length);
    const char *action = hook->thaw ? "thaw" : "freeze";
    Entry entry;

    entry_begin(&entry, account, "hook");
    entry_add(&entry, "FIRN_HOOK", hook->name);
    entry_add(&entry, "FIRN_REASON", action);
    entry_add_time(&entry, "FIRN_DURATION_USEC", length);
    entry_add_number(&entry, "FIRN_STATUS", hook->status);
    if (hook->status == 0)
        entry_send(&entry, G_LOG_LEVEL_MESSAGE, "hook %s %s took %s", hook->name, action, duration);
    else
        entry_send(&entry, G_LOG_LEVEL_WARNING, "hook %s %s ended with status %d after %s",
                   hook->name, action, hook->status, duration);
}

/* A host that asked for it expects these; all else it has to be told. */
static gboolean is_expected(FirnThawReason reason)
{
    return reason == FIRN_THAW_REQUEST || reason == FIRN_THAW_EMPTY ||
           reason == FIRN_THAW_CANCELLED;
}

void firn_journal_thaw(const FirnAccount *account)
{
    gint64 held = length_of(account->freeze_end, account->thaw_begin);
    g_autofree char *duration = firn_timeline_duration(held);
    const char *reason = firn_thaw_reason_name(account->thaw_reason);
    Entry entry;

    for (guint i = 0; i < account->filesystems->len; i++)
        tell_filesystem(account, firn_account_filesystem(account, i));
    for (guint i = 0; i < account->hooks->len; i++)
        tell_hook(account, firn_account_hook(account, i));
    entry_begin(&entry, account, "thaw");
    entry_add_number(&entry, "FIRN_FILESYSTEMS", account->thawed);
    entry_add(&entry, "FIRN_REASON", reason);
    entry_add_time(&entry, "FIRN_DURATION_USEC", length_of(account->thaw_begin, account->thaw_end));
    entry_add_time(&entry, "FIRN_HELD_USEC", held);
    entry_send(&entry,
               is_expected(account->thaw_reason) ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING,
               "thawed %u filesystem%s after %s (%s)", account->thawed, plural(account->thawed),
               duration, reason);
}
