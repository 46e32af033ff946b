/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/account.h"

#include <string.h>
#include <sys/sysmacros.h>

#define GROUP "freeze"
/* More cannot be mounted: the kernel's own limit is below it by default (fs.mount-max). */
#define MAX_ENTRIES 1000000

static const char *const outcomes[] = {"pending", "frozen", "unsupported", "foreign",
                                       "hidden",  "failed", "stuck"};
static const char *const reasons[] = {"none",         "request",  "failed",   "empty", "cancelled",
                                      "walk-timeout", "deadline", "shutdown", "died"};

const char *firn_outcome_name(FirnOutcome outcome)
{
    return outcome < FIRN_OUTCOMES ? outcomes[outcome] : "unknown";
}

const char *firn_thaw_reason_name(FirnThawReason reason)
{
    return reason < FIRN_THAW_REASONS ? reasons[reason] : "unknown";
}

static void filesystem_clear(gpointer data)
{
    FirnAccountFilesystem *filesystem = data;

    g_free(filesystem->mountpoint);
    g_free(filesystem->type);
    g_free(filesystem->source);
}

static void hook_clear(gpointer data)
{
    FirnAccountHook *hook = data;

    g_free(hook->name);
}

FirnAccount *firn_account_new(const char *who, gint64 started)
{
    FirnAccount *account = g_new0(FirnAccount, 1);

    account->who = g_strdup(who);
    account->started = started;
    account->resync_begin = FIRN_NEVER;
    account->resync_end = FIRN_NEVER;
    account->freeze_begin = FIRN_NEVER;
    account->freeze_end = FIRN_NEVER;
    account->thaw_begin = FIRN_NEVER;
    account->thaw_end = FIRN_NEVER;
    account->filesystems = g_array_new(FALSE, FALSE, sizeof(FirnAccountFilesystem));
    g_array_set_clear_func(account->filesystems, filesystem_clear);
    account->hooks = g_array_new(FALSE, FALSE, sizeof(FirnAccountHook));
    g_array_set_clear_func(account->hooks, hook_clear);
    return account;
}

void firn_account_free(FirnAccount *account)
{
    if (!account)
        return;
    g_array_unref(account->filesystems);
    g_array_unref(account->hooks);
    g_free(account->who);
    g_free(account->error);
    g_free(account);
}

FirnAccountFilesystem *firn_account_add_filesystem(FirnAccount *account, const char *mountpoint,
                                                   const char *type, const char *source,
                                                   dev_t device)
{
    FirnAccountFilesystem filesystem = {
        .mountpoint = g_strdup(mountpoint),
        .type = g_strdup(type),
        .source = g_strdup(source),
        .device = device,
        .sync_begin = FIRN_NEVER,
        .sync_end = FIRN_NEVER,
        .freeze_begin = FIRN_NEVER,
        .freeze_end = FIRN_NEVER,
        .thaw_begin = FIRN_NEVER,
        .thaw_end = FIRN_NEVER,
    };

    g_array_append_val(account->filesystems, filesystem);
    return firn_account_filesystem(account, account->filesystems->len - 1);
}

FirnAccountFilesystem *firn_account_filesystem(const FirnAccount *account, guint index)
{
    return &g_array_index(account->filesystems, FirnAccountFilesystem, index);
}

void firn_account_add_hook(FirnAccount *account, const char *name, gboolean thaw, gint64 begin,
                           gint64 end, int status)
{
    FirnAccountHook hook = {
        .name = g_strdup(name), .thaw = thaw, .begin = begin, .end = end, .status = status};

    g_array_append_val(account->hooks, hook);
}

const FirnAccountHook *firn_account_hook(const FirnAccount *account, guint index)
{
    return &g_array_index(account->hooks, FirnAccountHook, index);
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
                            const FirnAccountFilesystem *filesystem)
{
    set_text(file, group, "mountpoint", filesystem->mountpoint);
    set_text(file, group, "type", filesystem->type);
    set_text(file, group, "source", filesystem->source);
    set_number(file, group, "major", major(filesystem->device));
    set_number(file, group, "minor", minor(filesystem->device));
    set_text(file, group, "outcome", firn_outcome_name(filesystem->outcome));
    set_number(file, group, "error", filesystem->error);
    set_number(file, group, "thaw-error", filesystem->thaw_error);
    set_number(file, group, "sync-begin", filesystem->sync_begin);
    set_number(file, group, "sync-end", filesystem->sync_end);
    set_number(file, group, "freeze-begin", filesystem->freeze_begin);
    set_number(file, group, "freeze-end", filesystem->freeze_end);
    set_number(file, group, "thaw-begin", filesystem->thaw_begin);
    set_number(file, group, "thaw-end", filesystem->thaw_end);
}

