/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_PIPELINE_H
#define TESTS_FUZZ_PIPELINE_H

#include <glib.h>

/*
 * Runs the bytes through gate, json-glib, argument checks and replies as a session does, once whole
 * and once in pieces of that size with every request kept, and aborts when the two differ, when a
 * reply is no JSON or no single line of ASCII, or when memory is kept. The commands are
 * "guest-sync" and "all", which has an argument of every type and answers with what it was given.
 */
void fuzz_requests(const char *bytes, gsize size, gsize piece);

#endif
