/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/*
 * Shutdown and suspend against helpers that only record how they were called, set-time without
 * effect: the agent takes a tree of the test's for "/", finds its helpers and the kernel's files
 * there, and leaves the clocks alone. On a real machine the VM tier tries them.
 */
static char *tree;
static TestDaemon *daemon_;
static TestClient *client;

static void set_up(void)
{
    tree = test_tree_new();
    g_setenv("FIRN_ROOT", tree, TRUE);
    test_tree_write(tree, "/called", "");
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
    test_tree_remove(tree);
}

static void add_helper(const char *path, int status)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *script = g_strdup_printf(
        "#!/bin/sh\necho %s \"$@\" >>%s/called\necho no luck >&2\nexit %d\n", name, tree, status);

    test_tree_write(tree, path, script);
    ck_assert_int_eq(chmod(file, 0755), 0);
}

/* Silent: the next thing that is heard is the answer to a ping. */
static void check_silent(const char *request)
{
    test_client_send(client, request);
    test_client_ping(client);
}

static void check_called(const char *wanted)
{
    g_autofree char *text = test_tree_read(tree, "/called");

    ck_assert_str_eq(text, wanted);
}

static void check_error(const char *request, const char *wanted)
{
    g_autofree char *text = test_client_error(client, request);

    ck_assert_msg(strstr(text, wanted) != NULL, "'%s' has no '%s'", text, wanted);
}

#define SHUTDOWN(MODE) "{\"execute\":\"guest-shutdown\",\"arguments\":{\"mode\":" MODE "}}"

START_TEST(test_shutdown)
{
    add_helper("/sbin/shutdown", 0);
    check_silent("{\"execute\":\"guest-shutdown\"}");
    check_silent(SHUTDOWN("\"powerdown\""));
    check_silent(SHUTDOWN("\"halt\""));
    check_silent(SHUTDOWN("\"reboot\""));
    check_called("shutdown -h -P +0\nshutdown -h -P +0\nshutdown -h -H +0\nshutdown -r +0\n");
}
END_TEST

START_TEST(test_shutdown_refused)
{
    static const char *const text = "mode is invalid (valid values are: halt|powerdown|reboot";

    check_error(SHUTDOWN("\"off\""), text);
    check_error(SHUTDOWN("\"\""), text);
    check_error(SHUTDOWN("1"), "Invalid parameter type for 'mode', expected: string");
    check_error("{\"execute\":\"guest-shutdown\"}", "child process has failed to shutdown");
    add_helper("/sbin/shutdown", 1);
    check_error("{\"execute\":\"guest-shutdown\"}", "ended with status 1: no luck");
}
END_TEST

/* A starter that ignores SIGCHLD leaves that to the agent; an end that is not seen is no success.
 */
START_TEST(test_starter_ignores_children)
{
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) own = NULL;
    g_autofree char *text = NULL;

    add_helper("/sbin/shutdown", 1);
    signal(SIGCHLD, SIG_IGN);
    agent = test_daemon_start(NULL);
    signal(SIGCHLD, SIG_DFL);
    own = test_daemon_connect(agent);
    text = test_client_error(own, "{\"execute\":\"guest-shutdown\"}");
    ck_assert_msg(strstr(text, "ended with status 1: no luck") != NULL, "%s", text);
}
END_TEST

START_TEST(test_suspend)
{
    test_tree_write(tree, "/sys/power/state", "freeze mem disk\n");
    test_tree_write(tree, "/sys/power/disk", "[platform] suspend\n");
    test_tree_write(tree, "/run/systemd/system/x", "");
    test_tree_write(tree, "/run/dbus/system_bus_socket", "");
    add_helper("/usr/bin/busctl", 0);
    check_silent("{\"execute\":\"guest-suspend-ram\"}");
    check_silent("{\"execute\":\"guest-suspend-disk\"}");
    check_silent("{\"execute\":\"guest-suspend-hybrid\"}");
#define CALL                                                                                       \
    "busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager "
    check_called(CALL "Suspend b false\n" CALL "Hibernate b false\n" CALL "HybridSleep b false\n");
}
END_TEST

