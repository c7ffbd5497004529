/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module, loaded, with a fresh token of the benchmark's own, logged in as the user; and the keys
 * on it. Only an uninitialised token is ever initialised: a module that shows somebody's tokens
 * keeps them.
 */
#pragma once

#include "bench.h"

struct kk_bench_token {
    void *library;
    CK_FUNCTION_LIST *functions;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* keeps the login; tasks open their own */
    size_t extra;              /* private token objects labelled by kk_bench_extra_label() */
};

/* Calls functions->function(...) of a token, or returns from the caller with its code noted. */
#define KK_BENCH_CALL(token, failure, function, ...)                                               \
    do {                                                                                           \
        CK_RV kk_call_rv_ = (token)->functions->function(__VA_ARGS__);                             \
        if (kk_call_rv_ != CKR_OK) {                                                               \
            return kk_bench_fail((failure), #function, kk_call_rv_);                               \
        }                                                                                          \
    } while (0)

/* Writes DIRECTORY/softhsm2.conf with a token folder beside it and points SOFTHSM2_CONF there,
 * loads the module and calls C_Initialize. On failure too the token has to be closed. */
CK_RV kk_bench_token_load(const char *module, const char *directory, struct kk_bench_token *token,
                          struct kk_bench_failure *failure);

/* Finds the token with this label, or initialises one; logs in. Then sees to `extra` more private
 * token objects and opens `sessions` more sessions. */
CK_RV kk_bench_token_open(struct kk_bench_token *token, const char *label, size_t extra,
                          size_t sessions, struct kk_bench_failure *failure);

void kk_bench_token_close(struct kk_bench_token *token);

enum { KK_BENCH_LABEL_SIZE = 40 };
void kk_bench_extra_label(size_t number, char label[KK_BENCH_LABEL_SIZE]);

/* The handle of a key, made as a token object if it is not there yet. `object_class` is
 * CKO_PUBLIC_KEY for the public half; else the private or secret key. */
CK_RV kk_bench_token_key(struct kk_bench_token *token, enum kk_bench_key key,
                         CK_OBJECT_CLASS object_class, struct kk_bench_failure *failure,
                         CK_OBJECT_HANDLE *ret_key);
