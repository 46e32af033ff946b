/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"

#include "qga-protocol/writer.h"

#include <sys/sysmacros.h>

/* Leaves out what did not happen. */
static void write_time(QgaWriter *writer, const char *name, gint64 microseconds)
{
    if (microseconds != FIRN_NEVER)
        qga_writer_member_int(writer, name, microseconds);
}

static void write_filesystem(QgaWriter *writer, const FirnAccountFilesystem *filesystem)
{
    g_autofree char *number =
        g_strdup_printf("%u:%u", major(filesystem->device), minor(filesystem->device));

    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "mountpoint", filesystem->mountpoint);
    qga_writer_member_string(writer, "type", filesystem->type);
    qga_writer_member_string(writer, "device", filesystem->source);
    qga_writer_member_string(writer, "device-number", number);
    qga_writer_member_string(writer, "outcome", firn_outcome_name(filesystem->outcome));
    if (filesystem->error != 0) {
        qga_writer_member_int(writer, "errno", filesystem->error);
        qga_writer_member_string(writer, "error", g_strerror(filesystem->error));
    }
    if (filesystem->thaw_error != 0)
        qga_writer_member_int(writer, "thaw-errno", filesystem->thaw_error);
    write_time(writer, "sync-usec", firn_report_sync_time(filesystem));
    write_time(writer, "freeze-usec", firn_report_freeze_time(filesystem));
    write_time(writer, "held-usec", firn_report_held_time(filesystem));
    write_time(writer, "sync-begin", filesystem->sync_begin);
    write_time(writer, "sync-end", filesystem->sync_end);
    write_time(writer, "freeze-begin", filesystem->freeze_begin);
    write_time(writer, "freeze-end", filesystem->freeze_end);
    write_time(writer, "thaw-begin", filesystem->thaw_begin);
    write_time(writer, "thaw-end", filesystem->thaw_end);
    qga_writer_end_object(writer);
}

static void write_hook(QgaWriter *writer, const FirnAccountHook *hook)
{
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "name", hook->name);
    qga_writer_member_string(writer, "action", hook->thaw ? "thaw" : "freeze");
    write_time(writer, "begin", hook->begin);
    write_time(writer, "end", hook->end);
    qga_writer_member_int(writer, "status", hook->status);
    qga_writer_end_object(writer);
}

static void write_account(QgaWriter *writer, const FirnAccount *account)
{
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "who", account->who);
    qga_writer_member_int(writer, "started-usec", account->started);
    write_time(writer, "resync-begin", account->resync_begin);
    write_time(writer, "resync-end", account->resync_end);
    write_time(writer, "freeze-begin", account->freeze_begin);
    write_time(writer, "freeze-end", account->freeze_end);
    write_time(writer, "thaw-begin", account->thaw_begin);
    write_time(writer, "thaw-end", account->thaw_end);
    qga_writer_member_uint(writer, "frozen", account->frozen);
    qga_writer_member_uint(writer, "thawed", account->thawed);
    qga_writer_member_string(writer, "thaw-reason", firn_thaw_reason_name(account->thaw_reason));
    qga_writer_member_string(writer, "error", account->error);
    qga_writer_name(writer, "filesystems");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < account->filesystems->len; i++)
        write_filesystem(writer, firn_account_filesystem(account, i));
    qga_writer_end_array(writer);
    qga_writer_name(writer, "hooks");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < account->hooks->len; i++)
        write_hook(writer, firn_account_hook(account, i));
    qga_writer_end_array(writer);
    qga_writer_end_object(writer);
}

char *firn_report_json(const GPtrArray *accounts)
{
    GString *out = g_string_new(NULL);
    g_autoptr(QgaWriter) writer = qga_writer_new(out);

    qga_writer_begin_object(writer);
    qga_writer_name(writer, "reports");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < accounts->len; i++)
        write_account(writer, g_ptr_array_index(accounts, i));
    qga_writer_end_array(writer);
    qga_writer_end_object(writer);
    return g_string_free(out, FALSE);
}
