/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * While filesystems are frozen, agent, keeper and watcher write to no disk and need none, seen by
 * strace: every file that a system call names or has open is in memory. The log lies on what is
 * frozen.
 */
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"
#include "tests/lib/tracer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_DIR "/run/firn-silence"
#define HOOKS "/run/firn-silence-hooks"
#define LOG "/mnt/xfs/firn.log"
#define PATIENCE_US (60 * G_USEC_PER_SEC)

static void setup(void)
{
    test_freezing_check_namespace();
    g_free(test_freezing_shell("rm -rf " STATE_DIR " " HOOKS " " LOG));
    test_freezing_make_hooks(HOOKS);
}

static TestDaemon *start(void)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS,
                                          "--logfile=" LOG, "--verbose", NULL};

    return test_daemon_start(options);
}

/* What is in memory, or no file at all. The namespace's other files stand for those of a disk. */
static gboolean is_harmless(const char *path)
{
    static const char *const places[] = {"/proc/",      "/sys/",    "/dev/null", STATE_DIR "/",
                                         "anon_inode:", "socket:",  "pipe:",     "UNIX",
                                         "/memfd:",     "[eventfd", "pidfd:",    NULL};

    for (guint i = 0; places[i]; i++) {
        if (g_str_has_prefix(path, places[i]))
            return TRUE;
    }
    return FALSE;
}

/* FIFREEZE and FITHAW themselves are what it is all about; what is closed needs nothing. */
static gboolean may_name_a_disk(const char *line)
{
    return strstr(line, "FIFREEZE") || strstr(line, "FITHAW") || strstr(line, " close(");
}

/* Files of one line: `3</path>` for descriptors, `"/path"` for names. Returns the first that is not
 * in memory, NULL for none; free with g_free(). */
static char *find_file(const char *line)
{
    const char *end = strstr(line, ") = "); /* not the errno's text, nor a result */
    g_autofree char *call = end ? g_strndup(line, (gsize)(end - line)) : g_strdup(line);
    gboolean data = strstr(call, "write(") || strstr(call, "sendto(") || strstr(call, "sendmsg(") ||
                    strstr(call, "read(") || strstr(call, "recv");
    const char *at = strstr(call, "(AT_FDCWD<") ? strchr(call, '>') : call; /* not of interest */

    while ((at = strpbrk(at, "<\"")) != NULL) {
        char closing = *at++ == '<' ? '>' : '"';
        gsize length = strcspn(at, closing == '>' ? ">" : "\"");
        g_autofree char *path = g_strndup(at, length);
        gboolean name = closing == '"' && path[0] == '/';

        at += length + (at[length] ? 1 : 0);
        if (strstr(path, "...") || (closing == '"' && (data || !name)))
            continue;
        if (!is_harmless(path))
            return g_steal_pointer(&path);
    }
    return NULL;
}

/* Calls that write everything there is, and name no file. */
static gboolean writes_all(const char *line)
{
    return strstr(line, " sync(") || strstr(line, " execve(");
}

typedef struct {
    guint calls;
    guint others; /* of another process than the agent */
} Seen;

static void check_line(const char *line, int agent, Seen *seen)
{
    g_autofree char *file = may_name_a_disk(line) ? NULL : find_file(line);

    ck_assert_msg(file == NULL, "%s is used while frozen: %s", file, line);
    ck_assert_msg(!writes_all(line), "while frozen: %s", line);
    seen->calls++;
    seen->others += atoi(line) != agent;
}

/* Everything between the first FIFREEZE and the last FITHAW. */
static void check_trace(const char *trace_file, int agent)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint first = G_MAXUINT, last = 0;
    Seen seen = {0};

    ck_assert(g_file_get_contents(trace_file, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (strstr(lines[i], "FIFREEZE"))
            first = MIN(first, i);
        if (strstr(lines[i], "FITHAW"))
            last = i;
    }
    ck_assert_uint_lt(first, last);
    for (guint i = first; i <= last; i++)
        check_line(lines[i], agent, &seen);
    /* it was really looked at */
    ck_assert_uint_gt(seen.calls, 50);
    ck_assert_uint_gt(seen.others, 0);
}

static guint64 locked_kib(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
    g_autofree char *text = NULL;
    const char *at;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    at = strstr(text, "VmLck:");
    ck_assert(at != NULL);
    return g_ascii_strtoull(at + strlen("VmLck:"), NULL, 10);
}

