/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the watcher ends a freeze, and what it does then: with processes of this test for the
 * keeper, and FIFREEZE and FITHAW that the test answers. */
#include "agent/freeze/watcher.h"
#include "platform/pidfd.h"
#include "tests/lib/records.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
#define COUNT 3

/* --- judging ----------------------------------------------------------------------------- */

/* A freeze of two filesystems with one hook, in that phase since the record's time 10 s. */
static FirnRecord *make_case(FirnPhase phase)
{
    FirnRecord *made = test_record_new("test");

    test_record_add_target(made, "/a", "ext4", "/dev/vda");
    test_record_add_target(made, "/b", "ext4", "/dev/vdb");
    test_record_add_hook(made, "/hook");
    made->head->phase = (gint)phase;
    return made;
}

static void assert_judged(const FirnRecord *made, gint64 now, gint64 ended, FirnEnd expected)
{
    ck_assert_str_eq(firn_end_name(firn_watcher_judge(made, now, ended)), firn_end_name(expected));
}

START_TEST(without_a_deadline_a_freeze_is_held)
{
    FirnRecord *made = make_case(FIRN_PHASE_HELD);

    assert_judged(made, 1000000 * SECOND, 0, FIRN_END_NONE);
    test_record_free(made);
}
END_TEST

START_TEST(the_keeper_has_a_second_for_the_deadline)
{
    FirnRecord *made = make_case(FIRN_PHASE_HELD);

    made->head->deadline = 20 * SECOND;
    assert_judged(made, 20 * SECOND, 0, FIRN_END_NONE);
    assert_judged(made, 21 * SECOND, 0, FIRN_END_DEADLINE);
    test_record_free(made);
}
END_TEST

START_TEST(in_a_call_that_hangs_the_keeper_sees_to_nothing)
{
    FirnRecord *made = make_case(FIRN_PHASE_WALK);

    made->targets[1].state = FIRN_TARGET_FREEZING;
    made->head->walk_deadline = 15 * SECOND;
    made->head->deadline = 20 * SECOND;
    assert_judged(made, 15 * SECOND - 1, 0, FIRN_END_NONE);
    assert_judged(made, 15 * SECOND, 0, FIRN_END_WALK_TIMEOUT);
    made->head->walk_deadline = 0;
    assert_judged(made, 20 * SECOND - 1, 0, FIRN_END_NONE);
    assert_judged(made, 20 * SECOND, 0, FIRN_END_DEADLINE);
    made->head->walk_deadline = 15 * SECOND;
    made->head->phase = FIRN_PHASE_HELD; /* the walk has its end behind it */
    assert_judged(made, 16 * SECOND, 0, FIRN_END_NONE);
    test_record_free(made);
}
END_TEST

START_TEST(a_keeper_that_does_not_begin_the_thaw_is_held_up)
{
    FirnRecord *made = make_case(FIRN_PHASE_HELD);

    made->head->end = FIRN_END_REQUEST;
    assert_judged(made, 12 * SECOND, 10 * SECOND, FIRN_END_NONE);
    assert_judged(made, 12 * SECOND + 1, 10 * SECOND, FIRN_END_REQUEST);
    test_record_free(made);
}
END_TEST

START_TEST(a_script_has_its_time_to_end)
{
    FirnRecord *made = make_case(FIRN_PHASE_HOOKS);

    made->head->end = FIRN_END_CANCELLED;
    made->hooks[0].state = FIRN_HOOK_FREEZING;
    assert_judged(made, 25 * SECOND, 10 * SECOND, FIRN_END_NONE);
    assert_judged(made, 25 * SECOND + 1, 10 * SECOND, FIRN_END_CANCELLED);
    test_record_free(made);
}
END_TEST

START_TEST(a_thaw_goes_on_within_a_second)
{
    FirnRecord *made = make_case(FIRN_PHASE_THAW);

    made->head->end = FIRN_END_REQUEST;
    made->head->thaw_begin = 10 * SECOND;
    made->targets[0].state = FIRN_TARGET_FROZEN;
    made->targets[1].state = FIRN_TARGET_THAWING;
    made->targets[1].thaw_begin = 12 * SECOND;
    assert_judged(made, 13 * SECOND, 10 * SECOND, FIRN_END_NONE);
    assert_judged(made, 13 * SECOND + 1, 10 * SECOND, FIRN_END_REQUEST);
    test_record_free(made);
}
END_TEST

/* Each child of the keeper's has a second alone. */
START_TEST(a_thaw_that_hangs_in_a_child_holds_nobody_up)
{
    FirnRecord *made = make_case(FIRN_PHASE_THAW);

    made->head->end = FIRN_END_REQUEST;
    made->targets[1].state = FIRN_TARGET_THAWING;
    made->targets[1].apart = 4711;
    made->targets[1].thaw_begin = 12 * SECOND;
    made->targets[0].state = FIRN_TARGET_THAWED;
    assert_judged(made, 1000 * SECOND, 10 * SECOND, FIRN_END_NONE);
    made->targets[0].state = FIRN_TARGET_FROZEN;
    assert_judged(made, 15 * SECOND, 10 * SECOND, FIRN_END_NONE);
    assert_judged(made, 15 * SECOND + 1, 10 * SECOND, FIRN_END_REQUEST);
    test_record_free(made);
}
END_TEST

