/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks of bytes: the same bytes have the same mark, in one process and its children. A mark says
 * nothing else of them: it is a keyed hash (SipHash-2-4) under a key that is never written down and
 * gone with the process.
 */
#pragma once

#include "base/bytes.h"

/* Makes the key, once. False: there was no randomness, and there are no marks. */
bool kk_trace_tag_start(void);

/* Of the bytes at `from` in the application's memory. False: they are too many, or cannot be read.
 */
bool kk_trace_tag(const void *from, size_t len, uint64_t *ret_tag);

/* SipHash-2-4 of a span under a key (tests). */
uint64_t kk_trace_siphash(const uint64_t key[2], struct kk_span span);
