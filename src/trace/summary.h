/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process called, per function: how often, with which failures, how long it took. Counted
 * without locks.
 */
#pragma once

#include "base/bytes.h"

/* `function` is its number in the function lists. */
void kk_trace_count(unsigned int function, CK_RV rv, uint64_t nanoseconds);

/* Whether anything was counted since the last time. */
bool kk_trace_has_counts(void);

/* A table of what was counted, each line with # in front; `pid` stands in its first one. Counts
 * from 0 again. */
void kk_trace_put_summary(struct kk_buffer *out, long pid);

/* Counts from 0 again: in a forked child, whose parent's calls are not its own. */
void kk_trace_forget_counts(void);
