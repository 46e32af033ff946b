/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/helper.h"

#include "platform/program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is kept of each of the helper's streams. */
#define KEPT 1024

typedef struct {
    int fd;
    GString *text;
} Stream;

/* The program in the first of these folders that has it; NULL where none has. */
static char *find_in(const FirnRoots *roots, const char *const *folders, const char *name)
{
    for (; *folders; folders++) {
        g_autofree char *absolute = g_build_filename(*folders, name, NULL);
        g_autofree char *path = firn_roots_path(roots, absolute);

        if (**folders == '/' && g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) &&
            g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer(&path);
    }
    return NULL;
}

char *firn_helper_find(const FirnRoots *roots, const char *name)
{
    static const char *const usual[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin", NULL};
    const char *variable = g_getenv("PATH");
    g_auto(GStrv) folders = g_strsplit(variable ? variable : "", ":", -1);
    char *path = find_in(roots, usual, name);

    return path ? path : find_in(roots, (const char *const *)folders, name);
}

static void close_stream(Stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

/* Keeps the last KEPT bytes. Closes the stream at its end. */
static void read_stream(Stream *stream)
{
    char piece[KEPT];
    ssize_t got = read(stream->fd, piece, sizeof piece);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        close_stream(stream);
        return;
    }
    g_string_append_len(stream->text, piece, got);
    if (stream->text->len > KEPT)
        g_string_erase(stream->text, 0, (gssize)(stream->text->len - KEPT));
}

/* Waits a moment for output, or for the end where the kernel can tell it (Linux 5.3). */
static void wait_a_moment(Stream streams[2], int pidfd)
{
    struct pollfd fds[] = {
        {streams[0].fd, POLLIN, 0}, {streams[1].fd, POLLIN, 0}, {pidfd, POLLIN, 0}};

    poll(fds, G_N_ELEMENTS(fds), pidfd < 0 ? 20 : 1000);
    for (int i = 0; i < 2; i++) {
        if (fds[i].revents)
            read_stream(&streams[i]);
    }
}

/* What is left in the pipe, which holds 64 KiB. A grandchild may hold it open, so its end is not
 * waited for. */
static void drain(Stream *stream)
{
    for (int left = 256; stream->fd >= 0 && left > 0; left--)
        read_stream(stream);
    close_stream(stream);
}

/* FALSE when the time was over first; the child is reaped in any case. A grandchild that keeps a
 * stream open holds nothing up. */
static gboolean wait_for(pid_t pid, Stream streams[2], guint timeout, int *status)
{
    gint64 until = g_get_monotonic_time() + (gint64)timeout * G_USEC_PER_SEC;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    gboolean ended = FALSE;

    while (!ended && g_get_monotonic_time() < until) {
        pid_t reaped = waitpid(pid, status, WNOHANG);

        ended = reaped == pid || (reaped < 0 && errno != EINTR);
        if (!ended)
            wait_a_moment(streams, pidfd);
    }
    if (!ended) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
        while (waitpid(pid, status, 0) < 0 && errno == EINTR)
            continue;
    }
    for (int i = 0; i < 2; i++)
        drain(&streams[i]);
    if (pidfd >= 0)
        close(pidfd);
    return ended;
}

static gboolean check_end(const char *program, gboolean ended, guint timeout, int status,
                          const char *complaint, GError **error)
{
    const char *colon = *complaint ? ": " : "";

    if (!ended)
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                    "%s did not end within %u s and was killed%s%s", program, timeout, colon,
                    complaint);
    else if (WIFSIGNALED(status))
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "%s was killed by signal %d%s%s",
                    program, WTERMSIG(status), colon, complaint);
    else if (WEXITSTATUS(status) != 0)
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "%s ended with status %d%s%s",
                    program, WEXITSTATUS(status), colon, complaint);
    else
        return TRUE;
    return FALSE;
}

/* Starts it with a pipe for each of its streams, whose reading ends are kept. */
static pid_t start(const char *const *argv, int input, Stream streams[2], GError **error)
{
    FirnProgram program = {argv[0], argv, NULL, input, -1, -1, TRUE};
    int said[2], complaint[2];
    pid_t pid;

    if (!firn_program_pipe(said, 0, error))
        return 0;
    if (!firn_program_pipe(complaint, 0, error)) {
        close(said[0]);
        close(said[1]);
        return 0;
    }
    program.stdout_fd = said[1];
    program.stderr_fd = complaint[1];
    pid = firn_program_start(&program, error);
    close(said[1]);
    close(complaint[1]);
    streams[0].fd = said[0];
    streams[1].fd = complaint[0];
    return pid;
}

gboolean firn_helper_run(const char *const *argv, guint timeout, char **output, GError **error)
{
    return firn_helper_run_input(argv, -1, timeout, output, error);
}

gboolean firn_helper_run_input(const char *const *argv, int input, guint timeout, char **output,
                               GError **error)
{
    g_autoptr(GString) said = g_string_new(NULL);
    g_autoptr(GString) complaint = g_string_new(NULL);
    Stream streams[2] = {{-1, said}, {-1, complaint}};
    pid_t pid = start(argv, input, streams, error);
    gboolean ended;
    int status = 0;

    if (pid == 0) {
        close_stream(&streams[0]);
        close_stream(&streams[1]);
        return FALSE;
    }
    ended = wait_for(pid, streams, timeout, &status);
    g_strstrip(complaint->str);
    if (!check_end(argv[0], ended, timeout, status, complaint->str, error))
        return FALSE;
    if (output)
        *output = g_string_free(g_steal_pointer(&said), FALSE);
    return TRUE;
}
