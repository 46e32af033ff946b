/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to a filesystem leads through a server that does not answer, is covered by a user's own
 * mount, or ends in one that is only seen elsewhere: the freeze is answered within its time-outs,
 * and the next one works.
 */
#include "tests/lib/freezing.h"
#include "tests/lib/fuse.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_DIR "/run/firn-reach"
#define LIST "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":"
#define NOBODY 65534

static void setup(void)
{
    test_freezing_check_namespace();
    g_free(test_freezing_shell("rm -rf " STATE_DIR));
}

static TestDaemon *start(void)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--freeze-walk-timeout=3",
                                          "--freeze-sync-timeout=3", NULL};

    return test_daemon_start(options);
}

/* A small ext4 on a loop device whose image lies in memory; returns the device. */
static char *mount_disk(const char *folder)
{
    char *loop = test_freezing_shell("truncate -s 16M /run/reach && mkfs.ext4 -q -F /run/reach && "
                                     "losetup -f --show /run/reach");

    g_free(test_freezing_shell("mkdir -p %s && mount %s %s", folder, loop, folder));
    return loop;
}

static void unmount_disk(const char *folder, const char *loop)
{
    g_free(test_freezing_shell("umount %s && losetup -d %s && rm /run/reach", folder, loop));
}

/* Frozen so many, or an error that names the place. */
static void assert_frozen_or_named(TestDaemon *daemon, const char *count, const char *place)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *expected = g_strdup_printf("{\"return\": %s}", count);
    g_autofree char *line = NULL;

    test_client_send(client, TEST_FREEZE);
    line = test_client_line(client);
    ck_assert_ptr_nonnull(line);
    ck_assert_msg(!strcmp(line, expected) || strstr(line, place), "%s", line);
    test_client_send(client, TEST_THAW);
    g_free(test_client_line(client));
    test_freezing_assert_all_thawed();
}

/* A disk mounted below a folder of a server's, such as NFS, that answers no more. */
START_TEST(test_the_way_leads_through_a_dead_server)
{
    TestFuse fuse = test_fuse_begin("/mnt/remote", TEST_FUSE_OPEN);
    g_autofree char *loop = mount_disk("/mnt/remote/data");
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *log = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "4");
    test_freezing_ask(daemon, TEST_THAW, "4");
    test_fuse_hang(&fuse);
    assert_frozen_or_named(daemon, "3", "/mnt/remote");
    test_freezing_ask(daemon, LIST "[\"/mnt/xfs\"]}}", "1");
    test_freezing_ask(daemon, TEST_THAW, "1");
    log = test_daemon_output(daemon);
    ck_assert_msg(strstr(log, "/mnt/remote") != NULL, "%s", log);
    test_fuse_go_on(&fuse);
    test_freezing_ask(daemon, TEST_FREEZE, "4");
    test_freezing_ask(daemon, TEST_THAW, "4");
    ck_assert_int_eq(test_daemon_stop(daemon), 0);
    unmount_disk("/mnt/remote/data", loop);
    test_fuse_end(&fuse);
}
END_TEST

/* The agent is killed while its keeper hangs in open(2): it is in nobody's way. */
START_TEST(test_agent_killed_while_the_keeper_hangs_on_the_way)
{
    TestFuse fuse = test_fuse_begin("/mnt/remote", TEST_FUSE_OPEN);
    g_autofree char *loop = mount_disk("/mnt/remote/data");
    g_autoptr(TestDaemon) daemon = start();
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autoptr(TestDaemon) next = NULL;

    test_fuse_hang(&fuse);
    test_client_send(client, TEST_FREEZE);
    test_freezing_await_process("firn-keeper");
    g_usleep(300000);
    kill(test_daemon_pid(daemon), SIGKILL);
    waitpid(test_daemon_pid(daemon), NULL, 0);
    next = start();
    assert_frozen_or_named(next, "3", "/mnt/remote");
    test_fuse_go_on(&fuse);
    test_freezing_ask(next, TEST_FREEZE, "4");
    test_freezing_ask(next, TEST_THAW, "4");
    test_freezing_await_end(STATE_DIR);
    unmount_disk("/mnt/remote/data", loop);
    test_fuse_end(&fuse);
}
END_TEST

