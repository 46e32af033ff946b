/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/worker-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "worker."
#define BACKLOG 8

static void socket_name(char *name, gsize size, pid_t pid)
{
    snprintf(name, size, PREFIX "%d", (int)pid);
}

static int open_folder(const char *path)
{
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The folder's path may be longer than an address of unix(7) can be. */
static void socket_address(int folder, const char *name, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", folder, name);
}

static int socket_new(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* FALSE, and the socket is closed, where somebody else's process is at the other end. */
static gboolean socket_check(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid())
        return TRUE;
    close(fd);
    return FALSE;
}

int firn_worker_socket_listen(const char *state_dir)
{
    int folder = open_folder(state_dir), fd = socket_new();
    struct sockaddr_un address;
    char name[32];
    gboolean listens;

    socket_name(name, sizeof name, getpid());
    socket_address(folder, name, &address);
    unlinkat(folder, name, 0); /* of a dead worker that had this pid */
    listens = folder >= 0 && fd >= 0 &&
              bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
              fchmodat(folder, name, 0600, 0) == 0 && listen(fd, BACKLOG) == 0;
    if (folder >= 0)
        close(folder);
    if (listens)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int firn_worker_socket_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    return fd >= 0 && socket_check(fd) ? fd : -1;
}

/* -1 where nobody listens; the socket is then removed. */
static int connect_to(int folder, const char *name)
{
    struct sockaddr_un address;
    int fd = socket_new();

    socket_address(folder, name, &address);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return socket_check(fd) ? fd : -1;
    if (errno == ECONNREFUSED)
        unlinkat(folder, name, 0);
    close(fd);
    return -1;
}

GArray *firn_worker_socket_connect_all(const char *state_dir, pid_t own)
{
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));
    g_autoptr(GDir) dir = g_dir_open(state_dir, 0, NULL);
    int folder = open_folder(state_dir);
    const char *name;
    char mine[32];

    socket_name(mine, sizeof mine, own);
    while (folder >= 0 && dir && (name = g_dir_read_name(dir))) {
        int fd;

        if (!g_str_has_prefix(name, PREFIX) || g_str_equal(name, mine))
            continue;
        fd = connect_to(folder, name);
        if (fd >= 0)
            g_array_append_val(fds, fd);
    }
    if (folder >= 0)
        close(folder);
    return fds;
}

static char *socket_path(const char *state_dir, pid_t pid)
{
    char name[32];

    socket_name(name, sizeof name, pid);
    return g_build_filename(state_dir, name, NULL);
}

void firn_worker_socket_remove(const char *state_dir, pid_t pid)
{
    g_autofree char *path = socket_path(state_dir, pid);

    unlink(path);
}

gboolean firn_worker_socket_is_there(const char *state_dir, pid_t pid)
{
    g_autofree char *path = socket_path(state_dir, pid);

    return access(path, F_OK) == 0;
}
