/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/hooks.h"
#include "platform/pidfd.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A folder of hooks, each test its own. */
static char *tree;

static void setup(void)
{
    tree = test_tree_new();
}

static void teardown(void)
{
    test_tree_remove(tree);
}

static void add(const char *name, guint mode, const char *text)
{
    g_autofree char *path = g_build_filename("/hooks", name, NULL);
    g_autofree char *full = g_strconcat(tree, path, NULL);

    test_tree_write(tree, path, text);
    ck_assert_int_eq(g_chmod(full, (int)mode), 0);
}

/* A hook that logs its name, argument and reason, and goes on with `more`. */
static void add_logging(const char *name, const char *more)
{
    g_autofree char *text =
        g_strdup_printf("#!/bin/sh\necho %s $1 $FIRN_REASON >>%s/log\n%s\n", name, tree, more);

    add(name, 0755, text);
}

/* A record in a file, as the script's process and its maker both have it. */
static FirnRecord *make_record(guint timeout)
{
    g_autofree char *folder = g_build_filename(tree, "hooks", NULL);
    g_auto(GStrv) hooks = firn_hooks_list(folder, NULL);
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
    FirnRecord *record;

    ck_assert_ptr_nonnull(hooks);
    request->state_dir = g_strdup(tree);
    request->hook_timeout = timeout;
    record = firn_record_create(request, NULL, (const char *const *)hooks, NULL);
    ck_assert_ptr_nonnull(record);
    return record;
}

/* What the keeper asks as well: whether the freeze is to end. */
static gboolean is_ending(gpointer data)
{
    FirnRecord *record = data;

    return g_atomic_int_get(&record->head->end) != FIRN_END_NONE;
}

static gboolean freeze_hooks(FirnRecord *record, GError **error)
{
    return firn_hooks_freeze(record, is_ending, record, error);
}

static void assert_log(const char *expected)
{
    g_autofree char *text = test_tree_read(tree, "/log");

    ck_assert_str_eq(text, expected);
}

START_TEST(test_order_and_leftovers)
{
    static const char *const left[] = {"10-a~",         ".hidden",     "10-a.bak", "10-a.rpmsave",
                                       "10-a.dpkg-old", "10-a.rpmnew", "#10-a#",   ".10-a.swp"};
    g_autofree char *folder = g_build_filename(tree, "hooks", NULL);
    g_auto(GStrv) hooks = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(left); i++)
        add(left[i], 0755, "");
    add("b", 0755, "");
    add("B", 0755, "");
    add("10-a", 0755, "");
    add("README", 0644, "");
    hooks = firn_hooks_list(folder, NULL);
    ck_assert_ptr_nonnull(hooks);
    ck_assert_uint_eq(g_strv_length(hooks), 3);
    ck_assert(g_str_has_suffix(hooks[0], "/10-a"));
    ck_assert(g_str_has_suffix(hooks[1], "/B"));
    ck_assert(g_str_has_suffix(hooks[2], "/b"));
}
END_TEST

START_TEST(test_one_file)
{
    g_autofree char *path = g_build_filename(tree, "hooks", "only", NULL);
    g_auto(GStrv) hooks = NULL;
    g_auto(GStrv) none = firn_hooks_list(NULL, NULL);

    add("only", 0755, "");
    hooks = firn_hooks_list(path, NULL);
    ck_assert_ptr_nonnull(hooks);
    ck_assert_uint_eq(g_strv_length(hooks), 1);
    ck_assert_str_eq(hooks[0], path);
    ck_assert_uint_eq(g_strv_length(none), 0);
}
END_TEST

START_TEST(test_missing)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_hooks_list("/no/such/hook", &error));
    ck_assert_str_eq(error->message,
                     "can't access fsfreeze hook '/no/such/hook': No such file or directory");
}
END_TEST

START_TEST(test_writable_by_others)
{
    g_autofree char *folder = g_build_filename(tree, "hooks", NULL);
    g_autoptr(GError) error = NULL;

    add("bad", 0775, "");
    ck_assert_ptr_null(firn_hooks_list(folder, &error));
    ck_assert_msg(strstr(error->message, "is not safe") != NULL, "%s", error->message);
    ck_assert_msg(strstr(error->message, "chmod") != NULL, "%s", error->message);
}
END_TEST

START_TEST(test_pairs)
{
    g_autoptr(FirnRecord) record = NULL;

    add_logging("1", "");
    add_logging("2", "");
    record = make_record(60);
    ck_assert(freeze_hooks(record, NULL));
    g_atomic_int_set(&record->head->end, FIRN_END_DEADLINE);
    firn_hooks_thaw(record);
    assert_log("1 freeze request\n2 freeze request\n2 thaw deadline\n1 thaw deadline\n");
    firn_hooks_thaw(record);
    assert_log("1 freeze request\n2 freeze request\n2 thaw deadline\n1 thaw deadline\n");
}
END_TEST

