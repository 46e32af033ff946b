/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a real freeze of /mnt/ext4, /mnt/xfs and /mnt/btrfs, mounted in this order. */
#include "agent/freeze/trace.h"
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FREEZE "{\"execute\":\"guest-fsfreeze-freeze\"}"
#define THAW "{\"execute\":\"guest-fsfreeze-thaw\"}"
#define TRACING "/sys/kernel/tracing"
#define MARKER TRACING "/trace_marker"

static const char *const order[] = {"/mnt/btrfs", "/mnt/xfs", "/mnt/ext4"};

static void assert_value(TestClient *client, const char *request, gint64 expected)
{
    g_autoptr(JsonNode) value = test_client_value(client, request);

    ck_assert_int_eq(json_node_get_int(value), expected);
}

/* A file system's folder may be shown a second time: it is still one. */
static void bind_again(void)
{
    g_mkdir("/mnt/again", 0755);
    ck_assert_int_eq(mount("/mnt/ext4", "/mnt/again", NULL, MS_BIND, NULL), 0);
}

static void unbind(void)
{
    umount2("/mnt/again", MNT_DETACH);
}

/* The output of a subcommand for the agent's state directory. */
static char *ask_program(TestDaemon *agent, const char *name, const char *option)
{
    const char *arguments[] = {g_getenv("FIRN_BINARY"),   name,   "-t",
                               test_daemon_folder(agent), option, NULL};
    char *text = NULL;
    int status = -1;

    ck_assert(g_spawn_sync(NULL, (char **)(guintptr)arguments, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                           &text, NULL, &status, NULL));
    return text;
}

static JsonArray *array(JsonParser *parser, const char *text, const char *member)
{
    ck_assert_msg(json_parser_load_from_data(parser, text, -1, NULL), "%s", text);
    return json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), member);
}

static void put_hook(TestDaemon *agent, const char *name)
{
    g_autofree char *folder = test_daemon_path(agent, "hooks");
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_mkdir(folder, 0755);
    ck_assert(g_file_set_contents(path, "#!/bin/sh\nexit 0\n", -1, NULL));
    ck_assert_int_eq(chmod(path, 0755), 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
}

/* Behind those that were frozen come the machine's own, which other namespaces have mounted. */
static void check_filesystems(JsonArray *filesystems)
{
    ck_assert_uint_ge(json_array_get_length(filesystems), 3);
    for (guint i = 3; i < json_array_get_length(filesystems); i++) {
        JsonObject *other = json_array_get_object_element(filesystems, i);

        ck_assert_str_eq(json_object_get_string_member(other, "outcome"), "elsewhere");
    }
    for (guint i = 0; i < 3; i++) {
        JsonObject *filesystem = json_array_get_object_element(filesystems, i);

        ck_assert_str_eq(json_object_get_string_member(filesystem, "mountpoint"), order[i]);
        ck_assert_str_eq(json_object_get_string_member(filesystem, "type"), order[i] + 5);
        ck_assert_str_eq(json_object_get_string_member(filesystem, "outcome"), "frozen");
        ck_assert_int_ge(json_object_get_int_member(filesystem, "freeze-usec"), 0);
        ck_assert_int_ge(json_object_get_int_member(filesystem, "held-usec"), 0);
        /* each after the one before */
        if (i > 0) {
            JsonObject *before = json_array_get_object_element(filesystems, i - 1);

            ck_assert_int_ge(json_object_get_int_member(filesystem, "freeze-begin"),
                             json_object_get_int_member(before, "freeze-end"));
        }
    }
}

START_TEST(test_report)
{
    static const char *const options[] = {"--fsfreeze-hook=@/hooks", NULL};
    g_autoptr(TestDaemon) agent = test_daemon_start(options);
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *text = NULL;
    g_autofree char *json = NULL;
    JsonArray *reports;
    JsonObject *report;

    put_hook(agent, "10-first");
    put_hook(agent, "20-second");
    bind_again();
    assert_value(client, FREEZE, 3);
    assert_value(client, THAW, 3);
    unbind();
    json = ask_program(agent, "report", "--json");
    reports = array(parser, json, "reports");
    ck_assert_uint_eq(json_array_get_length(reports), 1);
    report = json_array_get_object_element(reports, 0);
    ck_assert_str_eq(json_object_get_string_member(report, "who"), "guest-fsfreeze-freeze");
    ck_assert_str_eq(json_object_get_string_member(report, "thaw-reason"), "request");
    ck_assert_int_eq(json_object_get_int_member(report, "frozen"), 3);
    ck_assert_int_eq(json_object_get_int_member(report, "thawed"), 3);
    check_filesystems(json_object_get_array_member(report, "filesystems"));
    ck_assert_uint_eq(json_array_get_length(json_object_get_array_member(report, "hooks")), 4);
    text = ask_program(agent, "report", "--last=1");
    ck_assert_msg(strstr(text, "3 frozen in ") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "/hooks/20-second") != NULL, "%s", text);
}
END_TEST

