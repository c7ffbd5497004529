/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates and mechanisms in words. All of the application's memory is read with
 * kk_trace_peek(): pointers and lengths may be anything.
 */
#pragma once

#include "trace/text.h"
#include "trace/words.h"

/* Whose the values are. */
enum kk_trace_when {
    KK_TRACE_GIVEN,   /* before the call: the application's */
    KK_TRACE_ROOM,    /* before the call: room for values, which is not looked at */
    KK_TRACE_LENGTHS, /* after the call: the module wrote lengths */
    KK_TRACE_BACK     /* after the call: the module wrote values */
};

/* [CKA_CLASS=CKO_DATA, CKA_VALUE=<5 bytes>] */
void kk_trace_put_template(struct kk_buffer *out, const void *attributes, CK_ULONG count,
                           enum kk_trace_when when);

/* CKM_SHA256, CKM_AES_CBC{x'00'}, CKM_AES_CTR{ulCounterBits=128, cb=x'00'}. `takes_back`: see
 * struct kk_trace_function. */
void kk_trace_put_mechanism(struct kk_buffer *out, const void *mechanism, enum kk_trace_when when,
                            bool takes_back);

/* A message's parameter: {pIv=x'00', ...}. */
void kk_trace_put_message(struct kk_buffer *out, const void *parameter, CK_ULONG len,
                          enum kk_trace_when when, bool takes_back);

/* Whether the module writes something into this mechanism's parameter that may be shown. */
bool kk_trace_mechanism_gives(const void *mechanism);
