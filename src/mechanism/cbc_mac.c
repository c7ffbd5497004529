/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CBC-MAC of FIPS 113: the last block of a CBC encryption from an IV of zeros. It is safe only for
 * messages of one length; CMAC has no such condition.
 */
#include "base/memory.h"
#include "crypto/cipher.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define PIECE 256

struct cbc_mac_context {
    struct kk_op_context head;
    struct kk_cipher *cipher;
    size_t block;
    size_t length; /* asked for this time */
    size_t filled; /* bytes in the block that is not whole yet */
    bool empty;
    uint8_t last[KK_CIPHER_BLOCK]; /* what the last whole block became */
};

static void cbc_mac_free(void *context)
{
    struct cbc_mac_context *self = context;
    kk_cipher_free(self->cipher);
    kk_op_context_clear(&self->head);
    kk_wipe(self->last, sizeof self->last);
    kk_free(self);
}

static KK_RV new_context(struct kk_op *op, struct cbc_mac_context **ret_context)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    struct cbc_mac_context *context = NULL;
    KK_TRY(kk_block_cipher_new(op->crypto, op->mechanism, op->key, &op->param, true,
                               KK_PADDING_NONE, &cipher));
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->cipher = KK_STEAL(cipher);
    context->block = kk_mechanism_block(op->mechanism);
    kk_op_install(op, &context->head, cbc_mac_free);
    *ret_context = context;
    return CKR_OK;
}

static KK_RV cbc_mac_init(struct kk_op *op)
{
    static const uint8_t zeros[KK_CIPHER_BLOCK];
    size_t length = 0;
    KK_TRY(kk_mac_length_of(op, &length));
    struct cbc_mac_context *context = kk_op_reuse(op, cbc_mac_free);
    if (KK_UNLIKELY(context != NULL && kk_block_cipher_is_of_one_use(op->mechanism))) {
        kk_op_drop(op);
        context = NULL;
    }
    if (context == NULL) {
        KK_TRY(new_context(op, &context));
    }
    context->length = length;
    context->filled = 0;
    context->empty = true;
    return kk_cipher_start(context->cipher, KK_SPAN(zeros, context->block));
}

static size_t cbc_mac_length(const struct kk_op *op)
{
    const struct cbc_mac_context *context = op->context;
    return context->length;
}

static KK_RV cbc_mac_update(struct kk_op *op, struct kk_span in)
{
    struct cbc_mac_context *context = op->context;
    KK_SECRET_ARRAY(out, PIECE + KK_CIPHER_BLOCK);
    for (size_t at = 0; at < in.len; at += PIECE) {
        struct kk_span piece = KK_SPAN(in.data + at, KK_MIN(in.len - at, (size_t)PIECE));
        size_t len = 0;
        KK_TRY(kk_cipher_update(context->cipher, piece, out, &len));
        if (len > 0) {
            memcpy(context->last, out + len - context->block, context->block);
        }
        context->filled = (context->filled + piece.len) % context->block;
        context->empty = false;
    }
    return CKR_OK;
}

static KK_RV cbc_mac_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    static const uint8_t zeros[KK_CIPHER_BLOCK];
    struct cbc_mac_context *context = op->context;
    if (context->empty || context->filled > 0) {
        KK_TRY(cbc_mac_update(op, KK_SPAN(zeros, context->block - context->filled)));
    }
    memcpy(out, context->last, context->length);
    *ret_len = context->length;
    return CKR_OK;
}

static KK_RV cbc_mac_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(cbc_mac_update(op, in));
    return cbc_mac_final(op, out, ret_len);
}

const struct kk_sign_ops kk_cbc_mac_ops = {
    .init = cbc_mac_init,
    .length = cbc_mac_length,
    .update = cbc_mac_update,
    .final = cbc_mac_final,
    .single = cbc_mac_single,
};
