/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry point, and the replay's: each target has its own. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
