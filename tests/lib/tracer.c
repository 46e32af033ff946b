/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/tracer.h"

#include <check.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (60 * G_USEC_PER_SEC)

pid_t test_tracer_begin(const TestDaemon *daemon, const char *file, const char *option)
{
    g_autofree char *target = g_strdup_printf("%d", test_daemon_pid(daemon));
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("strace", "strace", "-f", "-qq", "-y", "-s", "200", "-o", file, "-p", target, option,
               NULL);
        _exit(127);
    }
    while (test_daemon_status(daemon, "TracerPid:") == 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "strace does not attach");
        g_usleep(10000);
    }
    return pid;
}

void test_tracer_end(pid_t tracer)
{
    kill(tracer, SIGINT);
    waitpid(tracer, NULL, 0);
}
