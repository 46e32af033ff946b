/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"

#include "qga-protocol/json.h"

#include <sys/sysmacros.h>

/* Leaves out what did not happen. */
static void set_time(JsonObject *object, const char *name, gint64 microseconds)
{
    if (microseconds != FIRN_NEVER)
        json_object_set_int_member(object, name, microseconds);
}

static JsonObject *filesystem_object(const FirnAccountFilesystem *filesystem)
{
    JsonObject *object = json_object_new();
    g_autofree char *number =
        g_strdup_printf("%u:%u", major(filesystem->device), minor(filesystem->device));

    qga_json_set_string(object, "mountpoint", filesystem->mountpoint);
    qga_json_set_string(object, "type", filesystem->type);
    qga_json_set_string(object, "device", filesystem->source);
    qga_json_set_string(object, "device-number", number);
    qga_json_set_string(object, "outcome", firn_outcome_name(filesystem->outcome));
    if (filesystem->error != 0) {
        json_object_set_int_member(object, "errno", filesystem->error);
        qga_json_set_string(object, "error", g_strerror(filesystem->error));
    }
    if (filesystem->thaw_error != 0)
        json_object_set_int_member(object, "thaw-errno", filesystem->thaw_error);
    set_time(object, "sync-usec", firn_report_sync_time(filesystem));
    set_time(object, "freeze-usec", firn_report_freeze_time(filesystem));
    set_time(object, "held-usec", firn_report_held_time(filesystem));
    set_time(object, "sync-begin", filesystem->sync_begin);
    set_time(object, "sync-end", filesystem->sync_end);
    set_time(object, "freeze-begin", filesystem->freeze_begin);
    set_time(object, "freeze-end", filesystem->freeze_end);
    set_time(object, "thaw-begin", filesystem->thaw_begin);
    set_time(object, "thaw-end", filesystem->thaw_end);
    return object;
}

static JsonObject *hook_object(const FirnAccountHook *hook)
{
    JsonObject *object = json_object_new();

    qga_json_set_string(object, "name", hook->name);
    qga_json_set_string(object, "action", hook->thaw ? "thaw" : "freeze");
    set_time(object, "begin", hook->begin);
    set_time(object, "end", hook->end);
    json_object_set_int_member(object, "status", hook->status);
    return object;
}

static JsonObject *account_object(const FirnAccount *account)
{
    JsonObject *object = json_object_new();
    JsonArray *filesystems = json_array_new();
    JsonArray *hooks = json_array_new();

    qga_json_set_string(object, "who", account->who);
    json_object_set_int_member(object, "started-usec", account->started);
    set_time(object, "resync-begin", account->resync_begin);
    set_time(object, "resync-end", account->resync_end);
    set_time(object, "freeze-begin", account->freeze_begin);
    set_time(object, "freeze-end", account->freeze_end);
    set_time(object, "thaw-begin", account->thaw_begin);
    set_time(object, "thaw-end", account->thaw_end);
    qga_json_set_uint(object, "frozen", account->frozen);
    qga_json_set_uint(object, "thawed", account->thawed);
    qga_json_set_string(object, "thaw-reason", firn_thaw_reason_name(account->thaw_reason));
    qga_json_set_string(object, "error", account->error);
    for (guint i = 0; i < account->filesystems->len; i++)
        json_array_add_object_element(filesystems,
                                      filesystem_object(firn_account_filesystem(account, i)));
    json_object_set_array_member(object, "filesystems", filesystems);
    for (guint i = 0; i < account->hooks->len; i++)
        json_array_add_object_element(hooks, hook_object(firn_account_hook(account, i)));
    json_object_set_array_member(object, "hooks", hooks);
    return object;
}

char *firn_report_json(const GPtrArray *accounts)
{
    JsonObject *object = json_object_new();
    JsonArray *reports = json_array_new();

    for (guint i = 0; i < accounts->len; i++)
        json_array_add_object_element(reports, account_object(g_ptr_array_index(accounts, i)));
    json_object_set_array_member(object, "reports", reports);
    return qga_json_text(object);
}
