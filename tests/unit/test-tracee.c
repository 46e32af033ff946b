/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tracer that the proof of the freeze stands on: what it injects is really so. */
#include "tests/lib/calls.h"
#include "tests/lib/suite.h"
#include "tests/lib/tracee.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SOON (g_get_monotonic_time() + 60 * G_USEC_PER_SEC)

typedef struct {
    TestTracees *tracees;
    guint64 call; /* the faulty one */
    int error;    /* 0: it is held */
    guint faults;
    gint64 result; /* that leave() saw of it */
    guint calls;
    guint processes;
    int status; /* of the first process, once it is over */
    pid_t first;
    TestTracee *held;
} Scene;

static void on_born(TestTracee *tracee, TestTracee *parent, gpointer data)
{
    Scene *scene = data;

    (void)parent;
    scene->processes++;
    ck_assert(tracee->pid == tracee->tid);
}

static gboolean on_exec(TestTracee *tracee, gpointer data)
{
    (void)data;
    tracee->watched = TRUE;
    return TRUE;
}

static TestCallNext on_enter(TestTracee *tracee, gpointer data)
{
    Scene *scene = data;

    scene->calls++;
    if (tracee->call != scene->call || scene->faults > 0)
        return TEST_CALL_GO;
    scene->faults++;
    scene->held = tracee;
    test_tracees_fail_with(tracee, scene->error);
    return scene->error ? TEST_CALL_FAIL : TEST_CALL_HOLD;
}

static void on_leave(TestTracee *tracee, gpointer data)
{
    Scene *scene = data;

    if (tracee->injected)
        scene->result = tracee->result;
}

static void on_death(TestTracee *tracee, int status, gpointer data)
{
    Scene *scene = data;

    if (tracee->pid == scene->first) {
        scene->status = status;
        scene->first = 0;
    }
    if (scene->held == tracee)
        scene->held = NULL;
}

static gboolean is_over(gpointer data)
{
    return ((Scene *)data)->first == 0;
}

static gboolean is_held(gpointer data)
{
    return ((Scene *)data)->held != NULL;
}

static void begin(Scene *scene, const char *command)
{
    static const TestTraceesEvents events = {on_born, on_exec, on_enter, on_leave, on_death};
    const char *argv[] = {"sh", "-c", command, NULL};

    scene->tracees = test_tracees_new(&events, scene);
    if (scene->tracees)
        scene->first = test_tracees_spawn(scene->tracees, argv, "/dev/null", 0);
}

#define BEGIN_OR_SKIP(scene, command)                                                              \
    do {                                                                                           \
        begin(scene, command);                                                                     \
        if (!(scene)->tracees)                                                                     \
            TEST_SKIP("system calls are changed on x86-64 only");                                  \
    } while (0)

START_TEST(test_a_program_that_is_left_alone_ends_well)
{
    Scene scene = {.call = G_MAXUINT64};

    BEGIN_OR_SKIP(&scene, "(exit 3); [ $? = 3 ]");
    ck_assert(test_tracees_run(scene.tracees, SOON, is_over));
    ck_assert(WIFEXITED(scene.status) && WEXITSTATUS(scene.status) == 0);
    ck_assert_uint_eq(scene.processes, 1);
    ck_assert_uint_gt(scene.calls, 10);
    test_tracees_free(scene.tracees);
}
END_TEST

START_TEST(test_an_injected_errno_reaches_the_program)
{
    Scene scene = {.call = SYS_chdir, .error = EIO};

    BEGIN_OR_SKIP(&scene, "cd /");
    ck_assert(test_tracees_run(scene.tracees, SOON, is_over));
    ck_assert_uint_eq(scene.faults, 1);
    ck_assert_int_eq(scene.result, -EIO);
    ck_assert(WIFEXITED(scene.status) && WEXITSTATUS(scene.status) != 0);
    test_tracees_free(scene.tracees);
}
END_TEST

