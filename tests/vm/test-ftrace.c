/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's function tracer saw of a freeze, set up as the guide for the packaged agent
 * tells it, beside what firn reports. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/guest.h"

#include <stdlib.h>
#include <string.h>

#define FREEZE "{\"execute\":\"guest-fsfreeze-freeze\"}\n"
#define THAW "{\"execute\":\"guest-fsfreeze-thaw\"}\n"
#define TRACING "cd /sys/kernel/tracing && "
/* In linux/fs.h s_dev comes after a list_head in a super_block. */
#define DEVICE "dev=+16(%%di):u32"
/* Both the report's clock and the trace's are CLOCK_BOOTTIME, in whole microseconds. */
#define ROUNDING_US 2

static const char *const three[] = {"ext4.img", "xfs.img", "btrfs.img", NULL};
/* One processor: switching the tracer stops all others, over and over, which emulated ones may not
 * survive. */
static const TestGuestOptions kinds[] = {
    {.disks = three},
    {.disks = three, .kernel = "full"},
    {.disks = three, .systemd = TRUE, .cpus = 1},
    {.disks = three, .peer = TRUE},
    {.disks = three, .systemd = TRUE, .cpus = 1, .peer = TRUE},
};

typedef struct {
    gint64 time; /* in microseconds of the boot clock */
    char *device;
} Call;

/* The kernel's calls of one function, in their order. */
static void clear_call(gpointer data)
{
    Call *call = data;

    g_free(call->device);
}

static GArray *new_calls(void)
{
    GArray *calls = g_array_new(FALSE, TRUE, sizeof(Call));

    g_array_set_clear_func(calls, clear_call);
    return calls;
}

static Call *call_at(const GArray *calls, guint index)
{
    return &g_array_index(calls, Call, index);
}

static void mount_three(TestGuest *guest)
{
    G_GNUC_UNUSED g_autofree char *done =
        test_guest_shell(guest, "set -- vdb ext4 vdc xfs vdd btrfs; modprobe -a xfs btrfs; while [ "
                                "$# -gt 0 ]; do mkdir -p /mnt/$2 && mount -t $2 /dev/$1 /mnt/$2 || "
                                "break; shift 2; done; [ $# = 0 ]");
}

static void start_tracer(TestGuest *guest, const char *agent)
{
    G_GNUC_UNUSED g_autofree char *devices = test_guest_shell(
        guest,
        TRACING "echo boot >trace_clock && echo 'p:freeze freeze_super " DEVICE "' >kprobe_events "
                "&& echo 'p:thaw thaw_super " DEVICE "' >>kprobe_events && "
                "echo 1 >events/kprobes/enable");
    G_GNUC_UNUSED g_autofree char *guide =
        test_guest_shell(guest,
                         TRACING "pidof %s >set_ftrace_pid && echo 8192 >buffer_size_kb && echo "
                                 "function-fork >trace_options && "
                                 "echo function >current_tracer && echo 1 >tracing_on",
                         agent);
}

/* The host's snapshot, of which the guest sees nothing. */
static void take_snapshot(TestGuest *guest)
{
    g_autofree char *file = test_guest_path(guest, "snapshot.qcow2");
    g_autofree char *command = g_strdup_printf(
        "{\"execute\":\"blockdev-snapshot-sync\",\"arguments\":{\"device\":\"disk0\","
        "\"snapshot-file\":\"%s\",\"format\":\"qcow2\"}}",
        file);
    G_GNUC_UNUSED g_autoptr(JsonNode) done = test_guest_qmp(guest, command);
}

/* Freezes, takes a snapshot and thaws, as a host does. Returns how many filesystems were frozen. */
static gint64 run_backup(TestGuest *guest)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autoptr(JsonNode) frozen = test_client_value(client, FREEZE);
    g_autoptr(JsonNode) thawed = NULL;

    take_snapshot(guest);
    thawed = test_client_value(client, THAW);
    ck_assert_int_eq(json_node_get_int(thawed), json_node_get_int(frozen));
    return json_node_get_int(frozen);
}

static gint64 parse_time(const char *line)
{
    g_auto(GStrv) words = g_regex_split_simple("([0-9]+)\\.([0-9]{6}): ", line, 0, 0);

    ck_assert_msg(g_strv_length(words) == 4, "no time: %s", line);
    return g_ascii_strtoll(words[1], NULL, 10) * G_USEC_PER_SEC +
           g_ascii_strtoll(words[2], NULL, 10);
}

/* dev_t as the kernel keeps it: 20 bits of minor. */
static char *parse_device(const char *line)
{
    const char *at = strstr(line, " dev=");
    guint64 device;

    ck_assert_msg(at != NULL, "no device: %s", line);
    device = g_ascii_strtoull(at + strlen(" dev="), NULL, 10);
    return g_strdup_printf("%u:%u", (guint)(device >> 20), (guint)(device & 0xfffff));
}

/*
 * Takes the tracer's lines as the guide greps for them, and gives each its device: that of the
 * probe which the kernel hit in the same call. thaw_super_locked is what thaw_super ends with.
 */
