/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Agent, keeper or watcher is stopped (SIGSTOP) and stays so: by the deadline another one has
 * thawed, the hooks are paired, and what was stopped does no harm when it goes on.
 */
#include "tests/lib/freezing.h"
#include "tests/lib/hang.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define STATE_DIR "/run/firn-stop"
#define HOOKS "/run/firn-stop-hooks"
#define PATIENCE_US (60 * G_USEC_PER_SEC)

static void setup(void)
{
    test_freezing_check_namespace();
    g_free(test_freezing_shell("rm -rf " STATE_DIR " " HOOKS));
    test_freezing_make_hooks(HOOKS);
}

static TestDaemon *start(const char *option)
{
    const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS, option, NULL};

    return test_daemon_start(options);
}

static guint count_reports(void)
{
    g_autofree char *text = test_freezing_shell("\"$FIRN_BINARY\" report -t " STATE_DIR
                                                " --json | jq '.reports | length'");

    return (guint)strtoul(text, NULL, 10);
}

static guint count_hooks_told(void)
{
    g_autofree char *text = test_freezing_shell("\"$FIRN_BINARY\" report -t " STATE_DIR
                                                " --json | jq '.reports[0].hooks | length'");

    return (guint)strtoul(text, NULL, 10);
}

/* One more hook, whose thaw waits for a file. */
static void add_slow_thaw(void)
{
    g_free(test_freezing_shell("printf '#!/bin/sh\\necho 15-slow $1 >>" HOOKS
                               "/log\\n[ $1 = freeze "
                               "] || until [ -e " HOOKS "/go ]; do sleep 0.02; done\\n' >" HOOKS
                               "/15-slow && chmod 755 " HOOKS "/15-slow"));
}

/* In the middle of the thaw hooks: 20 has run, 15 runs, 10 is to come. */
START_TEST(test_keeper_in_its_thaw_hooks)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-hook-timeout=1");
    g_autoptr(TestClient) client = NULL;
    g_autofree char *line = NULL;

    add_slow_thaw();
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    client = test_daemon_connect(daemon);
    test_client_send(client, TEST_THAW);
    test_freezing_await_hook(HOOKS, "15-slow thaw");
    kill(test_freezing_await_process("firn-keeper"), SIGSTOP);
    g_free(test_freezing_shell("touch " HOOKS "/go"));
    line = test_client_line(client);
    ck_assert_str_eq(line, "{\"return\": 3}");
    g_clear_pointer(&client, test_client_free); /* one at a time */
    test_freezing_await_end(STATE_DIR);
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "10-first thaw request"), 1);
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "15-slow thaw"), 1);
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "20-second thaw request"), 1);
    test_freezing_assert_all_thawed();
    ck_assert_uint_eq(count_reports(), 1);
    ck_assert_uint_eq(count_hooks_told(), 6);
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
}
END_TEST

/* Either of the two, while it only waits: the other one keeps the deadline. */
START_TEST(test_keeper_or_watcher_while_held)
{
    static const char *const names[] = {"firn-keeper", "firn-watcher"};
    g_autoptr(TestDaemon) daemon = start("--freeze-timeout=2");
    g_autofree char *error = NULL;
    int pid;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    pid = test_freezing_await_process(names[_i]);
    kill(pid, SIGSTOP);
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "10-first thaw deadline"), 1);
    error = test_freezing_ask_error(daemon, TEST_THAW);
    ck_assert_msg(strstr(error, "freeze-timeout") != NULL, "%s", error);
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
}
END_TEST

/* A keeper that stands still when the host asks for the thaw, long before the deadline. */
START_TEST(test_thaw_of_a_stopped_keeper)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autoptr(TestClient) client = NULL;
    g_autofree char *line = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    kill(test_freezing_await_process("firn-keeper"), SIGSTOP);
    client = test_daemon_connect(daemon);
    test_client_send(client, TEST_THAW);
    line = test_client_line(client);
    ck_assert_str_eq(line, "{\"return\": 3}");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    ck_assert(test_freezing_are_hooks_paired(HOOKS));
}
END_TEST

/* The keeper hangs in a FIFREEZE, the watcher is stopped, or killed (_i), and the agent is killed:
 * the next agent has all thawed but what hangs, once the walk's deadline has passed. */
START_TEST(test_next_agent_after_a_lame_watcher)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--freeze-sync-timeout=1",
                                          "--freeze-walk-timeout=2", NULL};
    g_autoptr(TestDaemon) daemon = test_daemon_start(options);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autoptr(TestDaemon) next = NULL;
    g_autofree char *refusal = NULL;
    TestHang hang;
    int watcher;

    test_hang_begin(&hang);
    test_client_send(client, TEST_FREEZE);
    test_freezing_await_frozen(STATE_DIR, 1);
    watcher = test_freezing_await_process("firn-watcher");
    kill(watcher, SIGSTOP);
    kill(test_daemon_pid(daemon), SIGKILL);
    next = test_daemon_start(options);
    if (_i)
        kill(watcher, SIGKILL);
    test_hang_assert_writable("/mnt/other");
    test_freezing_await(next, TEST_STATUS, "\"thawed\"");
    refusal = test_freezing_ask_error(next, TEST_FREEZE);
    ck_assert_msg(strstr(refusal, "/mnt/hung") != NULL, "%s", refusal);
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
    test_hang_assert_writable("/mnt/hung");
    test_freezing_ask(next, TEST_FREEZE, "5");
    test_freezing_ask(next, TEST_THAW, "5");
    waitpid(test_daemon_pid(daemon), NULL, 0);
    test_hang_end(&hang);
    test_freezing_assert_all_thawed();
}
END_TEST

