/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All processes of a freeze are killed while it holds, and then a filesystem goes where no path
 * leads to it, or where one leads elsewhere: the host and the log are told once, all else works,
 * and what can be thawed is thawed.
 */
#include "tests/lib/freezing.h"
#include "tests/lib/hang.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>

#define STATE_DIR "/run/firn-lost"
#define HOOKS "/run/firn-lost-hooks"

static char *device; /* of /mnt/xfs */

static void setup(void)
{
    test_freezing_check_namespace();
    g_free(test_freezing_shell("rm -rf " STATE_DIR " " HOOKS));
    test_freezing_make_hooks(HOOKS);
    device = test_freezing_shell("findmnt -nfo SOURCE /mnt/xfs");
}

static TestDaemon *start(const char *option)
{
    const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS, option, NULL};

    return test_daemon_start(options);
}

static void freeze_and_kill_all(void)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-timeout=600");

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_kill_all(daemon);
}

static void assert_works(TestDaemon *daemon, const char *count)
{
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    test_freezing_ask(daemon, TEST_THAW, "0");
    test_freezing_ask(daemon, TEST_FREEZE, count);
    test_freezing_ask(daemon, TEST_THAW, count);
    test_freezing_await_end(STATE_DIR);
    ck_assert(test_freezing_are_hooks_paired(HOOKS));
}

/* After it the device has no frozen superblock, whoever thaws it. */
static void mount_again(void)
{
    g_free(test_freezing_shell("mount %s /mnt/xfs", device));
}

/* Plainly, or lazily (_i): no path leads to the frozen superblock any more. */
START_TEST(test_an_unmounted_filesystem_is_told_once_and_thawed)
{
    g_autoptr(TestDaemon) daemon = NULL;
    g_autofree char *error = NULL, *log = NULL, *report = NULL;

    freeze_and_kill_all();
    ck_assert_int_eq(umount2("/mnt/xfs", _i ? MNT_DETACH : 0), 0);
    daemon = start(NULL);
    error = test_freezing_ask_error(daemon, TEST_THAW);
    ck_assert_msg(strstr(error, "/mnt/xfs") != NULL, "%s", error);
    test_freezing_assert_thawed("/mnt/ext4");
    test_freezing_assert_thawed("/mnt/btrfs");
    assert_works(daemon, "2");
    log = test_daemon_output(daemon);
    report = test_freezing_shell("\"$FIRN_BINARY\" report -t " STATE_DIR);
    ck_assert_msg(strstr(log, "/mnt/xfs") || strstr(report, "/mnt/xfs"), "%s%s", log, report);
    mount_again();
    test_hang_assert_writable("/mnt/xfs");
    assert_works(daemon, "3");
    ck_assert_int_eq(test_daemon_stop(daemon), 0);
}
END_TEST

/* Its path leads to something else, which is not thawed: somebody else has frozen that. */
START_TEST(test_a_covered_filesystem_is_thawed)
{
    g_autofree char *loop = test_freezing_shell("truncate -s 16M /run/cover && mkfs.ext4 -q -F "
                                                "/run/cover && losetup -f --show /run/cover");
    g_autoptr(TestDaemon) daemon = NULL;
    g_autofree char *thawed = NULL;
    g_autoptr(TestClient) client = NULL;

    freeze_and_kill_all();
    g_free(test_freezing_shell("mount %s /mnt/xfs", loop));
    ck_assert_int_eq(test_freezing_ioctl("/mnt/xfs", FIFREEZE), 0);
    daemon = start("--freeze-exclude=/mnt/xfs");
    client = test_daemon_connect(daemon);
    test_client_send(client, TEST_THAW);
    thawed = test_client_line(client);
    ck_assert_ptr_nonnull(thawed);
    g_clear_pointer(&client, test_client_free); /* one at a time */
    test_freezing_await(daemon, TEST_STATUS, "\"thawed\"");
    test_freezing_assert_frozen("/mnt/xfs");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/xfs", FITHAW), 0);
    ck_assert_int_eq(umount("/mnt/xfs"), 0);
    g_free(test_freezing_shell("losetup -d %s && rm /run/cover", loop));
    test_freezing_await_end(STATE_DIR);
    test_hang_assert_writable("/mnt/xfs");
    test_freezing_assert_all_thawed();
    ck_assert_int_eq(test_daemon_stop(daemon), 0);
}
END_TEST

/* Unmounted and mounted again before the next agent comes: the superblock is the frozen one. */
START_TEST(test_a_filesystem_that_is_mounted_again_is_thawed)
{
    g_autoptr(TestDaemon) daemon = NULL;
    g_autoptr(TestClient) client = NULL;

    freeze_and_kill_all();
    ck_assert_int_eq(umount("/mnt/xfs"), 0);
    mount_again();
    test_freezing_assert_frozen("/mnt/xfs");
    daemon = start(NULL);
    client = test_daemon_connect(daemon);
    test_client_send(client, TEST_THAW);
    g_free(test_client_line(client)); /* its mount is another one: a count, or an error */
    g_clear_pointer(&client, test_client_free);
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_works(daemon, "3");
}
END_TEST

/* The deadline passes while all are dead; the next agent thaws at once, and says it once. */
START_TEST(test_the_deadline_passes_while_all_are_dead)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-timeout=1");
    g_autoptr(TestDaemon) next = NULL;
    g_autofree char *error = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_kill_all(daemon);
    g_usleep(1500 * 1000);
    next = start("--freeze-timeout=600");
    test_freezing_await(next, TEST_STATUS, "\"thawed\"");
    test_freezing_assert_all_thawed();
    error = test_freezing_ask_error(next, TEST_THAW);
    ck_assert_msg(strstr(error, "thawed early") != NULL, "%s", error);
    assert_works(next, "3");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lost");
    TCase *tests = tcase_create("lost");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_loop_test(tests, test_an_unmounted_filesystem_is_told_once_and_thawed, 0, 2);
    tcase_add_test(tests, test_a_covered_filesystem_is_thawed);
    tcase_add_test(tests, test_a_filesystem_that_is_mounted_again_is_thawed);
    tcase_add_test(tests, test_the_deadline_passes_while_all_are_dead);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
