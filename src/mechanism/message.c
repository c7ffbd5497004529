/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages under an AEAD. Parts come out as they go in when they are encrypted. Decrypted they all
 * come out with the last one, which brings the tag.
 */
#include "mechanism/message.h"

#include "base/memory.h"
#include "mechanism/held.h"
#include "mechanism/iv.h"
#include "mechanism/operation.h"

#include "base/banned.h"

struct message_context {
    struct kk_op_context head;
    const struct kk_aead_ops *aead;
    void *cipher; /* the AEAD's */
    struct kk_iv generator;
    size_t iv_len; /* of the message under way, as the next two */
    size_t tag_len;
    uint8_t iv[KK_GCM_IV_MAX];
    struct kk_buffer held; /* ciphertext whose tag is not checked yet */
};

static void message_context_free(void *context)
{
    struct message_context *self = context;
    if (self->cipher != NULL) {
        self->aead->close(self->cipher);
    }
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static KK_RV new_context(struct kk_op *op, struct message_context **ret_context)
{
    struct message_context *context = NULL;
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->aead = op->mechanism->message->aead;
    CK_RV rv = context->aead->open(op, &context->cipher);
    if (rv != CKR_OK) {
        kk_free(context);
        return rv;
    }
    kk_op_install(op, &context->head, message_context_free);
    *ret_context = context;
    return CKR_OK;
}

KK_RV kk_message_init(struct kk_op *op)
{
    struct message_context *context = kk_op_reuse(op, message_context_free);
    if (context == NULL) {
        KK_TRY(new_context(op, &context));
    }
    context->generator = (struct kk_iv){0};
    return CKR_OK;
}

KK_RV kk_message_begin(struct kk_op *op, const struct kk_message *message, struct kk_span aad)
{
    struct message_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        KK_TRY(kk_iv_next(&context->generator, op->crypto, message->generator, message->fixed_bits,
                          message->iv, message->iv_len));
    }
    memcpy(context->iv, message->iv, message->iv_len);
    context->iv_len = message->iv_len;
    context->tag_len = message->tag_len;
    kk_held_start(&context->held);
    return context->aead->start(context->cipher, message, aad);
}

size_t kk_message_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    const struct message_context *context = op->context;
    if (op->kind == KK_OP_DECRYPT) {
        return phase == KK_PHASE_UPDATE ? 0 : context->held.len + in_len;
    }
    return context->aead->bound != NULL ? context->aead->bound(context->cipher, phase, in_len)
                                        : in_len;
}

KK_RV kk_message_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct message_context *context = op->context;
    if (op->kind == KK_OP_DECRYPT) {
        *ret_len = 0;
        return kk_held_put(&context->held, in, kk_aead_most(op), CKR_ENCRYPTED_DATA_LEN_RANGE);
    }
    return context->aead->update(context->cipher, in, out, ret_len);
}

KK_RV kk_message_final(struct kk_op *op, const struct kk_message *message, struct kk_span in,
                       uint8_t *out, size_t *ret_len)
{
    struct message_context *context = op->context;
    bool encrypts = op->kind == KK_OP_ENCRYPT;
    KK_ENSURE(message->tag_len == context->tag_len, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(!encrypts || message->iv_len == context->iv_len, CKR_MECHANISM_PARAM_INVALID);
    if (context->held.len > 0) {
        KK_TRY(kk_message_update(op, in, out, ret_len));
        in = kk_buffer_span(&context->held);
    }
    CK_RV rv = context->aead->final(context->cipher, message, in, out, ret_len);
    KK_TRY(rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_AEAD_DECRYPT_FAILED : rv);
    if (encrypts && message->generator != CKG_NO_GENERATE) {
        memcpy(message->iv, context->iv, context->iv_len);
    }
    return CKR_OK;
}
