/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/process.h"
#include "tests/lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

static const FirnProcessLimits wide = {1024 * 1024, 4 * 1024 * 1024, 64, 3600};

static pid_t processes_start(FirnProcesses *processes, const FirnProcessStart *start,
                             GError **error)
{
    FirnLaunch *launch = firn_launch_new(start, error);

    if (!launch)
        return 0;
    firn_launch_run(launch, NULL, NULL);
    return firn_processes_adopt(processes, launch, error);
}

static pid_t start_shell(FirnProcesses *processes, const char *script, FirnCapture capture,
                         const char *input)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    FirnProcessStart start = {.path = "/bin/sh", .argv = argv, .capture = capture};
    g_autoptr(GError) error = NULL;
    pid_t pid;

    start.input = input ? (guint8 *)g_strdup(input) : NULL;
    start.input_length = input ? strlen(input) : 0;
    pid = processes_start(processes, &start, &error);
    ck_assert_msg(pid > 0, "%s", error ? error->message : "no error");
    return pid;
}

static gboolean tick(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

/* Runs the main loop until the process has ended. */
static FirnProcessStatus wait_end(FirnProcesses *processes, pid_t pid)
{
    gint64 end = g_get_monotonic_time() + PATIENCE;
    guint timer = g_timeout_add(50, tick, NULL);
    FirnProcessStatus status;

    for (;;) {
        ck_assert_msg(firn_processes_status(processes, pid, &status), "process was forgotten");
        if (status.exited)
            break;
        ck_assert_msg(g_get_monotonic_time() < end, "process did not end");
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(timer);
    return status;
}

static void assert_output(const FirnProcessOutput *output, const char *text)
{
    ck_assert_uint_eq(output->length, strlen(text));
    ck_assert_int_eq(memcmp(output->data ? output->data : (const guint8 *)"", text, strlen(text)),
                     0);
    ck_assert(!output->truncated);
}

START_TEST(test_captures)
{
    const char *const out[] = {"", "out\n", "", "out\n", "out\nerr\n"};
    const char *const err[] = {"", "", "err\n", "err\n", ""};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    pid_t pid = start_shell(processes, "echo out; echo err >&2", (FirnCapture)_i, NULL);
    FirnProcessStatus status = wait_end(processes, pid);

    ck_assert_int_eq(status.exit_code, 0);
    assert_output(&status.out, out[_i]);
    assert_output(&status.err, err[_i]);
}
END_TEST

START_TEST(test_endings)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    FirnProcessStatus status;

    status = wait_end(processes, start_shell(processes, "exit 300", FIRN_CAPTURE_NONE, NULL));
    ck_assert_int_eq(status.exit_code, 44);
    ck_assert_int_eq(status.signal, 0);
    status = wait_end(processes, start_shell(processes, "kill -9 $$", FIRN_CAPTURE_NONE, NULL));
    ck_assert_int_eq(status.exit_code, -1);
    ck_assert_int_eq(status.signal, SIGKILL);
}
END_TEST

START_TEST(test_input)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    g_autofree char *large = g_strnfill(500000, 'x');
    FirnProcessStatus status;

    status = wait_end(processes, start_shell(processes, "cat", FIRN_CAPTURE_SEPARATED, "hello"));
    assert_output(&status.out, "hello");
    status = wait_end(processes, start_shell(processes, "cat", FIRN_CAPTURE_SEPARATED, ""));
    assert_output(&status.out, "");
    /* more than pipes hold, both ways */
    status = wait_end(processes, start_shell(processes, "cat", FIRN_CAPTURE_SEPARATED, large));
    assert_output(&status.out, large);
    /* input that nobody reads */
    status = wait_end(processes, start_shell(processes, "exit 3", FIRN_CAPTURE_NONE, large));
    ck_assert_int_eq(status.exit_code, 3);
}
END_TEST

START_TEST(test_truncates)
{
    const FirnProcessLimits limits = {1000, 1500, 64, 3600};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&limits);
    FirnProcessStatus status;
    pid_t first, second;

    first = start_shell(processes, "head -c 3000000 /dev/zero; echo x >&2; exit 4",
                        FIRN_CAPTURE_SEPARATED, NULL);
    status = wait_end(processes, first);
    ck_assert_int_eq(status.exit_code, 4);
    ck_assert(status.out.truncated);
    ck_assert_uint_le(status.out.length + status.err.length, 1000);
    /* the older one makes room, but how it ended stays known */
    second = start_shell(processes, "head -c 900 /dev/zero", FIRN_CAPTURE_STDOUT, NULL);
    status = wait_end(processes, second);
    ck_assert(!status.out.truncated);
    ck_assert_uint_eq(status.out.length, 900);
    ck_assert(firn_processes_status(processes, first, &status));
    ck_assert_int_eq(status.exit_code, 4);
    ck_assert(status.out.truncated);
    ck_assert_uint_eq(status.out.length + status.err.length, 0);
}
END_TEST

