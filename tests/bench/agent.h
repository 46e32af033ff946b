/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <glib.h>
#include <sys/types.h>

/* An agent under measurement, firn or the packaged qemu-ga, on a socket of its own with one client
 * connected. */
typedef struct {
    const char *name; /* "firn" or "peer" */
    pid_t pid;
    int fd;
    char *folder;
    double started; /* seconds from exec to the first answer */
    char *buffer;   /* bytes read; the next line begins at `start` */
    gsize start, held, room;
} BenchAgent;

/*
 * Starts it (FIRN_BINARY, or FIRN_PEER, by default /usr/sbin/qemu-ga) and waits for its first
 * answer. Ends the program with a message when it cannot: a benchmark with one side missing is
 * none.
 */
BenchAgent *bench_agent_start(gboolean firn);
/* The same, under callgrind where asked for, with standard error going to the file `errors` (NULL:
 * nowhere). */
BenchAgent *bench_agent_start_under(gboolean firn, gboolean callgrind, const char *errors);
void bench_agent_stop(BenchAgent *agent);

/* Sends a request and reads its reply line; the line (without its end) belongs to the agent until
 * the next call. */
const char *bench_agent_ask(BenchAgent *agent, const char *request);
void bench_agent_send(BenchAgent *agent, const char *bytes, gsize length);
const char *bench_agent_read_line(BenchAgent *agent, gsize *length);

/* Makes room for a reply of so many bytes, in memory that is there already: page faults of the
 * client are nothing to measure. */
void bench_agent_reserve(BenchAgent *agent, gsize bytes);

/* Like ask, but ends the program when the reply is an error. */
const char *bench_agent_must(BenchAgent *agent, const char *request);

/* The number behind "NAME:" of /proc/PID/FILE, in its own unit; -1 where it is missing. */
gint64 bench_agent_proc(const BenchAgent *agent, const char *file, const char *name);

#endif
