/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing that the agent, a filesystem, a hook or the host does wrong leaves the guest frozen. */
#include "tests/lib/freezing.h"
#include "tests/lib/hang.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_DIR "/run/firn-bounds"
#define HOOKS "/run/firn-bounds-hooks"
#define PATIENCE_US (60 * G_USEC_PER_SEC)
/* Long enough for the freeze to be seen, on a slow machine too. */
#define DEADLINE "--freeze-timeout=3"

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

static void assert_hooks_paired(guint freezes, const char *reason)
{
    g_autofree char *first = g_strdup_printf("10-first thaw %s", reason);
    g_autofree char *second = g_strdup_printf("20-second thaw %s", reason);

    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "10-first freeze request"), freezes);
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "20-second freeze request"), freezes);
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, first), freezes);
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, second), freezes);
}

/* However many of them ran: each that did has been undone. */
static void assert_hooks_undone(void)
{
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "10-first freeze request"),
                      test_freezing_count_hooks(HOOKS, "10-first thaw rollback"));
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "20-second freeze request"),
                      test_freezing_count_hooks(HOOKS, "20-second thaw rollback"));
}

/* The next thaw says it, the one after it does not. */
static void assert_told_once(TestDaemon *daemon, const char *why)
{
    g_autofree char *error = NULL;

    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    error = test_freezing_ask_error(daemon, TEST_THAW);
    ck_assert_msg(strstr(error, "3 filesystems were thawed early at 2") != NULL, "%s", error);
    ck_assert_msg(strstr(error, why) != NULL, "%s", error);
    test_freezing_ask(daemon, TEST_THAW, "0");
}

START_TEST(test_deadline)
{
    g_autoptr(TestDaemon) daemon = start(DEADLINE);

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_await(daemon, TEST_STATUS, "\"thawed\"");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_told_once(daemon, "freeze-timeout");
    assert_hooks_paired(1, "deadline");
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
}
END_TEST

/* signal: what has been done to the agent by then. */
static void run_deadline_without_agent(int signal)
{
    g_autoptr(TestDaemon) daemon = start(DEADLINE);
    g_autoptr(TestDaemon) next = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    kill(test_daemon_pid(daemon), signal);
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_hooks_paired(1, "deadline");
    if (signal == SIGSTOP)
        kill(test_daemon_pid(daemon), SIGCONT);
    else
        next = start(DEADLINE);
    assert_told_once(next ? next : daemon, "freeze-timeout");
}

START_TEST(test_deadline_with_the_agent_killed)
{
    run_deadline_without_agent(SIGKILL);
}
END_TEST

START_TEST(test_deadline_with_the_agent_stopped)
{
    run_deadline_without_agent(SIGSTOP);
}
END_TEST

START_TEST(test_agent_killed_while_frozen)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autoptr(TestDaemon) next = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    kill(test_daemon_pid(daemon), SIGKILL);
    test_freezing_assert_all_frozen();
    next = start(NULL);
    test_freezing_ask(next, TEST_STATUS, "\"frozen\"");
    test_freezing_assert_all_frozen();
    test_freezing_ask(next, TEST_THAW, "3");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_hooks_paired(1, "request");
}
END_TEST

/* The keeper puts another one in its place. */
START_TEST(test_watcher_killed)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    int watcher, next = 0;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    watcher = test_freezing_await_process("firn-watcher");
    ck_assert_int_eq(kill(watcher, SIGKILL), 0);
    while (next == 0 || next == watcher) {
        ck_assert_msg(g_get_monotonic_time() < end, "there is no other watcher");
        g_usleep(5000);
        next = test_freezing_find("firn-watcher");
    }
    test_freezing_assert_all_frozen();
    test_freezing_ask(daemon, TEST_STATUS, "\"frozen\"");
    test_freezing_ask(daemon, TEST_THAW, "3");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_hooks_paired(1, "request");
}
END_TEST

/* Nobody goes on holding what the keeper held: the watcher thaws. */
START_TEST(test_keeper_killed)
{
    g_autoptr(TestDaemon) daemon = start(NULL);

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert_int_eq(kill(test_freezing_await_process("firn-keeper"), SIGKILL), 0);
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_told_once(daemon, "killed");
    assert_hooks_paired(1, "rollback");
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
}
END_TEST