START_TEST(test_suspend_unsupported)
{
    static const char *const text = "the requested suspend mode is not supported by the guest";

    check_error("{\"execute\":\"guest-suspend-ram\"}", text);
    check_error("{\"execute\":\"guest-suspend-disk\"}", text);
    check_error("{\"execute\":\"guest-suspend-hybrid\"}", text);
    check_error("{\"execute\":\"guest-suspend-ram\",\"arguments\":{\"x\":1}}",
                "Parameter 'x' is unexpected");
}
END_TEST

/* The main loop answers others while a suspend's helper is at work. */
START_TEST(test_suspend_blocks_nobody)
{
    g_autofree char *file = g_strconcat(tree, "/usr/sbin/pm-suspend", NULL);
    g_autofree char *script =
        g_strdup_printf("#!/bin/sh\nwhile [ ! -e %s/awake ]; do sleep 0.1; done\n", tree);
    g_autofree char *reply = NULL;

    test_tree_write(tree, "/sys/power/state", "mem\n");
    test_tree_write(tree, "/usr/sbin/pm-suspend", script);
    ck_assert_int_eq(chmod(file, 0755), 0);
    test_client_send(client, "{\"execute\":\"guest-suspend-ram\"}");
    reply = test_client_text(client, "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":7}}");
    ck_assert_str_eq(reply, "7");
    test_tree_write(tree, "/awake", "");
    test_client_ping(client);
}
END_TEST

START_TEST(test_get_time)
{
    g_autoptr(JsonNode) first = NULL;
    g_autoptr(JsonNode) second = NULL;
    gint64 now = g_get_real_time();

    first = test_client_value(client, "{\"execute\":\"guest-get-time\"}");
    second = test_client_value(client, "{\"execute\":\"guest-get-time\"}");
    ck_assert_int_ge(json_node_get_int(first) / 1000, now);
    ck_assert_int_ge(json_node_get_int(second), json_node_get_int(first));
}
END_TEST

#define SET_TIME(TIME) "{\"execute\":\"guest-set-time\",\"arguments\":{\"time\":" TIME "}}"

START_TEST(test_set_time_refused)
{
    check_error(SET_TIME("-1"), "Invalid time");
    check_error(SET_TIME("9223372036854775807"), "Invalid time");
    check_error(SET_TIME("9223372036854775808"),
                "Invalid parameter type for 'time', expected: integer");
    check_error(SET_TIME("\"x\""), "Invalid parameter type for 'time', expected: integer");
    check_error(SET_TIME("1700000000000000000"), "another tree than this machine's");
    check_error("{\"execute\":\"guest-set-time\"}", "another tree than this machine's");
}
END_TEST

/* An agent with the machine's own roots, which has lost the right to set clocks. */
static void set_up_no_rights(void)
{
    /* Also for what is started from here on. */
    ck_assert_int_eq(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0), 0);
    tree = test_tree_new();
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

/* Whether that is so is looked at first: no test may change the machine's time. */
static gboolean may_set_clocks(void)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", test_daemon_pid(daemon_));
    g_autofree char *text = NULL;
    const char *effective;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    effective = strstr(text, "CapEff:");
    ck_assert_ptr_nonnull(effective);
    return g_ascii_strtoull(effective + strlen("CapEff:") + 1, NULL, 16) >> CAP_SYS_TIME & 1;
}

START_TEST(test_set_time_no_rights)
{
    ck_assert(!may_set_clocks());
    check_error(SET_TIME("1700000000000000000"),
                "Failed to set time to guest: Operation not permitted");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("power-commands");
    TCase *tests = tcase_create("tree");
    TCase *rights = tcase_create("rights");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_shutdown);
    tcase_add_test(tests, test_shutdown_refused);
    tcase_add_test(tests, test_starter_ignores_children);
    tcase_add_test(tests, test_suspend);
    tcase_add_test(tests, test_suspend_unsupported);
    tcase_add_test(tests, test_suspend_blocks_nobody);
    tcase_add_test(tests, test_get_time);
    tcase_add_test(tests, test_set_time_refused);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(rights, set_up_no_rights, tear_down);
    tcase_add_test(rights, test_set_time_no_rights);
    suite_add_tcase(suite, rights);
    return test_suite_run(suite);
}
