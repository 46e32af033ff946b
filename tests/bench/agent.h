/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_AGENT_H
#define TESTS_BENCH_AGENT_H

#include <glib.h>
#include <sys/types.h>

typedef enum {
    BENCH_FIRN,   /* FIRN_BINARY */
    BENCH_PEER,   /* the packaged qemu-ga: FIRN_PEER, by default /usr/sbin/qemu-ga */
    BENCH_CLIENT, /* no agent but a server that does nothing (echo.h): what the client reaches */
} BenchSide;

/* An agent under measurement, on a socket of its own with one client connected. */
typedef struct {
    const char *name; /* for messages */
    pid_t pid;
    int fd;
    char *folder;
    double started; /* seconds from exec to the first answer */
    char *buffer;   /* bytes read; the next line begins at `start` */
    gsize start, held, room;
} BenchAgent;

/* Starts one and waits for its first answer. Ends the program with a message when it cannot: a
 * benchmark with one side missing is none. */
BenchAgent *bench_agent_start(BenchSide side);
/* The same under callgrind, whose words go to the file `report`. */
BenchAgent *bench_agent_start_callgrind(BenchSide side, const char *report);
void bench_agent_stop(BenchAgent *agent);

void bench_agent_send(BenchAgent *agent, const char *bytes, gsize length);
/* The next line, without its end; it belongs to the agent until the next call. length may be NULL.
 */
const char *bench_agent_read_line(BenchAgent *agent, gsize *length);
/* Sends a request and reads its reply; ends the program when that is an error. */
const char *bench_agent_must(BenchAgent *agent, const char *request);

/* Makes room for a reply of so many bytes, in memory that is there already: page faults of the
 * client are nothing to measure. */
void bench_agent_reserve(BenchAgent *agent, gsize bytes);

/* Opens a file of the agent's folder; returns its handle. */
gint64 bench_agent_open_file(BenchAgent *agent, const char *name, const char *mode);
void bench_agent_close_file(BenchAgent *agent, gint64 handle);

/* The number behind "NAME:" of /proc/PID/FILE, in its own unit; -1 where it is missing. */
gint64 bench_agent_proc(const BenchAgent *agent, const char *file, const char *name);
/* KiB that are the agent's alone, whoever else runs the same program: its dirty pages. */
gint64 bench_agent_private_memory(const BenchAgent *agent);

#endif
