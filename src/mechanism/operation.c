/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the families share.
 */
#include "mechanism/operation.h"

#include <stdio.h>

#include "base/memory.h"
#include "mechanism/held.h"

#include "base/banned.h"

void *kk_op_reuse(struct kk_op *op, void (*context_free)(void *))
{
    if (op->context == NULL) {
        return NULL;
    }
    if (op->context_free == context_free) {
        const struct kk_op_context *context = op->context;
        if (KK_LIKELY(context->mechanism == op->mechanism && context->key == op->key &&
                      context->kind == op->kind)) {
            return op->context;
        }
    }
    kk_op_drop(op);
    return NULL;
}

size_t kk_aead_most(const struct kk_op *op)
{
    return op->aead_buffer > 0 ? op->aead_buffer : KK_HELD_MAX;
}

void kk_op_drop(struct kk_op *op)
{
    op->context_free(op->context);
    op->context = NULL;
    op->context_free = NULL;
}

void kk_op_install(struct kk_op *op, struct kk_op_context *context, void (*context_free)(void *))
{
    context->mechanism = op->mechanism;
    context->key = op->key == NULL ? NULL : kk_key_ref(op->key);
    context->kind = op->kind;
    op->context = context;
    op->context_free = context_free;
}

void kk_op_context_clear(struct kk_op_context *context)
{
    kk_key_unref(context->key);
    context->key = NULL;
}

void kk_mechanism_algorithm(const struct kk_mechanism *mechanism, size_t bits,
                            char ret_name[KK_ALGORITHM_NAME])
{
    const char *at = strstr(mechanism->algorithm, "%u");
    if (at == NULL) {
        snprintf(ret_name, KK_ALGORITHM_NAME, "%s", mechanism->algorithm);
        return;
    }
    snprintf(ret_name, KK_ALGORITHM_NAME, "%.*s%zu%s", (int)(at - mechanism->algorithm),
             mechanism->algorithm, bits, at + 2);
}

KK_RV kk_sha512_t_name(const struct kk_mechanism *mechanism, const struct kk_param *param,
                       char ret_name[KK_ALGORITHM_NAME])
{
    CK_ULONG t = 0;
    if (mechanism->shape == KK_PARAM_ULONG) {
        KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
        t = *(const CK_ULONG *)param->data;
        KK_ENSURE(t > 0 && t < 512 && t != 384, CKR_MECHANISM_PARAM_INVALID);
    }
    kk_mechanism_algorithm(mechanism, t, ret_name);
    return CKR_OK;
}

KK_RV kk_secret_of(const struct kk_key *key, struct kk_span *ret_value)
{
    KK_ENSURE(key != NULL && kk_key_kind(key) == KK_KEY_SECRET, CKR_KEY_TYPE_INCONSISTENT);
    *ret_value = kk_key_secret(key);
    return CKR_OK;
}

KK_RV kk_aes_key_of(const struct kk_key *key, struct kk_span *ret_value)
{
    KK_TRY(kk_secret_of(key, ret_value));
    KK_ENSURE(ret_value->len == 16 || ret_value->len == 24 || ret_value->len == 32,
              CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

CK_RV kk_wrap_code(CK_RV rv)
{
    static const struct {
        CK_RV data;
        CK_RV wrap;
    } codes[] = {
        {CKR_DATA_LEN_RANGE, CKR_KEY_SIZE_RANGE},
        {CKR_ENCRYPTED_DATA_INVALID, CKR_WRAPPED_KEY_INVALID},
        {CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_WRAPPED_KEY_LEN_RANGE},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(codes); i++) {
        if (codes[i].data == rv) {
            return codes[i].wrap;
        }
    }
    return rv;
}
