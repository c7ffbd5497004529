/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-GCM and GMAC. Encryption streams; decryption in parts keeps the ciphertext until its tag has
 * been checked and gives everything out at the end, as the standard demands.
 */
#include "base/memory.h"
#include "crypto/cipher.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"
#include "mechanism/wrap_auth.h"

#include "base/banned.h"

#define TAG_MAX 16

/* What CK_GCM_PARAMS says, checked. */
struct gcm {
    struct kk_span iv;
    struct kk_span aad;
    size_t tag_len;
};

struct gcm_context {
    struct kk_op_context head;
    struct kk_cipher *cipher;
    size_t tag_len;
    struct kk_buffer held; /* ciphertext of a decryption in parts */
};

static void gcm_context_free(void *context)
{
    struct gcm_context *self = context;
    kk_cipher_free(self->cipher);
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

/* SP 800-38D allows these lengths. */
static bool tag_bits_fit(CK_ULONG bits)
{
    return bits == 32 || bits == 64 || (bits >= 96 && bits <= 128 && bits % 8 == 0);
}

static KK_RV gcm_of(const struct kk_param *param, struct gcm *ret_gcm)
{
    const CK_GCM_PARAMS *params = param->data;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->ulIvLen >= 1 && params->ulIvLen <= KK_GCM_IV_MAX,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(tag_bits_fit(params->ulTagBits), CKR_MECHANISM_PARAM_INVALID);
    ret_gcm->iv = KK_SPAN(params->pIv, params->ulIvLen);
    ret_gcm->aad = KK_SPAN(params->pAAD, params->ulAADLen);
    ret_gcm->tag_len = params->ulTagBits / 8;
    return CKR_OK;
}

static KK_RV cipher_for(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        const struct kk_key *key, bool encrypt, struct kk_cipher **ret_cipher)
{
    char name[KK_ALGORITHM_NAME];
    struct kk_span value = {0};
    KK_TRY(kk_aes_key_of(key, &value));
    kk_mechanism_algorithm(mechanism, value.len * 8, name);
    return kk_cipher_new(crypto, name, value, encrypt, KK_PADDING_NONE, ret_cipher);
}

static KK_RV start(struct kk_cipher *cipher, const struct gcm *gcm)
{
    KK_TRY(kk_cipher_start(cipher, gcm->iv));
    return kk_cipher_aad(cipher, gcm->aad);
}

static KK_RV seal(struct kk_cipher *cipher, struct kk_span in, size_t tag_len, uint8_t *out,
                  size_t *ret_len)
{
    size_t len = 0;
    size_t none = 0;
    KK_TRY(kk_cipher_update(cipher, in, out, &len));
    KK_TRY(kk_cipher_finish(cipher, out + len, &none));
    KK_TRY(kk_cipher_tag(cipher, out + len, tag_len));
    *ret_len = len + tag_len;
    return CKR_OK;
}

/* `in` is ciphertext and tag. With a wrong tag nothing stays in `out`. */
static KK_RV open_sealed(struct kk_cipher *cipher, struct kk_span in, size_t tag_len, uint8_t *out,
                         size_t *ret_len)
{
    size_t len = 0;
    size_t none = 0;
    KK_ENSURE(in.len >= tag_len, CKR_ENCRYPTED_DATA_LEN_RANGE);
    kk_crypto_mark(); /* the tag may be wrong */
    size_t data_len = in.len - tag_len;
    KK_TRY(kk_cipher_set_tag(cipher, KK_SPAN(in.data + data_len, tag_len)));
    CK_RV rv = kk_cipher_update(cipher, KK_SPAN(in.data, data_len), out, &len);
    if (rv == CKR_OK) {
        rv = kk_cipher_finish(cipher, out + len, &none);
    }
    if (rv != CKR_OK) {
        kk_wipe(out, data_len);
        return rv;
    }
    *ret_len = len;
    return CKR_OK;
}

static KK_RV gcm_init(struct kk_op *op)
{
    struct gcm gcm = {0};
    KK_TRY(gcm_of(&op->param, &gcm));
    struct gcm_context *context = kk_op_reuse(op, gcm_context_free);
    if (context == NULL) {
        KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
        KK_TRY(cipher_for(op->crypto, op->mechanism, op->key, op->kind == KK_OP_ENCRYPT, &cipher));
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->cipher = KK_STEAL(cipher);
        kk_op_install(op, &context->head, gcm_context_free);
    }
    context->tag_len = gcm.tag_len;
    kk_held_start(&context->held);
    return start(context->cipher, &gcm);
}

static size_t gcm_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    const struct gcm_context *context = op->context;
    size_t tag_len = context->tag_len;
    if (op->kind == KK_OP_ENCRYPT) {
        return (phase == KK_PHASE_FINAL ? 0 : in_len) + (phase == KK_PHASE_UPDATE ? 0 : tag_len);
    }
    size_t sealed = phase == KK_PHASE_FINAL ? context->held.len : in_len;
    return phase == KK_PHASE_UPDATE || sealed < tag_len ? 0 : sealed - tag_len;
}

