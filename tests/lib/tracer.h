/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_TRACER_H
#define TESTS_LIB_TRACER_H

#include "tests/lib/daemon.h"

#include <sys/types.h>

/* strace on the agent, with all its threads and children, until it is ended. */

/* Waits until it has attached; lines go to `file`. options: further ones, such as
 * "--trace=ioctl"; NULL: none. */
pid_t test_tracer_begin(const TestDaemon *daemon, const char *file, const char *option);
/* Waits until all is written. The agent may have ended. */
void test_tracer_end(pid_t tracer);

#endif
