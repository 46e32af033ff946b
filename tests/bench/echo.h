/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_ECHO_H
#define TESTS_BENCH_ECHO_H

#include <glib.h>

/*
 * Serves one client after the other on a Unix socket, for ever: each line gets a reply that was
 * made before, a guest-file-read one of `read_length` bytes of data. It understands nothing, so
 * what a client reaches with it is the limit of the client and the socket.
 */
G_NORETURN void echo_serve(const char *socket_path, gsize read_length);

#endif
