/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utmp.h>

/* An agent that takes a tree of the test's for "/", see FIRN_ROOT in agent/main.c. */
static char *tree;
static TestDaemon *daemon_;
static TestClient *client;

static void set_up(void)
{
    tree = test_tree_new();
    g_setenv("FIRN_ROOT", tree, TRUE);
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
    test_tree_remove(tree);
}

static void check_text(const char *command, const char *wanted)
{
    g_autofree char *request = g_strdup_printf("{\"execute\":\"%s\"}", command);
    g_autofree char *text = test_client_text(client, request);

    ck_assert_str_eq(text, wanted);
}

static void check_error(const char *request, const char *wanted)
{
    g_autofree char *text = test_client_error(client, request);

    ck_assert_msg(strstr(text, wanted) != NULL, "'%s' has no '%s'", text, wanted);
}

START_TEST(test_host_name)
{
    check_error("{\"execute\":\"guest-get-host-name\"}", "No such file or directory");
    test_tree_write(tree, "/proc/sys/kernel/hostname", "alpha.example\n");
    check_text("guest-get-host-name", "{\"host-name\":\"alpha.example\"}");
    test_tree_write(tree, "/proc/sys/kernel/hostname", "b\xc3\xa4r\xff\n");
    check_text("guest-get-host-name", "{\"host-name\":\"bär\xef\xbf\xbd\"}");
    check_error("{\"execute\":\"guest-get-host-name\",\"arguments\":{\"x\":1}}",
                "Parameter 'x' is unexpected");
}
END_TEST