/* The agent has what they left ended. */
START_TEST(test_keeper_and_watcher_killed)
{
    g_autoptr(TestDaemon) daemon = start(DEADLINE);
    int keeper, watcher;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    keeper = test_freezing_await_process("firn-keeper");
    watcher = test_freezing_await_process("firn-watcher");
    kill(watcher, SIGSTOP); /* lest it acts in between */
    kill(keeper, SIGKILL);
    kill(watcher, SIGKILL);
    test_freezing_await(daemon, TEST_STATUS, "\"thawed\"");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_told_once(daemon, "");
    ck_assert(test_freezing_are_hooks_paired(HOOKS));
    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_ask(daemon, TEST_THAW, "3");
}
END_TEST

START_TEST(test_all_killed)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autoptr(TestDaemon) next = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_kill_all(daemon);
    test_freezing_assert_all_frozen();
    next = start(NULL);
    test_freezing_ask(next, TEST_STATUS, "\"frozen\"");
    test_freezing_ask(next, TEST_THAW, "3");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_hooks_paired(1, "request");
}
END_TEST

START_TEST(test_all_killed_keep_the_deadline)
{
    g_autoptr(TestDaemon) daemon = start(DEADLINE);
    g_autoptr(TestDaemon) next = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    test_freezing_kill_all(daemon);
    next = start("--freeze-timeout=600");
    test_freezing_await(next, TEST_STATUS, "\"thawed\"");
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_told_once(next, "freeze-timeout");
    assert_hooks_paired(1, "deadline");
}
END_TEST

START_TEST(test_sigterm_while_frozen)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autoptr(TestDaemon) next = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    ck_assert_int_eq(test_daemon_stop(daemon), 0);
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    assert_hooks_paired(1, "shutdown");
    next = start(NULL);
    assert_told_once(next, "told to stop");
}
END_TEST

START_TEST(test_nothing_to_freeze)
{
    g_autoptr(TestDaemon) daemon = start(NULL);

    test_freezing_ask(daemon,
                      "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":"
                      "[\"/nowhere\"]}}",
                      "0");
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    test_freezing_await_end(STATE_DIR);
    assert_hooks_paired(1, "rollback");
    test_freezing_ask(daemon, TEST_THAW, "0");
}
END_TEST

START_TEST(test_disabled)
{
    g_autoptr(TestDaemon) daemon = start("--freeze-enabled=false");
    g_autofree char *error = test_freezing_ask_error(daemon, TEST_FREEZE);

    ck_assert_msg(strstr(error, "freeze-enabled=false") != NULL, "%s", error);
    test_freezing_assert_all_thawed();
}
END_TEST

/* A state directory that would be frozen is refused, with what to do. */
START_TEST(test_state_directory_on_a_target)
{
    const char *const options[] = {"--statedir=/mnt/xfs/state", NULL};
    g_autoptr(TestDaemon) daemon = test_daemon_start(options);
    g_autofree char *error = test_freezing_ask_error(daemon, TEST_FREEZE);

    ck_assert_msg(strstr(error, "statedir") != NULL, "%s", error);
    test_freezing_assert_all_thawed();
}
END_TEST

START_TEST(test_failing_hook)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autofree char *error = NULL;

    g_free(test_freezing_shell("printf '#!/bin/sh\\necho 30-bad $1 $FIRN_REASON >>%s/log\\n[ $1 = "
                               "freeze ] || exit 0\\necho too bad\\nexit 7\\n' >%s/30-bad && chmod "
                               "755 %s/30-bad",
                               HOOKS, HOOKS, HOOKS));
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(g_str_has_prefix(error, "fsfreeze hook has failed with status 7"), "%s", error);
    ck_assert_msg(strstr(error, HOOKS "/30-bad") != NULL, "%s", error);
    ck_assert_msg(strstr(error, "too bad") != NULL, "%s", error);
    assert_hooks_paired(1, "rollback");
    test_freezing_assert_all_thawed();
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
}
END_TEST

