/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PROGRAM "firn-keeper"
#define SOCKET_NAME "keeper.sock"

int firn_reach_open_program(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
    g_autofree char *beside = folder ? g_build_filename(folder, PROGRAM, NULL) : NULL;
    int fd = beside ? open(beside, O_PATH | O_CLOEXEC) : -1;

    return fd >= 0 ? fd : open(FIRN_LIBEXECDIR "/" PROGRAM, O_PATH | O_CLOEXEC);
}

/* In the child of a process that may have threads: system calls alone. */
G_NORETURN static void reach_become(int program, int socket, char **arguments)
{
    fcntl(socket, F_SETFD, 0);
    fexecve(program, arguments, environ);
    _exit(127);
}

int firn_reach_start(int program, pid_t *child, GError **error)
{
    g_autofree char *number = NULL;
    int ends[2] = {-1, -1};
    int cause = 0;

    *child = 0;
    if (program < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        cause = errno;
    } else {
        char *arguments[] = {(char *)(guintptr)PROGRAM, NULL, NULL};

        arguments[1] = number = g_strdup_printf("%d", ends[1]);
        *child = fork();
        if (*child == 0)
            reach_become(program, ends[1], arguments);
        cause = *child < 0 ? errno : 0;
    }
    if (ends[1] >= 0)
        close(ends[1]);
    if (!cause)
        return ends[0];
    if (ends[0] >= 0)
        close(ends[0]);
    *child = 0;
    g_set_error(
        error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
        "cannot start %s, the process that freezes: %s; see that it is installed, and raise "
        "TasksMax or LimitNOFILE of the service",
        PROGRAM, g_strerror(cause));
    return -1;
}

/* A state directory may have a longer path than a socket's address holds: so it goes by the number
 * of a descriptor. */
static int reach_address(const char *state_dir, struct sockaddr_un *address)
{
    int folder = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    g_snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/" SOCKET_NAME,
               folder);
    return folder;
}

int firn_reach_listen(const char *state_dir, GError **error)
{
    struct sockaddr_un address;
    int folder = reach_address(state_dir, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(077); /* for the socket; a hook gets the one of the agent's start */
    int cause = 0;

    if (folder >= 0)
        unlinkat(folder, SOCKET_NAME, 0);
    if (folder < 0 || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, 4) < 0)
        cause = errno;
    umask(mask);
    if (folder >= 0)
        close(folder);
    if (!cause)
        return fd;
    if (fd >= 0)
        close(fd);
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "cannot make the socket %s/" SOCKET_NAME ": %s; make room there, or name another "
                "folder below /run with 'statedir'",
                state_dir, g_strerror(cause));
    return -1;
}

void firn_reach_unlisten(const char *state_dir, int fd)
{
    g_autofree char *path = g_build_filename(state_dir, SOCKET_NAME, NULL);

    if (fd < 0)
        return;
    unlink(path);
    close(fd);
}

int firn_reach_find(const char *state_dir)
{
    struct sockaddr_un address;
    int folder = reach_address(state_dir, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean found =
        folder >= 0 && fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (folder >= 0)
        close(folder);
    if (found)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}
