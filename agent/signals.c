/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/watch.h"

static const int watched[] = {SIGTERM, SIGINT, SIGHUP};

/* A signal handler gets no data. The flags are the process's own: a forked process shares the
 * descriptor, and may wake the agent, but not tell it to end. */
static volatile sig_atomic_t came[NSIG];
static int wake_fd = -1;

static struct {
    FirnSignalArrived arrived;
    gpointer data;
} watcher;

static void on_signal(int number)
{
    int kept = errno;
    guint64 one = 1;

    came[number] = TRUE;
    if (write(wake_fd, &one, sizeof(one)) < 0) {
        /* full: the main loop is to be woken already */
    }
    errno = kept;
}

static gboolean on_wake(int fd, GIOCondition condition, gpointer data)
{
    guint64 count;

    if (read(fd, &count, sizeof(count)) < 0)
        return G_SOURCE_CONTINUE;
    for (guint i = 0; i < G_N_ELEMENTS(watched); i++) {
        if (!came[watched[i]])
            continue;
        came[watched[i]] = FALSE;
        watcher.arrived(watched[i], watcher.data);
    }
    return G_SOURCE_CONTINUE;
}

gboolean firn_signals_watch(FirnSignalArrived arrived, gpointer data, GError **error)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "cannot watch for signals: %s", g_strerror(errno));
        return FALSE;
    }
    watcher.arrived = arrived;
    watcher.data = data;
    firn_watch_fd(wake_fd, G_IO_IN, on_wake, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(watched); i++)
        sigaction(watched[i], &action, NULL);
    return TRUE;
}