/* Thaw comes while a hook still runs: it is ended, and nothing gets frozen. */
START_TEST(test_cancel)
{
    g_autoptr(TestDaemon) daemon = start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    g_autofree char *freeze = NULL, *thaw = NULL, *error = NULL;

    g_free(test_freezing_shell("printf '#!/bin/sh\\necho 30-slow $1 >>%s/log\\n[ $1 = thaw ] || "
                               "exec sleep 600\\n' >%s/30-slow && chmod 755 %s/30-slow",
                               HOOKS, HOOKS, HOOKS));
    test_client_send(client, TEST_FREEZE);
    while (test_freezing_count_hooks(HOOKS, "30-slow freeze") == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "the hook does not start");
        g_usleep(5000);
    }
    test_client_send(client, TEST_THAW);
    freeze = test_client_line(client);
    thaw = test_client_line(client);
    error = test_reply_error(freeze);
    ck_assert_msg(strstr(error, "cancelled") != NULL, "%s", error);
    ck_assert_str_eq(thaw, "{\"return\": 0}");
    test_freezing_await_end(STATE_DIR);
    assert_hooks_paired(1, "rollback");
    ck_assert_uint_eq(test_freezing_count_hooks(HOOKS, "30-slow thaw"), 1);
    test_freezing_assert_all_thawed();
}
END_TEST

/* --- a filesystem that hangs in FIFREEZE --------------------------------------------------------
 */

static TestDaemon *start_hanging(void)
{
    const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS,
                                   "--freeze-walk-timeout=2", "--freeze-sync-timeout=1", NULL};

    return test_daemon_start(options);
}

START_TEST(test_walk_timeout)
{
    g_autoptr(TestDaemon) daemon = start_hanging();
    g_autofree char *error = NULL, *refusal = NULL;
    TestHang hang;

    test_hang_begin(&hang);
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(strstr(error, "/mnt/hung (ext4 on /dev/loop") != NULL, "%s", error);
    ck_assert_msg(strstr(error, "freeze-walk-timeout") != NULL, "%s", error);
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    test_hang_assert_writable("/mnt/other");
    test_hang_assert_writable("/mnt/xfs");
    assert_hooks_paired(1, "rollback");
    refusal = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(strstr(refusal, "/mnt/hung") != NULL, "%s", refusal);
    test_freezing_ask(daemon, TEST_THAW, "0");
    /* the foreign freeze is left alone, until its owner ends it */
    test_freezing_assert_frozen("/mnt/ext4");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
    test_hang_assert_writable("/mnt/hung");
    test_freezing_ask(daemon, TEST_FREEZE, "5");
    test_freezing_ask(daemon, TEST_THAW, "5");
    test_hang_end(&hang);
    test_freezing_assert_all_thawed();
}
END_TEST

/* Writes to a file from a page that never comes (userfaultfd(2)): in the middle of a write, which
 * keeps FIFREEZE from getting any further than to its first step, after which nobody can write. */
static void write_for_ever(const char *path)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    madvise(page, 4096, MADV_DONTNEED);
    range.range.start = (guintptr)page;
    range.range.len = 4096;
    if (fd < 0 || faults < 0 || ioctl(faults, UFFDIO_API, &api) < 0 ||
        ioctl(faults, UFFDIO_REGISTER, &range) < 0)
        _exit(1);
    _exit(write(fd, page, 4096) == 4096 ? 0 : 1);
}