START_TEST(test_failure)
{
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    add_logging("1", "");
    add_logging("2", "[ $1 = thaw ] && exit 0; yes no | head -9999; echo 'the end'; exit 3");
    add_logging("3", "");
    record = make_record(60);
    ck_assert(!freeze_hooks(record, &error));
    ck_assert_msg(g_str_has_prefix(error->message, "fsfreeze hook has failed with status 3: "),
                  "%s", error->message);
    ck_assert_msg(strstr(error->message, "/hooks/2 freeze: ") != NULL, "%s", error->message);
    ck_assert_msg(g_str_has_suffix(error->message, "no the end"), "%s", error->message);
    ck_assert_uint_lt(strlen(error->message), 2000);
    g_atomic_int_set(&record->head->end, FIRN_END_FAILED);
    firn_hooks_thaw(record);
    assert_log("1 freeze request\n2 freeze request\n2 thaw rollback\n1 thaw rollback\n");
}
END_TEST

START_TEST(test_timeout)
{
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    /* it ignores being asked, and so does its child */
    add_logging("1", "[ $1 = thaw ] && exit 0; trap '' TERM; sleep 600 & sleep 600; sleep 600");
    record = make_record(1);
    ck_assert(!freeze_hooks(record, &error));
    ck_assert_msg(strstr(error->message, "freeze-hook-timeout") != NULL, "%s", error->message);
    ck_assert_int_eq(record->hooks[0].status, -1);
    firn_hooks_thaw(record);
    assert_log("1 freeze request\n1 thaw request\n");
}
END_TEST

static void await_death(pid_t pid)
{
    gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (firn_pid_is_running(pid)) {
        ck_assert_msg(g_get_monotonic_time() < end, "a child of a hook still lives");
        g_usleep(5000);
    }
}

static gpointer thaw_hooks(gpointer record)
{
    firn_hooks_thaw(record);
    return NULL;
}

/* What a hook leaves in the background has its output still, and is neither waited for nor ended.
 */
START_TEST(test_background_child)
{
    g_autofree char *more =
        g_strdup_printf("[ $1 = thaw ] || sleep 600 & echo $! >%s/background", tree);
    g_autofree char *background = NULL;
    g_autoptr(FirnRecord) record = NULL;

    add_logging("1", more);
    record = make_record(300);
    ck_assert(freeze_hooks(record, NULL));
    background = test_tree_read(tree, "/background");
    ck_assert_int_eq(kill((pid_t)g_ascii_strtoll(background, NULL, 10), SIGKILL), 0);
    firn_hooks_thaw(record);
    assert_log("1 freeze request\n1 thaw request\n");
}
END_TEST

/* SIGTERM does not impress it: the group is killed, children and all. */
START_TEST(test_stubborn)
{
    g_autofree char *more = g_strdup_printf(
        "[ $1 = thaw ] || { trap '' TERM; sleep 600 & echo $! >%s/child; wait; sleep 600; }", tree);
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *child = NULL;

    add_logging("1", more);
    record = make_record(1);
    ck_assert(!freeze_hooks(record, &error));
    ck_assert_msg(strstr(error->message, "took longer than 1 s") != NULL, "%s", error->message);
    child = test_tree_read(tree, "/child");
    await_death((pid_t)g_ascii_strtoll(child, NULL, 10));
    firn_hooks_thaw(record);
    assert_log("1 freeze request\n1 thaw request\n");
}
END_TEST

/* However much it prints, it does not wait for a reader, and the end is told. */
START_TEST(test_noisy)
{
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    add_logging("1",
                "[ $1 = thaw ] || { head -c 8000000 /dev/zero | tr '\\0' x; echo; echo the end; "
                "exit 3; }");
    record = make_record(300);
    ck_assert(!freeze_hooks(record, &error));
    ck_assert_msg(strstr(error->message, "failed with status 3") != NULL, "%s", error->message);
    ck_assert_msg(g_str_has_suffix(error->message, "xxx the end"), "%s", error->message);
    ck_assert_uint_lt(strlen(error->message), 2000);
    firn_hooks_thaw(record);
}
END_TEST

/* It leaves its session and its output, as daemons do. */
START_TEST(test_daemon)
{
    g_autofree char *more = g_strdup_printf(
        "[ $1 = thaw ] || setsid sh -c 'echo $$ >%s/daemon; exec sleep 600 >/dev/null 2>&1' &\n"
        "until [ -s %s/daemon ]; do sleep 0.01; done",
        tree, tree);
    g_autoptr(FirnRecord) record = NULL;
    g_autofree char *daemon = NULL;

    add_logging("1", more);
    record = make_record(300);
    ck_assert(freeze_hooks(record, NULL));
    firn_hooks_thaw(record);
    assert_log("1 freeze request\n1 thaw request\n");
    daemon = test_tree_read(tree, "/daemon");
    ck_assert_int_eq(kill((pid_t)g_ascii_strtoll(daemon, NULL, 10), SIGKILL), 0);
}
END_TEST