/* SIGTERM after a walk that hung: the late success is undone, and the next agent knows of it. */
START_TEST(test_stop_while_stuck)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--freeze-walk-timeout=1",
                                          "--freeze-sync-timeout=1", NULL};
    g_autoptr(TestDaemon) daemon = test_daemon_start(options);
    g_autoptr(TestDaemon) next = NULL;
    g_autofree char *error = NULL, *refusal = NULL;
    TestHang hang;

    test_hang_begin(&hang);
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(strstr(error, "/mnt/hung") != NULL, "%s", error);
    kill(test_daemon_pid(daemon), SIGTERM);
    test_freezing_await_zombie(test_daemon_pid(daemon));
    next = test_daemon_start(options);
    test_freezing_ask(next, TEST_STATUS, "\"thawed\"");
    refusal = test_freezing_ask_error(next, TEST_FREEZE);
    ck_assert_msg(strstr(refusal, "/mnt/hung") != NULL, "%s", refusal);
    test_freezing_ask(next, TEST_THAW, "0");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
    test_hang_assert_writable("/mnt/hung");
    test_freezing_ask(next, TEST_FREEZE, "5");
    test_freezing_ask(next, TEST_THAW, "5");
    waitpid(test_daemon_pid(daemon), NULL, 0);
    test_hang_end(&hang);
    test_freezing_assert_all_thawed();
}
END_TEST

/* --- anywhere -----------------------------------------------------------------------------------
 */

static void await_quiet(guint round)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    int keeper, watcher;

    do {
        ck_assert_msg(g_get_monotonic_time() < end, "round %u: not ended", round);
        g_usleep(10000);
        keeper = test_freezing_find("firn-keeper");
        watcher = test_freezing_find("firn-watcher");
    } while (keeper || watcher || !test_freezing_are_hooks_paired(HOOKS));
    test_freezing_assert_all_thawed();
}

/* Asks for a freeze, and maybe for its thaw, and stops one of the three a moment later. */
static int strike(TestClient *client, int agent, GRand *random)
{
    gboolean thaw = g_rand_boolean(random);
    int victim = agent;

    test_client_send(client, TEST_FREEZE);
    if (thaw) {
        g_free(test_client_line(client));
        test_client_send(client, TEST_THAW);
    }
    g_usleep((gulong)g_rand_int_range(random, 0, thaw ? 15000 : 60000));
    switch (g_rand_int_range(random, 0, 3)) {
    case 0:
        victim = test_freezing_find("firn-watcher");
        break;
    case 1:
        victim = test_freezing_find("firn-keeper");
        break;
    default:
        break;
    }
    if (victim > 0)
        kill(victim, SIGSTOP);
    return victim;
}

START_TEST(test_stop_anywhere)
{
    const char *wanted = g_getenv("FIRN_STOPS");
    const char *chosen = g_getenv("FIRN_SEED");
    guint rounds = wanted ? (guint)strtoul(wanted, NULL, 10) : 20;
    guint32 seed = chosen ? (guint32)strtoul(chosen, NULL, 10) : g_random_int();
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    g_autoptr(TestDaemon) daemon = start("--freeze-timeout=1");

    printf("# FIRN_SEED=%u FIRN_STOPS=%u\n", seed, rounds);
    fflush(stdout);
    for (guint i = 0; i < rounds; i++) {
        TestClient *client = test_daemon_connect(daemon);
        int victim = strike(client, test_daemon_pid(daemon), random);

        await_quiet(i);
        if (victim > 0)
            kill(victim, SIGCONT);
        g_free(test_client_line(client));
        test_client_send(client, TEST_THAW); /* a count, or that it was thawed early */
        g_free(test_client_line(client));
        test_client_free(client);
        test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
        test_freezing_await_end(STATE_DIR);
        await_quiet(i);
        g_remove(HOOKS "/log");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stop");
    TCase *tests = tcase_create("stop");
    TCase *anywhere = tcase_create("anywhere");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_keeper_in_its_thaw_hooks);
    tcase_add_loop_test(tests, test_keeper_or_watcher_while_held, 0, 2);
    tcase_add_test(tests, test_thaw_of_a_stopped_keeper);
    tcase_add_loop_test(tests, test_next_agent_after_a_lame_watcher, 0, 2);
    tcase_add_test(tests, test_stop_while_stuck);
    tcase_add_checked_fixture(anywhere, setup, NULL);
    tcase_add_test(anywhere, test_stop_anywhere);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, anywhere);
    return test_suite_run(suite);
}
