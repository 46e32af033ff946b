/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grace periods of RCU (/sys/kernel/rcu_expedited) are expedited for the length of the walk, and
 * for nothing else: told by hooks, which run before and after it, and by walks that hang.
 */
#include "platform/grace-periods.h"
#include "tests/lib/freezing.h"
#include "tests/lib/hang.h"
#include "tests/lib/suite.h"

#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_DIR "/run/firn-expedite"
#define HOOKS "/run/firn-expedite-hooks"
#define SWITCH "/sys/kernel/rcu_expedited"
#define PATIENCE_US (60 * G_USEC_PER_SEC)

static void setup(void)
{
    test_freezing_check_namespace();
    g_free(test_freezing_shell("rm -rf " STATE_DIR " " HOOKS " && mkdir -m 700 " HOOKS
                               " && printf '#!/bin/sh\\necho $1 $(cat " SWITCH ") >>" HOOKS
                               "/log\\n' >" HOOKS "/10-look && chmod 700 " HOOKS "/10-look"));
}

static TestDaemon *start(const char *option, const char *another)
{
    const char *const options[] = {"--statedir=" STATE_DIR,
                                   "--fsfreeze-hook=" HOOKS,
                                   "--freeze-sync-timeout=1",
                                   option,
                                   another,
                                   NULL};

    return test_daemon_start(options);
}

static int get(void)
{
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(SWITCH, &text, NULL, NULL));
    return atoi(text);
}

static void await(int value)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (get() != value) {
        ck_assert_msg(g_get_monotonic_time() < end, "rcu_expedited is still %d", get());
        g_usleep(2000);
    }
}

/* What the hooks saw, and what is now. */
static void assert_off(const char *log)
{
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(HOOKS "/log", &text, NULL, NULL));
    ck_assert_str_eq(text, log);
    ck_assert_int_eq(get(), 0);
}

START_TEST(test_success)
{
    g_autoptr(TestDaemon) daemon = start(NULL, NULL);

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert_int_eq(get(), 0);
    test_freezing_ask(daemon, TEST_THAW, "3");
    assert_off("freeze 0\nthaw 0\n");
}
END_TEST

/* The walk has begun, and hangs in /mnt/hung. */
static void begin_hanging(TestClient *client, TestHang *hang)
{
    test_hang_begin(hang);
    test_client_send(client, TEST_FREEZE);
    test_freezing_await_phase(STATE_DIR, FIRN_PHASE_WALK);
}

static void let_go(TestHang *hang)
{
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
    test_hang_end(hang);
    assert_off("freeze 0\nthaw 0\n");
}

START_TEST(test_walk_deadline)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-walk-timeout=2", NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *answer = NULL;
    TestHang hang;

    begin_hanging(client, &hang);
    await(FIRN_GRACE_PERIODS_MARK);
    answer = test_client_line(client);
    ck_assert_msg(strstr(answer, "freeze-walk-timeout") != NULL, "%s", answer);
    ck_assert_int_eq(get(), 0); /* though the call still hangs */
    let_go(&hang);
}
END_TEST

START_TEST(test_cancel)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-walk-timeout=0", NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *freeze = NULL, *thaw = NULL;
    TestHang hang;

    begin_hanging(client, &hang);
    await(FIRN_GRACE_PERIODS_MARK);
    test_client_send(client, TEST_THAW);
    freeze = test_client_line(client);
    ck_assert(strstr(freeze, "cancelled") != NULL);
    thaw = test_client_line(client);
    ck_assert(g_str_has_prefix(thaw, "{\"return\": "));
    ck_assert_int_eq(get(), 0);
    let_go(&hang);
}
END_TEST

/* The watcher puts it back, though the keeper still hangs. */
START_TEST(test_agent_killed)
{
    g_autoptr(TestDaemon) daemon = start(NULL, NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    TestHang hang;

    begin_hanging(client, &hang);
    await(FIRN_GRACE_PERIODS_MARK);
    kill(test_daemon_pid(daemon), SIGKILL);
    await(0);
    let_go(&hang);
    waitpid(test_daemon_pid(daemon), NULL, 0);
}
END_TEST

/* Where all are killed, the next agent does. */
START_TEST(test_all_killed)
{
    g_autoptr(TestDaemon) daemon = start(NULL, NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autoptr(TestDaemon) next = NULL;
    TestHang hang;

    begin_hanging(client, &hang);
    await(FIRN_GRACE_PERIODS_MARK);
    test_freezing_kill_all(daemon);
    ck_assert_int_eq(get(), FIRN_GRACE_PERIODS_MARK);
    next = start(NULL, NULL);
    await(0);
    let_go(&hang);
}
END_TEST

/* A filesystem that was well when it was synced breaks while the one before it hangs: its FIFREEZE
 * fails, and what was frozen before it is thawed. */
START_TEST(test_error)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-walk-timeout=0", NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *loop = test_freezing_shell(
        "truncate -s 16M /run/broken && mkfs.ext4 -q -F /run/broken && losetup -f --show "
        "/run/broken");
    g_autofree char *line = NULL, *error = NULL;
    TestHang hang;

    g_free(test_freezing_shell("mkdir -p /mnt/broken && mount %s /mnt/broken", loop));
    begin_hanging(client, &hang);
    await(FIRN_GRACE_PERIODS_MARK);
    test_freezing_await_frozen(STATE_DIR, 1);
    test_freezing_stop_ext4("/mnt/broken");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    line = test_client_line(client);
    error = test_reply_error(line);
    ck_assert_msg(g_str_has_prefix(error, "failed to freeze /mnt/broken (ext4 on /dev/loop"), "%s",
                  error);
    ck_assert_msg(strstr(error, "Input/output error") != NULL, "%s", error);
    test_hang_assert_writable("/mnt/other");
    test_hang_assert_writable("/mnt/hung");
    test_hang_assert_writable("/mnt/xfs");
    test_freezing_await_end(STATE_DIR);
    test_hang_end(&hang);
    assert_off("freeze 0\nthaw 0\n");
    g_free(test_freezing_shell("umount /mnt/broken && losetup -d %s && rm /run/broken", loop));
}
END_TEST

START_TEST(test_not_wanted)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-expedite=false", "--freeze-walk-timeout=2");
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *answer = NULL;
    TestHang hang;

    begin_hanging(client, &hang);
    test_freezing_await_frozen(STATE_DIR, 1); /* /mnt/other: well in the walk */
    ck_assert_int_eq(get(), 0);
    answer = test_client_line(client);
    ck_assert_msg(strstr(answer, "freeze-walk-timeout") != NULL, "%s", answer);
    let_go(&hang);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expedite");
    TCase *tests = tcase_create("expedite");

    if (access(SWITCH, W_OK) != 0) {
        puts("1..0 # SKIP this kernel has no " SWITCH);
        return 0;
    }
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_success);
    tcase_add_test(tests, test_walk_deadline);
    tcase_add_test(tests, test_cancel);
    tcase_add_test(tests, test_agent_killed);
    tcase_add_test(tests, test_all_killed);
    tcase_add_test(tests, test_error);
    tcase_add_test(tests, test_not_wanted);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
