/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int firn_pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

gboolean firn_pidfd_has_ended(int pidfd)
{
    struct pollfd entry = {.fd = pidfd, .events = POLLIN};

    return poll(&entry, 1, 0) == 1;
}

/* The start of a file of /proc/PID; FALSE when there is none. */
static gboolean read_proc(pid_t pid, const char *name, char *text, gsize size)
{
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return FALSE;
    got = read(fd, text, size - 1);
    close(fd);
    text[MAX(got, 0)] = '\0';
    return got > 0;
}

gboolean firn_pid_is_named(pid_t pid, const char *name)
{
    char text[64];
    gsize length = strlen(name);

    return firn_pid_is_running(pid) && read_proc(pid, "comm", text, sizeof text) &&
           !strncmp(text, name, length) && text[length] == '\n';
}

/* The letter that proc_pid_stat(5) gives; 0 when there is no such process. */
static char state_of(pid_t pid)
{
    char text[256];
    const char *after;

    if (pid <= 0 || !read_proc(pid, "stat", text, sizeof text))
        return 0;
    after = strrchr(text, ')'); /* the name may hold anything */
    return after && after[1] == ' ' ? after[2] : 0;
}

gboolean firn_pid_is_zombie(pid_t pid)
{
    char state = state_of(pid);

    return state == 'Z' || state == 'X';
}

gint64 firn_pid_start(pid_t pid)
{
    char text[512];
    const char *at;

    if (pid <= 0 || !read_proc(pid, "stat", text, sizeof text) || !(at = strrchr(text, ')')))
        return -1;
    /* field 3 follows the bracket; 19 blanks on stands field 22 */
    for (int i = 0; i < 20 && at; i++)
        at = strchr(at + 1, ' ');
    return at ? (gint64)strtoll(at + 1, NULL, 10) : -1;
}

gboolean firn_pid_is_stopped(pid_t pid)
{
    char state = state_of(pid);

    return state == 'T' || state == 't';
}

gboolean firn_pid_hangs(pid_t pid)
{
    return state_of(pid) == 'D';
}

/* proc_pid_status(5): signals as hexadecimal masks. */
static gboolean has_pending_kill(const char *status, const char *field)
{
    const char *at = strstr(status, field);

    return at && (strtoull(at + strlen(field), NULL, 16) & (1ULL << (SIGKILL - 1)));
}

gboolean firn_pid_is_doomed(pid_t pid, gint64 start)
{
    char status[4096];

    if (pid <= 0 || firn_pid_start(pid) != start || firn_pid_is_zombie(pid))
        return TRUE;
    return read_proc(pid, "status", status, sizeof status) &&
           (has_pending_kill(status, "\nSigPnd:") || has_pending_kill(status, "\nShdPnd:"));
}

void firn_pid_kill(pid_t pid, gint64 start)
{
    int pidfd = pid > 0 ? firn_pidfd_open(pid) : -1;

    if (pid > 0 && start >= 0 && firn_pid_start(pid) == start) {
        if (pidfd >= 0)
            firn_pidfd_kill(pidfd, SIGKILL);
        else
            kill(pid, SIGKILL);
    }
    if (pidfd >= 0)
        close(pidfd);
}

gboolean firn_pid_is_running(pid_t pid)
{
    int pidfd = pid > 0 ? firn_pidfd_open(pid) : -1;
    gboolean running;

    if (pid > 0 && pidfd < 0 && errno != ESRCH) /* no such call */
        return kill(pid, 0) == 0 && !firn_pid_is_zombie(pid);
    if (pidfd < 0)
        return FALSE;
    running = !firn_pidfd_has_ended(pidfd);
    close(pidfd);
    return running;
}

gboolean firn_pidfd_kill(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0;
}

int firn_pidfd_take(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
}
