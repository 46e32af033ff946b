/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 'firn doctor' foretells of a freeze, held against the freeze. */
#include "tests/lib/freezing.h"
#include "tests/lib/fuse.h"
#include "tests/lib/suite.h"

#include <string.h>
#include <sys/stat.h>

#define STATE_DIR "/run/firn-doctor"
#define SHELL(...) g_free(test_freezing_shell(__VA_ARGS__))

static void setup(void)
{
    test_freezing_check_namespace();
    SHELL("rm -rf " STATE_DIR);
}

/* Its words, and its exit status as the last line. */
static char *doctor(const char *options)
{
    return test_freezing_shell("timeout 60 \"$FIRN_BINARY\" doctor --path=/dev/null -t %s; echo "
                               "status $?",
                               options);
}

static void assert_says(const char *text, const char *what)
{
    ck_assert_msg(strstr(text, what) != NULL, "'%s' is not in:\n%s", what, text);
}

static void assert_fails(const char *options, const char *what)
{
    g_autofree char *text = doctor(options);

    assert_says(text, what);
    assert_says(text, "status 2");
}

static TestDaemon *start(void)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--freeze-walk-timeout=3",
                                          "--freeze-sync-timeout=3", NULL};

    return test_daemon_start(options);
}

/* A small ext4 on a loop device whose image lies in memory. */
static void mount_disk(const char *folder)
{
    SHELL("truncate -s 16M /run/disk && mkfs.ext4 -q -F /run/disk && mkdir -p %s && "
          "mount $(losetup -f --show /run/disk) %s",
          folder, folder);
}

static void unmount_disk(const char *folder)
{
    SHELL("device=$(findmnt -no SOURCE %s | tail -1); umount %s && losetup -d $device && "
          "rm /run/disk",
          folder, folder);
}

START_TEST(test_its_count_is_that_of_the_freeze)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *text = NULL;

    SHELL("mkdir -p /run/image /mnt/squashfs; echo >/run/image/file; "
          "mksquashfs /run/image /run/squashfs -quiet -no-progress >/dev/null; "
          "mount -t squashfs $(losetup -f --show /run/squashfs) /mnt/squashfs");
    mount_disk("/mnt/covered");
    SHELL("mount -t tmpfs cover /mnt/covered");
    text = doctor(STATE_DIR);
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
    test_freezing_await_end(STATE_DIR);
    SHELL("umount /mnt/covered; device=$(findmnt -no SOURCE /mnt/squashfs); "
          "umount /mnt/squashfs; losetup -d $device");
    unmount_disk("/mnt/covered");
    assert_says(text, " 3 filesystems would be frozen");
    assert_says(text, "squashfs  cannot be frozen");
    assert_says(text, "ext4      cannot be reached");
}
END_TEST

START_TEST(test_a_freeze_that_is_held_does_not_hang_it)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *text = NULL;

    SHELL("touch /mnt/ext4/dirty /mnt/xfs/dirty /mnt/btrfs/dirty");
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    text = doctor(STATE_DIR);
    test_freezing_ask(daemon, TEST_THAW, "3");
    assert_says(text, " 3 filesystems would be frozen");
}
END_TEST

START_TEST(test_a_filesystem_that_was_shut_down_fails)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *text = NULL;
    g_autofree char *error = NULL;

    mount_disk("/mnt/down");
    test_freezing_stop_ext4("/mnt/down");
    text = doctor(STATE_DIR);
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    test_freezing_await_end(STATE_DIR);
    unmount_disk("/mnt/down");
    assert_says(error, "/mnt/down");
    assert_says(text, "every freeze fails: /mnt/down (ext4 on ");
    assert_says(text, "was shut down after an error");
    assert_says(text, "status 2");
}
END_TEST

/* The same call as ext4's; XFS opens nothing any more. */
START_TEST(test_a_filesystem_that_cannot_be_opened_fails)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *text = NULL;
    g_autofree char *error = NULL;

    test_freezing_stop_ext4("/mnt/xfs");
    text = doctor(STATE_DIR);
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    test_freezing_await_end(STATE_DIR);
    SHELL("device=$(findmnt -no SOURCE /mnt/xfs); umount /mnt/xfs; mount $device /mnt/xfs");
    assert_says(error, "/mnt/xfs");
    assert_says(text, "every freeze fails: /mnt/xfs (xfs on ");
    assert_says(text, "cannot be opened: Input/output error");
    assert_says(text, "status 2");
}
END_TEST