START_TEST(a_thaw_hook_has_its_time_and_some_more)
{
    FirnRecord *made = make_case(FIRN_PHASE_THAW_HOOKS);

    made->head->end = FIRN_END_REQUEST;
    made->hooks[0].thaw_begin = 12 * SECOND;
    assert_judged(made, 1000 * SECOND, 10 * SECOND, FIRN_END_NONE);
    made->head->hook_timeout = 30;
    assert_judged(made, 57 * SECOND, 10 * SECOND, FIRN_END_NONE);
    assert_judged(made, 57 * SECOND + 1, 10 * SECOND, FIRN_END_REQUEST);
    test_record_free(made);
}
END_TEST

/* --- acting ---------------------------------------------------------------------------------- */

static char *tree;
static FirnRecord *record;
static int sockets[2];

/* A thaw that waits for nothing. */
static int answer(int fd)
{
    return 0;
}

static const FirnSuperblockCalls calls = {answer, answer, answer};

static void setup(void)
{
    static const char text[] = "1 0 8:1 / / rw - ext4 /dev/vda1 rw\n"
                               "2 1 8:2 / /b rw - ext4 /dev/vda2 rw\n"
                               "3 1 8:3 / /c rw - ext4 /dev/vda3 rw\n";
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(text, -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);

    tree = test_tree_new();
    test_tree_write(tree, "/output", "");
    request->state_dir = g_strdup(tree);
    record = firn_record_create(request, plan, NULL, NULL);
    ck_assert_ptr_nonnull(record);
    ck_assert_uint_eq(record->head->target_count, COUNT);
    record->calls = &calls;
    for (guint i = 0; i < COUNT; i++)
        record->fds[i] = open(tree, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* the watcher becomes the test's child */
}

static void teardown(void)
{
    firn_record_free(record);
    test_tree_remove(tree);
}

/* What the watcher executes says what it was called with, in the file "output". */
static int open_program(void)
{
    g_autofree char *path = g_build_filename(tree, "output", NULL);
    int output = open(path, O_WRONLY | O_CLOEXEC);

    dup2(output, STDOUT_FILENO);
    close(output);
    return open("/bin/echo", O_PATH | O_CLOEXEC);
}

/* A process that starts a watcher, and then does nothing. */
static pid_t start_keeper(FirnWatcher *watcher)
{
    int ready[2];
    pid_t keeper;

    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    keeper = fork();
    if (keeper == 0) {
        const FirnWatcherPost post = {record, sockets[1], -1, -1, open_program()};

        close(sockets[0]);
        if (!firn_watcher_start(watcher, &post, NULL) ||
            write(ready[1], watcher, sizeof *watcher) != sizeof *watcher)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], watcher, sizeof *watcher), sizeof *watcher);
    close(ready[0]);
    return keeper;
}

/* The watcher has become the next keeper, and that has ended. */
static void await_next_keeper(pid_t pid)
{
    g_autofree char *output = NULL;
    g_autofree char *expected =
        g_strdup_printf("--resume %d %d -1 %s\n", record->fd, sockets[1], record->path);
    gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (firn_pid_is_running(pid)) { /* a child of the keeper as long as that lives */
        ck_assert_msg(g_get_monotonic_time() < end, "the watcher does not act");
        g_usleep(5000);
    }
    output = test_tree_read(tree, "/output");
    ck_assert_str_eq(output, expected);
}

static void assert_killed(pid_t keeper)
{
    int status;

    ck_assert_int_eq(waitpid(keeper, &status, 0), keeper);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}

static void assert_thawed(FirnEnd why)
{
    for (guint i = 0; i < COUNT; i++)
        ck_assert_int_eq(record->targets[i].state, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->head->thawed, COUNT);
    ck_assert_str_eq(firn_end_name((FirnEnd)record->head->end), firn_end_name(why));
}

static void freeze_all(FirnPhase phase)
{
    for (guint i = 0; i < COUNT; i++)
        record->targets[i].state = FIRN_TARGET_FROZEN;
    record->head->frozen = COUNT;
    g_atomic_int_set(&record->head->phase, (gint)phase);
}

START_TEST(a_keeper_that_was_killed_leaves_nothing_frozen)
{
    FirnWatcher watcher;
    pid_t keeper;

    freeze_all(FIRN_PHASE_HELD);
    keeper = start_keeper(&watcher);
    ck_assert(firn_pid_is_named(watcher.pid, FIRN_WATCHER_NAME));
    kill(keeper, SIGKILL);
    assert_killed(keeper);
    await_next_keeper(watcher.pid);
    assert_thawed(FIRN_END_DIED);
    ck_assert(record->head->early);
}
END_TEST

