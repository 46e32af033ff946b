/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/memory.h"
#include "tests/lib/suite.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static TestDaemon *daemon_;
static GSList *daemons_before; /* whose folders are still in use */
static TestClient *client;

static void set_up(void)
{
    const char *const options[] = {"--exec-output-max=100000", NULL};

    daemon_ = test_daemon_start(options);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
    g_slist_free_full(g_steal_pointer(&daemons_before), (GDestroyNotify)test_daemon_free);
}

/* Starts a program: the inside of the braces of guest-exec's arguments. */
static gint64 start(const char *arguments)
{
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-exec\",\"arguments\":{%s}}\n", arguments);
    g_autoptr(JsonNode) value = test_client_value(client, request);

    return json_object_get_int_member(json_node_get_object(value), "pid");
}

/* Asks until the process has ended; its status. Free with json_node_unref(). */
static JsonNode *wait_status(gint64 pid)
{
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%" G_GINT64_FORMAT "}}\n", pid);

    for (int tries = 0; tries < 3000; tries++) {
        JsonNode *value = test_client_value(client, request);

        if (json_object_get_boolean_member(json_node_get_object(value), "exited"))
            return value;
        json_node_unref(value);
        g_usleep(20 * 1000);
    }
    ck_abort_msg("the process does not end");
}

static void assert_run(const char *arguments, const char *expected)
{
    g_autoptr(JsonNode) value = wait_status(start(arguments));
    g_autoptr(JsonNode) wanted = json_from_string(expected, NULL);
    g_autofree char *text = json_to_string(value, FALSE);

    ck_assert_msg(json_node_equal(value, wanted), "%s: %s", arguments, text);
}

static void assert_json(JsonNode *value, const char *expected)
{
    g_autoptr(JsonNode) wanted = json_from_string(expected, NULL);
    g_autofree char *text = json_to_string(value, FALSE);

    ck_assert_msg(json_node_equal(value, wanted), "%s", text);
}

static void assert_error(const char *request, const char *expected)
{
    g_autofree char *text = test_client_error(client, request);

    ck_assert_msg(!strcmp(text, expected), "%s: %s", request, text);
}

static void assert_unknown(gint64 pid)
{
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%" G_GINT64_FORMAT "}}", pid);

    assert_error(request, "Invalid parameter 'pid'");
}

#define SHELL(script) "\"path\":\"/bin/sh\",\"arg\":[\"-c\",\"" script "\"]"

START_TEST(test_endings)
{
    assert_run("\"path\":\"true\"", "{\"exited\":true,\"exitcode\":0}");
    assert_run("\"path\":\"true\",\"capture-output\":true", "{\"exited\":true,\"exitcode\":0}");
    assert_run(SHELL("exit 7"), "{\"exited\":true,\"exitcode\":7}");
    assert_run(SHELL("kill -9 $$"), "{\"exited\":true,\"signal\":9}");
}
END_TEST

START_TEST(test_output)
{
    const char *const captures[] = {"true",       "false",         "\"none\"",  "\"stdout\"",
                                    "\"stderr\"", "\"separated\"", "\"merged\""};
    const char *const outputs[] = {",\"out-data\":\"b3V0Cg==\",\"out-truncated\":false,"
                                   "\"err-data\":\"ZXJyCg==\",\"err-truncated\":false",
                                   "",
                                   "",
                                   ",\"out-data\":\"b3V0Cg==\",\"out-truncated\":false",
                                   ",\"err-data\":\"ZXJyCg==\",\"err-truncated\":false",
                                   ",\"out-data\":\"b3V0Cg==\",\"out-truncated\":false,"
                                   "\"err-data\":\"ZXJyCg==\",\"err-truncated\":false",
                                   ",\"out-data\":\"b3V0CmVycgo=\",\"out-truncated\":false"};

    for (guint i = 0; i < G_N_ELEMENTS(captures); i++) {
        g_autofree char *arguments =
            g_strdup_printf(SHELL("echo out; echo err >&2") ",\"capture-output\":%s", captures[i]);
        g_autofree char *expected =
            g_strdup_printf("{\"exited\":true,\"exitcode\":0%s}", outputs[i]);

        assert_run(arguments, expected);
    }
}
END_TEST

