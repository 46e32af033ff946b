/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sync, freeze and thaw, by the answers of a kernel that this test plays: errors and hangs of
 * single filesystems cannot be had otherwise. What real filesystems answer is for the kernel tests.
 */
#include "agent/freeze/sync.h"
#include "agent/freeze/walk.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT 4
#define HANG (-1) /* does not return while `hanging` */
#define DIE (-2)  /* the process is killed in it */

/* What the kernel answers of each target, and what it has been asked; shared with children. */
typedef struct {
    int sync[COUNT], freeze[COUNT], thaw[COUNT];
    gint hanging;
    gint thaws; /* all calls of it */
    gint pid;   /* of the process that hangs */
    char log[4096];
} Kernel;

static Kernel *kernel;
static FirnRecord *record;
static char *tree;

/* Which target a descriptor is of. */
static guint find(int fd)
{
    for (guint i = 0; i < COUNT; i++) {
        if (record->fds[i] == fd)
            return i;
    }
    ck_abort_msg("a descriptor of no target");
    return 0;
}

static int answer(const char *call, int *answers, int fd)
{
    guint i = find(fd);
    gsize length = strlen(kernel->log);

    g_snprintf(kernel->log + length, sizeof kernel->log - length, "%s%u ", call, i);
    if (answers[i] == HANG) {
        g_atomic_int_set(&kernel->pid, (gint)getpid());
        while (g_atomic_int_get(&kernel->hanging))
            g_usleep(1000);
        return 0;
    }
    if (answers[i] == DIE) {
        answers[i] = EINVAL; /* it was done */
        kill(getpid(), SIGKILL);
    }
    return answers[i];
}

static int answer_sync(int fd)
{
    return answer("s", kernel->sync, fd);
}

static int answer_freeze(int fd)
{
    return answer("f", kernel->freeze, fd);
}

static int answer_thaw(int fd)
{
    g_atomic_int_inc(&kernel->thaws);
    return answer("t", kernel->thaw, fd);
}

static const FirnSuperblockCalls calls = {answer_sync, answer_freeze, answer_thaw};

