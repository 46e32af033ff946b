/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <string.h>

/* What strace(1) sees the agent do. */
static char *trace;
static TestDaemon *daemon_;
static TestClient *client;
static const char *unable;

static void set_up(void)
{
    g_autofree char *strace = g_find_program_in_path("strace");
    g_autofree char *wrapper = NULL;
    int fd = g_file_open_tmp("firn-trace-XXXXXX", &trace, NULL);

    ck_assert_int_ge(fd, 0);
    g_close(fd, NULL);
    if (g_getenv("FIRN_CHECKER"))
        unable = "a checker traces the agent already";
    else if (!strace)
        unable = "there is no strace (apt-get install strace)";
    if (unable)
        return;
    wrapper = g_strdup_printf("strace -D -f -qq -e trace=process,openat -o %s", trace);
    g_setenv("FIRN_WRAPPER", wrapper, TRUE);
    daemon_ = test_daemon_start(NULL);
    g_unsetenv("FIRN_WRAPPER");
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    test_client_free(client);
    test_daemon_free(daemon_);
    g_unlink(trace);
    g_free(trace);
}

/* The lines that strace has written between two requests for a file that is not there. */
static char *between(const char *begin, const char *end)
{
    for (int tries = 0; tries < 600; tries++) {
        g_autofree char *text = NULL;
        const char *from, *to;

        ck_assert(g_file_get_contents(trace, &text, NULL, NULL));
        from = strstr(text, begin);
        to = from ? strstr(from, end) : NULL;
        if (to)
            return g_strndup(from, (gsize)(to - from));
        g_usleep(100 * 1000);
    }
    ck_abort_msg("strace has not seen %s and %s", begin, end);
    return NULL;
}

static void mark(const char *name)
{
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/%s\"}}\n", name);

    g_free(test_client_error(client, request));
}

/* A process is made by any of these; a thread is none. */
static gboolean makes_process(const char *line)
{
    return strstr(line, "fork(") || strstr(line, "execve") ||
           (strstr(line, "clone") && strstr(line, "flags=") && !strstr(line, "CLONE_THREAD"));
}

/* Commands that only tell something start no process. */
START_TEST(test_no_fork)
{
    static const char *const names[] = {
        "ping",
        "info",
        "get-time",
        "get-host-name",
        "get-osinfo",
        "get-timezone",
        "get-users",
        "get-load",
        "get-cpustats",
        "get-vcpus",
        "get-fsinfo",
        "get-disks",
        "get-diskstats",
        "get-memory-blocks",
        "fsfreeze-status",
        "network-get-interfaces",
        "network-get-route",
    };
    g_autofree char *calls = NULL;
    g_auto(GStrv) lines = NULL;

    if (unable)
        TEST_SKIP("%s", unable);
    mark("firn-begin");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *request = g_strdup_printf("{\"execute\":\"guest-%s\"}\n", names[i]);

        g_free(test_client_text(client, request));
    }
    mark("firn-end");
    calls = between("firn-begin", "firn-end");
    ck_assert_ptr_nonnull(strstr(calls, "/proc/self/mountinfo"));
    lines = g_strsplit(calls, "\n", -1);
    for (char **line = lines; *line; line++)
        ck_assert_msg(!makes_process(*line), "%s", *line);
}
END_TEST

/* The test can fail. */
START_TEST(test_sees_fork)
{
    g_autofree char *calls = NULL;

    if (unable)
        TEST_SKIP("%s", unable);
    mark("firn-begin");
    g_free(
        test_client_text(client, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\"}}"));
    mark("firn-end");
    calls = between("firn-begin", "firn-end");
    ck_assert_msg(makes_process(calls), "%s", calls);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calls");
    TCase *tests = tcase_create("calls");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_no_fork);
    tcase_add_test(tests, test_sees_fork);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