START_TEST(a_keeper_that_misses_the_deadline_is_killed)
{
    FirnWatcher watcher;
    pid_t keeper;

    freeze_all(FIRN_PHASE_HELD);
    keeper = start_keeper(&watcher);
    record->head->deadline = firn_record_now();
    assert_killed(keeper);
    await_next_keeper(watcher.pid);
    assert_thawed(FIRN_END_DEADLINE);
}
END_TEST

START_TEST(a_keeper_that_does_not_read_the_thaw_is_killed)
{
    FirnWatcher watcher;
    pid_t keeper;

    freeze_all(FIRN_PHASE_HELD);
    keeper = start_keeper(&watcher);
    ck_assert_int_eq(write(sockets[0], "thaw\n", 5), 5);
    assert_killed(keeper);
    await_next_keeper(watcher.pid);
    assert_thawed(FIRN_END_REQUEST);
    ck_assert(!record->head->early);
}
END_TEST

/* As systemctl(1) stop sends it, to all processes of a service. */
START_TEST(a_sigterm_does_not_keep_the_watcher_from_going_on)
{
    FirnWatcher watcher;
    pid_t keeper;

    freeze_all(FIRN_PHASE_HELD);
    keeper = start_keeper(&watcher);
    kill(watcher.pid, SIGTERM);
    kill(keeper, SIGKILL);
    assert_killed(keeper);
    await_next_keeper(watcher.pid);
    assert_thawed(FIRN_END_DIED);
}
END_TEST

START_TEST(a_keeper_in_its_call_is_left_alive)
{
    FirnWatcher watcher;
    pid_t keeper;

    freeze_all(FIRN_PHASE_WALK);
    record->targets[1].state = FIRN_TARGET_FREEZING;
    keeper = start_keeper(&watcher);
    record->head->walk_deadline = firn_record_now();
    await_next_keeper(watcher.pid);
    ck_assert_int_eq(record->targets[0].state, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->targets[1].state, FIRN_TARGET_STUCK);
    ck_assert_int_eq(record->targets[2].state, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->head->end, FIRN_END_WALK_TIMEOUT);
    ck_assert_int_eq(waitpid(keeper, NULL, WNOHANG), 0);
    kill(keeper, SIGKILL);
    assert_killed(keeper);
}
END_TEST

START_TEST(the_end_of_the_freeze_is_that_of_the_watcher)
{
    FirnWatcher watcher;
    pid_t keeper = start_keeper(&watcher);
    int status;

    g_atomic_int_set(&record->head->phase, FIRN_PHASE_DONE);
    kill(keeper, SIGKILL); /* so that the test can wait for its child */
    assert_killed(keeper);
    ck_assert_int_eq(waitpid(watcher.pid, &status, 0), watcher.pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(record->head->end, FIRN_END_NONE);
}
END_TEST

START_TEST(a_watcher_that_is_dismissed_leaves_nothing)
{
    FirnWatcher watcher;
    const FirnWatcherPost post = {record, -1, -1, -1, -1};
    pid_t pid;

    freeze_all(FIRN_PHASE_HELD);
    ck_assert(firn_watcher_start(&watcher, &post, NULL));
    pid = watcher.pid;
    firn_watcher_dismiss(&watcher);
    ck_assert_int_eq(waitpid(pid, NULL, 0), -1);
    ck_assert_int_eq(watcher.end, -1);
    ck_assert_uint_eq(firn_record_count_frozen(record), COUNT);
    firn_watcher_dismiss(&watcher);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watcher");
    TCase *judging = tcase_create("judging");
    TCase *acting = tcase_create("acting");

    tcase_add_test(judging, without_a_deadline_a_freeze_is_held);
    tcase_add_test(judging, the_keeper_has_a_second_for_the_deadline);
    tcase_add_test(judging, in_a_call_that_hangs_the_keeper_sees_to_nothing);
    tcase_add_test(judging, a_keeper_that_does_not_begin_the_thaw_is_held_up);
    tcase_add_test(judging, a_script_has_its_time_to_end);
    tcase_add_test(judging, a_thaw_goes_on_within_a_second);
    tcase_add_test(judging, a_thaw_that_hangs_in_a_child_holds_nobody_up);
    tcase_add_test(judging, a_thaw_hook_has_its_time_and_some_more);
    suite_add_tcase(suite, judging);
    tcase_add_checked_fixture(acting, setup, teardown);
    tcase_add_test(acting, a_keeper_that_was_killed_leaves_nothing_frozen);
    tcase_add_test(acting, a_keeper_that_misses_the_deadline_is_killed);
    tcase_add_test(acting, a_keeper_that_does_not_read_the_thaw_is_killed);
    tcase_add_test(acting, a_sigterm_does_not_keep_the_watcher_from_going_on);
    tcase_add_test(acting, a_keeper_in_its_call_is_left_alive);
    tcase_add_test(acting, the_end_of_the_freeze_is_that_of_the_watcher);
    tcase_add_test(acting, a_watcher_that_is_dismissed_leaves_nothing);
    suite_add_tcase(suite, acting);
    return test_suite_run(suite);
}
