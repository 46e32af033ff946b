/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_REQUESTS_H
#define TESTS_FUZZ_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

/*
 * libFuzzer's entry point, and the replay's: runs the bytes through gate, request, arguments and
 * reply as a session does, once whole and once in pieces, and aborts when the two differ, when a
 * reply is no single line of ASCII, or when memory is kept. The first byte says how large the
 * pieces are.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
