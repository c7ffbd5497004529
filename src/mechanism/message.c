/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages under an AEAD. Parts come out as they go in, also when they are decrypted: the tag,
 * which the last part brings, is checked then (PKCS#11 3.2 C_DecryptMessageNext).
 */
#include "mechanism/message.h"

#include "base/memory.h"
#include "crypto/cipher.h"
#include "mechanism/iv.h"
#include "mechanism/operation.h"

#include "base/banned.h"

struct message_context {
    struct kk_op_context head;
    struct kk_cipher *cipher;
    struct kk_iv generator;
    size_t iv_len; /* of the message under way, as the next two */
    size_t tag_len;
    uint8_t iv[KK_GCM_IV_MAX];
};

static void message_context_free(void *context)
{
    struct message_context *self = context;
    kk_cipher_free(self->cipher);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static KK_RV new_context(struct kk_op *op, struct message_context **ret_context)
{
    char name[KK_ALGORITHM_NAME];
    struct kk_span key = {0};
    struct message_context *context = NULL;
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    KK_TRY(op->mechanism->message->key(op->key, &key));
    kk_mechanism_algorithm(op->mechanism, key.len * 8, name);
    KK_TRY(
        kk_cipher_new(op->crypto, name, key, op->kind == KK_OP_ENCRYPT, KK_PADDING_NONE, &cipher));
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->cipher = KK_STEAL(cipher);
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
    KK_TRY(kk_cipher_start(context->cipher, KK_SPAN(message->iv, message->iv_len)));
    memcpy(context->iv, message->iv, message->iv_len);
    context->iv_len = message->iv_len;
    context->tag_len = message->tag_len;
    return kk_cipher_aad(context->cipher, aad);
}

size_t kk_message_bound(KK_UNUSED const struct kk_op *op, KK_UNUSED enum kk_phase phase,
                        size_t in_len)
{
    return in_len;
}

KK_RV kk_message_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct message_context *context = op->context;
    return kk_cipher_update(context->cipher, in, out, ret_len);
}

static KK_RV seal(struct message_context *context, const struct kk_message *message,
                  struct kk_span in, uint8_t *out, size_t *ret_len)
{
    size_t none = 0;
    KK_TRY(kk_cipher_update(context->cipher, in, out, ret_len));
    KK_TRY(kk_cipher_finish(context->cipher, out, &none));
    KK_TRY(kk_cipher_tag(context->cipher, message->tag, message->tag_len));
    if (message->generator != CKG_NO_GENERATE) {
        memcpy(message->iv, context->iv, context->iv_len);
    }
    return CKR_OK;
}

static KK_RV open_sealed(struct message_context *context, const struct kk_message *message,
                         struct kk_span in, uint8_t *out, size_t *ret_len)
{
    size_t none = 0;
    KK_TRY(kk_cipher_set_tag(context->cipher, KK_SPAN(message->tag, message->tag_len)));
    KK_TRY(kk_cipher_update(context->cipher, in, out, ret_len));
    CK_RV rv = kk_cipher_finish(context->cipher, out, &none);
    if (rv != CKR_OK) {
        kk_wipe(out, *ret_len);
    }
    return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_AEAD_DECRYPT_FAILED : rv;
}

KK_RV kk_message_final(struct kk_op *op, const struct kk_message *message, struct kk_span in,
                       uint8_t *out, size_t *ret_len)
{
    struct message_context *context = op->context;
    KK_ENSURE(message->tag_len == context->tag_len, CKR_MECHANISM_PARAM_INVALID);
    if (op->kind == KK_OP_DECRYPT) {
        return open_sealed(context, message, in, out, ret_len);
    }
    KK_ENSURE(message->iv_len == context->iv_len, CKR_MECHANISM_PARAM_INVALID);
    return seal(context, message, in, out, ret_len);
}
