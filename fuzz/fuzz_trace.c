/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as a call trace: lines that are understood become a program, others are counted.
 */
#include "cli/trace_c.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kk_trace_c counts = {0};
    struct kk_buffer out = {0};
    FUZZ_CHECK(kk_trace_to_c(KK_SPAN(data, size), &counts, &out) == CKR_OK);
    FUZZ_CHECK(out.len > 0);
    kk_buffer_clear(&out);
    return 0;
}
