/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows on a module about objects and sessions: made, read, found, closed. What an op makes it
 * destroys, so that the token is at the end what it was.
 */
#include "p11_task.h"

#include <string.h>

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS class_data = CKO_DATA;
static CK_OBJECT_CLASS class_secret = CKO_SECRET_KEY;
static CK_KEY_TYPE type_generic = CKK_GENERIC_SECRET;
static CK_ULONG secret_len = 32;
static CK_BYTE oid_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static CK_RV setup_plain(struct kk_bench_task *task)
{
    return kk_bench_p11_setup(task, false);
}

/* ---- key pairs and derivation ---- */

static CK_RV make_session_pair(struct kk_bench_task *task, struct kk_bench_p11 *p11,
                               CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {
        {CKA_TOKEN, &no, sizeof(no)},
        {CKA_EC_PARAMS, oid_p256, sizeof(oid_p256)},
    };
    CK_ATTRIBUTE private_template[] = {{CKA_TOKEN, &no, sizeof(no)}, {CKA_SIGN, &yes, sizeof(yes)}};
    KK_BENCH_P11(task, p11, C_GenerateKeyPair, p11->session, &mechanism, public_template,
                 KK_BENCH_ARRAY_LEN(public_template), private_template,
                 KK_BENCH_ARRAY_LEN(private_template), ret_public, ret_private);
    return CKR_OK;
}

static CK_RV op_ec_pair(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    CK_RV rv = make_session_pair(task, p11, &public_key, &private_key);
    if (rv != CKR_OK) {
        return rv;
    }
    KK_BENCH_P11(task, p11, C_DestroyObject, p11->session, public_key);
    KK_BENCH_P11(task, p11, C_DestroyObject, p11->session, private_key);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_ec_pair = {setup_plain, op_ec_pair, kk_bench_p11_teardown};

/* The peer is the public point of a pair that is made for it, without its DER header. */
static CK_RV setup_ecdh(struct kk_bench_task *task)
{
    enum { POINT = 65 };
    CK_RV rv = kk_bench_p11_setup(task, false);
    if (rv != CKR_OK) {
        return rv;
    }
    struct kk_bench_p11 *p11 = task->state;
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    rv = make_session_pair(task, p11, &public_key, &private_key);
    if (rv != CKR_OK) {
        return rv;
    }
    CK_ATTRIBUTE point = {CKA_EC_POINT, p11->point, sizeof(p11->point)};
    KK_BENCH_P11(task, p11, C_GetAttributeValue, p11->session, public_key, &point, 1);
    if (point.ulValueLen < POINT || point.ulValueLen > sizeof(p11->point)) {
        return kk_bench_fail(&task->failure, "reading CKA_EC_POINT", CKR_GENERAL_ERROR);
    }
    p11->ecdh = (CK_ECDH1_DERIVE_PARAMS){.kdf = CKD_NULL,
                                         .ulPublicDataLen = POINT,
                                         .pPublicData = p11->point + point.ulValueLen - POINT};
    p11->mechanism.pParameter = &p11->ecdh;
    p11->mechanism.ulParameterLen = sizeof(p11->ecdh);
    return CKR_OK;
}

static CK_RV op_ecdh(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class_secret, sizeof(class_secret)},
        {CKA_KEY_TYPE, &type_generic, sizeof(type_generic)},
        {CKA_TOKEN, &no, sizeof(no)},
        {CKA_VALUE_LEN, &secret_len, sizeof(secret_len)},
    };
    CK_OBJECT_HANDLE derived;
    KK_BENCH_P11(task, p11, C_DeriveKey, p11->session, &p11->mechanism, p11->key, template,
                 KK_BENCH_ARRAY_LEN(template), &derived);
    KK_BENCH_P11(task, p11, C_DestroyObject, p11->session, derived);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_ecdh = {setup_ecdh, op_ecdh, kk_bench_p11_teardown};

/* ---- reading and finding ---- */

static CK_RV op_attributes(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    CK_KEY_TYPE type;
    CK_BYTE id[64];
    CK_ATTRIBUTE template[] = {{CKA_KEY_TYPE, &type, sizeof(type)}, {CKA_ID, id, sizeof(id)}};
    KK_BENCH_P11(task, p11, C_GetAttributeValue, p11->session, p11->key, template,
                 KK_BENCH_ARRAY_LEN(template));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_attributes = {setup_plain, op_attributes,
                                                      kk_bench_p11_teardown};

/* Without objects to find there is nothing to measure: --objects 0 leaves the rows empty. */
static CK_RV setup_find(struct kk_bench_task *task)
{
    if (task->token->extra == 0) {
        return kk_bench_fail(&task->failure, "finding with --objects 0", CKR_OBJECT_HANDLE_INVALID);
    }
    CK_RV rv = kk_bench_p11_setup(task, false);
    if (rv == CKR_OK) {
        kk_bench_extra_label(0, ((struct kk_bench_p11 *)task->state)->label);
    }
    return rv;
}

static CK_RV op_find_same(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    CK_ATTRIBUTE template = {CKA_LABEL, p11->label, strlen(p11->label)};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    KK_BENCH_P11(task, p11, C_FindObjectsInit, p11->session, &template, 1);
    KK_BENCH_P11(task, p11, C_FindObjects, p11->session, found, 2, &count);
    KK_BENCH_P11(task, p11, C_FindObjectsFinal, p11->session);
    return count == 1 ? CKR_OK
                      : kk_bench_fail(&task->failure, "finding exactly one", CKR_GENERAL_ERROR);
}

const struct kk_bench_work kk_bench_p11_find_same = {setup_find, op_find_same,
                                                     kk_bench_p11_teardown};

static CK_RV op_find_other(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    kk_bench_extra_label((size_t)(p11->counter++ % task->token->extra), p11->label);
    return op_find_same(task);
}

const struct kk_bench_work kk_bench_p11_find_other = {setup_find, op_find_other,
                                                      kk_bench_p11_teardown};

/* ---- sessions and token objects ---- */

static CK_RV op_session(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    CK_SESSION_HANDLE session;
    KK_BENCH_P11(task, p11, C_OpenSession, task->token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                 NULL, NULL, &session);
    KK_BENCH_P11(task, p11, C_CloseSession, session);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_session = {setup_plain, op_session, kk_bench_p11_teardown};

static CK_RV op_create(struct kk_bench_task *task)
{
    struct kk_bench_p11 *p11 = task->state;
    static CK_UTF8CHAR label[] = "bench-create";
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class_data, sizeof(class_data)},
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_LABEL, label, sizeof(label) - 1},
        {CKA_VALUE, p11->in, p11->in_len},
    };
    CK_OBJECT_HANDLE object;
    KK_BENCH_P11(task, p11, C_CreateObject, p11->session, template, KK_BENCH_ARRAY_LEN(template),
                 &object);
    KK_BENCH_P11(task, p11, C_DestroyObject, p11->session, object);
    return CKR_OK;
}

const struct kk_bench_work kk_bench_p11_create = {setup_plain, op_create, kk_bench_p11_teardown};