/* A descriptor is missing for a moment: the thaw comes all the same. */
START_TEST(test_shortage)
{
    struct rlimit before, none = {0};
    g_autoptr(FirnRecord) record = NULL;
    GThread *thread;

    if (test_on_valgrind())
        TEST_SKIP("valgrind needs descriptors of its own");
    add_logging("1", "");
    record = make_record(60);
    ck_assert(freeze_hooks(record, NULL));
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    thread = g_thread_new("thaw", thaw_hooks, record);
    g_usleep(300 * 1000);
    ck_assert_int_ne(g_atomic_int_get(&record->hooks[0].state), FIRN_HOOK_THAWED);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    g_thread_join(thread);
    assert_log("1 freeze request\n1 thaw request\n");
    ck_assert_int_eq(record->hooks[0].thaw_status, 0);
}
END_TEST

START_TEST(test_of_another_user)
{
    g_autofree char *path = g_build_filename(tree, "hooks", "1", NULL);
    g_autoptr(GError) error = NULL;

    if (geteuid() != 0)
        TEST_SKIP("only root can give a file away");
    add("1", 0755, "#!/bin/sh\n");
    ck_assert_int_eq(chown(path, 65534, 0), 0);
    ck_assert_ptr_null(firn_hooks_list(path, &error));
    ck_assert_msg(strstr(error->message, "is not safe: it belongs to another user") != NULL, "%s",
                  error->message);
}
END_TEST

/* Its interpreter is there when the freeze begins, and is not when the script is to run. */
START_TEST(test_cannot_run)
{
    g_autofree char *interpreter = g_build_filename(tree, "shell", NULL);
    g_autofree char *text = g_strdup_printf("#!%s\n", interpreter);
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    if (test_on_valgrind())
        TEST_SKIP("valgrind ends a process whose interpreter is missing by itself");
    test_tree_write(tree, "/shell", "");
    add("1", 0755, text);
    record = make_record(60);
    ck_assert_int_eq(unlink(interpreter), 0);
    ck_assert(!freeze_hooks(record, &error));
    ck_assert_msg(g_str_has_prefix(error->message, "cannot run fsfreeze hook "), "%s",
                  error->message);
    ck_assert_msg(strstr(error->message, interpreter) != NULL, "%s", error->message);
    /* nothing of it ran: there is nothing to undo */
    firn_hooks_thaw(record);
    ck_assert_int_eq(record->hooks[0].thaw_begin, 0);
}
END_TEST

START_TEST(test_without_interpreter)
{
    g_autoptr(FirnRecord) record = NULL;
    g_autofree char *text = g_strdup_printf("echo plain $1 >>%s/log\n", tree);

    add("1", 0755, text);
    record = make_record(60);
    ck_assert(freeze_hooks(record, NULL));
    firn_hooks_thaw(record);
    assert_log("plain freeze\nplain thaw\n");
}
END_TEST

START_TEST(test_cancelled_before)
{
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    add_logging("1", "");
    record = make_record(60);
    g_atomic_int_set(&record->head->end, FIRN_END_CANCELLED);
    ck_assert(!freeze_hooks(record, &error));
    ck_assert_ptr_null(error);
    firn_hooks_thaw(record);
    ck_assert_int_eq(record->hooks[0].freeze_begin, 0);
    ck_assert_int_eq(record->hooks[0].thaw_begin, 0);
}
END_TEST

/* A script that a process which is dead now has started: in a group of its own, as hooks are. */
static pid_t start_script(FirnRecordHook *hook, FirnHookState state, const char *text)
{
    g_autofree char *command = g_strconcat("exec >>", tree, "/log; ", text, NULL);
    pid_t pid = fork();

    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    ck_assert_int_gt(pid, 0);
    setpgid(pid, pid);
    hook->pid = (gint)pid;
    hook->started = firn_pid_start(pid);
    hook->state = (gint)state;
    return pid;
}

/* The first was in "freeze", the second in "thaw", the third not begun. */
START_TEST(scripts_that_a_dead_process_has_started_are_paired)
{
    g_autoptr(FirnRecord) record = NULL;

    add_logging("1", "");
    add_logging("2", "");
    add_logging("3", "");
    record = make_record(60);
    record->hooks[0].state = FIRN_HOOK_FREEZING;
    record->hooks[1].state = FIRN_HOOK_THAWING;
    g_atomic_int_set(&record->head->end, FIRN_END_DIED);
    firn_hooks_thaw(record);
    assert_log("1 thaw rollback\n");
    for (guint i = 0; i < 3; i++)
        ck_assert_int_eq(record->hooks[i].state, FIRN_HOOK_THAWED);
}
END_TEST