static const struct {
    const char *script;
    const char *out, *err; /* NULL: the flood */
} floods[] = {
    {"head -c 3000 /dev/zero; echo full >&2", NULL, "full\n"},
    {"echo early >&2; head -c 3000 /dev/zero; echo late >&2", NULL, "early\nlate\n"},
    {"head -c 3000 /dev/zero >&2; echo result", "result\n", NULL},
    {"echo a; head -c 3000 /dev/zero >&2; echo b", "a\nb\n", NULL},
};

/* However much a process writes to one stream, half of the room is the other's. */
START_TEST(test_flood)
{
    const FirnProcessLimits limits = {1000, 4000, 64, 3600};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&limits);
    pid_t pid = start_shell(processes, floods[_i].script, FIRN_CAPTURE_SEPARATED, NULL);
    FirnProcessStatus status = wait_end(processes, pid);
    const FirnProcessOutput *flood = floods[_i].out ? &status.err : &status.out;
    const FirnProcessOutput *other = floods[_i].out ? &status.out : &status.err;

    assert_output(other, floods[_i].out ? floods[_i].out : floods[_i].err);
    ck_assert(flood->truncated);
    ck_assert_uint_eq(flood->length, 1000 - other->length);
}
END_TEST

/* A stream that was cut takes nothing any more: it would have a hole. */
START_TEST(test_flood_of_both)
{
    const FirnProcessLimits limits = {1000, 4000, 64, 3600};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&limits);
    pid_t pid = start_shell(processes,
                            "head -c 3000 /dev/zero; sleep 0.1; head -c 3000 /dev/zero >&2; "
                            "sleep 0.1; echo end",
                            FIRN_CAPTURE_SEPARATED, NULL);
    FirnProcessStatus status = wait_end(processes, pid);

    ck_assert(status.out.truncated && status.err.truncated);
    ck_assert_uint_eq(status.out.length, 500);
    ck_assert_uint_eq(status.err.length, 500);
    ck_assert_int_eq(status.out.data[499], 0);
}
END_TEST

/* A process in the background that keeps the pipe open holds nothing up. */
START_TEST(test_grandchild)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    g_autofree char *pid_text = NULL;
    pid_t pid = start_shell(processes, "sleep 300 & echo $!", FIRN_CAPTURE_SEPARATED, NULL);
    FirnProcessStatus status = wait_end(processes, pid);

    pid_text = g_strndup((const char *)status.out.data, status.out.length);
    ck_assert_int_gt(atoi(pid_text), 1);
    ck_assert_int_eq(kill(atoi(pid_text), SIGKILL), 0);
}
END_TEST

/* Nor is it killed for what it writes later on. */
START_TEST(test_grandchild_writes)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    g_autofree char *path = g_strdup_printf("/tmp/firn-written.%d", (int)getpid());
    g_autofree char *script = g_strdup_printf(
        "(until [ -e %s ]; do sleep 0.05; done; echo a; echo b >&2; rm %s) & echo started", path,
        path);
    pid_t pid = start_shell(processes, script, FIRN_CAPTURE_SEPARATED, NULL);
    FirnProcessStatus status = wait_end(processes, pid);
    gint64 end = g_get_monotonic_time() + PATIENCE;

    assert_output(&status.out, "started\n");
    ck_assert(g_file_set_contents(path, "", 0, NULL));
    while (g_access(path, F_OK) == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "the process in the background has ended");
        g_main_context_iteration(NULL, FALSE);
        g_usleep(10000);
    }
}
END_TEST