static KK_RV gcm_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct gcm_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        return kk_cipher_update(context->cipher, in, out, ret_len);
    }
    /*= pkcs11-3.2 AES-GCM Authenticated Encryption / Decryption: no data should be returned until
     * C_Decrypt or C_DecryptFinal */
    *ret_len = 0;
    return kk_held_put(&context->held, in, kk_aead_most(op), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static KK_RV gcm_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct gcm_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        return seal(context->cipher, KK_SPAN(NULL, 0), context->tag_len, out, ret_len);
    }
    return open_sealed(context->cipher, kk_buffer_span(&context->held), context->tag_len, out,
                       ret_len);
}

static KK_RV gcm_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct gcm_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        return seal(context->cipher, in, context->tag_len, out, ret_len);
    }
    return open_sealed(context->cipher, in, context->tag_len, out, ret_len);
}

static KK_RV gcm_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                             const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    struct gcm gcm;
    (void)mechanism;
    (void)key;
    KK_TRY(gcm_of(param, &gcm));
    KK_ENSURE(plain_len > 0 && kk_add(plain_len, gcm.tag_len, ret_len), CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

static KK_RV gcm_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                      uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    struct gcm gcm;
    KK_TRY(gcm_of(param, &gcm));
    KK_ENSURE(plain.len > 0, CKR_KEY_SIZE_RANGE);
    KK_TRY(cipher_for(crypto, mechanism, key, true, &cipher));
    KK_TRY(start(cipher, &gcm));
    return seal(cipher, plain, gcm.tag_len, out, ret_len);
}

static KK_RV gcm_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                        struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    struct gcm gcm;
    size_t len = 0;
    KK_TRY(gcm_of(param, &gcm));
    KK_ENSURE(wrapped.len > gcm.tag_len, CKR_WRAPPED_KEY_LEN_RANGE);
    KK_TRY(cipher_for(crypto, mechanism, key, false, &cipher));
    KK_TRY(start(cipher, &gcm));
    KK_TRY(kk_secret_new(wrapped.len - gcm.tag_len, &plain));
    KK_TRY(kk_wrap_code(open_sealed(cipher, wrapped, gcm.tag_len, kk_secret_data(plain), &len)));
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

const struct kk_cipher_ops kk_gcm_ops = {
    .init = gcm_init,
    .bound = gcm_bound,
    .update = gcm_update,
    .final = gcm_final,
    .single = gcm_single,
    .exact = true,
    .quiet = true,
};