/* The log lies on what hangs: it is written when that has come back. */
START_TEST(test_log_on_what_hangs)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--logfile=/mnt/ext4/log",
                                          "--freeze-walk-timeout=1", NULL};
    g_autoptr(TestDaemon) daemon = test_daemon_start(options);
    g_autofree char *error = NULL;
    int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    pid_t writer;

    if (faults < 0)
        TEST_SKIP("no userfaultfd(2): %s", g_strerror(errno));
    close(faults);
    writer = fork();
    if (writer == 0)
        write_for_ever("/mnt/ext4/stuck");
    g_free(test_freezing_shell("timeout 60 sh -c 'until grep -q userfault /proc/%d/wchan; do sleep "
                               "0.02; done'",
                               (int)writer));
    error = test_freezing_ask_error(daemon, TEST_FREEZE);
    ck_assert_msg(strstr(error, "/mnt/ext4") != NULL, "%s", error);
    test_freezing_ask(daemon, TEST_STATUS, "\"thawed\"");
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    test_freezing_await_end(STATE_DIR);
    test_freezing_assert_all_thawed();
    ck_assert_int_eq(test_daemon_stop(daemon), 0);
    g_free(test_freezing_shell("grep -q 'did not return' /mnt/ext4/log && grep -q 'has returned' "
                               "/mnt/ext4/log"));
}
END_TEST

/* Cancelled while it hangs: both are answered at the walk's deadline. */
START_TEST(test_cancel_of_a_hung_walk)
{
    g_autoptr(TestDaemon) daemon = start_hanging();
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *freeze = NULL, *thaw = NULL;
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    TestHang hang;

    test_hang_begin(&hang);
    test_client_send(client, TEST_FREEZE);
    while (test_freezing_count_hooks(HOOKS, "20-second freeze") == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "the freeze does not begin");
        g_usleep(5000);
    }
    g_usleep(G_USEC_PER_SEC); /* into the walk, likely; either side of it is fine */
    test_client_send(client, TEST_THAW);
    freeze = test_client_line(client);
    thaw = test_client_line(client);
    g_free(test_reply_error(freeze));
    ck_assert(g_str_has_prefix(thaw, "{\"return\": "));
    test_hang_assert_writable("/mnt/other");
    test_hang_assert_writable("/mnt/xfs");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
    test_hang_assert_writable("/mnt/hung");
    assert_hooks_paired(1, "rollback");
    test_hang_end(&hang);
    test_freezing_assert_all_thawed();
}
END_TEST

/* The agent is killed while the keeper hangs in the kernel: the watcher thaws the others, and the
 * keeper the hung one as soon as it can. */
START_TEST(test_killed_in_a_hung_walk)
{
    g_autoptr(TestDaemon) daemon = start_hanging();
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    TestHang hang;

    test_hang_begin(&hang);
    test_client_send(client, TEST_FREEZE);
    test_freezing_await_phase(STATE_DIR, _i ? FIRN_PHASE_WALK : FIRN_PHASE_HOOKS);
    kill(test_daemon_pid(daemon), SIGKILL);
    test_hang_assert_writable("/mnt/other");
    test_hang_assert_writable("/mnt/xfs");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
    test_hang_assert_writable("/mnt/hung");
    assert_hooks_undone();
    waitpid(test_daemon_pid(daemon), NULL, 0);
    test_hang_end(&hang);
    test_freezing_assert_all_thawed();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds");
    TCase *tests = tcase_create("bounds");
    TCase *hung = tcase_create("hung");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_deadline);
    tcase_add_test(tests, test_deadline_with_the_agent_killed);
    tcase_add_test(tests, test_deadline_with_the_agent_stopped);
    tcase_add_test(tests, test_agent_killed_while_frozen);
    tcase_add_test(tests, test_watcher_killed);
    tcase_add_test(tests, test_keeper_killed);
    tcase_add_test(tests, test_keeper_and_watcher_killed);
    tcase_add_test(tests, test_all_killed);
    tcase_add_test(tests, test_all_killed_keep_the_deadline);
    tcase_add_test(tests, test_sigterm_while_frozen);
    tcase_add_test(tests, test_nothing_to_freeze);
    tcase_add_test(tests, test_disabled);
    tcase_add_test(tests, test_state_directory_on_a_target);
    tcase_add_test(tests, test_failing_hook);
    tcase_add_test(tests, test_cancel);
    tcase_add_test(hung, test_walk_timeout);
    tcase_add_test(hung, test_log_on_what_hangs);
    tcase_add_test(hung, test_cancel_of_a_hung_walk);
    tcase_add_loop_test(hung, test_killed_in_a_hung_walk, 0, 2);
    tcase_add_checked_fixture(hung, setup, NULL);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, hung);
    return test_suite_run(suite);
}
