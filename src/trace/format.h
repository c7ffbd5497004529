/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call in words: what it was given, before it runs; what it gave, afterwards.
 */
#pragma once

#include "base/bytes.h"
#include "trace/calls.h"

/* "C_Sign(hSession=0x1, pData=<5 bytes>, pSignature=<room 256>)". Of what only receives something
 * nothing is said, unless the pointer is NULL. */
void kk_trace_put_call(struct kk_buffer *out, const struct kk_trace_function *function,
                       const uintptr_t *words);

/* " = CKR_OK -> pSignature=<256 bytes #1c5a09e3b7f2>". Outputs are read only where `rv` says that
 * the module wrote them. */
void kk_trace_put_result(struct kk_buffer *out, const struct kk_trace_function *function,
                         const uintptr_t *words, CK_RV rv);
