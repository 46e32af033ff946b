/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (60 * G_USEC_PER_SEC)

struct TestDaemon {
    char *folder;
    pid_t pid; /* 0 when it has ended */
};

/* In the child: sets up its descriptors and becomes the agent. */
static void become(char **argv, const char *log, int fd)
{
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (fd >= 0) {
        g_autofree char *pid = g_strdup_printf("%d", (int)getpid());

        dup2(fd, 3);
        fcntl(3, F_SETFD, 0);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_PID", pid, 1);
    }
    execvp(argv[0], argv);
    _exit(127);
}

/* An option with every '@' replaced by the folder. */
static char *expand(const char *option, const char *folder)
{
    g_auto(GStrv) parts = g_strsplit(option, "@", -1);

    return g_strjoinv(folder, parts);
}

static void add_options(GPtrArray *argv, const char *const *options, const char *folder)
{
    for (const char *const *option = options; option && *option; option++)
        g_ptr_array_add(argv, expand(*option, folder));
}

static TestDaemon *spawn(const char *const *first, const char *const *options, int fd)
{
    TestDaemon *daemon = g_new0(TestDaemon, 1);
    const char *wrapper = g_getenv("FIRN_WRAPPER");
    const char *binary = g_getenv("FIRN_BINARY");
    g_auto(GStrv) words = g_strsplit(wrapper && *wrapper ? wrapper : "env", " ", -1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *log = NULL;

    ck_assert_msg(binary != NULL, "FIRN_BINARY does not say where the agent is: use meson test");
    /* in memory: a state directory that a freeze could stop is refused */
    daemon->folder = g_mkdtemp(g_strdup("/dev/shm/firn-XXXXXX"));
    ck_assert_ptr_nonnull(daemon->folder);
    log = test_daemon_path(daemon, "output");
    add_options(argv, (const char *const *)words, "@");
    g_ptr_array_add(argv, g_strdup(binary));
    add_options(argv, first, daemon->folder);
    add_options(argv, options, daemon->folder);
    g_ptr_array_add(argv, NULL);
    daemon->pid = fork();
    ck_assert_int_ge(daemon->pid, 0);
    if (daemon->pid == 0)
        become((char **)argv->pdata, log, fd);
    return daemon;
}

TestDaemon *test_daemon_spawn(const char *const *options, int fd)
{
    return spawn(NULL, options, fd);
}

TestDaemon *test_daemon_start(const char *const *options)
{
    static const char *const first[] = {"--method=unix-listen", "--path=@/socket", "--statedir=@",
                                        NULL};
    TestDaemon *daemon = spawn(first, options, -1);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);

    test_client_ping(client);
    return daemon;
}

static void remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            remove_folder(path);
        else
            g_unlink(path);
    }
    g_rmdir(folder);
}

void test_daemon_kill(TestDaemon *daemon)
{
    if (daemon->pid <= 0)
        return;
    kill(daemon->pid, SIGKILL);
    waitpid(daemon->pid, NULL, 0);
    daemon->pid = 0;
}

void test_daemon_free(TestDaemon *daemon)
{
    if (!daemon)
        return;
    test_daemon_kill(daemon);
    remove_folder(daemon->folder);
    g_free(daemon->folder);
    g_free(daemon);
}

TestClient *test_daemon_connect(TestDaemon *daemon)
{
    g_autofree char *path = test_daemon_path(daemon, "socket");

    return test_client_connect(path);
}

int test_daemon_pid(const TestDaemon *daemon)
{
    return (int)daemon->pid;
}

const char *test_daemon_folder(const TestDaemon *daemon)
{
    return daemon->folder;
}

char *test_daemon_path(const TestDaemon *daemon, const char *name)
{
    return g_build_filename(daemon->folder, name, NULL);
}

int test_daemon_wait(TestDaemon *daemon)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    g_autofree char *output = NULL;
    int status = 0;

    ck_assert_int_gt(daemon->pid, 0);
    while (waitpid(daemon->pid, &status, WNOHANG) == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "the agent does not end");
        g_usleep(5000);
    }
    daemon->pid = 0;
    output = test_daemon_output(daemon);
    ck_assert_msg(WIFEXITED(status), "the agent died of signal %d: %s", WTERMSIG(status), output);
    return WEXITSTATUS(status);
}

int test_daemon_stop(TestDaemon *daemon)
{
    ck_assert_int_gt(daemon->pid, 0);
    kill(daemon->pid, SIGTERM);
    return test_daemon_wait(daemon);
}

char *test_daemon_output(TestDaemon *daemon)
{
    g_autofree char *path = test_daemon_path(daemon, "output");
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text ? text : g_strdup("");
}

static void read_proc(const TestDaemon *daemon, const char *name, char **text)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)daemon->pid, name);

    ck_assert_msg(g_file_get_contents(path, text, NULL, NULL), "the agent is gone");
}

guint64 test_daemon_status(const TestDaemon *daemon, const char *field)
{
    g_autofree char *text = NULL;
    g_autofree char *start = g_strconcat("\n", field, NULL);
    const char *at;

    read_proc(daemon, "status", &text);
    at = strstr(text, start);
    ck_assert_msg(at != NULL, "no %s in /proc/PID/status", field);
    return strtoull(at + strlen(start), NULL, 10);
}

guint64 test_daemon_ticks(const TestDaemon *daemon)
{
    g_autofree char *text = NULL;
    const char *after;
    unsigned long long user = 0, system = 0;

    read_proc(daemon, "stat", &text);
    after = strrchr(text, ')');
    ck_assert_ptr_nonnull(after);
    /* fields 3 to 15 of proc(5) */
    ck_assert_int_eq(
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system),
        2);
    return user + system;
}