START_TEST(test_a_call_that_fails_is_not_made)
{
    g_autofree char *folder = g_dir_make_tmp("firn-XXXXXX", NULL);
    g_autofree char *command = g_strdup_printf("rmdir %s", folder);
    Scene scene = {.call = SYS_rmdir, .error = EIO};

    BEGIN_OR_SKIP(&scene, command);
    ck_assert(test_tracees_run(scene.tracees, SOON, is_over));
    ck_assert_uint_eq(scene.faults, 1);
    ck_assert(g_file_test(folder, G_FILE_TEST_IS_DIR));
    ck_assert_int_eq(g_rmdir(folder), 0);
    test_tracees_free(scene.tracees);
}
END_TEST

START_TEST(test_what_is_held_stands_before_its_call_and_can_be_killed)
{
    Scene scene = {.call = SYS_chdir};

    BEGIN_OR_SKIP(&scene, "cd /");
    ck_assert(test_tracees_run(scene.tracees, SOON, is_held));
    ck_assert(!test_tracees_run(scene.tracees, g_get_monotonic_time() + 50000, is_over));
    ck_assert_int_eq(kill(scene.held->pid, SIGKILL), 0);
    ck_assert(test_tracees_run(scene.tracees, SOON, is_over));
    ck_assert(WIFSIGNALED(scene.status) && WTERMSIG(scene.status) == SIGKILL);
    test_tracees_free(scene.tracees);
}
END_TEST

START_TEST(test_what_is_held_goes_on_when_it_is_released)
{
    Scene scene = {.call = SYS_chdir};

    BEGIN_OR_SKIP(&scene, "cd /");
    ck_assert(test_tracees_run(scene.tracees, SOON, is_held));
    test_tracees_release(scene.tracees, scene.held);
    ck_assert(test_tracees_run(scene.tracees, SOON, is_over));
    ck_assert(WIFEXITED(scene.status) && WEXITSTATUS(scene.status) == 0);
    test_tracees_free(scene.tracees);
}
END_TEST

static gboolean has_stopped(gpointer data)
{
    const Scene *scene = data;
    TestTracee *first = test_tracees_find(scene->tracees, scene->first);

    return first && first->stopped;
}

START_TEST(test_what_is_stopped_stays_so_until_it_is_continued)
{
    Scene scene = {.call = G_MAXUINT64};
    pid_t first;

    BEGIN_OR_SKIP(&scene, "while :; do :; done");
    first = scene.first;
    kill(first, SIGSTOP);
    ck_assert(test_tracees_run(scene.tracees, SOON, has_stopped));
    kill(first, SIGCONT);
    while (test_tracees_run(scene.tracees, g_get_monotonic_time() + 5000, has_stopped))
        ;
    kill(first, SIGKILL);
    ck_assert(test_tracees_run(scene.tracees, SOON, is_over));
    test_tracees_free(scene.tracees);
}
END_TEST

START_TEST(test_calls_have_the_errnos_of_their_pages)
{
    const guint64 args[6] = {0};
    g_autofree char *name = test_call_name(SYS_syncfs, args);
    g_autofree char *unknown = test_call_name(100000, args);

    ck_assert_str_eq(name, "syncfs");
    ck_assert_int_eq(test_call_errnos(SYS_syncfs, args)[0], EIO);
    ck_assert_str_eq(unknown, "call 100000");
    ck_assert_int_eq(test_call_errnos(100000, args)[0], 0);
    ck_assert(test_call_has_effect(SYS_flock, args));
    ck_assert(!test_call_has_effect(SYS_syncfs, args));
    ck_assert(test_call_waits(SYS_ppoll));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracee");
    TCase *tests = tcase_create("tracee");

    tcase_add_test(tests, test_a_program_that_is_left_alone_ends_well);
    tcase_add_test(tests, test_an_injected_errno_reaches_the_program);
    tcase_add_test(tests, test_a_call_that_fails_is_not_made);
    tcase_add_test(tests, test_what_is_held_stands_before_its_call_and_can_be_killed);
    tcase_add_test(tests, test_what_is_held_goes_on_when_it_is_released);
    tcase_add_test(tests, test_what_is_stopped_stays_so_until_it_is_continued);
    tcase_add_test(tests, test_calls_have_the_errnos_of_their_pages);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
