/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks that leave something behind, or hang where nothing reaches them. */
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#define STATE_DIR "/run/firn-hooks"
#define HOOKS "/run/firn-hooks-scripts"

static void setup(void)
{
    test_freezing_check_namespace();
    g_free(test_freezing_shell("rm -rf " STATE_DIR " " HOOKS "; mkdir -p " HOOKS));
}

static void make_hook(const char *lines)
{
    g_free(test_freezing_shell(
        "printf '#!/bin/sh\\n%s\\n' >" HOOKS "/10-hook; chmod 755 " HOOKS "/10-hook", lines));
}

static TestDaemon *start(const char *option)
{
    const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS, option, NULL};

    return test_daemon_start(options);
}

/* What a hook leaves in the background keeps nobody from being told, after a deadline either. */
START_TEST(test_leaves_a_process_after_the_deadline)
{
    g_autoptr(TestDaemon) daemon = NULL;
    g_autofree char *error = NULL;

    make_hook("set -e\\n[ $1 = thaw ] || exit 0\\necho talking\\n"
              "sleep 1000 >/dev/null 2>&1 &\\necho $! >" HOOKS "/pid");
    daemon = start("--freeze-timeout=3");
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_await(daemon, TEST_STATUS, "\"thawed\"");
    error = test_freezing_ask_error(daemon, TEST_THAW);
    ck_assert_msg(strstr(error, "freeze-timeout") != NULL, "%s", error);
    g_free(test_freezing_shell("kill $(cat " HOOKS "/pid)"));
    test_freezing_await_end(STATE_DIR);
}
END_TEST

/* It writes to what somebody else has frozen, and no signal ends that. */
START_TEST(test_hangs_in_the_kernel)
{
    g_autoptr(TestDaemon) daemon = NULL;
    g_autofree char *error = NULL;

    make_hook("[ $1 = thaw ] || echo text >/mnt/xfs/file");
    daemon = start("--freeze-hook-timeout=1");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/xfs", FIFREEZE), 0);
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(strstr(error, "10-hook") != NULL, "%s", error);
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/xfs", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
}
END_TEST

/* The second freeze begins while the first one, which failed, is answered. */
START_TEST(test_two_freezes_that_fail)
{
    g_autoptr(TestDaemon) daemon = NULL;
    g_autoptr(TestClient) client = NULL;
    g_autofree char *left = NULL;

    make_hook("[ $1 = thaw ]");
    daemon = start(NULL);
    client = test_daemon_connect(daemon);
    test_client_send(client, TEST_FREEZE "\n" TEST_FREEZE "\n");
    for (int i = 0; i < 2; i++) {
        g_autofree char *line = test_client_line(client);
        g_autofree char *error = test_reply_error(line);

        ck_assert_msg(strstr(error, "10-hook") != NULL, "%s", error);
    }
    test_freezing_await_end(STATE_DIR);
    left = test_freezing_shell("ls -l /proc/%d/fd | grep -c ' /mnt/' || true",
                               test_daemon_pid(daemon));
    ck_assert_str_eq(left, "0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hooks");
    TCase *tests = tcase_create("odd");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_leaves_a_process_after_the_deadline);
    tcase_add_test(tests, test_hangs_in_the_kernel);
    tcase_add_test(tests, test_two_freezes_that_fail);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
