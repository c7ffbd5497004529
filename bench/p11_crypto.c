/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows on a module that compute: each op is the Init and the single-part call, as an application
 * makes them.
 */
#include "p11_task.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPARE = 1024, /* room for a signature, a tag, a padding */
    GCM_IV = 12,
    GCM_TAG_BITS = 128
};

static CK_RV take_buffers(struct kk_bench_task *task, struct kk_bench_p11 *p11)
{
    p11->in_len = (CK_ULONG)task->row->size;
    p11->out_size = p11->in_len + SPARE;
    p11->in = malloc(p11->in_len + 1);
    p11->out = malloc(p11->out_size);
    if (p11->in == NULL || p11->out == NULL) {
        return kk_bench_fail(&task->failure, "malloc", CKR_HOST_MEMORY);
    }
    memset(p11->in, 0x61, p11->in_len);
    memset(p11->out, 0, p11->out_size);
    return CKR_OK;
}

CK_RV kk_bench_p11_setup(struct kk_bench_task *task, bool with_public)
{
    struct kk_bench_p11 *p11 = calloc(1, sizeof(*p11));
    if (p11 == NULL) {
        return kk_bench_fail(&task->failure, "calloc", CKR_HOST_MEMORY);
    }
    task->state = p11;
    p11->functions = task->token->functions;
    p11->mechanism.mechanism = task->row->mechanism;
    p11->iv[0] = (CK_BYTE)task->thread;
    CK_RV rv = take_buffers(task, p11);
    if (rv != CKR_OK) {
        return rv;
    }
    KK_BENCH_P11(task, p11, C_OpenSession, task->token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                 NULL, NULL, &p11->session);
    const enum kk_bench_key key = task->row->key;
    if (key != KK_BENCH_KEY_NONE) {
        rv = kk_bench_token_key(task->token, key, CKO_PRIVATE_KEY, &task->failure, &p11->key);
    }
    if (rv == CKR_OK && with_public) {
        rv = kk_bench_token_key(task->token, key, CKO_PUBLIC_KEY, &task->failure, &p11->public_key);
    }
    return rv;
}

void kk_bench_p11_teardown(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    if (p11 == NULL) {
        return;
    }
    if (p11->session != CK_INVALID_HANDLE) {
        p11->functions->C_CloseSession(p11->session);
    }
    free(p11->in);
    free(p11->out);
    free(p11);
    task->state = NULL;
}

static CK_RV setup_plain(struct kk_bench_task *task)
{
    return kk_bench_p11_setup(task, false);
}

/* ---- signatures and MACs ---- */

static CK_RV op_sign(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    p11->out_len = p11->out_size;
    KK_BENCH_P11(task, p11, C_SignInit, p11->session, &p11->mechanism, p11->key);
    KK_BENCH_P11(task, p11, C_Sign, p11->session, p11->in, p11->in_len, p11->out, &p11->out_len);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_sign = {setup_plain, op_sign, kk_bench_p11_teardown};

static CK_RV setup_verify(struct kk_bench_task *task)
{
    CK_RV rv = kk_bench_p11_setup(task, true);
    return rv != CKR_OK ? rv : op_sign(task);
}

static CK_RV op_verify(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    KK_BENCH_P11(task, p11, C_VerifyInit, p11->session, &p11->mechanism, p11->public_key);
    KK_BENCH_P11(task, p11, C_Verify, p11->session, p11->in, p11->in_len, p11->out, p11->out_len);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_verify = {setup_verify, op_verify, kk_bench_p11_teardown};

/* ---- ciphers ---- */

static CK_RV encrypt(struct kk_bench_task *task, struct kk_bench_p11 *p11)
{
    p11->out_len = p11->out_size;
    KK_BENCH_P11(task, p11, C_EncryptInit, p11->session, &p11->mechanism, p11->key);
    KK_BENCH_P11(task, p11, C_Encrypt, p11->session, p11->in, p11->in_len, p11->out, &p11->out_len);
    return CKR_OK;
}

static CK_RV setup_gcm(struct kk_bench_task *task)
{
    CK_RV rv = kk_bench_p11_setup(task, false);
    if (rv != CKR_OK) {
        return rv;
    }
    struct kk_bench_p11 *p11 = task->state;
    p11->gcm = (CK_GCM_PARAMS){
        .pIv = p11->iv, .ulIvLen = GCM_IV, .ulIvBits = GCM_IV * 8, .ulTagBits = GCM_TAG_BITS};
    p11->mechanism.pParameter = &p11->gcm;
    p11->mechanism.ulParameterLen = sizeof(p11->gcm);
    return CKR_OK;
}

static CK_RV op_gcm(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    p11->counter++;
    memcpy(p11->iv + GCM_IV - sizeof(p11->counter), &p11->counter, sizeof(p11->counter));
    return encrypt(task, p11);
}

const struct kk_bench_work kk_bench_p11_gcm = {setup_gcm, op_gcm, kk_bench_p11_teardown};

static CK_RV setup_cbc(struct kk_bench_task *task)
{
    CK_RV rv = kk_bench_p11_setup(task, false);
    if (rv != CKR_OK) {
        return rv;
    }
    struct kk_bench_p11 *p11 = task->state;
    p11->mechanism.pParameter = p11->iv;
    p11->mechanism.ulParameterLen = sizeof(p11->iv);
    return CKR_OK;
}

static CK_RV op_cbc(struct kk_bench_task *task)
{
    return encrypt(task, task->state);
}

const struct kk_bench_work kk_bench_p11_cbc = {setup_cbc, op_cbc, kk_bench_p11_teardown};

/* ---- digests and random bytes ---- */

static CK_RV op_digest(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    p11->out_len = p11->out_size;
    KK_BENCH_P11(task, p11, C_DigestInit, p11->session, &p11->mechanism);
    KK_BENCH_P11(task, p11, C_Digest, p11->session, p11->in, p11->in_len, p11->out, &p11->out_len);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_digest = {setup_plain, op_digest, kk_bench_p11_teardown};

static CK_RV op_random(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    KK_BENCH_P11(task, p11, C_GenerateRandom, p11->session, p11->out, p11->in_len);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_random = {setup_plain, op_random, kk_bench_p11_teardown};
