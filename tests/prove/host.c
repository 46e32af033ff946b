/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prove/host.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

ProveHost *prove_host_new(void)
{
    ProveHost *host =
        mmap(NULL, sizeof(ProveHost), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert(host != MAP_FAILED);
    return host;
}

static int host_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    for (int i = 0; i < PROVE_PATIENCE_S * 200; i++) {
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        g_usleep(5000);
    }
    return -1;
}

static void host_read(int fd, ProveAnswer *answer)
{
    gint64 end = g_get_monotonic_time() + PROVE_PATIENCE_S * G_USEC_PER_SEC;
    gsize length = 0;

    answer->count = PROVE_NONE;
    while (length < sizeof(answer->text) - 1 && !memchr(answer->text, '\n', length)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        gint64 left = (end - g_get_monotonic_time()) / 1000;
        gssize got;

        if (left <= 0 || poll(&wait, 1, (int)left) == 0) {
            answer->count = PROVE_LATE;
            return;
        }
        got = read(fd, answer->text + length, sizeof(answer->text) - 1 - length);
        if (got <= 0)
            return;
        length += (gsize)got;
    }
    if (g_str_has_prefix(answer->text, "{\"return\": "))
        answer->count = atoi(answer->text + strlen("{\"return\": "));
    else
        answer->count = PROVE_ERROR;
}

static void host_ask(int *fd, const char *path, const char *request, ProveAnswer *answer)
{
    if (*fd < 0)
        *fd = host_connect(path);
    answer->sent = g_get_monotonic_time();
    if (*fd < 0 || send(*fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        answer->count = PROVE_NONE;
    else
        host_read(*fd, answer);
    answer->answered = g_get_monotonic_time();
}

static void host_run(ProveHost *host, const char *path, const char *first, const char *second)
{
    int fd = -1;

    host_ask(&fd, path, first, &host->first);
    g_atomic_int_set(&host->first_answered, 1);
    if (second && host->first.count != PROVE_NONE) {
        while (!g_atomic_int_get(&host->go))
            g_usleep(2000);
        host_ask(&fd, path, second, &host->second);
    }
    g_atomic_int_set(&host->done, 1);
}

pid_t prove_host_begin(ProveHost *host, const char *socket, const char *first, const char *second)
{
    pid_t pid;

    memset(host, 0, sizeof(*host));
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    host_run(host, socket, first, second);
    _exit(0);
}
