/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES in modes that treat the end of a message apart: XTS, where a message is a data unit, and CBC
 * with ciphertext stealing in the form CS1 of the addendum to SP 800-38A (a message of whole blocks
 * is then that of CBC). Parts are kept until the end.
 */
#include "base/memory.h"
#include "crypto/cipher.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define BLOCK KK_CIPHER_BLOCK

/* SP 800-38E: a data unit has at most 2^20 blocks. */
#define XTS_MAX ((size_t)BLOCK << 20)

struct whole_context {
    struct kk_op_context head;
    struct kk_cipher *cipher;
    struct kk_buffer held;
};

static void whole_context_free(void *context)
{
    struct whole_context *self = context;
    kk_cipher_free(self->cipher);
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static size_t longest(const struct kk_mechanism *mechanism)
{
    return mechanism->detail == KK_WHOLE_XTS ? XTS_MAX : KK_HELD_MAX;
}

static KK_RV iv_of(const struct kk_param *param, struct kk_span *ret_iv)
{
    KK_ENSURE(param->present && param->len == BLOCK, CKR_MECHANISM_PARAM_INVALID);
    *ret_iv = KK_SPAN(param->data, param->len);
    return CKR_OK;
}

/* SP 800-38E by way of IEEE 1619: the halves of an XTS key differ. With equal ones OpenSSL decrypts
 * what others encrypted, but encrypts nothing. */
static KK_RV xts_key_of(const struct kk_key *key, bool encrypt, struct kk_span *ret_value)
{
    KK_TRY(kk_secret_of(key, ret_value));
    KK_ENSURE(ret_value->len == 32 || ret_value->len == 64, CKR_KEY_SIZE_RANGE);
    size_t half = ret_value->len / 2;
    KK_ENSURE(!encrypt || !kk_ct_equal(ret_value->data, ret_value->data + half, half),
              CKR_KEY_FUNCTION_NOT_PERMITTED);
    return CKR_OK;
}

static KK_RV cipher_for(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        const struct kk_key *key, bool encrypt, struct kk_cipher **ret_cipher)
{
    char name[KK_ALGORITHM_NAME];
    struct kk_span value = {0};
    if (mechanism->detail == KK_WHOLE_XTS) {
        KK_TRY(xts_key_of(key, encrypt, &value));
        kk_mechanism_algorithm(mechanism, value.len * 4, name);
    } else {
        KK_TRY(kk_aes_key_of(key, &value));
        kk_mechanism_algorithm(mechanism, value.len * 8, name);
    }
    return kk_cipher_new(crypto, name, value, encrypt, KK_PADDING_NONE, ret_cipher);
}

static KK_RV whole_init(struct kk_op *op)
{
    struct kk_span iv = {0};
    KK_TRY(iv_of(&op->param, &iv));
    struct whole_context *context = kk_op_reuse(op, whole_context_free);
    if (context == NULL) {
        KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
        KK_TRY(cipher_for(op->crypto, op->mechanism, op->key, op->kind == KK_OP_ENCRYPT, &cipher));
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->cipher = KK_STEAL(cipher);
        context->held.wipe = op->kind == KK_OP_ENCRYPT;
        kk_op_install(op, &context->head, whole_context_free);
    }
    kk_held_start(&context->held);
    return kk_cipher_start(context->cipher, iv);
}

static size_t whole_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    const struct whole_context *context = op->context;
    if (phase == KK_PHASE_UPDATE) {
        return 0;
    }
    return phase == KK_PHASE_FINAL ? context->held.len : in_len;
}

static CK_RV length_code(const struct kk_op *op)
{
    return op->kind == KK_OP_ENCRYPT ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
}

/*= pkcs11-3.2 AES-XTS, AES-CTS: any length from a block on, the output has the same */
static KK_RV whole_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct whole_context *context = op->context;
    KK_ENSURE(in.len >= BLOCK && in.len <= longest(op->mechanism), length_code(op));
    return kk_cipher_update(context->cipher, in, out, ret_len);
}

static KK_RV whole_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct whole_context *context = op->context;
    (void)out;
    *ret_len = 0;
    return kk_held_put(&context->held, in, longest(op->mechanism), length_code(op));
}

static KK_RV whole_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct whole_context *context = op->context;
    return whole_single(op, kk_buffer_span(&context->held), out, ret_len);
}

static KK_RV whole_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                               const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    struct kk_span iv = {0};
    (void)key;
    KK_TRY(iv_of(param, &iv));
    KK_ENSURE(plain_len >= BLOCK && plain_len <= longest(mechanism), CKR_KEY_SIZE_RANGE);
    *ret_len = plain_len;
    return CKR_OK;
}

/* One message through a cipher of its own. */
static KK_RV crypt(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                   struct kk_key *key, const struct kk_param *param, bool encrypt,
                   struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    struct kk_span iv = {0};
    KK_TRY(iv_of(param, &iv));
    KK_TRY(cipher_for(crypto, mechanism, key, encrypt, &cipher));
    KK_TRY(kk_cipher_start(cipher, iv));
    return kk_cipher_update(cipher, in, out, ret_len);
}

static KK_RV whole_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                        uint8_t *out, size_t *ret_len)
{
    KK_TRY(whole_wrap_length(mechanism, key, param, plain.len, ret_len));
    return crypt(crypto, mechanism, key, param, true, plain, out, ret_len);
}

static KK_RV whole_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                          struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    size_t len = 0;
    KK_ENSURE(wrapped.len >= BLOCK && wrapped.len <= longest(mechanism), CKR_WRAPPED_KEY_LEN_RANGE);
    KK_TRY(kk_secret_new(wrapped.len, &plain));
    KK_TRY(crypt(crypto, mechanism, key, param, false, wrapped, kk_secret_data(plain), &len));
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

const struct kk_cipher_ops kk_whole_ops = {
    .init = whole_init,
    .bound = whole_bound,
    .update = whole_update,
    .final = whole_final,
    .single = whole_single,
    .exact = true,
};

const struct kk_wrap_ops kk_whole_wrap_ops = {
    .length = whole_wrap_length,
    .wrap = whole_wrap,
    .unwrap = whole_unwrap,
    .private_keys = true,
};
