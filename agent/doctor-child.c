/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor-child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void firn_doctor_child_say(int out, const char *format, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    va_list args;
    gsize length;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    line = g_strconcat(text, "\n", NULL);
    length = strlen(line);
    for (gsize at = 0; at < length;) {
        ssize_t written = write(out, line + at, length - at);

        if (written < 0 && errno != EINTR)
            _exit(1);
        at += written > 0 ? (gsize)written : 0;
    }
}

/* FALSE at its end; nothing within the patience is its end, too. */
static gboolean child_read(int in, GString *text, guint patience, gboolean *hung)
{
    struct pollfd entry = {.fd = in, .events = POLLIN};
    char piece[4096];
    ssize_t length;
    int ready = poll(&entry, 1, (int)patience * 1000);

    if (ready < 0)
        return errno == EINTR;
    *hung = ready == 0;
    length = ready > 0 ? read(in, piece, sizeof piece) : 0;
    if (length > 0)
        g_string_append_len(text, piece, length);
    return length > 0 || (length < 0 && errno == EINTR);
}

char *firn_doctor_child_run(FirnDoctorWork work, gpointer data, guint patience, gboolean *hung)
{
    GString *text = g_string_new(NULL);
    int ends[2];
    pid_t pid;

    *hung = FALSE;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return g_string_free(text, FALSE);
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        work(ends[1], data);
        _exit(0);
    }
    close(ends[1]);
    while (pid > 0 && child_read(ends[0], text, patience, hung))
        ;
    close(ends[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, *hung ? WNOHANG : 0); /* init gets what hangs */
    }
    return g_string_free(text, FALSE);
}