/* On stderr the entries are lines; those about filesystems come after the thaw. */
START_TEST(test_log)
{
    g_autoptr(TestDaemon) agent = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(agent);
    g_autofree char *log = NULL;

    assert_value(client, FREEZE, 3);
    assert_value(client, THAW, 3);
    ck_assert_int_eq(test_daemon_stop(agent), 0);
    log = test_daemon_output(agent);
    ck_assert_msg(strstr(log, "froze 3 filesystems in ") != NULL, "%s", log);
    ck_assert_msg(strstr(log, "/mnt/xfs (xfs on /dev/loop") != NULL, "%s", log);
    ck_assert_msg(strstr(log, "(request)\n") != NULL, "%s", log);
}
END_TEST

/* The lines in the kernel's trace buffer name filesystems in the order of the freeze. */
START_TEST(test_trace)
{
    static const char *const options[] = {"--trace-marker=true", NULL};
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;
    g_autofree char *trace = NULL;
    const char *at;

    if (access(MARKER, W_OK) != 0)
        TEST_SKIP("no tracefs on this kernel, or it may not be written to");
    agent = test_daemon_start(options);
    client = test_daemon_connect(agent);
    assert_value(client, FREEZE, 3);
    assert_value(client, THAW, 3);
    ck_assert(g_file_get_contents(TRACING "/trace", &trace, NULL, NULL));
    at = g_strrstr(trace, "firn: freeze_begin filesystems=3\n");
    if (!at)
        TEST_SKIP("the kernel's trace buffer is switched off or in somebody else's use");
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        g_autofree char *line =
            g_strdup_printf("firn: filesystem_end error=0 mountpoint=%s\n", order[i]);

        at = strstr(at, line);
        ck_assert_msg(at != NULL, "no '%s' in its place in:\n%s", line, trace);
    }
    at = strstr(at, "firn: freeze_end frozen=3 error=0\n");
    ck_assert(at != NULL);
    ck_assert(strstr(at, "firn: thaw_end thawed=3 error=0\n") != NULL);
}
END_TEST

/* The notes that bpftrace and perf find the static probes by. */
START_TEST(test_probes)
{
    static const char *const names[] = {"freeze_begin",   "freeze_end", "filesystem_begin",
                                        "filesystem_end", "thaw_begin", "thaw_end",
                                        "deadline"};
    g_autofree char *command = NULL;
    g_autofree char *notes = NULL;

    if (!firn_trace_has_probes())
        TEST_SKIP("built without sys/sdt.h");
    command = g_strdup_printf("readelf -n %s", g_getenv("FIRN_BINARY"));
    ck_assert(g_spawn_command_line_sync(command, &notes, NULL, NULL, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *note = g_strdup_printf("Provider: firn\n    Name: %s\n", names[i]);

        ck_assert_msg(strstr(notes, note) != NULL, "no probe %s", names[i]);
    }
}
END_TEST

/* What the doctor foretells is what is frozen. */
START_TEST(test_doctor)
{
    g_autoptr(TestDaemon) agent = test_daemon_start(NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *json = NULL;
    JsonArray *freeze;

    bind_again();
    json = ask_program(agent, "doctor", "--json");
    unbind();
    freeze = array(parser, json, "freeze");
    ck_assert_uint_eq(json_array_get_length(freeze), 3);
    for (guint i = 0; i < 3; i++)
        ck_assert_str_eq(
            json_object_get_string_member(json_array_get_object_element(freeze, i), "mountpoint"),
            order[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explained");
    TCase *tests = tcase_create("explained");

    tcase_add_checked_fixture(tests, NULL, unbind);
    tcase_add_test(tests, test_report);
    tcase_add_test(tests, test_log);
    tcase_add_test(tests, test_trace);
    tcase_add_test(tests, test_probes);
    tcase_add_test(tests, test_doctor);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