static void setup(void)
{
    /* one disk for all: a worker syncs them in their order */
    static const char text[] = "1 0 8:1 / / rw - ext4 /dev/vda1 rw\n"
                               "2 1 8:2 / /b rw - ext4 /dev/vda2 rw\n"
                               "3 1 8:3 / /c rw - ext4 /dev/vda3 rw\n"
                               "4 1 8:4 / /d rw - ext4 /dev/vda4 rw\n";
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(text, -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);

    tree = test_tree_new();
    request->state_dir = g_strdup(tree);
    record = firn_record_create(request, plan, NULL, NULL);
    ck_assert_ptr_nonnull(record);
    ck_assert_uint_eq(record->head->target_count, COUNT);
    for (guint i = 0; i < COUNT; i++) {
        record->fds[i] = open(tree, O_RDONLY | O_CLOEXEC);
        record->targets[i].disk = 0;
    }
    record->calls = &calls;
    kernel = mmap(NULL, sizeof *kernel, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(kernel != MAP_FAILED);
    kernel->hanging = TRUE;
}

static void teardown(void)
{
    kernel->hanging = FALSE;
    firn_record_free(record);
    test_tree_remove(tree);
}

static gboolean never(gpointer data)
{
    return FALSE;
}

/* TRUE once one is frozen. */
static gboolean is_one_frozen(gpointer data)
{
    return firn_record_count_frozen(record) > 0;
}

static void freeze_all(void)
{
    ck_assert(firn_walk_freeze(record, NULL, never, NULL, NULL));
    kernel->log[0] = '\0';
}

static void assert_states(FirnTargetState a, FirnTargetState b, FirnTargetState c,
                          FirnTargetState d)
{
    const FirnTargetState expected[COUNT] = {a, b, c, d};

    for (guint i = 0; i < COUNT; i++)
        ck_assert_msg((int)record->targets[i].state == (int)expected[i], "target %u is at %d", i,
                      record->targets[i].state);
}

START_TEST(all_are_frozen_in_order_and_thawed_backwards)
{
    ck_assert(firn_walk_freeze(record, NULL, never, NULL, NULL));
    ck_assert_uint_eq(record->head->frozen, COUNT);
    ck_assert_uint_eq(firn_record_count_frozen(record), COUNT);
    firn_walk_thaw(record, NULL);
    ck_assert_str_eq(kernel->log, "f0 f1 f2 f3 t3 t2 t1 t0 ");
    assert_states(FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->head->thawed, COUNT);
    ck_assert(!record->head->early);
    ck_assert_int_ge(record->targets[0].thaw_end, record->targets[3].thaw_end);
    ck_assert_ptr_null(firn_walk_thaw_error(record));
}
END_TEST

START_TEST(what_is_not_ours_is_neither_counted_nor_thawed)
{
    kernel->freeze[0] = EBUSY;
    kernel->freeze[1] = EOPNOTSUPP;
    kernel->freeze[2] = ENOTTY;
    ck_assert(firn_walk_freeze(record, NULL, never, NULL, NULL));
    assert_states(FIRN_TARGET_FOREIGN, FIRN_TARGET_UNSUPPORTED, FIRN_TARGET_UNSUPPORTED,
                  FIRN_TARGET_FROZEN);
    ck_assert_uint_eq(record->head->frozen, 1);
    firn_walk_thaw(record, NULL);
    ck_assert_str_eq(kernel->log, "f0 f1 f2 f3 t3 ");
}
END_TEST

START_TEST(a_failure_ends_the_walk_and_names_the_filesystem)
{
    g_autoptr(GError) error = NULL;

    kernel->freeze[1] = EIO;
    ck_assert(!firn_walk_freeze(record, NULL, never, NULL, &error));
    ck_assert_msg(strstr(error->message, "/c (ext4 on /dev/vda3): Input/output error") != NULL,
                  "%s", error->message);
    ck_assert_msg(strstr(error->message, "freeze-exclude") != NULL, "%s", error->message);
    assert_states(FIRN_TARGET_FROZEN, FIRN_TARGET_FAILED, FIRN_TARGET_PENDING, FIRN_TARGET_PENDING);
    firn_walk_thaw(record, NULL);
    ck_assert_str_eq(kernel->log, "f0 f1 t0 ");
}
END_TEST

START_TEST(an_end_is_seen_before_the_next_filesystem)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!firn_walk_freeze(record, NULL, is_one_frozen, NULL, &error));
    ck_assert_ptr_null(error);
    ck_assert_str_eq(kernel->log, "f0 ");
    record->head->end = FIRN_END_DEADLINE;
    ck_assert(!firn_walk_freeze(record, NULL, never, NULL, NULL));
    ck_assert_str_eq(kernel->log, "f0 ");
}
END_TEST

/* The watcher gives up the second one while its call hangs. */
static int give_up(int fd)
{
    guint i = find(fd);

    if (i == 1)
        record->targets[i].state = FIRN_TARGET_STUCK;
    return answer_freeze(fd);
}

static const FirnSuperblockCalls calls_given_up = {answer_sync, give_up, answer_thaw};

START_TEST(what_was_given_up_is_thawed_by_its_own_process)
{
    g_autoptr(GError) error = NULL;

    record->calls = &calls_given_up;
    ck_assert(!firn_walk_freeze(record, NULL, never, NULL, &error));
    ck_assert_ptr_null(error);
    ck_assert_str_eq(kernel->log, "f0 f1 t1 ");
    assert_states(FIRN_TARGET_FROZEN, FIRN_TARGET_STUCK, FIRN_TARGET_PENDING, FIRN_TARGET_PENDING);
    ck_assert_uint_eq(record->head->frozen, 1);
}
END_TEST

START_TEST(what_was_given_up_and_is_not_ours_is_left_alone)
{
    record->calls = &calls_given_up;
    kernel->freeze[1] = EBUSY;
    ck_assert(!firn_walk_freeze(record, NULL, never, NULL, NULL));
    ck_assert_str_eq(kernel->log, "f0 f1 ");
    ck_assert_int_eq(record->targets[1].error, EBUSY);
}
END_TEST

