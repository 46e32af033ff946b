/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/peer.h"

#include "tests/bench/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* errors: where standard error goes; NULL: nowhere. */
static pid_t launch(const char *program, const char *folder, gboolean callgrind, const char *errors)
{
    g_autofree char *socket_path = g_build_filename(folder, "socket", NULL);
    const char *argv[16] = {"valgrind",
                            "--tool=callgrind",
                            "--callgrind-out-file=/dev/null",
                            program,
                            "-m",
                            "unix-listen",
                            "-p",
                            socket_path,
                            "-t",
                            folder,
                            NULL};
    const char **run = callgrind ? argv : argv + 3;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        int out = errors ? open(errors, O_WRONLY | O_TRUNC) : null;

        dup2(null, 0);
        dup2(null, 1);
        dup2(out, 2);
        execvp(run[0], (char **)(gpointer)run);
        _exit(127);
    }
    return pid;
}

static int connect_to(const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *path = g_build_filename(folder, "socket", NULL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    for (int tries = 0; tries < 60000; tries++) {
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        g_usleep(200);
    }
    g_error("no agent answers on '%s'", path);
}

BenchAgent *bench_agent_start(gboolean firn)
{
    return bench_agent_start_under(firn, FALSE, NULL);
}

BenchAgent *bench_agent_start_under(gboolean firn, gboolean callgrind, const char *errors)
{
    const char *program = firn ? g_getenv("FIRN_BINARY") : g_getenv("FIRN_PEER");
    BenchAgent *agent = g_new0(BenchAgent, 1);
    double begin;

    if (!program)
        program = firn ? "./build/agent/firn" : "/usr/sbin/qemu-ga";
    if (access(program, X_OK) != 0)
        g_error("'%s' cannot be run: %s", program, g_strerror(errno));
    agent->name = firn ? "firn" : "peer";
    agent->folder = g_dir_make_tmp("firn-bench-XXXXXX", NULL);
    begin = samples_now();
    agent->pid = launch(program, agent->folder, callgrind, errors);
    agent->fd = connect_to(agent->folder);
    bench_agent_must(agent, "{\"execute\":\"guest-ping\"}");
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

const char *bench_agent_ask(BenchAgent *agent, const char *request)
{
    bench_agent_send(agent, request, strlen(request));
    return bench_agent_read_line(agent, NULL);
}

const char *bench_agent_must(BenchAgent *agent, const char *request)
{
    const char *reply = bench_agent_ask(agent, request);

    if (g_str_has_prefix(reply, "{\"error\""))
        g_error("%s: %.200s -> %.400s", agent->name, request, reply);
    return reply;
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