static void load_filesystem(FirnAccount *account, GKeyFile *file, const char *group)
{
    g_autofree char *mountpoint = need_text(file, group, "mountpoint");
    g_autofree char *type = need_text(file, group, "type");
    g_autofree char *source = need_text(file, group, "source");
    dev_t device = makedev((guint)get_number(file, group, "major", 0),
                           (guint)get_number(file, group, "minor", 0));
    FirnAccountFilesystem *filesystem =
        firn_account_add_filesystem(account, mountpoint, type, source, device);

    filesystem->outcome =
        (FirnOutcome)get_name(file, group, "outcome", outcomes, G_N_ELEMENTS(outcomes));
    filesystem->error = (int)get_number(file, group, "error", 0);
    filesystem->thaw_error = (int)get_number(file, group, "thaw-error", 0);
    filesystem->sync_begin = get_time(file, group, "sync-begin");
    filesystem->sync_end = get_time(file, group, "sync-end");
    filesystem->freeze_begin = get_time(file, group, "freeze-begin");
    filesystem->freeze_end = get_time(file, group, "freeze-end");
    filesystem->thaw_begin = get_time(file, group, "thaw-begin");
    filesystem->thaw_end = get_time(file, group, "thaw-end");
}

static void save_hook(GKeyFile *file, const char *group, const FirnAccountHook *hook)
{
    set_text(file, group, "name", hook->name);
    g_key_file_set_boolean(file, group, "thaw", hook->thaw);
    set_number(file, group, "begin", hook->begin);
    set_number(file, group, "end", hook->end);
    set_number(file, group, "status", hook->status);
}

static void load_hook(FirnAccount *account, GKeyFile *file, const char *group)
{
    FirnAccountHook hook = {
        .name = need_text(file, group, "name"),
        .thaw = g_key_file_get_boolean(file, group, "thaw", NULL),
        .begin = get_time(file, group, "begin"),
        .end = get_time(file, group, "end"),
        .status = (int)get_number(file, group, "status", 0),
    };

    g_array_append_val(account->hooks, hook);
}

char *firn_account_save(const FirnAccount *account, gsize *length)
{
    g_autoptr(GKeyFile) file = g_key_file_new();

    set_text(file, GROUP, "who", account->who);
    set_number(file, GROUP, "started", account->started);
    set_number(file, GROUP, "resync-begin", account->resync_begin);
    set_number(file, GROUP, "resync-end", account->resync_end);
    set_number(file, GROUP, "freeze-begin", account->freeze_begin);
    set_number(file, GROUP, "freeze-end", account->freeze_end);
    set_number(file, GROUP, "thaw-begin", account->thaw_begin);
    set_number(file, GROUP, "thaw-end", account->thaw_end);
    set_number(file, GROUP, "frozen", account->frozen);
    set_number(file, GROUP, "thawed", account->thawed);
    set_text(file, GROUP, "thaw-reason", firn_thaw_reason_name(account->thaw_reason));
    set_text(file, GROUP, "error", account->error);
    set_number(file, GROUP, "filesystems", account->filesystems->len);
    set_number(file, GROUP, "hooks", account->hooks->len);
    for (guint i = 0; i < account->filesystems->len; i++) {
        g_autofree char *group = g_strdup_printf("filesystem %u", i);

        save_filesystem(file, group, firn_account_filesystem(account, i));
    }
    for (guint i = 0; i < account->hooks->len; i++) {
        g_autofree char *group = g_strdup_printf("hook %u", i);

        save_hook(file, group, firn_account_hook(account, i));
    }
    return g_key_file_to_data(file, length, NULL);
}

/* Entries are counted by the groups that are there, whatever the file claims. */
static void load_entries(FirnAccount *account, GKeyFile *file)
{
    for (guint i = 0; i < MAX_ENTRIES; i++) {
        g_autofree char *group = g_strdup_printf("filesystem %u", i);

        if (!g_key_file_has_group(file, group))
            break;
        load_filesystem(account, file, group);
    }
    for (guint i = 0; i < MAX_ENTRIES; i++) {
        g_autofree char *group = g_strdup_printf("hook %u", i);

        if (!g_key_file_has_group(file, group))
            break;
        load_hook(account, file, group);
    }
}

FirnAccount *firn_account_load(const char *text, gsize length, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *who = NULL;
    FirnAccount *account;

    if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, error))
        return NULL;
    if (!g_key_file_has_group(file, GROUP)) {
        g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND,
                    "no group [" GROUP "]: this is no account of a freeze");
        return NULL;
    }
    who = need_text(file, GROUP, "who");
    account = firn_account_new(who, get_number(file, GROUP, "started", 0));
    account->resync_begin = get_time(file, GROUP, "resync-begin");
    account->resync_end = get_time(file, GROUP, "resync-end");
    account->freeze_begin = get_time(file, GROUP, "freeze-begin");
    account->freeze_end = get_time(file, GROUP, "freeze-end");
    account->thaw_begin = get_time(file, GROUP, "thaw-begin");
    account->thaw_end = get_time(file, GROUP, "thaw-end");
    account->frozen = (guint)get_number(file, GROUP, "frozen", 0);
    account->thawed = (guint)get_number(file, GROUP, "thawed", 0);
    account->thaw_reason =
        (FirnThawReason)get_name(file, GROUP, "thaw-reason", reasons, G_N_ELEMENTS(reasons));
    account->error = get_text(file, GROUP, "error");
    load_entries(account, file);
    return account;
}