START_TEST(test_input_and_environment)
{
    assert_run("\"path\":\"cat\",\"input-data\":\"aGVs\\nbG8=\",\"capture-output\":true",
               "{\"exited\":true,\"exitcode\":0,\"out-data\":\"aGVsbG8=\","
               "\"out-truncated\":false}");
    assert_run("\"path\":\"cat\",\"input-data\":\"\",\"capture-output\":true",
               "{\"exited\":true,\"exitcode\":0}");
    assert_run("\"path\":\"cat\",\"capture-output\":true", "{\"exited\":true,\"exitcode\":0}");
    assert_run("\"path\":\"env\",\"env\":[\"A=1\"],\"capture-output\":true",
               "{\"exited\":true,\"exitcode\":0,\"out-data\":\"QT0xCg==\","
               "\"out-truncated\":false}");
}
END_TEST

/* More than is kept: the process does not wait for us, and the reply says so. */
START_TEST(test_truncated)
{
    g_autoptr(JsonNode) value =
        wait_status(start(SHELL("head -c 3000000 /dev/zero; exit 3") ",\"capture-output\":true"));
    JsonObject *status = json_node_get_object(value);

    ck_assert_int_eq(json_object_get_int_member(status, "exitcode"), 3);
    ck_assert(json_object_get_boolean_member(status, "out-truncated"));
    ck_assert_uint_eq(strlen(json_object_get_string_member(status, "out-data")),
                      (100000 + 2) / 3 * 4);
}
END_TEST

/* A program may be told a password. */
START_TEST(test_input_leaves_no_trace)
{
#define INPUT ",\"input-data\":\"dGhlIHdvcmQgdGhhdCBvcGVucyBldmVyeSBkb29y\""
    static const char trace[] = "rood yreve snepo taht drow eht";

    if (test_on_valgrind())
        TEST_SKIP("valgrind keeps the registers, and what is in them, in memory");
    json_node_unref(wait_status(start("\"path\":\"cat\"" INPUT)));
    ck_assert(!test_memory_holds(test_daemon_pid(daemon_), trace));
    g_free(test_client_error(client, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":"
                                     "\"/nonexist\"" INPUT "}}\n"));
    test_client_ping(client); /* an error is on its way before its handler returns */
    ck_assert(!test_memory_holds(test_daemon_pid(daemon_), trace));
}
END_TEST

START_TEST(test_grandchild)
{
    g_autoptr(JsonNode) value =
        wait_status(start(SHELL("sleep 300 & echo $!") ",\"capture-output\":true"));
    JsonObject *status = json_node_get_object(value);
    g_autofree guchar *text = NULL;
    gsize length;

    text = g_base64_decode(json_object_get_string_member(status, "out-data"), &length);
    ck_assert_uint_gt(length, 1);
    text[length - 1] = '\0';
    ck_assert_int_eq(kill(atoi((const char *)text), SIGKILL), 0);
}
END_TEST

START_TEST(test_status)
{
    gint64 pid = start("\"path\":\"sleep\",\"arg\":[\"300\"],\"capture-output\":true");
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":%" G_GINT64_FORMAT "}}\n", pid);
    g_autofree char *running = test_client_text(client, request);
    g_autoptr(JsonNode) value = NULL;

    ck_assert_str_eq(running, "{\"exited\":false}");
    ck_assert_int_eq(kill((pid_t)pid, SIGTERM), 0);
    value = wait_status(pid);
    ck_assert_int_eq(json_object_get_int_member(json_node_get_object(value), "signal"), SIGTERM);
    assert_error(request, "Invalid parameter 'pid'"); /* told once */
}
END_TEST

