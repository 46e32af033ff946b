/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes. The first one says how large the pieces are. */
#include "tests/fuzz/pipeline.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 2)
        fuzz_requests((const char *)data + 1, size - 1, (gsize)data[0] % 64 + 1);
    return 0;
}
