/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/record.h"

#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#define GROUP "freeze"
/* More cannot be mounted: the kernel's own limit is below it by default (fs.mount-max). */
#define MAX_ENTRIES 1000000

static const char *const outcomes[] = {"pending", "frozen", "unsupported", "foreign",
                                       "hidden",  "failed", "stuck"};
static const char *const reasons[] = {"none",     "request",  "cancel", "rollback",
                                      "deadline", "shutdown", "restart"};

const char *firn_outcome_name(FirnOutcome outcome)
{
    return outcome < FIRN_OUTCOMES ? outcomes[outcome] : "unknown";
}

const char *firn_thaw_reason_name(FirnThawReason reason)
{
    return reason < FIRN_THAW_REASONS ? reasons[reason] : "unknown";
}

static gint64 boottime(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void filesystem_clear(gpointer data)
{
    FirnRecordFilesystem *filesystem = data;

    g_free(filesystem->mountpoint);
    g_free(filesystem->type);
    g_free(filesystem->source);
}

static void hook_clear(gpointer data)
{
    FirnRecordHook *hook = data;

    g_free(hook->name);
}

static FirnRecord *record_new(void)
{
    FirnRecord *record = g_new0(FirnRecord, 1);

    record->freeze_begin = FIRN_NEVER;
    record->freeze_end = FIRN_NEVER;
    record->thaw_begin = FIRN_NEVER;
    record->thaw_end = FIRN_NEVER;
    record->filesystems = g_array_new(FALSE, FALSE, sizeof(FirnRecordFilesystem));
    g_array_set_clear_func(record->filesystems, filesystem_clear);
    record->hooks = g_array_new(FALSE, FALSE, sizeof(FirnRecordHook));
    g_array_set_clear_func(record->hooks, hook_clear);
    return record;
}

FirnRecord *firn_record_new(const char *who)
{
    FirnRecord *record = record_new();

    record->who = g_strdup(who);
    record->started = g_get_real_time();
    record->zero = boottime();
    return record;
}

void firn_record_free(FirnRecord *record)
{
    if (!record)
        return;
    g_array_unref(record->filesystems);
    g_array_unref(record->hooks);
    g_free(record->who);
    g_free(record->error);
    g_free(record);
}

gint64 firn_record_now(const FirnRecord *record)
{
    return boottime() - record->zero;
}

FirnRecordFilesystem *firn_record_add_filesystem(FirnRecord *record, const char *mountpoint,
                                                 const char *type, const char *source, dev_t device)
{
    FirnRecordFilesystem filesystem = {
        .mountpoint = g_strdup(mountpoint),
        .type = g_strdup(type),
        .source = g_strdup(source),
        .device = device,
        .sync_begin = FIRN_NEVER,
        .sync_end = FIRN_NEVER,
        .resync_begin = FIRN_NEVER,
        .resync_end = FIRN_NEVER,
        .freeze_begin = FIRN_NEVER,
        .freeze_end = FIRN_NEVER,
        .thaw_begin = FIRN_NEVER,
        .thaw_end = FIRN_NEVER,
    };

    g_array_append_val(record->filesystems, filesystem);
    return firn_record_filesystem(record, record->filesystems->len - 1);
}

FirnRecordFilesystem *firn_record_filesystem(const FirnRecord *record, guint index)
{
    return &g_array_index(record->filesystems, FirnRecordFilesystem, index);
}

void firn_record_add_hook(FirnRecord *record, const char *name, gboolean thaw, gint64 begin,
                          int status)
{
    FirnRecordHook hook = {.name = g_strdup(name),
                           .thaw = thaw,
                           .begin = begin,
                           .end = firn_record_now(record),
                           .status = status};

    g_array_append_val(record->hooks, hook);
}

const FirnRecordHook *firn_record_hook(const FirnRecord *record, guint index)
{
    return &g_array_index(record->hooks, FirnRecordHook, index);
}

/* A key file takes UTF-8 alone, and drops a leading space; names are bytes. */
static void set_text(GKeyFile *file, const char *group, const char *key, const char *text)
{
    g_autofree char *escaped = text ? g_strescape(text, NULL) : NULL;
    g_autofree char *guarded = NULL;

    if (escaped && escaped[0] == ' ')
        guarded = g_strconcat("\\040", escaped + 1, NULL);
    if (escaped)
        g_key_file_set_value(file, group, key, guarded ? guarded : escaped);
}

static char *get_text(GKeyFile *file, const char *group, const char *key)
{
    g_autofree char *escaped = g_key_file_get_value(file, group, key, NULL);

    return escaped ? g_strcompress(escaped) : NULL;
}

static char *need_text(GKeyFile *file, const char *group, const char *key)
{
    char *text = get_text(file, group, key);

    return text ? text : g_strdup("");
}

static void set_number(GKeyFile *file, const char *group, const char *key, gint64 value)
{
    g_key_file_set_int64(file, group, key, value);
}

static gint64 get_number(GKeyFile *file, const char *group, const char *key, gint64 fallback)
{
    g_autoptr(GError) error = NULL;
    gint64 value = g_key_file_get_int64(file, group, key, &error);

    return error ? fallback : value;
}

static gint64 get_time(GKeyFile *file, const char *group, const char *key)
{
    return MAX(get_number(file, group, key, FIRN_NEVER), FIRN_NEVER);
}

static int get_name(GKeyFile *file, const char *group, const char *key, const char *const *names,
                    guint count)
{
    g_autofree char *name = g_key_file_get_value(file, group, key, NULL);

    for (guint i = 0; name && i < count; i++)
        if (g_str_equal(name, names[i]))
            return (int)i;
    return 0;
}

static void save_filesystem(GKeyFile *file, const char *group,
                            const FirnRecordFilesystem *filesystem)
{
    set_text(file, group, "mountpoint", filesystem->mountpoint);
    set_text(file, group, "type", filesystem->type);
    set_text(file, group, "source", filesystem->source);
    set_number(file, group, "major", major(filesystem->device));
    set_number(file, group, "minor", minor(filesystem->device));
    set_text(file, group, "outcome", firn_outcome_name(filesystem->outcome));
    set_number(file, group, "error", filesystem->error);
    set_number(file, group, "sync-begin", filesystem->sync_begin);
    set_number(file, group, "sync-end", filesystem->sync_end);
    set_number(file, group, "resync-begin", filesystem->resync_begin);
    set_number(file, group, "resync-end", filesystem->resync_end);
    set_number(file, group, "freeze-begin", filesystem->freeze_begin);
    set_number(file, group, "freeze-end", filesystem->freeze_end);
    set_number(file, group, "thaw-begin", filesystem->thaw_begin);
    set_number(file, group, "thaw-end", filesystem->thaw_end);
}

static void load_filesystem(FirnRecord *record, GKeyFile *file, const char *group)
{
    g_autofree char *mountpoint = need_text(file, group, "mountpoint");
    g_autofree char *type = need_text(file, group, "type");
    g_autofree char *source = need_text(file, group, "source");
    dev_t device = makedev((guint)get_number(file, group, "major", 0),
                           (guint)get_number(file, group, "minor", 0));
    FirnRecordFilesystem *filesystem =
        firn_record_add_filesystem(record, mountpoint, type, source, device);

    filesystem->outcome =
        (FirnOutcome)get_name(file, group, "outcome", outcomes, G_N_ELEMENTS(outcomes));
    filesystem->error = (int)get_number(file, group, "error", 0);
    filesystem->sync_begin = get_time(file, group, "sync-begin");
    filesystem->sync_end = get_time(file, group, "sync-end");
    filesystem->resync_begin = get_time(file, group, "resync-begin");
    filesystem->resync_end = get_time(file, group, "resync-end");
    filesystem->freeze_begin = get_time(file, group, "freeze-begin");
    filesystem->freeze_end = get_time(file, group, "freeze-end");
    filesystem->thaw_begin = get_time(file, group, "thaw-begin");
    filesystem->thaw_end = get_time(file, group, "thaw-end");
}

static void save_hook(GKeyFile *file, const char *group, const FirnRecordHook *hook)
{
    set_text(file, group, "name", hook->name);
    g_key_file_set_boolean(file, group, "thaw", hook->thaw);
    set_number(file, group, "begin", hook->begin);
    set_number(file, group, "end", hook->end);
    set_number(file, group, "status", hook->status);
}

static void load_hook(FirnRecord *record, GKeyFile *file, const char *group)
{
    FirnRecordHook hook = {
        .name = need_text(file, group, "name"),
        .thaw = g_key_file_get_boolean(file, group, "thaw", NULL),
        .begin = get_time(file, group, "begin"),
        .end = get_time(file, group, "end"),
        .status = (int)get_number(file, group, "status", 0),
    };

    g_array_append_val(record->hooks, hook);
}

char *firn_record_save(const FirnRecord *record, gsize *length)
{
    g_autoptr(GKeyFile) file = g_key_file_new();

    set_text(file, GROUP, "who", record->who);
    set_number(file, GROUP, "started", record->started);
    set_number(file, GROUP, "freeze-begin", record->freeze_begin);
    set_number(file, GROUP, "freeze-end", record->freeze_end);
    set_number(file, GROUP, "thaw-begin", record->thaw_begin);
    set_number(file, GROUP, "thaw-end", record->thaw_end);
    set_number(file, GROUP, "frozen", record->frozen);
    set_number(file, GROUP, "thawed", record->thawed);
    set_text(file, GROUP, "thaw-reason", firn_thaw_reason_name(record->thaw_reason));
    set_text(file, GROUP, "error", record->error);
    set_number(file, GROUP, "filesystems", record->filesystems->len);
    set_number(file, GROUP, "hooks", record->hooks->len);
    for (guint i = 0; i < record->filesystems->len; i++) {
        g_autofree char *group = g_strdup_printf("filesystem %u", i);

        save_filesystem(file, group, firn_record_filesystem(record, i));
    }
    for (guint i = 0; i < record->hooks->len; i++) {
        g_autofree char *group = g_strdup_printf("hook %u", i);

        save_hook(file, group, firn_record_hook(record, i));
    }
    return g_key_file_to_data(file, length, NULL);
}

/* Entries are counted by the groups that are there, whatever the file claims. */
static void load_entries(FirnRecord *record, GKeyFile *file)
{
    for (guint i = 0; i < MAX_ENTRIES; i++) {
        g_autofree char *group = g_strdup_printf("filesystem %u", i);

        if (!g_key_file_has_group(file, group))
            break;
        load_filesystem(record, file, group);
    }
    for (guint i = 0; i < MAX_ENTRIES; i++) {
        g_autofree char *group = g_strdup_printf("hook %u", i);

        if (!g_key_file_has_group(file, group))
            break;
        load_hook(record, file, group);
    }
}

FirnRecord *firn_record_load(const char *text, gsize length, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    FirnRecord *record;

    if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, error))
        return NULL;
    if (!g_key_file_has_group(file, GROUP)) {
        g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND,
                    "no group [" GROUP "]: this is no record of a freeze");
        return NULL;
    }
    record = record_new();
    record->who = need_text(file, GROUP, "who");
    record->started = get_number(file, GROUP, "started", 0);
    record->freeze_begin = get_time(file, GROUP, "freeze-begin");
    record->freeze_end = get_time(file, GROUP, "freeze-end");
    record->thaw_begin = get_time(file, GROUP, "thaw-begin");
    record->thaw_end = get_time(file, GROUP, "thaw-end");
    record->frozen = (guint)get_number(file, GROUP, "frozen", 0);
    record->thawed = (guint)get_number(file, GROUP, "thawed", 0);
    record->thaw_reason =
        (FirnThawReason)get_name(file, GROUP, "thaw-reason", reasons, G_N_ELEMENTS(reasons));
    record->error = get_text(file, GROUP, "error");
    load_entries(record, file);
    return record;
}