START_TEST(test_forgets)
{
    const FirnProcessLimits limits = {1000, 1000, 3, 3600};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&limits);
    FirnProcessStatus status;
    pid_t pids[5];

    for (guint i = 0; i < 5; i++) {
        pids[i] = start_shell(processes, "exit 0", FIRN_CAPTURE_NONE, NULL);
        wait_end(processes, pids[i]);
    }
    ck_assert_uint_eq(firn_processes_count(processes), 3);
    ck_assert(!firn_processes_status(processes, pids[0], &status));
    ck_assert(firn_processes_status(processes, pids[4], &status));
    firn_processes_forget(processes, pids[4]);
    ck_assert(!firn_processes_status(processes, pids[4], &status));
    ck_assert(!firn_processes_status(processes, 1, &status));
    ck_assert(!firn_processes_status(processes, -1, &status));
    ck_assert(!firn_processes_status(processes, (1LL << 32) + pids[3], &status));
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(test_ages_out)
{
    const FirnProcessLimits limits = {1000, 1000, 10, 0};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&limits);
    gint64 end = g_get_monotonic_time() + PATIENCE;

    start_shell(processes, "exit 0", FIRN_CAPTURE_NONE, NULL);
    while (firn_processes_count(processes) > 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "process was not forgotten");
        g_main_context_iteration(NULL, TRUE);
    }
}
END_TEST

static void assert_start_error(const char *path, const char *const *environment, const char *cause)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    g_autoptr(GError) error = NULL;
    g_autofree char *expected =
        g_strdup_printf("Failed to execute child process “%s” (%s)", path, cause);
    const char *const argv[] = {path, NULL};
    FirnProcessStart start = {.path = path, .argv = argv, .environment = environment};

    start.input = (guint8 *)g_strdup("x");
    ck_assert_int_eq(processes_start(processes, &start, &error), 0);
    ck_assert_str_eq(error->message, expected);
    ck_assert_uint_eq(firn_processes_count(processes), 0);
}

START_TEST(test_errors)
{
    const char *const nowhere[] = {"PATH=/nonexistent", NULL};
    g_autofree char *endless = g_strnfill(300, 'x');

    if (test_on_valgrind())
        TEST_SKIP("posix_spawn() reports no errors under valgrind");
    assert_start_error("/nonexistent/x", NULL, "No such file or directory");
    assert_start_error("nonexistent-program", NULL, "No such file or directory");
    assert_start_error("", NULL, "No such file or directory");
    assert_start_error("/etc/passwd", NULL, "Permission denied");
    assert_start_error("/etc", NULL, "Permission denied");
    assert_start_error("sh", nowhere, "No such file or directory");
    assert_start_error(endless, NULL, "File name too long");
}
END_TEST

