/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a task that works on a module, and the ends that all such works share.
 */
#pragma once

#include "token.h"

struct kk_bench_p11 {
    const CK_FUNCTION_LIST *functions;
    CK_SESSION_HANDLE session; /* of this task */
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE public_key;
    CK_MECHANISM mechanism;
    CK_GCM_PARAMS gcm;
    CK_ECDH1_DERIVE_PARAMS ecdh;
    CK_BYTE iv[16];
    CK_BYTE point[128];
    uint64_t counter;
    CK_BYTE *in;
    CK_BYTE *out;
    CK_ULONG in_len;
    CK_ULONG out_size;
    CK_ULONG out_len;
    char label[KK_BENCH_LABEL_SIZE];
};

/* Like KK_BENCH_CALL, on the task's own state. */
#define KK_BENCH_P11(task, p11, function, ...)                                                     \
    do {                                                                                           \
        CK_RV kk_call_rv_ = (p11)->functions->function(__VA_ARGS__);                               \
        if (__builtin_expect(kk_call_rv_ != CKR_OK, 0)) {                                          \
            return kk_bench_fail(&(task)->failure, #function, kk_call_rv_);                        \
        }                                                                                          \
    } while (0)

/* The state: a session, the row's key (with its public half for a pair when `with_public`), the
 * row's mechanism, buffers. */
CK_RV kk_bench_p11_setup(struct kk_bench_task *task, bool with_public);

/* Closes the session and frees the state. */
void kk_bench_p11_teardown(struct kk_bench_task *task);
