/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/compare.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"

/* Starts a program with one agent; its pid as text. Free with g_free(). */
static char *start(TestClient *client, const char *arguments)
{
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-exec\",\"arguments\":{%s}}\n", arguments);
    g_autoptr(JsonNode) value = test_client_value(client, request);

    return g_strdup_printf("%" G_GINT64_FORMAT,
                           json_object_get_int_member(json_node_get_object(value), "pid"));
}

static char *ask_status(TestClient *client, const char *pid)
{
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%s}}\n", pid);

    test_client_send(client, request);
    return test_client_line(client);
}

/* The reply that tells of the end, made canonical. */
static char *wait_end(TestClient *client, const char *pid)
{
    for (int tries = 0; tries < 6000; tries++) {
        g_autofree char *line = ask_status(client, pid);
        g_autofree char *reply = compare_canonical(line, COMPARE_ALL, NULL);

        if (!strstr(reply, "\"exited\":false"))
            return g_steal_pointer(&reply);
        g_usleep(10 * 1000);
    }
    ck_abort_msg("process %s does not end", pid);
}

static char *run(TestClient *client, const char *arguments)
{
    g_autofree char *pid = start(client, arguments);

    return wait_end(client, pid);
}

START_TEST(test_runs)
{
    static const char *const programs[] = {
        "\"path\":\"/bin/true\"",
        "\"path\":\"true\",\"capture-output\":true",
        "\"path\":\"false\",\"capture-output\":false",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"exit 300\"]",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"kill -9 $$\"],\"capture-output\":true",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"echo out; echo err >&2\"],\"capture-output\":true",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"echo out; echo err >&2\"]",
        "\"path\":\"cat\",\"input-data\":\"aGVs\\nbG8=\",\"capture-output\":true",
        "\"path\":\"cat\",\"input-data\":\"\",\"capture-output\":true",
        "\"path\":\"cat\",\"capture-output\":true",
        "\"path\":\"env\",\"env\":[\"A=1\",\"B=2\",\"NOVALUE\",\"A=3\"],\"capture-output\":true",
        "\"path\":\"env\",\"env\":[],\"capture-output\":true",
        "\"path\":\"chpasswd\",\"arg\":[\"--help\"],\"env\":[\"A=1\"],\"capture-output\":true",
        "\"path\":\"env\",\"env\":[\"PATH=/usr/bin:/bin\"],\"capture-output\":true",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"umask; ulimit -n\"],\"capture-output\":true",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"grep -E 'Sig(Blk|Ign)' /proc/self/status\"],"
        "\"capture-output\":true",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"cd /proc/self/fd; echo *; readlink 0\"],"
        "\"capture-output\":true",
        "\"path\":\"sh\",\"arg\":[\"-c\",\"head -c 100000 /dev/zero\"],\"capture-output\":true",
    };
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    for (guint i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *firn = run(compare_firn(compare), programs[i]);
        g_autofree char *peer = run(compare_peer(compare), programs[i]);

        ck_assert_msg(!strcmp(firn, peer), "%s\n  firn: %s\n  peer: %s", programs[i], firn, peer);
    }
}
END_TEST

START_TEST(test_errors)
{
    static const char *const requests[] = {
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/nonexist\"}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"nonexist\"}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"\"}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/etc/passwd\"}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/etc\"}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/etc/passwd/x\"}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"env\",\"env\":[\"PATH=/nope\"]}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"cat\",\"input-data\":\"!!!!\"}}",
        "{\"execute\":\"guest-exec\"}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":5}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\",\"arg\":\"x\"}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\",\"arg\":[\"x\",5]}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\",\"env\":{}}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\",\"input-data\":1}}",
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\",\"x\":1}}",
        "{\"execute\":\"guest-exec-status\"}",
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":1}}",
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":-1}}",
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":4294967297}}",
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":\"1\"}}",
    };
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++)
        compare_same(compare, requests[i]);
}
END_TEST

START_TEST(test_capture)
{
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_differs(compare, "exec-capture",
                    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\","
                    "\"capture-output\":\"merged\"}}",
                    "*\"pid\":*",
                    "*Invalid parameter type for 'capture-output', expected: boolean*");
    compare_differs(compare, "exec-capture",
                    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\","
                    "\"capture-output\":5}}",
                    "*Invalid parameter type for 'capture-output', expected: *",
                    "*Invalid parameter type for 'capture-output', expected: boolean*");
}
END_TEST

START_TEST(test_output_limit)
{
    const char *arguments = "\"path\":\"sh\",\"arg\":[\"-c\",\"head -c 17000000 /dev/zero\"],"
                            "\"capture-output\":true";
    g_autoptr(Compare) compare = compare_new();
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;
    g_autofree char *text = NULL;

    if (!compare)
        TEST_SKIP(NO_PEER);
    firn = run(compare_firn(compare), arguments);
    peer = run(compare_peer(compare), arguments);
    text = g_strdup_printf("%s, %s", strlen(firn) < 10 * 1024 * 1024 ? "small" : "large",
                           strlen(peer) < 10 * 1024 * 1024 ? "small" : "large");
    ck_assert_ptr_nonnull(strstr(firn, "\"out-truncated\":true"));
    ck_assert_ptr_nonnull(strstr(peer, "\"out-truncated\":true"));
    compare_differs_text("exec-output", text, "small,*", text, "*, large");
}
END_TEST

