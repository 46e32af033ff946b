/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Odd circumstances, in which a freeze is refused at no cost, or ends as it should. */
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_DIR "/run/firn-odd"
#define RECORD STATE_DIR "/freeze-record"
#define HOOKS "/run/firn-odd-hooks"

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

static void assert_works(TestDaemon *daemon)
{
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
}

/* Nothing but the descriptor leads to it: it is thawed all the same, by the next agent, too (_i),
 * which finds the keeper. */
START_TEST(test_lazily_unmounted)
{
    g_autofree char *device = test_freezing_shell("findmnt -nfo SOURCE /mnt/xfs");
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autoptr(TestDaemon) next = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert_int_eq(umount2("/mnt/xfs", MNT_DETACH), 0);
    if (_i) {
        kill(test_daemon_pid(daemon), SIGKILL);
        next = start(NULL);
    }
    test_freezing_ask(next ? next : daemon, TEST_STATUS, "\"frozen\"");
    test_freezing_ask(next ? next : daemon, TEST_THAW, "3");
    test_freezing_await_end(STATE_DIR);
    g_free(test_freezing_shell("mount %s /mnt/xfs", device));
    test_freezing_assert_all_thawed();
    assert_works(next ? next : daemon);
}
END_TEST

/* Its path leads elsewhere by the time of the thaw. */
START_TEST(test_mounted_over)
{
    g_autoptr(TestDaemon) daemon = start(NULL);

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert_int_eq(mount("none", "/mnt/ext4", "tmpfs", 0, NULL), 0);
    test_freezing_ask(daemon, TEST_THAW, "3");
    ck_assert_int_eq(umount("/mnt/ext4"), 0);
    test_freezing_assert_all_thawed();
}
END_TEST

/* Somebody else thaws one: the thaw says so, once, and names it. */
START_TEST(test_thawed_by_another)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autofree char *error = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/xfs", FITHAW), 0);
    error = test_freezing_ask_error(daemon, TEST_THAW);
    ck_assert_msg(strstr(error, "/mnt/xfs") != NULL && strstr(error, "somebody else") != NULL, "%s",
                  error);
    ck_assert_msg(strstr(error, "/mnt/ext4") == NULL, "%s", error);
    test_freezing_ask(daemon, TEST_THAW, "0");
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    test_freezing_assert_all_thawed();
    assert_works(daemon);
}
END_TEST

START_TEST(test_list_with_duplicates)
{
    g_autoptr(TestDaemon) daemon = start(NULL);

    ck_assert_int_eq(g_mkdir_with_parents("/mnt/again", 0700), 0);
    ck_assert_int_eq(mount("/mnt/xfs", "/mnt/again", NULL, MS_BIND, NULL), 0);
    test_freezing_ask(daemon,
                      "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":"
                      "[\"/mnt/xfs\",\"/mnt/again\",\"/mnt/xfs\",\"/proc/1/root/mnt/xfs\",\"/\","
                      "\"\",\"/mnt/xfs/no/mountpoint\"]}}",
                      "1");
    test_freezing_assert_frozen("/mnt/xfs");
    test_freezing_assert_thawed("/mnt/ext4");
    test_freezing_ask(daemon, TEST_THAW, "1");
    ck_assert_int_eq(umount("/mnt/again"), 0);
    test_freezing_assert_all_thawed();
}
END_TEST

/* What stands in the state file's place is none: it is said, and no reason not to serve. */
START_TEST(test_foreign_state_file)
{
    static const char *const texts[] = {"", "firnfrz1", "\177ELF and so on"};
    g_autoptr(TestDaemon) daemon = NULL;
    g_autofree char *output = NULL;

    ck_assert_int_eq(g_mkdir_with_parents(STATE_DIR, 0700), 0);
    if ((guint)_i < G_N_ELEMENTS(texts))
        ck_assert(g_file_set_contents(RECORD, texts[_i], -1, NULL));
    else
        ck_assert_int_eq(symlink("/etc/passwd", RECORD), 0);
    daemon = start(NULL);
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    assert_works(daemon);
    output = test_daemon_output(daemon);
    ck_assert_msg(strstr(output, RECORD) != NULL, "%s", output);
}
END_TEST

/* Cut off in the middle, as by a disk that was full: the same. */
START_TEST(test_truncated_state_file)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-timeout=2");
    g_autoptr(TestDaemon) next = NULL;
    g_autofree char *text = NULL;
    gsize length;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert(g_file_get_contents(RECORD, &text, &length, NULL));
    test_freezing_ask(daemon, TEST_THAW, "3");
    kill(test_daemon_pid(daemon), SIGKILL);
    waitpid(test_daemon_pid(daemon), NULL, 0);
    ck_assert(g_file_set_contents(RECORD, text, (gssize)length / 2, NULL));
    next = start(NULL);
    test_freezing_ask(next, TEST_STATUS, "\"thawed\"");
    assert_works(next);
}
END_TEST

/* Of an earlier boot, whose freezes ended with it. */
START_TEST(test_state_of_another_boot)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autoptr(TestDaemon) next = NULL;
    g_autofree char *text = NULL;
    gsize length;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert(g_file_get_contents(RECORD, &text, &length, NULL));
    test_freezing_ask(daemon, TEST_THAW, "3");
    kill(test_daemon_pid(daemon), SIGKILL);
    waitpid(test_daemon_pid(daemon), NULL, 0);
    memset(((FirnRecordHead *)(gpointer)text)->boot, 'x', 36);
    ck_assert(g_file_set_contents(RECORD, text, (gssize)length, NULL));
    next = start(NULL);
    test_freezing_ask(next, TEST_STATUS, "\"thawed\"");
    assert_works(next);
}
END_TEST