START_TEST(test_osinfo)
{
    check_text("guest-get-osinfo", "{}");
    test_tree_write(tree, "/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    test_tree_write(tree, "/proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC\n");
    test_tree_write(tree, "/proc/sys/kernel/arch", "x86_64\n");
    test_tree_write(tree, "/etc/os-release",
                    "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
                    "VERSION_ID='12'\nVERSION=\"12 (bookworm)\"\nID=debian\nVARIANT=\"open\n");
    check_text("guest-get-osinfo",
               "{\"kernel-release\":\"6.1.0-18-amd64\","
               "\"kernel-version\":\"#1 SMP PREEMPT_DYNAMIC\",\"machine\":\"x86_64\","
               "\"id\":\"debian\",\"name\":\"Debian GNU/Linux\",\"version\":\"12 (bookworm)\","
               "\"pretty-name\":\"Debian GNU/Linux 12 (bookworm)\",\"version-id\":\"12\"}");
}
END_TEST

/* The zone is looked at afresh for every request. */
START_TEST(test_timezone)
{
    g_autofree char *captured =
        g_build_filename(g_getenv("FIRN_TEST_DATA"), "system", "etc", "localtime", NULL);
    g_autofree char *data = NULL;
    g_autoptr(JsonNode) node = NULL;
    JsonObject *zone;
    gsize length;

    check_text("guest-get-timezone", "{\"zone\":\"UTC\",\"offset\":0}");
    ck_assert(g_file_get_contents(captured, &data, &length, NULL));
    test_tree_write_length(tree, "/etc/localtime", data, length);
    node = test_client_value(client, "{\"execute\":\"guest-get-timezone\"}");
    zone = json_node_get_object(node);
    if (json_object_get_int_member(zone, "offset") == 3600)
        ck_assert_str_eq(json_object_get_string_member(zone, "zone"), "CET");
    else
        ck_assert_str_eq(json_object_get_string_member(zone, "zone"), "CEST");
}
END_TEST

START_TEST(test_users)
{
    struct utmp entries[3] = {
        {.ut_type = USER_PROCESS, .ut_user = "ada", .ut_tv = {2000, 500000}},
        {.ut_type = DEAD_PROCESS, .ut_user = "bob", .ut_tv = {1000, 0}},
        {.ut_type = USER_PROCESS, .ut_user = "ada", .ut_tv = {1500, 250000}},
    };

    check_text("guest-get-users", "[]");
    test_tree_write(tree, "/run/systemd/sessions/4",
                    "USER=eve\nCLASS=user\nREALTIME=1700000000500000\n");
    check_text("guest-get-users", "[{\"user\":\"eve\",\"login-time\":1700000000.5}]");
    test_tree_write_length(tree, "/run/utmp", entries, sizeof entries);
    check_text("guest-get-users", "[{\"user\":\"ada\",\"login-time\":1500.25}]");
}
END_TEST

START_TEST(test_load)
{
    check_error("{\"execute\":\"guest-get-load\"}", "No such file or directory");
    test_tree_write(tree, "/proc/loadavg", "0.25 1.50 12.75 1/96 6869\n");
    check_text("guest-get-load", "{\"load1m\":0.25,\"load5m\":1.5,\"load15m\":12.75}");
}
END_TEST

START_TEST(test_cpustats)
{
    gint64 ms = 1000 / sysconf(_SC_CLK_TCK);
    g_autofree char *wanted = g_strdup_printf(
        "[{\"type\":\"linux\",\"cpu\":0,\"user\":%d,\"nice\":%d,\"system\":%d,\"idle\":%d},"
        "{\"type\":\"linux\",\"cpu\":3,\"user\":%d,\"nice\":%d,\"system\":%d,\"idle\":%d,"
        "\"iowait\":%d,\"irq\":%d,\"softirq\":%d,\"steal\":%d,\"guest\":%d,\"guestnice\":%d}]",
        (int)ms, (int)ms * 2, (int)ms * 3, (int)ms * 4, (int)ms, (int)ms * 2, (int)ms * 3,
        (int)ms * 4, (int)ms * 5, (int)ms * 6, (int)ms * 7, (int)ms * 8, (int)ms * 9, (int)ms * 10);

    check_error("{\"execute\":\"guest-get-cpustats\"}", "No such file or directory");
    test_tree_write(tree, "/proc/stat",
                    "cpu 1 1 1 1\ncpu0 1 2 3 4\ncpu3 1 2 3 4 5 6 7 8 9 10\nintr 5\n");
    check_text("guest-get-cpustats", wanted);
}
END_TEST

/* A tree's mountpoints are not the machine's: nothing is frozen. */
START_TEST(test_no_freeze)
{
    g_autofree char *text = test_client_error(client, "{\"execute\":\"guest-fsfreeze-freeze\"}");

    ck_assert_ptr_nonnull(text);
}
END_TEST

/* The machine's own answers, by an agent of its own. */
START_TEST(test_host)
{
    g_autofree char *host_name = NULL;
    g_autofree char *osinfo = NULL;
    g_autofree char *wanted = NULL;
    g_autoptr(JsonNode) cpus = NULL;
    g_autoptr(JsonNode) users = NULL;
    g_autoptr(JsonNode) load = NULL;
    g_autoptr(JsonNode) zone = NULL;
    struct utsname name;

    ck_assert_int_eq(uname(&name), 0);
    wanted = g_strdup_printf("{\"host-name\":\"%s\"}", name.nodename);
    host_name = test_client_text(client, "{\"execute\":\"guest-get-host-name\"}");
    ck_assert_str_eq(host_name, wanted);
    osinfo = test_client_text(client, "{\"execute\":\"guest-get-osinfo\"}");
    ck_assert_ptr_nonnull(strstr(osinfo, name.release));
    cpus = test_client_value(client, "{\"execute\":\"guest-get-cpustats\"}");
    ck_assert_int_eq(json_array_get_length(json_node_get_array(cpus)),
                     sysconf(_SC_NPROCESSORS_ONLN));
    users = test_client_value(client, "{\"execute\":\"guest-get-users\"}");
    ck_assert(JSON_NODE_HOLDS_ARRAY(users));
    load = test_client_value(client, "{\"execute\":\"guest-get-load\"}");
    ck_assert(json_object_has_member(json_node_get_object(load), "load15m"));
    zone = test_client_value(client, "{\"execute\":\"guest-get-timezone\"}");
    ck_assert(json_object_has_member(json_node_get_object(zone), "offset"));
}
END_TEST

/* The variable that the packaged agent knows too. */
START_TEST(test_os_release_override)
{
    g_autofree char *text = test_client_text(client, "{\"execute\":\"guest-get-osinfo\"}");

    ck_assert_ptr_nonnull(strstr(text, "\"id\":\"other\",\"name\":\"An Other\""));
}
END_TEST

static void set_up_host(void)
{
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
    tree = test_tree_new();
}

static void set_up_override(void)
{
    g_autofree char *file = NULL;

    tree = test_tree_new();
    file = g_strconcat(tree, "/release", NULL);
    test_tree_write(tree, "/release", "ID=other\nNAME='An Other'\n");
    g_setenv("QGA_OS_RELEASE", file, TRUE);
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

int main(void)
{
    Suite *suite = suite_create("system-commands");
    TCase *tests = tcase_create("tree");
    TCase *host = tcase_create("host");
    TCase *override = tcase_create("override");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_host_name);
    tcase_add_test(tests, test_osinfo);
    tcase_add_test(tests, test_timezone);
    tcase_add_test(tests, test_users);
    tcase_add_test(tests, test_load);
    tcase_add_test(tests, test_cpustats);
    tcase_add_test(tests, test_no_freeze);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(host, set_up_host, tear_down);
    tcase_add_test(host, test_host);
    suite_add_tcase(suite, host);
    tcase_add_checked_fixture(override, set_up_override, tear_down);
    tcase_add_test(override, test_os_release_override);
    suite_add_tcase(suite, override);
    return test_suite_run(suite);
}