START_TEST(what_somebody_else_thawed_is_told)
{
    freeze_all();
    kernel->thaw[2] = EINVAL;
    firn_walk_thaw(record, NULL);
    assert_states(FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->targets[2].thaw_error, EINVAL);
    ck_assert_int_eq(record->head->thawed, COUNT - 1);
    ck_assert(record->head->early);
}
END_TEST

START_TEST(what_cannot_be_thawed_stays_frozen_and_is_tried_again)
{
    g_autoptr(GError) error = NULL;

    freeze_all();
    kernel->thaw[1] = EIO;
    firn_walk_thaw(record, NULL);
    assert_states(FIRN_TARGET_THAWED, FIRN_TARGET_FROZEN, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED);
    error = firn_walk_thaw_error(record);
    ck_assert_msg(strstr(error->message, "/c (ext4 on /dev/vda3): Input/output error") != NULL,
                  "%s", error->message);
    kernel->thaw[1] = 0;
    firn_walk_thaw_apart(record);
    assert_states(FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->head->thawed, COUNT);
}
END_TEST

static void await_state(guint i, FirnTargetState state)
{
    gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (g_atomic_int_get(&record->targets[i].state) != (int)state) {
        ck_assert_msg(g_get_monotonic_time() < end, "target %u stays at %d", i,
                      record->targets[i].state);
        firn_walk_reap(record);
        g_usleep(1000);
    }
}

START_TEST(a_thaw_that_hangs_keeps_no_other_frozen)
{
    g_autoptr(GError) error = NULL;

    freeze_all();
    kernel->thaw[3] = HANG;
    firn_walk_thaw_apart(record);
    assert_states(FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWING);
    ck_assert_int_eq(record->targets[3].apart, kernel->pid);
    error = firn_walk_thaw_error(record);
    ck_assert_msg(strstr(error->message, "does not return") != NULL, "%s", error->message);
    firn_walk_reap(record);
    firn_walk_thaw_apart(record);
    ck_assert_int_eq(kernel->thaws, COUNT);
    g_atomic_int_set(&kernel->hanging, FALSE);
    await_state(3, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->head->thawed, COUNT);
}
END_TEST

/* The next keeper has settled it meanwhile, as its process was of a dead one. */
START_TEST(a_thaw_that_comes_back_late_is_not_counted_twice)
{
    freeze_all();
    kernel->thaw[3] = HANG;
    firn_walk_thaw_apart(record);
    record->targets[3].state = FIRN_TARGET_THAWED;
    g_atomic_int_inc(&record->head->thawed);
    g_atomic_int_set(&kernel->hanging, FALSE);
    ck_assert_int_eq(waitpid(record->targets[3].apart, NULL, 0), record->targets[3].apart);
    ck_assert_int_eq(record->head->thawed, COUNT);
}
END_TEST

/* Another child of this process still runs, as the watcher is one of the keeper. */
START_TEST(a_thaw_whose_process_is_killed_is_tried_again)
{
    pid_t other = fork();

    if (other == 0) {
        for (;;)
            pause();
    }
    freeze_all();
    kernel->thaw[2] = DIE;
    firn_walk_thaw_apart(record);
    await_state(2, FIRN_TARGET_FROZEN);
    ck_assert(record->targets[2].unsure);
    firn_walk_thaw_apart(record);
    assert_states(FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED, FIRN_TARGET_THAWED);
    ck_assert_int_eq(record->targets[2].thaw_error, 0);
    ck_assert_int_eq(record->head->thawed, COUNT);
    ck_assert(!record->head->early);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
}
END_TEST

START_TEST(a_child_of_another_kind_is_not_waited_for)
{
    pid_t other = fork();

    if (other == 0)
        _exit(0);
    freeze_all();
    firn_walk_thaw_apart(record);
    firn_walk_reap(record);
    ck_assert_int_eq(waitpid(other, NULL, 0), other);
}
END_TEST