static KK_RV gcm_message_read(const void *params, struct kk_message *ret_message)
{
    const CK_GCM_MESSAGE_PARAMS *gcm = params;
    KK_ENSURE(gcm->ulIvLen >= 1 && gcm->ulIvLen <= KK_GCM_IV_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(tag_bits_fit(gcm->ulTagBits), CKR_MECHANISM_PARAM_INVALID);
    *ret_message = (struct kk_message){.iv = gcm->pIv,
                                       .iv_len = gcm->ulIvLen,
                                       .generator = gcm->ivGenerator,
                                       .fixed_bits = gcm->ulIvFixedBits,
                                       .tag = gcm->pTag,
                                       .tag_len = gcm->ulTagBits / 8};
    return CKR_OK;
}

/* A cipher of a process of messages. */
struct message_cipher {
    struct kk_cipher *cipher;
    bool encrypts;
};

static void message_close(void *cipher)
{
    struct message_cipher *self = cipher;
    kk_cipher_free(self->cipher);
    kk_free(self);
}

static KK_RV message_open(struct kk_op *op, void **ret_cipher)
{
    struct message_cipher *self = NULL;
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    bool encrypts = op->kind == KK_OP_ENCRYPT;
    KK_TRY(cipher_for(op->crypto, op->mechanism, op->key, encrypts, &cipher));
    KK_TRY(kk_alloc(sizeof *self, &self));
    self->cipher = KK_STEAL(cipher);
    self->encrypts = encrypts;
    *ret_cipher = self;
    return CKR_OK;
}

static KK_RV message_start(void *cipher, const struct kk_message *message, struct kk_span aad)
{
    struct message_cipher *self = cipher;
    KK_TRY(kk_cipher_start(self->cipher, KK_SPAN(message->iv, message->iv_len)));
    return kk_cipher_aad(self->cipher, aad);
}

static KK_RV message_update(void *cipher, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct message_cipher *self = cipher;
    return kk_cipher_update(self->cipher, in, out, ret_len);
}

static KK_RV message_final(void *cipher, const struct kk_message *message, struct kk_span in,
                           uint8_t *out, size_t *ret_len)
{
    struct message_cipher *self = cipher;
    size_t none = 0;
    if (!self->encrypts) {
        KK_TRY(kk_cipher_set_tag(self->cipher, KK_SPAN(message->tag, message->tag_len)));
    }
    KK_TRY(kk_cipher_update(self->cipher, in, out, ret_len));
    CK_RV rv = kk_cipher_finish(self->cipher, out, &none);
    if (rv != CKR_OK) {
        kk_wipe(out, *ret_len);
        return rv;
    }
    return self->encrypts ? kk_cipher_tag(self->cipher, message->tag, message->tag_len) : CKR_OK;
}

static const struct kk_aead_ops message_aead = {
    .open = message_open,
    .close = message_close,
    .start = message_start,
    .update = message_update,
    .final = message_final,
};

const struct kk_message_ops kk_gcm_message_ops = {
    .shape = KK_PARAM_GCM_MESSAGE,
    .read = gcm_message_read,
    .aead = &message_aead,
};

const struct kk_wrap_ops kk_gcm_wrap_ops = {
    .length = gcm_wrap_length,
    .wrap = gcm_wrap,
    .unwrap = gcm_unwrap,
    .auth = &kk_gcm_wrap_auth_ops,
    .private_keys = true,
};

/* GMAC: a message that is all authenticated data. Only its tag comes out, so a context needs
 * nothing that the encryption's has not. */
static KK_RV gmac_init(struct kk_op *op)
{
    struct gcm gcm = {0};
    KK_TRY(gcm_of(&op->param, &gcm));
    /*= pkcs11-3.2 AES-GMAC: pData points to the AAD; what stood in the parameter would be lost */
    KK_ENSURE(gcm.aad.len == 0, CKR_MECHANISM_PARAM_INVALID);
    struct gcm_context *context = kk_op_reuse(op, gcm_context_free);
    if (context == NULL) {
        KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
        KK_TRY(cipher_for(op->crypto, op->mechanism, op->key, true, &cipher));
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->cipher = KK_STEAL(cipher);
        kk_op_install(op, &context->head, gcm_context_free);
    }
    context->tag_len = gcm.tag_len;
    return kk_cipher_start(context->cipher, gcm.iv);
}

static size_t gmac_length(const struct kk_op *op)
{
    const struct gcm_context *context = op->context;
    return context->tag_len;
}

static KK_RV gmac_update(struct kk_op *op, struct kk_span in)
{
    struct gcm_context *context = op->context;
    return kk_cipher_aad(context->cipher, in);
}

static KK_RV gmac_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct gcm_context *context = op->context;
    return seal(context->cipher, KK_SPAN(NULL, 0), context->tag_len, out, ret_len);
}

static KK_RV gmac_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(gmac_update(op, in));
    return gmac_final(op, out, ret_len);
}

const struct kk_sign_ops kk_gmac_ops = {
    .init = gmac_init,
    .length = gmac_length,
    .update = gmac_update,
    .final = gmac_final,
    .single = gmac_single,
    .one_time = true,
};