/* Whether a process that writes to a kept output runs to its end though its agent ends. */
static char *outlives(const char *program)
{
    TestDaemon *daemon = compare_start(program, NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *path = g_strdup_printf("/tmp/firn-outlives-%d", (int)getpid());
    g_autofree char *arguments = g_strdup_printf(
        "\"path\":\"sh\",\"arg\":[\"-c\",\"while [ -d /proc/%d ]; do sleep 0.1; done; echo a; "
        "echo b; echo done >%s\"],\"capture-output\":true",
        test_daemon_pid(daemon), path);
    g_autofree char *pid = start(client, arguments);

    test_daemon_stop(daemon);
    for (int tries = 0; tries < 600 && kill(atoi(pid), 0) == 0; tries++)
        g_usleep(100 * 1000);
    test_daemon_free(daemon);
    return g_strdup(g_unlink(path) == 0 ? "runs on" : "is killed");
}

START_TEST(test_restart)
{
    g_autofree char *peer = compare_peer_program();
    g_autofree char *from_firn = NULL;
    g_autofree char *from_peer = NULL;

    if (!peer)
        TEST_SKIP(NO_PEER);
    from_firn = outlives(g_getenv("FIRN_BINARY"));
    from_peer = outlives(peer);
    compare_differs_text("exec-restart", from_firn, "runs on", from_peer, "is killed");
}
END_TEST

/* The status of the first of many processes that have all ended. */
static char *run_many(TestClient *client)
{
    g_autofree char *first = NULL;

    for (guint i = 0; i < 300; i++) {
        char *pid = start(client, "\"path\":\"true\"");

        for (int tries = 0; tries < 6000 && kill(atoi(pid), 0) == 0; tries++)
            g_usleep(10 * 1000);
        if (first)
            g_free(pid);
        else
            first = pid;
    }
    return ask_status(client, first);
}

START_TEST(test_many)
{
    g_autoptr(Compare) compare = compare_new();
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;

    if (!compare)
        TEST_SKIP(NO_PEER);
    peer = run_many(compare_peer(compare));
    firn = run_many(compare_firn(compare));
    compare_differs_text("exec-forgotten", firn, "*Invalid parameter 'pid'*", peer,
                         "*\"exited\": true*");
}
END_TEST

/* The pid that the shell of a grandchild has written; ends it. */
static void end_grandchild(const char *path)
{
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    ck_assert_int_gt(atoi(text), 1);
    ck_assert_int_eq(kill(atoi(text), SIGKILL), 0);
}

static char *start_grandchild(TestClient *client, const char *path)
{
    g_autofree char *arguments =
        g_strdup_printf("\"path\":\"sh\",\"arg\":[\"-c\",\"sleep 1000 & echo $! >%s.new; mv "
                        "%s.new %s\"],\"capture-output\":true",
                        path, path, path);
    char *pid = start(client, arguments);

    for (int tries = 0; tries < 6000 && !g_file_test(path, G_FILE_TEST_EXISTS); tries++)
        g_usleep(10 * 1000);
    return pid;
}

START_TEST(test_grandchild)
{
    g_autoptr(Compare) compare = compare_new();
    g_autofree char *folder = g_dir_make_tmp("firn-XXXXXX", NULL);
    g_autofree char *firn_file = g_build_filename(folder, "firn", NULL);
    g_autofree char *peer_file = g_build_filename(folder, "peer", NULL);
    g_autofree char *firn_pid = NULL;
    g_autofree char *peer_pid = NULL;
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;

    if (!compare)
        TEST_SKIP(NO_PEER);
    peer_pid = start_grandchild(compare_peer(compare), peer_file);
    firn_pid = start_grandchild(compare_firn(compare), firn_file);
    firn = wait_end(compare_firn(compare), firn_pid);
    peer = ask_status(compare_peer(compare), peer_pid);
    end_grandchild(firn_file);
    end_grandchild(peer_file);
    unlink(firn_file);
    unlink(peer_file);
    g_rmdir(folder);
    compare_differs_text("exec-grandchild", firn, "*\"exited\":true*", peer, "*\"exited\": false*");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process");
    TCase *tests = tcase_create("process");

    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_runs);
    tcase_add_test(tests, test_errors);
    tcase_add_test(tests, test_capture);
    tcase_add_test(tests, test_output_limit);
    tcase_add_test(tests, test_restart);
    tcase_add_test(tests, test_many);
    tcase_add_test(tests, test_grandchild);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
