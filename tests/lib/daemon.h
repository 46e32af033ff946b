/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_DAEMON_H
#define TESTS_LIB_DAEMON_H

#include "tests/lib/client.h"

/*
 * The built agent (environment FIRN_BINARY), in a folder of its own with socket, state directory
 * and log. FIRN_WRAPPER, such as "valgrind -q", is put before it. An '@'
 * in an option stands for the folder. It dies with the test.
 */
typedef struct TestDaemon TestDaemon;

/* Starts it on a unix socket with these further options (NULL: none; ends with NULL) and waits
 * until it answers. Free with test_daemon_free(). */
TestDaemon *test_daemon_start(const char *const *options);
/* The same with nothing added to the options and no waiting: for other channels and for what does
 * not start. fd: becomes descriptor 3 with LISTEN_FDS set, or -1. */
TestDaemon *test_daemon_spawn(const char *const *options, int fd);
/* Kills it when it still runs, and removes its folder. */
void test_daemon_free(TestDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestDaemon, test_daemon_free)

/* A new connection to its socket. */
TestClient *test_daemon_connect(TestDaemon *daemon);

int test_daemon_pid(const TestDaemon *daemon);
/* Its folder, and a path in it (free with g_free()). */
const char *test_daemon_folder(const TestDaemon *daemon);
char *test_daemon_path(const TestDaemon *daemon, const char *name);

/* Sends SIGTERM and waits for the end. Returns the exit status; death by a signal fails the test.
 */
int test_daemon_stop(TestDaemon *daemon);
/* Kills it, and nothing else that it has started. */
void test_daemon_kill(TestDaemon *daemon);
/* Waits up to 60 s for it to end by itself. */
int test_daemon_wait(TestDaemon *daemon);
/* What it wrote to stdout and stderr so far; free with g_free(). */
char *test_daemon_output(TestDaemon *daemon);

/* A number from /proc/PID/status, such as "VmRSS:" (KiB) or "voluntary_ctxt_switches:". */
guint64 test_daemon_status(const TestDaemon *daemon, const char *field);
/* Its processor time so far, in clock ticks. */
guint64 test_daemon_ticks(const TestDaemon *daemon);

#endif
