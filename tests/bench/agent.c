/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/agent.h"

#include "tests/bench/echo.h"
#include "tests/bench/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the server that does nothing answers a guest-file-read with. */
#define ECHO_READ (48 << 20)
#define CONNECT_SECONDS 30

static const char *program_of(BenchSide side)
{
    const char *program = g_getenv(side == BENCH_FIRN ? "FIRN_BINARY" : "FIRN_PEER");

    if (!program)
        program = side == BENCH_FIRN ? "./build/agent/firn" : "/usr/sbin/qemu-ga";
    if (access(program, X_OK) != 0)
        g_error("'%s' cannot be run: %s", program, g_strerror(errno));
    return program;
}

/* report: where callgrind's words go, and that it is to run; NULL: not. */
G_NORETURN static void become(BenchSide side, const char *folder, const char *report)
{
    g_autofree char *socket_path = g_build_filename(folder, "socket", NULL);
    const char *argv[] = {"valgrind",
                          "--tool=callgrind",
                          "--callgrind-out-file=/dev/null",
                          NULL,
                          "-m",
                          "unix-listen",
                          "-p",
                          socket_path,
                          "-t",
                          folder,
                          NULL};
    const char **run = report ? argv : argv + 3;
    int null = open("/dev/null", O_RDWR);

    if (side == BENCH_CLIENT)
        echo_serve(socket_path, ECHO_READ);
    argv[3] = program_of(side);
    dup2(null, 0);
    dup2(null, 1);
    dup2(report ? open(report, O_WRONLY | O_TRUNC) : null, 2);
    execvp(run[0], (char **)(gpointer)run);
    _exit(127);
}

static int connect_to(const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *path = g_build_filename(folder, "socket", NULL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    double give_up = samples_now() + CONNECT_SECONDS;

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    /* without a pause: the start is measured up to the first answer */
    while (samples_now() < give_up) {
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        sched_yield();
    }
    g_error("no agent answers on '%s'", path);
}

BenchAgent *bench_agent_start(BenchSide side)
{
    return bench_agent_start_callgrind(side, NULL);
}

BenchAgent *bench_agent_start_callgrind(BenchSide side, const char *report)
{
    static const char *const names[] = {"firn", "the packaged agent", "the server"};
    BenchAgent *agent = g_new0(BenchAgent, 1);
    double begin;

    agent->name = names[side];
    agent->folder = g_dir_make_tmp("firn-bench-XXXXXX", NULL);
    begin = samples_now();
    agent->pid = fork();
    if (agent->pid == 0)
        become(side, agent->folder, report);
    agent->fd = connect_to(agent->folder);
    bench_agent_must(agent, "{\"execute\":\"guest-ping\"}\n");
    agent->started = samples_now() - begin;
    return agent;
}

void bench_agent_stop(BenchAgent *agent)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", agent->folder);

    close(agent->fd);
    /* The packaged agent can hang when it is told to end while it notices that its client has left.
     */
    g_usleep(300000);
    kill(agent->pid, SIGTERM);
    waitpid(agent->pid, NULL, 0);
    if (system(command) != 0)
        g_warning("cannot remove '%s'", agent->folder);
    g_free(agent->folder);
    g_free(agent->buffer);
    g_free(agent);
}

void bench_agent_send(BenchAgent *agent, const char *bytes, gsize length)
{
    while (length > 0) {
        ssize_t sent = write(agent->fd, bytes, length);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            g_error("%s: cannot send: %s", agent->name, g_strerror(errno));
        bytes += sent;
        length -= (gsize)sent;
    }
}

/* Makes room behind what is held: what is read already goes first, then the buffer grows. */
static void make_room(BenchAgent *agent)
{
    if (agent->start > 0) {
        memmove(agent->buffer, agent->buffer + agent->start, agent->held - agent->start);
        agent->held -= agent->start;
        agent->start = 0;
    }
    if (agent->held == agent->room) {
        agent->room = agent->room ? agent->room * 2 : 1 << 20;
        agent->buffer = g_realloc(agent->buffer, agent->room);
    }
}

void bench_agent_reserve(BenchAgent *agent, gsize bytes)
{
    if (agent->room >= bytes)
        return;
    agent->buffer = g_realloc(agent->buffer, bytes);
    memset(agent->buffer + agent->room, 1, bytes - agent->room);
    agent->room = bytes;
}

const char *bench_agent_read_line(BenchAgent *agent, gsize *length)
{
    gsize seen = agent->start;

    for (;;) {
        char *end = memchr(agent->buffer + seen, '\n', agent->held - seen);
        char *line = agent->buffer + agent->start;
        ssize_t got;

        if (end) {
            *end = '\0';
            agent->start = (gsize)(end + 1 - agent->buffer);
            if (length)
                *length = (gsize)(end - line);
            return line;
        }
        if (agent->held == agent->room)
            make_room(agent);
        seen = agent->held;
        got = read(agent->fd, agent->buffer + agent->held, agent->room - agent->held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            g_error("%s: the connection ended", agent->name);
        agent->held += (gsize)got;
    }
}

const char *bench_agent_must(BenchAgent *agent, const char *request)
{
    const char *reply;

    bench_agent_send(agent, request, strlen(request));
    reply = bench_agent_read_line(agent, NULL);
    if (g_str_has_prefix(reply, "{\"error\""))
        g_error("%s: %.200s -> %.400s", agent->name, request, reply);
    return reply;
}

gint64 bench_agent_open_file(BenchAgent *agent, const char *name, const char *mode)
{
    g_autofree char *request =
        g_strdup_printf("{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"%s/%s\","
                        "\"mode\":\"%s\"}}\n",
                        agent->folder, name, mode);

    return g_ascii_strtoll(strchr(bench_agent_must(agent, request), ':') + 1, NULL, 10);
}

void bench_agent_close_file(BenchAgent *agent, gint64 handle)
{
    g_autofree char *request = g_strdup_printf(
        "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":%" G_GINT64_FORMAT "}}\n",
        handle);

    bench_agent_must(agent, request);
}

gint64 bench_agent_proc(const BenchAgent *agent, const char *file, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)agent->pid, file);
    g_autofree char *text = NULL;
    g_autofree char *start = g_strdup_printf("\n%s:", name);
    const char *at;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return -1;
    at = strstr(text, start);
    return at ? g_ascii_strtoll(at + strlen(start), NULL, 10) : -1;
}

gint64 bench_agent_private_memory(const BenchAgent *agent)
{
    return bench_agent_proc(agent, "smaps_rollup", "Private_Dirty");
}