static void assert_script_error(const char *line, const char *expected)
{
    g_autofree char *folder = g_dir_make_tmp("firn-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "script", NULL);
    g_autofree char *cause = g_strdup_printf("No such file or directory): %s", expected);
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    g_autoptr(GError) error = NULL;
    const char *const argv[] = {path, NULL};
    FirnProcessStart start = {.path = path, .argv = argv};

    ck_assert(g_file_set_contents(path, line, -1, NULL));
    ck_assert_int_eq(g_chmod(path, 0755), 0);
    ck_assert_int_eq(processes_start(processes, &start, &error), 0);
    ck_assert_msg(strstr(error->message, cause) != NULL, "%s", error->message);
    g_unlink(path);
    g_rmdir(folder);
}

/* A script that is there is not called missing when its interpreter is. */
START_TEST(test_missing_interpreter)
{
    if (test_on_valgrind())
        TEST_SKIP("posix_spawn() reports no errors under valgrind");
    assert_script_error("#!/bin/sh\r\necho\r\n", "its first line ends in a carriage return");
    assert_script_error("#! /no/such -x\necho\n", "its interpreter '/no/such' is not there");
}
END_TEST

/* However many run, a client can still connect and a freeze begin. */
START_TEST(test_spare_descriptors)
{
    const char *const argv[] = {"sleep", "1000", NULL};
    const FirnProcessStart start = {
        .path = "sleep", .argv = argv, .capture = FIRN_CAPTURE_SEPARATED};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    struct rlimit limit = {160, 160};
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    int spare[30];
    pid_t pid;

    if (test_on_valgrind())
        TEST_SKIP("valgrind has descriptors of its own, above any limit");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((pid = processes_start(processes, &start, &error)) > 0)
        g_array_append_val(pids, pid);
    ck_assert_uint_gt(pids->len, 10);
    ck_assert_uint_eq(firn_processes_count(processes), pids->len);
    ck_assert_ptr_nonnull(strstr(error->message, "Too many open files: wait for"));
    for (guint i = 0; i < G_N_ELEMENTS(spare); i++) {
        spare[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(spare[i], 0);
    }
    for (guint i = 0; i < pids->len; i++)
        kill(g_array_index(pids, pid_t, i), SIGKILL);
    for (guint i = 0; i < G_N_ELEMENTS(spare); i++)
        close(spare[i]);
}
END_TEST

START_TEST(test_environment)
{
    const char *const environment[] = {"A=1", "NOVALUE", NULL};
    const char *const argv[] = {"env", NULL};
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    FirnProcessStart start = {.path = "env", .argv = argv, .environment = environment};
    FirnProcessStatus status;

    start.capture = FIRN_CAPTURE_STDOUT;
    status = wait_end(processes, processes_start(processes, &start, NULL));
    assert_output(&status.out, "A=1\nNOVALUE\n");
}
END_TEST

/* What systemd is to hear is for the agent alone to say. */
START_TEST(test_own_environment)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    FirnProcessStatus status;

    g_setenv("NOTIFY_SOCKET", "/run/systemd/notify", TRUE);
    g_setenv("OTHER", "kept", TRUE);
    status = wait_end(
        processes, start_shell(processes, "echo $OTHER $NOTIFY_SOCKET", FIRN_CAPTURE_STDOUT, NULL));
    assert_output(&status.out, "kept\n");
}
END_TEST

/* A script without an interpreter line runs in a shell, its arguments in place. */
START_TEST(test_script)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    g_autofree char *folder = g_dir_make_tmp("firn-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "script", NULL);
    const char *const argv[] = {path, "one two", NULL};
    FirnProcessStart start = {.path = path, .argv = argv, .capture = FIRN_CAPTURE_STDOUT};
    FirnProcessStatus status;

    if (test_on_valgrind())
        TEST_SKIP("posix_spawn() reports no errors under valgrind");
    ck_assert(g_file_set_contents(path, "echo \"$1\"", -1, NULL));
    ck_assert_int_eq(g_chmod(path, 0755), 0);
    status = wait_end(processes, processes_start(processes, &start, NULL));
    assert_output(&status.out, "one two\n");
    g_unlink(path);
    g_rmdir(folder);
}
END_TEST

/* A child has three descriptors, default signals and none blocked, whatever is here. */
START_TEST(test_clean_child)
{
    g_autoptr(FirnProcesses) processes = firn_processes_new(&wide);
    FirnProcessStatus status;
    sigset_t blocked;
    int leaked[2];

    signal(SIGUSR1, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    ck_assert_int_eq(pipe(leaked), 0); /* without close-on-exec */
    status = wait_end(processes, start_shell(processes,
                                             "cd /proc/self/fd && echo *; "
                                             "grep -E 'Sig(Blk|Ign)' /proc/self/status",
                                             FIRN_CAPTURE_SEPARATED, NULL));
    ck_assert_ptr_nonnull(
        g_strstr_len((const char *)status.out.data, (gssize)status.out.length, "0 1 2"));
    ck_assert_ptr_null(
        g_strstr_len((const char *)status.out.data, (gssize)status.out.length, "0 1 2 3 4"));
    ck_assert_ptr_nonnull(g_strstr_len((const char *)status.out.data, (gssize)status.out.length,
                                       "SigBlk:\t0000000000000000"));
    ck_assert_ptr_nonnull(g_strstr_len((const char *)status.out.data, (gssize)status.out.length,
                                       "SigIgn:\t0000000000000000"));
    close(leaked[0]);
    close(leaked[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process");
    TCase *tests = tcase_create("process");

    signal(SIGPIPE, SIG_IGN);
    tcase_add_loop_test(tests, test_captures, 0, 5);
    tcase_add_test(tests, test_endings);
    tcase_add_test(tests, test_input);
    tcase_add_test(tests, test_truncates);
    tcase_add_loop_test(tests, test_flood, 0, G_N_ELEMENTS(floods));
    tcase_add_test(tests, test_flood_of_both);
    tcase_add_test(tests, test_grandchild);
    tcase_add_test(tests, test_grandchild_writes);
    tcase_add_test(tests, test_forgets);
    tcase_add_test(tests, test_ages_out);
    tcase_add_test(tests, test_errors);
    tcase_add_test(tests, test_missing_interpreter);
    tcase_add_test(tests, test_spare_descriptors);
    tcase_add_test(tests, test_environment);
    tcase_add_test(tests, test_own_environment);
    tcase_add_test(tests, test_script);
    tcase_add_test(tests, test_clean_child);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