/* A user mounts a FUSE folder of his own over a mountpoint that is his: root may not look into it,
 * or (_i) it does not answer. The filesystem below has no other mountpoint. */
START_TEST(test_a_users_mount_covers_a_target)
{
    int flags = TEST_FUSE_PRIVATE | (_i ? TEST_FUSE_DEAD : 0);
    g_autoptr(TestDaemon) daemon = start();
    TestFuse fuse;

    ck_assert_int_eq(chown("/mnt/ext4", NOBODY, NOBODY), 0);
    fuse = test_fuse_begin("/mnt/ext4", flags);
    test_freezing_ask(daemon, TEST_FREEZE, "2");
    test_freezing_ask(daemon, TEST_THAW, "2");
    test_freezing_ask(daemon, LIST "[\"/mnt/xfs\",\"/mnt/btrfs\"]}}", "2");
    test_freezing_ask(daemon, TEST_THAW, "2");
    test_fuse_end(&fuse);
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
    ck_assert_int_eq(test_daemon_stop(daemon), 0);
    ck_assert_int_eq(chown("/mnt/ext4", 0, 0), 0);
}
END_TEST

/* The same, and it has another mountpoint: it is frozen by that. */
START_TEST(test_a_covered_target_is_reached_by_another_mountpoint)
{
    g_autoptr(TestDaemon) daemon = start();
    TestFuse fuse;

    g_free(test_freezing_shell("mkdir -p /mnt/again && mount --bind /mnt/ext4 /mnt/again"));
    fuse = test_fuse_begin("/mnt/ext4", TEST_FUSE_PRIVATE | TEST_FUSE_DEAD);
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_assert_frozen("/mnt/again");
    test_freezing_ask(daemon, TEST_THAW, "3");
    test_fuse_end(&fuse);
    ck_assert_int_eq(umount("/mnt/again"), 0);
}
END_TEST

/* Only another mount namespace has it mounted: it is not frozen, and the report names it and whose
 * it is. */
START_TEST(test_a_filesystem_of_another_namespace_is_named)
{
    g_autofree char *loop = mount_disk("/mnt/elsewhere");
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *report = NULL, *doctor = NULL;
    pid_t other = fork();

    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("unshare", "unshare", "-m", "--propagation", "private", "sleep", "1000", NULL);
        _exit(127);
    }
    g_free(test_freezing_shell("timeout 60 sh -c 'until [ \"$(cat /proc/%d/comm)\" = sleep ]; do "
                               "sleep 0.02; done' && umount /mnt/elsewhere",
                               (int)other));
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
    report = test_freezing_shell("\"$FIRN_BINARY\" report -t " STATE_DIR);
    ck_assert_msg(strstr(report, "/mnt/elsewhere") || strstr(report, loop), "%s", report);
    ck_assert_msg(strstr(report, "sleep") != NULL, "%s", report);
    doctor = test_freezing_shell("\"$FIRN_BINARY\" doctor -t " STATE_DIR " || :");
    ck_assert_msg(strstr(doctor, "/mnt/elsewhere") || strstr(doctor, loop), "%s", doctor);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    g_free(test_freezing_shell("losetup -d %s && rm /run/reach", loop));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reach");
    TCase *tests = tcase_create("reach");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_the_way_leads_through_a_dead_server);
    tcase_add_test(tests, test_agent_killed_while_the_keeper_hangs_on_the_way);
    tcase_add_loop_test(tests, test_a_users_mount_covers_a_target, 0, 2);
    tcase_add_test(tests, test_a_covered_target_is_reached_by_another_mountpoint);
    tcase_add_test(tests, test_a_filesystem_of_another_namespace_is_named);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
