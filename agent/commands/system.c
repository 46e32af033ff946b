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
    JsonObject *object;

    if (!name) {
        qga_reply_fail_error(reply, error);
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "host-name", name);
    qga_reply_return_object(reply, object);
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
    JsonObject *object = json_object_new();

    qga_json_set_string(object, "kernel-release", kernel->release);
    qga_json_set_string(object, "kernel-version", kernel->version);
    qga_json_set_string(object, "machine", kernel->machine);
    for (guint i = 0; i < G_N_ELEMENTS(members); i++)
        qga_json_set_string(object, members[i][0], g_hash_table_lookup(values, members[i][1]));
    qga_reply_return_object(reply, object);
}

static void get_timezone(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autoptr(FirnTimezone) zone_now = firn_timezone_read(data, g_get_real_time() / G_USEC_PER_SEC);
    JsonObject *object = json_object_new();

    qga_json_set_string(object, "zone", zone_now->zone);
    json_object_set_int_member(object, "offset", zone_now->offset);
    qga_reply_return_object(reply, object);
}

static void get_users(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    g_autoptr(GPtrArray) logins = firn_logins_read(data);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < logins->len; i++) {
        const FirnLogin *login = logins->pdata[i];
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "user", login->user);
        qga_json_set_number(object, "login-time", (double)login->since / G_USEC_PER_SEC);
        json_array_add_object_element(array, object);
    }
    qga_reply_return_array(reply, array);
}

static void get_load(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    JsonObject *object;
    FirnLoad load;

    if (!firn_load_read(data, &load, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    object = json_object_new();
    qga_json_set_number(object, "load1m", load.minutes1);
    qga_json_set_number(object, "load5m", load.minutes5);
    qga_json_set_number(object, "load15m", load.minutes15);
    qga_reply_return_object(reply, object);
}

static void get_cpustats(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    static const char *const members[FIRN_CPU_COLUMNS] = {
        "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestnice",
    };
    GError *error = NULL;
    g_autoptr(GArray) all = firn_cpu_times_read(data, 0, &error);
    JsonArray *array;

    if (!all) {
        qga_reply_fail_error(reply, error);
        return;
    }
    array = json_array_new();
    for (guint i = 0; i < all->len; i++) {
        const FirnCpuTimes *times = &g_array_index(all, FirnCpuTimes, i);
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "type", "linux");
        json_object_set_int_member(object, "cpu", times->cpu);
        for (guint column = 0; column < times->columns; column++)
            qga_json_set_uint(object, members[column], times->ms[column]);
        json_array_add_object_element(array, object);
    }
    qga_reply_return_array(reply, array);
}

static const QgaMember host_name_members[] = {{"host-name", QGA_TYPE_STRING}, {0}};
static const QgaMember host_name_returns = {.type = QGA_TYPE_STRUCT, .members = host_name_members};
static const QgaMember osinfo_members[] = {
    {"kernel-release", QGA_TYPE_STRING, TRUE},
    {"kernel-version", QGA_TYPE_STRING, TRUE},
    {"machine", QGA_TYPE_STRING, TRUE},
    {"id", QGA_TYPE_STRING, TRUE},
    {"name", QGA_TYPE_STRING, TRUE},
    {"pretty-name", QGA_TYPE_STRING, TRUE},
    {"version", QGA_TYPE_STRING, TRUE},
    {"version-id", QGA_TYPE_STRING, TRUE},
    {"variant", QGA_TYPE_STRING, TRUE},
    {"variant-id", QGA_TYPE_STRING, TRUE},
    {0},
};
static const QgaMember osinfo_returns = {.type = QGA_TYPE_STRUCT, .members = osinfo_members};
static const QgaMember timezone_members[] = {
    {"zone", QGA_TYPE_STRING, TRUE}, {"offset", QGA_TYPE_INT}, {0}};
static const QgaMember timezone_returns = {.type = QGA_TYPE_STRUCT, .members = timezone_members};
static const QgaMember user_members[] = {
    {"user", QGA_TYPE_STRING}, {"login-time", QGA_TYPE_NUMBER}, {0}};
static const QgaMember users_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = user_members};
static const QgaMember load_members[] = {
    {"load1m", QGA_TYPE_NUMBER}, {"load5m", QGA_TYPE_NUMBER}, {"load15m", QGA_TYPE_NUMBER}, {0}};
static const QgaMember load_returns = {.type = QGA_TYPE_STRUCT, .members = load_members};
static const char *const cpustats_types[] = {"linux", NULL};
static const QgaMember cpustats_members[] = {
    {"type", QGA_TYPE_ENUM, .values = cpustats_types},
    {"cpu", QGA_TYPE_INT},
    {"user", QGA_TYPE_UINT64},
    {"nice", QGA_TYPE_UINT64},
    {"system", QGA_TYPE_UINT64},
    {"idle", QGA_TYPE_UINT64},
    {"iowait", QGA_TYPE_UINT64, TRUE},
    {"irq", QGA_TYPE_UINT64, TRUE},
    {"softirq", QGA_TYPE_UINT64, TRUE},
    {"steal", QGA_TYPE_UINT64, TRUE},
    {"guest", QGA_TYPE_UINT64, TRUE},
    {"guestnice", QGA_TYPE_UINT64, TRUE},
    {0},
};
static const QgaMember cpustats_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = cpustats_members};

static const QgaCommand rows[] = {
    {
        .name = "guest-get-host-name",
        .returns = &host_name_returns,
        .summary = "The kernel's host name.",
        .handler = get_host_name,
    },
    {
        .name = "guest-get-osinfo",
        .returns = &osinfo_returns,
        .summary = "The kernel as uname(2) names it, and the distribution as os-release(5) does.",
        .handler = get_osinfo,
    },
    {
        .name = "guest-get-timezone",
        .returns = &timezone_returns,
        .summary = "The zone's abbreviation and its offset in seconds east of UTC, both as of now.",
        .handler = get_timezone,
    },
    {
        .name = "guest-get-users",
        .returns = &users_returns,
        .summary = "Who is logged in, each user once, with the earliest login in seconds since the "
                   "epoch.",
        .handler = get_users,
    },
    {
        .name = "guest-get-load",
        .returns = &load_returns,
        .summary = "The load averages over 1, 5 and 15 minutes.",
        .handler = get_load,
    },
    {
        .name = "guest-get-cpustats",
        .returns = &cpustats_returns,
        .summary = "The milliseconds that each online processor has spent on what.",
        .handler = get_cpustats,
    },
};

void firn_system_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
