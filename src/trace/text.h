/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of a trace line. Everything is ASCII on one line; docs/design/trace.md has the grammar.
 */
#pragma once

#include "base/bytes.h"

/* The most bytes that are written out in hexadecimal digits; of longer values only the length is.
 */
#define KK_TRACE_SHOWN_MAX 8192u

void kk_trace_put(struct kk_buffer *out, const char *text);
void kk_trace_put_number(struct kk_buffer *out, uint64_t value);
void kk_trace_put_hex_number(struct kk_buffer *out, uint64_t value);

/* "text", with \" \\ and \xNN. */
void kk_trace_put_text(struct kk_buffer *out, struct kk_span text);

/* x'0011' */
void kk_trace_put_hex(struct kk_buffer *out, struct kk_span bytes);

/* <7 bytes>, <7 bytes at NULL> and so on; `more` may be "". */
void kk_trace_put_length(struct kk_buffer *out, uint64_t len, const char *more);

/* `name`, or the number where it is NULL. */
void kk_trace_put_word(struct kk_buffer *out, const char *name, CK_ULONG value);
