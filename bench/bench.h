/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the benchmark share: a row of the table, the work that a row measures, and the
 * task that one thread runs it with.
 *
 * To add a row: one line in rows.c. To measure something new: one struct kk_bench_work (setup, op,
 * teardown) in p11_crypto.c or p11_object.c, and, where OpenSSL can do the same, one in raw.c.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KK_BENCH_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Of a row that needs no mechanism. */
#define KK_BENCH_NO_MECHANISM CK_UNAVAILABLE_INFORMATION

struct kk_bench_token;

/* The call that failed and its code; of OpenSSL's calls the code is CKR_GENERAL_ERROR. */
struct kk_bench_failure {
    char call[48];
    CK_RV rv;
};

/* Notes the failure and returns `rv`, for `return kk_bench_fail(...)`. */
CK_RV kk_bench_fail(struct kk_bench_failure *failure, const char *call, CK_RV rv);

/* The keys that rows work with; each is made once per token, when a row first wants it. */
enum kk_bench_key {
    KK_BENCH_KEY_NONE,
    KK_BENCH_KEY_RSA2048,
    KK_BENCH_KEY_P256,
    KK_BENCH_KEY_P384,
    KK_BENCH_KEY_ED25519,
    KK_BENCH_KEY_HMAC,
    KK_BENCH_KEY_AES256,
    KK_BENCH_KEY_COUNT
};

/* One thread's share of a row. `state` belongs to the row's work; everything else is set before
 * its setup is called. */
struct kk_bench_task {
    const struct kk_bench_row *row;
    struct kk_bench_token *token; /* NULL in the process that measures raw OpenSSL */
    const char *directory;        /* a folder of this process, for what needs a file */
    unsigned thread;              /* which of the process's threads: 0, 1, ... */
    void *state;
    struct kk_bench_failure failure;
};

/* Something to measure. `op` is one operation as an application does it, with its Init. `teardown`
 * is called after a failed setup too. */
struct kk_bench_work {
    CK_RV (*setup)(struct kk_bench_task *task);
    CK_RV (*op)(struct kk_bench_task *task);
    void (*teardown)(struct kk_bench_task *task);
};

struct kk_bench_row {
    const char *name;
    const char *title;
    CK_MECHANISM_TYPE mechanism;
    enum kk_bench_key key;
    size_t size; /* bytes of input (of output for random) */
    const struct kk_bench_work *module;
    const struct kk_bench_work *raw; /* NULL: there is no counterpart */
    double target_ratio;             /* of raw; 0: the target is a rate */
    double target_rate;              /* operations per second */
    bool scales; /* with more threads or processes its rate grows by 0.95 of what raw's does */
};

extern const struct kk_bench_row kk_bench_rows[];
extern const size_t kk_bench_row_count;

/* NULL when there is none of that name. */
const struct kk_bench_row *kk_bench_row_find(const char *name);

/* On a module, p11_crypto.c: one single-part call with its Init. */
extern const struct kk_bench_work kk_bench_p11_sign;
extern const struct kk_bench_work kk_bench_p11_verify;
extern const struct kk_bench_work kk_bench_p11_gcm;
extern const struct kk_bench_work kk_bench_p11_cbc;
extern const struct kk_bench_work kk_bench_p11_digest;
extern const struct kk_bench_work kk_bench_p11_random;

/* On a module, p11_object.c: what makes, reads or finds objects, and sessions. */
extern const struct kk_bench_work kk_bench_p11_ecdh;
extern const struct kk_bench_work kk_bench_p11_ec_pair;
extern const struct kk_bench_work kk_bench_p11_attributes;
extern const struct kk_bench_work kk_bench_p11_find_same;
extern const struct kk_bench_work kk_bench_p11_find_other;
extern const struct kk_bench_work kk_bench_p11_session;
extern const struct kk_bench_work kk_bench_p11_create;

/* Raw OpenSSL, raw.c. */
extern const struct kk_bench_work kk_bench_raw_rsa_sign;
extern const struct kk_bench_work kk_bench_raw_rsa_verify;
extern const struct kk_bench_work kk_bench_raw_ec_sign;
extern const struct kk_bench_work kk_bench_raw_ec_verify;
extern const struct kk_bench_work kk_bench_raw_ed_sign;
extern const struct kk_bench_work kk_bench_raw_ecdh;
extern const struct kk_bench_work kk_bench_raw_hmac;
extern const struct kk_bench_work kk_bench_raw_gcm;
extern const struct kk_bench_work kk_bench_raw_cbc;
extern const struct kk_bench_work kk_bench_raw_digest;
extern const struct kk_bench_work kk_bench_raw_random;
extern const struct kk_bench_work kk_bench_raw_ec_pair;

/* The version of the libcrypto that raw rows run on. */
const char *kk_bench_raw_version(void);

/* A bare SQLite transaction pair, raw_sqlite.c. */
extern const struct kk_bench_work kk_bench_raw_create;
