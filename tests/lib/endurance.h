/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_ENDURANCE_H
#define TESTS_LIB_ENDURANCE_H

#include "tests/lib/daemon.h"

/*
 * Sends a request ten thousand times: what the agent holds of memory, descriptors, threads and
 * children must be as much after them as before. Replies are not looked at. It connects by itself,
 * so nobody else may be connected. silent: there are no replies but those to pings.
 */
void test_endure(TestDaemon *daemon, const char *request, gboolean silent);

/* Requests that are sent before their replies are read; `times` is a multiple of it. */
#define TEST_ENDURE_BATCH 50
/* Asks for something so many times and reads all replies. */
typedef void (*TestEndureAsk)(TestClient *client, guint times, gpointer data);
/* The same for what takes more than one request; `what` names it. */
void test_endure_asking(TestDaemon *daemon, const char *what, TestEndureAsk ask, gpointer data);

#endif