START_TEST(a_script_that_still_runs_is_waited_for_before_its_thaw)
{
    g_autoptr(FirnRecord) record = NULL;
    pid_t pid;

    add_logging("1", "");
    record = make_record(300);
    pid = start_script(&record->hooks[0], FIRN_HOOK_FREEZING, "sleep 0.3; echo end of freeze");
    firn_hooks_thaw(record);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    assert_log("end of freeze\n1 thaw request\n");
}
END_TEST

START_TEST(a_script_that_still_runs_is_ended_after_its_time)
{
    g_autoptr(FirnRecord) record = NULL;
    int status;
    pid_t pid;

    add_logging("1", "");
    record = make_record(1);
    pid = start_script(&record->hooks[0], FIRN_HOOK_FREEZING, "trap '' TERM; sleep 600; echo end");
    firn_hooks_thaw(record);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    assert_log("1 thaw request\n");
}
END_TEST

/* Its number is another process's by now. */
START_TEST(a_stranger_is_neither_waited_for_nor_killed)
{
    g_autoptr(FirnRecord) record = NULL;
    pid_t pid;

    add_logging("1", "");
    record = make_record(1);
    pid = start_script(&record->hooks[0], FIRN_HOOK_THAWING, "exec sleep 600");
    record->hooks[0].started--;
    firn_hooks_thaw(record);
    ck_assert_int_eq(record->hooks[0].state, FIRN_HOOK_THAWED);
    ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

/* A process that was about to start the script finds it settled. */
START_TEST(a_script_that_is_settled_is_not_started)
{
    g_autofree char *log = g_build_filename(tree, "log", NULL);
    g_autoptr(FirnRecord) record = NULL;

    add_logging("1", "");
    record = make_record(60);
    firn_hooks_thaw(record);
    ck_assert(!freeze_hooks(record, NULL));
    firn_hooks_thaw(record);
    ck_assert_int_eq(record->hooks[0].state, FIRN_HOOK_THAWED);
    ck_assert(!g_file_test(log, G_FILE_TEST_EXISTS));
}
END_TEST

/* The cancel ends it; it has run, and gets its thaw. */
START_TEST(a_script_that_runs_is_ended_by_a_cancel)
{
    g_autoptr(FirnRecord) record = NULL;
    g_autoptr(GError) error = NULL;
    pid_t other;

    if (test_on_valgrind())
        TEST_SKIP("a process that ends by _exit() is a leak to valgrind");
    add_logging("1", "[ $1 = thaw ] || sleep 600");
    record = make_record(600);
    other = fork();
    if (other == 0) {
        while (g_atomic_int_get(&record->hooks[0].state) != FIRN_HOOK_FREEZING)
            g_usleep(1000);
        g_atomic_int_set(&record->head->end, FIRN_END_CANCELLED);
        _exit(0);
    }
    ck_assert(!freeze_hooks(record, &error));
    ck_assert_ptr_null(error);
    ck_assert_int_eq(waitpid(other, NULL, 0), other);
    ck_assert_int_eq(record->hooks[0].state, FIRN_HOOK_FROZEN);
    firn_hooks_thaw(record);
    ck_assert_int_eq(record->hooks[0].thaw_status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hooks");
    TCase *tests = tcase_create("hooks");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_order_and_leftovers);
    tcase_add_test(tests, test_one_file);
    tcase_add_test(tests, test_missing);
    tcase_add_test(tests, test_writable_by_others);
    tcase_add_test(tests, test_pairs);
    tcase_add_test(tests, test_failure);
    tcase_add_test(tests, test_timeout);
    tcase_add_test(tests, test_background_child);
    tcase_add_test(tests, test_stubborn);
    tcase_add_test(tests, test_noisy);
    tcase_add_test(tests, test_daemon);
    tcase_add_test(tests, test_shortage);
    tcase_add_test(tests, test_of_another_user);
    tcase_add_test(tests, test_cannot_run);
    tcase_add_test(tests, test_without_interpreter);
    tcase_add_test(tests, test_cancelled_before);
    tcase_add_test(tests, scripts_that_a_dead_process_has_started_are_paired);
    tcase_add_test(tests, a_script_that_still_runs_is_waited_for_before_its_thaw);
    tcase_add_test(tests, a_script_that_still_runs_is_ended_after_its_time);
    tcase_add_test(tests, a_stranger_is_neither_waited_for_nor_killed);
    tcase_add_test(tests, a_script_that_is_settled_is_not_started);
    tcase_add_test(tests, a_script_that_runs_is_ended_by_a_cancel);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