/* What a host, and an administrator who rotates logs, may do while frozen. */
static void be_busy(TestDaemon *daemon)
{
    static const char *const requests[] = {
        "{\"execute\":\"guest-ping\"}", "{\"execute\":\"guest-info\"}",
        "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":7}}", TEST_STATUS,
        /* refused, and nonsense, which is logged */
        TEST_FREEZE, "{\"execute\":\"guest-get-fsinfo\"}", "{\"execute\":\"no-such\"}", "{]"};

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(TestClient) client = test_daemon_connect(daemon);

        test_client_send(client, requests[i]);
        g_free(test_client_line(client));
    }
    kill(test_daemon_pid(daemon), SIGHUP);
    test_freezing_ask(daemon, TEST_STATUS, "\"frozen\"");
}

START_TEST(test_no_disk)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *file = test_daemon_path(daemon, "trace");
    pid_t tracer = test_tracer_begin(daemon, file, NULL);

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    be_busy(daemon);
    ck_assert_uint_gt(locked_kib(test_daemon_pid(daemon)), 0);
    ck_assert_uint_gt(locked_kib(test_freezing_await_process("firn-keeper")), 0);
    ck_assert_uint_gt(locked_kib(test_freezing_await_process("firn-watcher")), 0);
    test_freezing_ask(daemon, TEST_THAW, "3");
    test_tracer_end(tracer);
    check_trace(file, test_daemon_pid(daemon));
}
END_TEST

/* The thaw at the deadline, with the agent killed. */
START_TEST(test_deadline_without_agent)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS,
                                          "--logfile=" LOG, "--freeze-timeout=3", NULL};
    g_autoptr(TestDaemon) daemon = test_daemon_start(options);
    g_autofree char *file = test_daemon_path(daemon, "trace");
    pid_t tracer = test_tracer_begin(daemon, file, NULL);
    g_autofree char *log = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    for (int i = 0; i < 30; i++)
        test_freezing_ask(daemon, TEST_STATUS, "\"frozen\"");
    kill(test_daemon_pid(daemon), SIGKILL);
    test_freezing_await_end(STATE_DIR);
    test_tracer_end(tracer);
    check_trace(file, test_daemon_pid(daemon));
    ck_assert(g_file_get_contents(LOG, &log, NULL, NULL));
    ck_assert_msg(strstr(log, "thawed early") != NULL, "%s", log);
}
END_TEST

static char *read_log(void)
{
    char *text = NULL;

    ck_assert(g_file_get_contents(LOG, &text, NULL, NULL));
    return text;
}

/* The time that a line with this text begins with, in microseconds since the epoch. */
static gint64 time_of(const char *log, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);

    for (char **line = lines; *line; line++) {
        char *end = NULL;
        gint64 seconds = g_ascii_strtoll(*line, &end, 10);

        if (strstr(*line, text) && *end == '.')
            return seconds * G_USEC_PER_SEC + g_ascii_strtoll(end + 1, NULL, 10);
    }
    ck_abort_msg("no '%s' in\n%s", text, log);
}

START_TEST(test_log_comes_later)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *before = NULL, *during = NULL, *after = NULL;
    gint64 begin = g_get_real_time(), frozen, asked;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    frozen = g_get_real_time();
    before = read_log();
    be_busy(daemon);
    during = read_log();
    ck_assert_str_eq(before, during);
    ck_assert(strstr(during, "froze 3 filesystems") == NULL);
    g_usleep(20000);
    asked = g_get_real_time();
    test_freezing_ask(daemon, TEST_THAW, "3");
    test_freezing_await_end(STATE_DIR);
    after = read_log();
    ck_assert(g_str_has_prefix(after, during));
    ck_assert_int_ge(time_of(after, "froze 3 filesystems"), begin);
    ck_assert_int_le(time_of(after, "froze 3 filesystems"), frozen);
    ck_assert_int_ge(time_of(after, "(request)"), asked);
}
END_TEST

/* The next instance finds its log on what is frozen, and does not wait for it. */
START_TEST(test_restart)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autoptr(TestDaemon) next = NULL;
    g_autofree char *log = NULL;

    test_freezing_ask(daemon, TEST_FREEZE, "3");
    kill(test_daemon_pid(daemon), SIGKILL);
    waitpid(test_daemon_pid(daemon), NULL, 0);
    next = start();
    test_freezing_ask(next, TEST_STATUS, "\"frozen\"");
    test_freezing_assert_frozen("/mnt/xfs");
    test_freezing_ask(next, TEST_THAW, "3");
    log = read_log();
    ck_assert_msg(strstr(log, "an earlier instance left 3 filesystems frozen") != NULL, "%s", log);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("silence");
    TCase *tests = tcase_create("silence");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_no_disk);
    tcase_add_test(tests, test_deadline_without_agent);
    tcase_add_test(tests, test_log_comes_later);
    tcase_add_test(tests, test_restart);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
