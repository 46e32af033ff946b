/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "platform/clock.h"
#include "platform/cpu-times.h"
#include "platform/host-name.h"
#include "platform/kernel-name.h"
#include "platform/load.h"
#include "platform/logins.h"
#include "platform/os-release.h"
#include "platform/timezone.h"

/* Handlers of this family get the roots. */

static void get_host_name(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    g_autofree char *name = firn_host_name_read(data, &error);
    QgaWriter *writer;

    if (!name) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "host-name", name);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void get_osinfo(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    /* The members that come from os-release(5). */
    static const char *const members[][2] = {
        {"id", "ID"},
        {"name", "NAME"},
        {"version", "VERSION"},
        {"pretty-name", "PRETTY_NAME"},
        {"variant", "VARIANT"},
        {"version-id", "VERSION_ID"},
        {"variant-id", "VARIANT_ID"},
    };
    g_autoptr(FirnKernelName) kernel = firn_kernel_name_read(data);
    /* The packaged agent's tests, and those of its users, set this variable. */
    g_autoptr(GHashTable) values = firn_os_release_read(data, g_getenv("QGA_OS_RELEASE"));
    QgaWriter *writer = qga_reply_begin(reply);

    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "kernel-release", kernel->release);
    qga_writer_member_string(writer, "kernel-version", kernel->version);
    qga_writer_member_string(writer, "machine", kernel->machine);
    for (guint i = 0; i < G_N_ELEMENTS(members); i++)
        qga_writer_member_string(writer, members[i][0], g_hash_table_lookup(values, members[i][1]));
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void get_timezone(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autoptr(FirnTimezone) zone_now = firn_timezone_read(data, g_get_real_time() / G_USEC_PER_SEC);
    QgaWriter *writer = qga_reply_begin(reply);

    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "zone", zone_now->zone);
    qga_writer_member_int(writer, "offset", zone_now->offset);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void get_users(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autoptr(GPtrArray) logins = firn_logins_read(data);
    QgaWriter *writer = qga_reply_begin(reply);

    qga_writer_begin_array(writer);
    for (guint i = 0; i < logins->len; i++) {
        const FirnLogin *login = logins->pdata[i];

        qga_writer_begin_object(writer);
        qga_writer_member_string(writer, "user", login->user);
        qga_writer_member_double(writer, "login-time", (double)login->since / G_USEC_PER_SEC);
        qga_writer_end_object(writer);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

static void get_load(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    QgaWriter *writer;
    FirnLoad load;

    if (!firn_load_read(data, &load, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_member_double(writer, "load1m", load.minutes1);
    qga_writer_member_double(writer, "load5m", load.minutes5);
    qga_writer_member_double(writer, "load15m", load.minutes15);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void get_cpustats(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    static const char *const members[FIRN_CPU_COLUMNS] = {
        "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestnice",
    };
    GError *error = NULL;
    g_autoptr(GArray) all = firn_cpu_times_read(data, 0, &error);
    QgaWriter *writer;

    if (!all) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_array(writer);
    for (guint i = 0; i < all->len; i++) {
        const FirnCpuTimes *times = &g_array_index(all, FirnCpuTimes, i);

        qga_writer_begin_object(writer);
        qga_writer_member_string(writer, "type", "linux");
        qga_writer_member_uint(writer, "cpu", times->cpu);
        for (guint column = 0; column < times->columns; column++)
            qga_writer_member_uint(writer, members[column], times->ms[column]);
        qga_writer_end_object(writer);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

static const QgaCommand rows[] = {
    {
        .name = "guest-get-host-name",
        .returns = "{host-name: str}",
        .summary = "The kernel's host name.",
        .handler = get_host_name,
    },
    {
        .name = "guest-get-osinfo",
        .returns = "{kernel-release?: str, kernel-version?: str, machine?: str, id?: str, "
                   "name?: str, pretty-name?: str, version?: str, version-id?: str, "
                   "variant?: str, variant-id?: str}",
        .summary = "The kernel as uname(2) names it, and the distribution as os-release(5) does.",
        .handler = get_osinfo,
    },
    {
        .name = "guest-get-timezone",
        .returns = "{zone?: str, offset: int}",
        .summary = "The zone's abbreviation and its offset in seconds east of UTC, both as of now.",
        .handler = get_timezone,
    },
    {
        .name = "guest-get-users",
        .returns = "[{user: str, login-time: number}]",
        .summary = "Who is logged in, each user once, with the earliest login in seconds since the "
                   "epoch.",
        .handler = get_users,
    },
    {
        .name = "guest-get-load",
        .returns = "{load1m: number, load5m: number, load15m: number}",
        .summary = "The load averages over 1, 5 and 15 minutes.",
        .handler = get_load,
    },
    {
        .name = "guest-get-cpustats",
        .returns = "[{type: \"linux\", cpu: int, user: int, nice: int, system: int, idle: int, "
                   "iowait?: int, irq?: int, softirq?: int, steal?: int, guest?: int, "
                   "guestnice?: int}]",
        .summary = "The milliseconds that each online processor has spent on what.",
        .handler = get_cpustats,
    },
};

void firn_system_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