START_TEST(test_errors)
{
    static const struct {
        const char *arguments, *error;
    } cases[] = {
        {"\"path\":\"/nonexist\"", "Guest agent command failed, error was 'Failed to execute child "
                                   "process “/nonexist” (No such file or directory)'"},
        {"\"path\":\"nonexist\"", "Guest agent command failed, error was 'Failed to execute child "
                                  "process “nonexist” (No such file or directory)'"},
        {"\"path\":\"/etc/passwd\"", "Guest agent command failed, error was 'Failed to execute "
                                     "child process “/etc/passwd” (Permission denied)'"},
        {"\"path\":\"cat\",\"input-data\":\"!!\"", "Base64 data contains invalid characters"},
        {"", "Parameter 'path' is missing"},
        {"\"path\":5", "Invalid parameter type for 'path', expected: string"},
        {"\"path\":\"true\",\"arg\":\"x\"", "Invalid parameter type for 'arg', expected: array"},
        {"\"path\":\"true\",\"arg\":[\"x\",5]",
         "Invalid parameter type for 'arg[1]', expected: string"},
        {"\"path\":\"true\",\"env\":{}", "Invalid parameter type for 'env', expected: array"},
        {"\"path\":\"true\",\"capture-output\":\"all\"",
         "Parameter 'capture-output' does not accept value 'all'"},
    };

    if (test_on_valgrind())
        TEST_SKIP("posix_spawn() reports no errors under valgrind");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *request = g_strdup_printf(
            "{\"execute\":\"guest-exec\",\"arguments\":{%s}}\n", cases[i].arguments);

        assert_error(request, cases[i].error);
    }
    assert_error("{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":1}}",
                 "Invalid parameter 'pid'");
    assert_error("{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":-1}}",
                 "Invalid parameter 'pid'");
    assert_error("{\"execute\":\"guest-exec-status\"}", "Parameter 'pid' is missing");
    assert_error("{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":\"1\"}}",
                 "Invalid parameter type for 'pid', expected: integer");
}
END_TEST

/* However many run, with pipes to each of their streams. GLib has one thread that waits for all of
 * them where there is no pidfd_open(), as under valgrind: it is there with the first. */
START_TEST(test_no_threads)
{
    guint64 before = 0;

    for (int i = 0; i < 20; i++) {
        if (i == 1)
            before = test_daemon_status(daemon_, "Threads:");
        start("\"path\":\"sh\",\"arg\":[\"-c\",\"cat; echo; exec sleep 1\"],"
              "\"input-data\":\"YWJj\",\"capture-output\":\"separated\"");
    }
    ck_assert_uint_le(test_daemon_status(daemon_, "Threads:"), before);
}
END_TEST

/* Nobody asks for these: they are reaped all the same. */
/* The children of a process, by number; free with g_strfreev(). */
static char **children_of(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", pid, pid);
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    return g_strsplit(g_strstrip(text), " ", -1);
}

START_TEST(test_no_zombies)
{
    for (int i = 0; i < 100; i++)
        start("\"path\":\"true\"");
    for (int tries = 0; tries < 600; tries++) {
        g_auto(GStrv) workers = children_of(test_daemon_pid(daemon_));
        g_auto(GStrv) children = NULL;

        ck_assert_uint_eq(g_strv_length(workers), 1);
        children = children_of(atoi(workers[0]));
        if (!*children || !**children)
            return;
        g_usleep(100 * 1000);
    }
    ck_abort_msg("children are left");
}
END_TEST

/* Ends the agent by a signal and starts another one on its state directory. */
static const char *state_folder(void)
{
    GSList *first = g_slist_last(daemons_before);

    return test_daemon_folder(first ? first->data : daemon_);
}

static void next_agent(int signal)
{
    TestDaemon *before = daemon_;
    g_autofree char *state = g_strdup_printf("--statedir=%s", state_folder());
    const char *const options[] = {state, NULL};

    g_clear_pointer(&client, test_client_free);
    if (signal == SIGTERM)
        ck_assert_int_eq(test_daemon_stop(before), 0);
    else
        test_daemon_kill(before);
    daemon_ = test_daemon_start(options);
    client = test_daemon_connect(daemon_);
    daemons_before = g_slist_prepend(daemons_before, before);
}

static const int ends[] = {SIGTERM, SIGKILL};