START_TEST(test_a_filesystem_that_hangs_is_named_and_the_others_are_looked_at)
{
    TestFuse fuse = test_fuse_begin("/mnt/fuse", TEST_FUSE_OPEN);
    g_autofree char *text = NULL;

    mount_disk("/mnt/fuse/data");
    test_fuse_hang(&fuse);
    text = doctor(STATE_DIR);
    test_fuse_go_on(&fuse);
    unmount_disk("/mnt/fuse/data");
    test_fuse_end(&fuse);
    assert_says(text, "every freeze is given up: /mnt/fuse/data (ext4 on ");
    assert_says(text, "hangs when /mnt/fuse/data is opened");
    assert_says(text, " 3 filesystems would be frozen");
    assert_says(text, "status 2");
}
END_TEST

START_TEST(test_a_scrub_is_named)
{
    g_autofree char *text = NULL;

    SHELL("dd if=/dev/urandom of=/mnt/btrfs/data bs=1M count=20 2>/dev/null; sync; "
          "echo 200000 >/sys/fs/btrfs/$(findmnt -no UUID /mnt/btrfs)/devinfo/1/scrub_speed_max; "
          "btrfs scrub start /mnt/btrfs >/dev/null");
    text = doctor(STATE_DIR);
    SHELL("btrfs scrub cancel /mnt/btrfs; rm /mnt/btrfs/data");
    assert_says(text, "a freeze would be refused now: a scrub of /mnt/btrfs runs");
    assert_says(text, " 2 filesystems would be frozen");
    assert_says(text, "status 2");
}
END_TEST

START_TEST(test_a_full_state_directory_fails)
{
    SHELL("mkdir " STATE_DIR "; mount -t tmpfs -o size=64k,mode=700 full " STATE_DIR "; "
          "dd if=/dev/zero of=" STATE_DIR "/fill bs=4k 2>/dev/null || :");
    assert_fails(STATE_DIR, "has no room for the ");
    SHELL("umount " STATE_DIR);
}
END_TEST

START_TEST(test_a_state_directory_that_a_freeze_would_refuse_fails)
{
    SHELL("mkdir -p /mnt/ext4/o/u /mnt/ext4/o/w /run/low /run/over; mount -t overlay -o "
          "lowerdir=/run/low,upperdir=/mnt/ext4/o/u,workdir=/mnt/ext4/o/w overlay /run/over; "
          "mkdir -m 700 /run/over/state; mkdir -m 1777 " STATE_DIR);
    assert_fails("/run/over/state", "/run/over/state does not lie on a tmpfs or ramfs");
    assert_fails("/mnt/ext4/o", "/mnt/ext4/o does not lie on a tmpfs or ramfs");
    assert_fails(STATE_DIR, STATE_DIR " may be written to by others");
    SHELL("umount /run/over; rm -r /mnt/ext4/o");
}
END_TEST

START_TEST(test_a_state_directory_or_hook_that_hangs_fails)
{
    TestFuse fuse = test_fuse_begin("/mnt/fuse", TEST_FUSE_DEAD);

    assert_fails("/mnt/fuse/state", "the state directory /mnt/fuse/state hangs");
    assert_fails(STATE_DIR " -F/mnt/fuse/hook", "/mnt/fuse/hook hangs when it is opened");
    test_fuse_end(&fuse);
}
END_TEST

START_TEST(test_a_hook_with_dos_line_ends_fails)
{
    SHELL("mkdir -p /run/doctor-hooks; printf '#!/bin/sh\\r\\n' >/run/doctor-hooks/10-dos; "
          "chmod 755 /run/doctor-hooks/10-dos");
    assert_fails(STATE_DIR " -F/run/doctor-hooks", "10-dos' cannot be run: its first line has a "
                                                   "DOS line end");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doctor");
    TCase *tests = tcase_create("doctor");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_its_count_is_that_of_the_freeze);
    tcase_add_test(tests, test_a_freeze_that_is_held_does_not_hang_it);
    tcase_add_test(tests, test_a_filesystem_that_was_shut_down_fails);
    tcase_add_test(tests, test_a_filesystem_that_cannot_be_opened_fails);
    tcase_add_test(tests, test_a_filesystem_that_hangs_is_named_and_the_others_are_looked_at);
    tcase_add_test(tests, test_a_scrub_is_named);
    tcase_add_test(tests, test_a_full_state_directory_fails);
    tcase_add_test(tests, test_a_state_directory_that_a_freeze_would_refuse_fails);
    tcase_add_test(tests, test_a_state_directory_or_hook_that_hangs_fails);
    tcase_add_test(tests, test_a_hook_with_dos_line_ends_fails);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
