/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call trace as a C program that makes the same calls again (keykist trace --to-c).
 */
#pragma once

#include "base/bytes.h"

struct kk_trace_c {
    unsigned long pid;     /* whose calls; 0: those of the process of the first line */
    unsigned long calls;   /* that became part of the program */
    unsigned long left;    /* that cannot be made again; a comment in the program says why */
    unsigned long others;  /* calls of other processes */
    unsigned long damaged; /* lines that are none */
};

/* `trace` is the whole file. CKR_HOST_MEMORY. */
KK_RV kk_trace_to_c(struct kk_span trace, struct kk_trace_c *inout, struct kk_buffer *out);