static GArray *read_calls(const char *trace, const char *function)
{
    GArray *calls = new_calls();
    g_auto(GStrv) lines = g_strsplit(trace, "\n", -1);
    g_autofree char *traced = g_strdup_printf(": %s_super <-", function);
    g_autofree char *probed = g_strdup_printf(": %s: (%s_super+", function, function);
    guint devices = 0;

    for (char **line = lines; *line; line++) {
        if (strstr(*line, traced) && strstr(*line, "ioctl")) {
            Call call = {.time = parse_time(*line)};

            g_array_append_val(calls, call);
        } else if (strstr(*line, probed)) {
            devices++;
        }
    }
    ck_assert_msg(devices == calls->len, "%u probes and %u calls: %s", devices, calls->len, trace);
    devices = 0;
    for (char **line = lines; *line; line++) {
        if (strstr(*line, probed))
            call_at(calls, devices++)->device = parse_device(*line);
    }
    return calls;
}

/* The packaged agent thaws each filesystem until the kernel says that it is not frozen. */
static void drop_repeats(GArray *calls)
{
    for (guint i = calls->len; i-- > 1;) {
        if (!strcmp(call_at(calls, i)->device, call_at(calls, i - 1)->device))
            g_array_remove_index(calls, i);
    }
}

static char *stop_tracer(TestGuest *guest)
{
    return test_guest_shell(guest, TRACING
                            "echo 1 >snapshot && echo 0 >tracing_on && "
                            "grep -E '(freeze|thaw)_super' snapshot && echo nop >current_tracer");
}

/* Devices of the filesystems that can be frozen, in the order they were mounted. */
static GStrv mount_order(TestGuest *guest)
{
    g_autofree char *text =
        test_guest_shell(guest, "awk '/ - (ext4|xfs|btrfs) / { print $3 }' /proc/self/mountinfo");

    return g_strsplit(text, "\n", -1);
}

static void assert_order(const GArray *freezes, const GArray *thaws, GStrv mounts)
{
    guint count = g_strv_length(mounts);

    ck_assert_uint_eq(freezes->len, count);
    ck_assert_uint_eq(thaws->len, count);
    for (guint i = 0; i < count; i++) {
        ck_assert_str_eq(call_at(freezes, i)->device, mounts[count - 1 - i]);
        ck_assert_str_eq(call_at(thaws, i)->device, mounts[i]);
    }
}

static JsonArray *read_report(TestGuest *guest, JsonNode **tree)
{
    g_autofree char *text = test_guest_shell(guest, "firn report --json");
    JsonArray *reports;
    JsonObject *report;

    *tree = json_from_string(text, NULL);
    ck_assert_msg(*tree != NULL, "%s", text);
    reports = json_object_get_array_member(json_node_get_object(*tree), "reports");
    ck_assert_uint_eq(json_array_get_length(reports), 1);
    report = json_array_get_object_element(reports, 0);
    ck_assert_str_eq(json_object_get_string_member(report, "thaw-reason"), "request");
    return json_object_get_array_member(report, "filesystems");
}

/*
 * The report counts from the request, the trace from boot. With the request at the right moment
 * each of the kernel's calls lies between the report's begin and end of it; every call says within
 * which bounds that moment is.
 */
typedef struct {
    gint64 earliest;
    gint64 latest;
} Request;

static void bound(Request *request, const Call *call, JsonObject *filesystem, const char *what)
{
    g_autofree char *begin = g_strconcat(what, "-begin", NULL);
    g_autofree char *end = g_strconcat(what, "-end", NULL);
    gint64 earliest = call->time - json_object_get_int_member(filesystem, end) - ROUNDING_US;
    gint64 latest = call->time - json_object_get_int_member(filesystem, begin) + ROUNDING_US;

    ck_assert_str_eq(json_object_get_string_member(filesystem, "device-number"), call->device);
    request->earliest = MAX(request->earliest, earliest);
    request->latest = MIN(request->latest, latest);
}

static void assert_report(TestGuest *guest, const GArray *freezes, const GArray *thaws)
{
    g_autoptr(JsonNode) tree = NULL;
    JsonArray *filesystems = read_report(guest, &tree);
    guint count = json_array_get_length(filesystems);
    Request request = {.earliest = 0, .latest = G_MAXINT64};

    ck_assert_uint_eq(count, freezes->len);
    for (guint i = 0; i < count; i++) {
        JsonObject *filesystem = json_array_get_object_element(filesystems, i);

        bound(&request, call_at(freezes, i), filesystem, "freeze");
        bound(&request, call_at(thaws, count - 1 - i), filesystem, "thaw");
    }
    ck_assert_msg(request.earliest <= request.latest,
                  "the report's times do not fit the trace's: off by %" G_GINT64_FORMAT " us",
                  request.earliest - request.latest);
}

START_TEST(test_ftrace)
{
    const TestGuestOptions *options = &kinds[_i];
    g_autoptr(TestGuest) guest = test_guest_boot(options);
    g_auto(GStrv) mounts = NULL;
    g_autofree char *trace = NULL;
    g_autoptr(GArray) freezes = NULL;
    g_autoptr(GArray) thaws = NULL;
    gint64 count;

    if (options->systemd)
        mount_three(guest);
    mounts = mount_order(guest);
    start_tracer(guest, options->peer ? "qemu-ga" : "firn");
    count = run_backup(guest);
    ck_assert_int_eq(count, options->systemd ? 4 : 3);
    trace = stop_tracer(guest);
    freezes = read_calls(trace, "freeze");
    thaws = read_calls(trace, "thaw");
    if (options->peer)
        drop_repeats(thaws);
    assert_order(freezes, thaws, mounts);
    if (!options->peer)
        assert_report(guest, freezes, thaws);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ftrace");
    TCase *order = tcase_create("order");

    tcase_add_loop_test(order, test_ftrace, 0, G_N_ELEMENTS(kinds));
    suite_add_tcase(suite, order);
    return test_suite_run(suite);
}