/* The agent serves, and refuses to freeze what it could not write down. */
START_TEST(test_state_directory_not_writable)
{
    g_autoptr(TestDaemon) daemon = NULL;
    g_autofree char *error = NULL;

    ck_assert_int_eq(g_mkdir_with_parents(STATE_DIR, 0700), 0);
    ck_assert_int_eq(mount("none", STATE_DIR, "tmpfs", MS_RDONLY, "mode=700"), 0);
    daemon = start(NULL);
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(strstr(error, "another folder below /run") != NULL, "%s", error);
    test_freezing_assert_all_thawed();
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "10-first freeze"), 0);
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    ck_assert_int_eq(umount2(STATE_DIR, MNT_DETACH), 0);
}
END_TEST

START_TEST(test_state_directory_full)
{
    g_autoptr(TestDaemon) daemon = NULL;
    g_autofree char *error = NULL;

    ck_assert_int_eq(g_mkdir_with_parents(STATE_DIR, 0700), 0);
    ck_assert_int_eq(mount("none", STATE_DIR, "tmpfs", 0, "size=64k,mode=700"), 0);
    daemon = start(NULL);
    g_free(test_freezing_shell("head -c 1M /dev/zero >" STATE_DIR "/full 2>/dev/null || :"));
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(strstr(error, "No space left") != NULL, "%s", error);
    test_freezing_assert_all_thawed();
    ck_assert_int_eq(g_remove(STATE_DIR "/full"), 0);
    assert_works(daemon);
    ck_assert_int_eq(umount2(STATE_DIR, MNT_DETACH), 0);
}
END_TEST

/* The program is replaced and the agent killed while frozen, as by an upgrade that goes wrong: the
 * keeper has all that it needs. */
START_TEST(test_upgraded_while_frozen)
{
    g_autofree char *binary = g_strdup(g_getenv("FIRN_BINARY"));
    g_autoptr(TestDaemon) daemon = NULL;
    g_autoptr(TestDaemon) next = NULL;
    g_autofree char *error = NULL;

    g_free(test_freezing_shell("mkdir -p /run/copy && cp \"$FIRN_BINARY\" "
                               "\"${FIRN_BINARY%%/*}/firn-keeper\" /run/copy/"));
    g_setenv("FIRN_BINARY", "/run/copy/firn", TRUE);
    daemon = start("--freeze-timeout=2");
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    g_free(test_freezing_shell("for name in firn firn-keeper; do rm /run/copy/$name && "
                               "printf '#!/bin/false\\n' >/run/copy/$name; done"));
    kill(test_daemon_pid(daemon), SIGKILL);
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "10-first thaw deadline"), 1);
    g_setenv("FIRN_BINARY", binary, TRUE);
    next = start(NULL);
    error = test_freezing_ask_error(next, TEST_THAW);
    ck_assert_msg(strstr(error, "freeze-timeout") != NULL, "%s", error);
}
END_TEST

START_TEST(test_no_deadline)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-timeout=0");
    g_autoptr(FirnRecord) record = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    record = firn_record_open(STATE_DIR, NULL);
    ck_assert_int_eq(record->head->deadline, 0);
    test_freezing_ask(daemon, TEST_STATUS, "\"frozen\"");
    test_freezing_ask(daemon, TEST_THAW, "3");
}
END_TEST

static guint count_descriptors(void)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autofree char *folder = g_strdup_printf("/proc/%d/fd", test_daemon_pid(daemon));
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    guint count = 0;

    while (g_dir_read_name(dir))
        count++;
    return count;
}

static void run_with_few(TestDaemon *daemon)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *status = NULL;

    test_client_send(client, TEST_FREEZE);
    g_free(test_client_line(client));
    test_client_send(client, TEST_THAW);
    g_free(test_client_line(client));
    status = test_client_text(client, TEST_STATUS);
    ck_assert_str_eq(status, "\"thawed\"");
}

/* Descriptors run out, at a place that depends on how many there are (_i): the freeze works or
 * fails, and nothing stays. A process with CAP_SYS_RESOURCE takes more by itself. */
START_TEST(test_descriptors_run_out)
{
    guint count = count_descriptors() + 1 + (guint)_i;
    g_autofree char *wrapper = g_strdup_printf("prlimit --nofile=%u:%u", count, count);
    TestDaemon *daemon;

    g_setenv("FIRN_WRAPPER", wrapper, TRUE);
    daemon = start(NULL);
    g_unsetenv("FIRN_WRAPPER");
    run_with_few(daemon);
    test_freezing_await_end(STATE_DIR);
    test_daemon_free(daemon);
    test_freezing_assert_all_thawed();
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "10-first freeze"),
                      test_freezing_count_hooks(HOOKS, "10-first thaw"));
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "20-second freeze"),
                      test_freezing_count_hooks(HOOKS, "20-second thaw"));
    daemon = start(NULL);
    assert_works(daemon);
    test_daemon_free(daemon);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("odd");
    TCase *tests = tcase_create("odd");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_loop_test(tests, test_lazily_unmounted, 0, 2);
    tcase_add_test(tests, test_mounted_over);
    tcase_add_test(tests, test_thawed_by_another);
    tcase_add_test(tests, test_list_with_duplicates);
    tcase_add_loop_test(tests, test_foreign_state_file, 0, 4);
    tcase_add_test(tests, test_truncated_state_file);
    tcase_add_test(tests, test_state_of_another_boot);
    tcase_add_test(tests, test_state_directory_not_writable);
    tcase_add_test(tests, test_state_directory_full);
    tcase_add_test(tests, test_upgraded_while_frozen);
    tcase_add_test(tests, test_no_deadline);
    tcase_add_loop_test(tests, test_descriptors_run_out, 0, 12);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
