/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard without anything to thaw: when it acts, and what it becomes. */
#include "agent/freeze/guard.h"
#include "platform/pidfd.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (60 * G_USEC_PER_SEC)
#define NS_PER_SECOND ((gint64)1000000000)

static char *tree;
static char *program;

static void setup(void)
{
    g_autofree char *script = NULL;

    tree = test_tree_new();
    program = g_build_filename(tree, "finisher", NULL);
    script = g_strdup_printf("#!/bin/sh\necho \"$@\" >%s/became.new\nmv %s/became.new %s/became\n",
                             tree, tree, tree);
    test_tree_write(tree, "/finisher", script);
    ck_assert_int_eq(g_chmod(program, 0755), 0);
}

static void teardown(void)
{
    g_free(program);
    test_tree_remove(tree);
}

static FirnState *make_state(void)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(FirnMounts) mounts = firn_mounts_parse("", 0);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);
    FirnState *state;

    g_free(config->state_dir);
    config->state_dir = g_strdup(tree);
    state = firn_state_create(config, roots, plan, NULL, "test", NULL, NULL);
    ck_assert_ptr_nonnull(state);
    return state;
}

static gboolean has_become(void)
{
    g_autofree char *path = g_build_filename(tree, "became", NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void await_finisher(const FirnState *state)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    g_autofree char *expected = g_strdup_printf("finish %s\n", state->path);
    g_autofree char *text = NULL;

    while (!has_become()) {
        ck_assert_msg(g_get_monotonic_time() < end, "the guard does not act");
        g_usleep(5000);
    }
    text = test_tree_read(tree, "/became");
    ck_assert_str_eq(text, expected);
}

static FirnGuard *start(FirnState *state, int timer)
{
    g_autoptr(GError) error = NULL;
    FirnGuard *guard = firn_guard_start(state, timer, -1, NULL, program, &error);

    ck_assert_msg(guard != NULL, "%s", error ? error->message : "");
    return guard;
}

START_TEST(test_waits_and_is_dismissed)
{
    g_autoptr(FirnState) state = make_state();
    int timer = firn_guard_timer();
    FirnGuard *guard = start(state, timer);
    FirnGuard *found;
    pid_t pid = guard->pid;

    ck_assert(firn_pid_is_named(pid, FIRN_GUARD_NAME));
    ck_assert(!firn_guard_has_ended(guard));
    found = firn_guard_find(state);
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->pid, pid);
    firn_guard_forget(found);
    ck_assert_int_eq(getsid(pid), pid);
    kill(pid, SIGTERM); /* a service manager's, meant for the agent */
    g_usleep(20000);
    ck_assert(!firn_guard_has_ended(guard));
    firn_guard_dismiss(guard);
    ck_assert(!firn_pid_is_running(pid));
    ck_assert(!has_become());
    ck_assert_ptr_null(firn_guard_find(state));
    close(timer);
}
END_TEST

START_TEST(test_deadline)
{
    g_autoptr(FirnState) state = make_state();
    int timer = firn_guard_timer();
    FirnGuard *guard = start(state, timer);

    g_atomic_int_set(&state->head->phase, FIRN_PHASE_HELD);
    state->head->deadline = firn_state_now() + NS_PER_SECOND / 10;
    firn_guard_arm(timer, state);
    await_finisher(state);
    ck_assert_int_eq(state->head->end, FIRN_END_DEADLINE);
    ck_assert_int_eq(state->head->ender, (int)guard->pid);
    ck_assert_int_eq(state->head->phase, FIRN_PHASE_THAW_HOOKS);
    ck_assert(state->head->early);
    firn_guard_dismiss(guard);
    close(timer);
}
END_TEST

/* A walk that nobody has ended long after its deadline: the agent is stopped, or hangs. */
START_TEST(test_overdue_walk)
{
    g_autoptr(FirnState) state = make_state();
    int timer = firn_guard_timer();
    FirnGuard *guard = start(state, timer);

    state->head->walk_deadline = firn_state_now() - 60 * NS_PER_SECOND;
    g_atomic_int_set(&state->head->phase, FIRN_PHASE_WALK);
    firn_guard_arm(timer, state);
    await_finisher(state);
    ck_assert_int_eq(state->head->end, FIRN_END_WALK_TIMEOUT);
    ck_assert(!state->head->early);
    firn_guard_dismiss(guard);
    close(timer);
}
END_TEST

/* Runs a guard under an agent of its own, which dies in that phase. */
static void run_orphan(FirnState *state, FirnPhase phase)
{
    pid_t agent = fork();

    if (agent == 0) {
        int timer = firn_guard_timer();

        if (!firn_guard_start(state, timer, -1, NULL, program, NULL))
            _exit(1);
        g_atomic_int_set(&state->head->phase, (int)phase);
        raise(SIGKILL);
    }
    waitpid(agent, NULL, 0);
}

START_TEST(test_agent_dies_in_the_walk)
{
    g_autoptr(FirnState) state = make_state();

    if (test_on_valgrind())
        TEST_SKIP("the guard's process ends by _exit(), which valgrind takes for a leak");
    run_orphan(state, FIRN_PHASE_WALK);
    await_finisher(state);
    ck_assert_int_eq(state->head->end, FIRN_END_DIED);
    ck_assert(!state->head->early);
}
END_TEST

START_TEST(test_agent_dies_while_held)
{
    g_autoptr(FirnState) state = make_state();
    FirnGuard *guard;

    if (test_on_valgrind())
        TEST_SKIP("the guard's process ends by _exit(), which valgrind takes for a leak");
    run_orphan(state, FIRN_PHASE_HELD);
    g_usleep(100000);
    ck_assert(!has_become());
    guard = firn_guard_find(state);
    ck_assert_ptr_nonnull(guard);
    firn_guard_dismiss(guard);
}
END_TEST

START_TEST(test_somebody_else_ends)
{
    g_autoptr(FirnState) state = make_state();
    int timer = firn_guard_timer();
    FirnGuard *guard = start(state, timer);

    /* this process sees to the end, and lives */
    g_atomic_int_set(&state->head->ender, (int)getpid());
    g_atomic_int_set(&state->head->phase, FIRN_PHASE_HELD);
    state->head->deadline = firn_state_now() - NS_PER_SECOND;
    firn_guard_arm(timer, state);
    g_usleep(100000);
    ck_assert(!has_become());
    ck_assert_int_eq(state->head->ender, (int)getpid());
    firn_guard_dismiss(guard);
    close(timer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tests = tcase_create("guard");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_waits_and_is_dismissed);
    tcase_add_test(tests, test_deadline);
    tcase_add_test(tests, test_overdue_walk);
    tcase_add_test(tests, test_agent_dies_in_the_walk);
    tcase_add_test(tests, test_agent_dies_while_held);
    tcase_add_test(tests, test_somebody_else_ends);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