START_TEST(a_process_that_takes_over_thaws_what_may_be_frozen)
{
    record->targets[0].state = FIRN_TARGET_FROZEN;
    record->targets[1].state = FIRN_TARGET_THAWING;
    record->targets[2].state = FIRN_TARGET_FREEZING;
    record->head->frozen = 2;
    firn_walk_adopt(record);
    assert_states(FIRN_TARGET_FROZEN, FIRN_TARGET_FROZEN, FIRN_TARGET_FROZEN, FIRN_TARGET_PENDING);
    ck_assert_uint_eq(record->head->frozen, 3);
    kernel->thaw[1] = kernel->thaw[2] = EINVAL;
    firn_walk_thaw(record, NULL);
    ck_assert_int_eq(record->head->thawed, 3);
    ck_assert(!record->head->early);
    ck_assert(!record->targets[0].unsure);
}
END_TEST

START_TEST(all_are_synced_and_their_times_noted)
{
    record->targets[3].state = FIRN_TARGET_HIDDEN;
    ck_assert(firn_sync_before_hooks(record, 60, never, NULL, NULL));
    ck_assert_str_eq(kernel->log, "s0 s1 s2 ");
    ck_assert_int_gt(record->targets[2].sync_end, 0);
    ck_assert_int_eq(record->targets[3].sync_end, 0);
    ck_assert_int_gt(record->head->sync_end, 0);
}
END_TEST

START_TEST(data_that_a_disk_did_not_take_fails_the_freeze)
{
    g_autoptr(GError) error = NULL;

    kernel->sync[1] = EIO;
    ck_assert(!firn_sync_before_hooks(record, 60, never, NULL, &error));
    ck_assert_msg(strstr(error->message, "failed to sync /c (ext4 on /dev/vda3)") != NULL, "%s",
                  error->message);
    ck_assert_int_eq(record->targets[1].state, FIRN_TARGET_FAILED);
}
END_TEST

START_TEST(a_sync_that_hangs_costs_its_time_and_no_more)
{
    kernel->sync[2] = HANG;
    ck_assert(firn_sync_before_hooks(record, 1, never, NULL, NULL));
    kernel->log[0] = '\0';
    ck_assert(firn_sync_before_walk(record, 1, never, NULL, NULL));
    ck_assert_str_eq(kernel->log, ""); /* what hung before would hang again */
    freeze_all();
    assert_states(FIRN_TARGET_FROZEN, FIRN_TARGET_FROZEN, FIRN_TARGET_FROZEN, FIRN_TARGET_FROZEN);
}
END_TEST

static gboolean does_one_hang(gpointer data)
{
    return g_atomic_int_get(&kernel->pid) != 0;
}

START_TEST(an_end_ends_a_sync)
{
    g_autoptr(GError) error = NULL;

    kernel->sync[0] = HANG;
    ck_assert(!firn_sync_before_hooks(record, 0, does_one_hang, NULL, &error));
    ck_assert_ptr_null(error);
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1); /* no zombie either */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("walk");
    TCase *tests = tcase_create("walk");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, all_are_frozen_in_order_and_thawed_backwards);
    tcase_add_test(tests, what_is_not_ours_is_neither_counted_nor_thawed);
    tcase_add_test(tests, a_failure_ends_the_walk_and_names_the_filesystem);
    tcase_add_test(tests, an_end_is_seen_before_the_next_filesystem);
    tcase_add_test(tests, what_was_given_up_is_thawed_by_its_own_process);
    tcase_add_test(tests, what_was_given_up_and_is_not_ours_is_left_alone);
    tcase_add_test(tests, what_somebody_else_thawed_is_told);
    tcase_add_test(tests, what_cannot_be_thawed_stays_frozen_and_is_tried_again);
    tcase_add_test(tests, a_thaw_that_hangs_keeps_no_other_frozen);
    tcase_add_test(tests, a_thaw_that_comes_back_late_is_not_counted_twice);
    tcase_add_test(tests, a_thaw_whose_process_is_killed_is_tried_again);
    tcase_add_test(tests, a_child_of_another_kind_is_not_waited_for);
    tcase_add_test(tests, a_process_that_takes_over_thaws_what_may_be_frozen);
    tcase_add_test(tests, all_are_synced_and_their_times_noted);
    tcase_add_test(tests, data_that_a_disk_did_not_take_fails_the_freeze);
    tcase_add_test(tests, a_sync_that_hangs_costs_its_time_and_no_more);
    tcase_add_test(tests, an_end_ends_a_sync);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