/* What guest-exec has started runs on when the agent ends, and the next one tells of all of it. */
START_TEST(test_outlives_the_agent)
{
    gint64 pid = start(SHELL("for i in 1 2 3; do echo step $i; sleep 0.3; done; echo why >&2; "
                             "exit 7") ",\"capture-output\":true");
    gint64 quiet = start(SHELL("sleep 0.3; kill -9 $$"));
    g_autoptr(JsonNode) value = NULL;

    next_agent(ends[_i]);
    next_agent(ends[_i]);
    value = wait_status(pid);
    assert_json(value, "{\"exited\":true,\"exitcode\":7,\"out-truncated\":false,"
                       "\"out-data\":\"c3RlcCAxCnN0ZXAgMgpzdGVwIDMK\","
                       "\"err-data\":\"d2h5Cg==\",\"err-truncated\":false}");
    json_node_unref(value);
    value = wait_status(quiet);
    assert_json(value, "{\"exited\":true,\"signal\":9}");
    assert_unknown(pid);
    assert_unknown(quiet);
    assert_run(SHELL("exit 3"), "{\"exited\":true,\"exitcode\":3}");
}
END_TEST

/* TRUE when a process of that number is there within a minute, or is gone. */
static gboolean comes_to(int pid, gboolean there)
{
    for (int tries = 0; tries < 600; tries++) {
        if ((kill(pid, 0) == 0) == there)
            return TRUE;
        g_usleep(100 * 1000);
    }
    return FALSE;
}

/* The worker stays no longer than there is something to be told. */
START_TEST(test_worker_ends)
{
    g_auto(GStrv) workers = NULL;
    gint64 pid = start(SHELL("exit 5"));

    workers = children_of(test_daemon_pid(daemon_));
    next_agent(SIGKILL);
    ck_assert(comes_to(atoi(workers[0]), TRUE));
    json_node_unref(wait_status(pid));
    ck_assert_msg(comes_to(atoi(workers[0]), FALSE), "the worker stays");
}
END_TEST

/* Where the state directory is removed, as with the package, no agent will ask. */
START_TEST(test_worker_ends_with_the_state_directory)
{
    g_auto(GStrv) workers = NULL;
    g_autofree char *socket = NULL;
    int worker;

    start(SHELL("exit 5"));
    workers = children_of(test_daemon_pid(daemon_));
    worker = atoi(workers[0]);
    socket = g_strdup_printf("%s/worker.%d", state_folder(), worker);
    ck_assert_int_eq(unlink(socket), 0);
    next_agent(SIGKILL);
    ck_assert_msg(comes_to(worker, FALSE), "the worker stays");
}
END_TEST

/* The agent outlives its worker. */
START_TEST(test_worker_dies)
{
    gint64 pid = start(SHELL("exec sleep 100"));
    g_auto(GStrv) workers = children_of(test_daemon_pid(daemon_));

    ck_assert_int_eq(kill(atoi(workers[0]), SIGKILL), 0);
    ck_assert(comes_to(atoi(workers[0]), FALSE));
    assert_unknown(pid);
    assert_run(SHELL("exit 3"), "{\"exited\":true,\"exitcode\":3}");
    kill((pid_t)pid, SIGKILL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process-commands");
    TCase *tests = tcase_create("process-commands");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_endings);
    tcase_add_test(tests, test_output);
    tcase_add_test(tests, test_input_and_environment);
    tcase_add_test(tests, test_truncated);
    tcase_add_test(tests, test_input_leaves_no_trace);
    tcase_add_test(tests, test_grandchild);
    tcase_add_test(tests, test_status);
    tcase_add_test(tests, test_errors);
    tcase_add_test(tests, test_no_threads);
    tcase_add_test(tests, test_no_zombies);
    tcase_add_loop_test(tests, test_outlives_the_agent, 0, G_N_ELEMENTS(ends));
    tcase_add_test(tests, test_worker_ends);
    tcase_add_test(tests, test_worker_ends_with_the_state_directory);
    tcase_add_test(tests, test_worker_dies);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
