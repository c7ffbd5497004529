/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ChaCha20 and Salsa20 as mechanisms: the plain ciphers, their authenticated encryption with
 * Poly1305, and Poly1305 alone.
 */
#include "crypto/stream.h"

#include "base/memory.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"

#include "base/banned.h"

struct stream_context {
    struct kk_op_context head;
    struct kk_stream *stream;
};

/* Where a stream begins. */
struct position {
    struct kk_span nonce;
    uint64_t counter;
};

static void stream_context_free(void *context)
{
    struct stream_context *self = context;
    kk_stream_free(self->stream);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static enum kk_stream_kind kind_of(const struct kk_mechanism *mechanism)
{
    return mechanism->detail == KK_STREAM_DETAIL_SALSA20 ? KK_STREAM_SALSA20 : KK_STREAM_CHACHA20;
}

static uint64_t load_le(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = len; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

/*= pkcs11-3.2 CK_CHACHA20_PARAMS: the block counter has 32 or 64 bits, the nonce 64, 96 or 192 */
/* A counter of 32 bits with a nonce that leaves room for 64 is the counter's lower half. */
static KK_RV chacha_position(const CK_CHACHA20_PARAMS *params, struct position *ret_position)
{
    KK_ENSURE(params->blockCounterBits == 32 || params->blockCounterBits == 64,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->ulNonceBits % 8 == 0, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->ulNonceBits != 96 || params->blockCounterBits == 32,
              CKR_MECHANISM_PARAM_INVALID);
    ret_position->nonce = KK_SPAN(params->pNonce, params->ulNonceBits / 8);
    ret_position->counter = load_le(params->pBlockCounter, params->blockCounterBits / 8);
    return CKR_OK;
}

static KK_RV salsa_position(const CK_SALSA20_PARAMS *params, struct position *ret_position)
{
    KK_ENSURE(params->pBlockCounter != NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->ulNonceBits % 8 == 0, CKR_MECHANISM_PARAM_INVALID);
    ret_position->nonce = KK_SPAN(params->pNonce, params->ulNonceBits / 8);
    ret_position->counter = load_le(params->pBlockCounter, 8);
    return CKR_OK;
}

static KK_RV position_of(const struct kk_param *param, struct position *ret_position)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    return param->shape == KK_PARAM_SALSA20 ? salsa_position(param->data, ret_position)
                                            : chacha_position(param->data, ret_position);
}

static KK_RV stream_init(struct kk_op *op)
{
    struct position position = {0};
    KK_TRY(position_of(&op->param, &position));
    struct stream_context *context = kk_op_reuse(op, stream_context_free);
    if (context == NULL) {
        KK_CLEANUP(kk_stream_freep) struct kk_stream *stream = NULL;
        struct kk_span key = {0};
        KK_TRY(kk_secret_of(op->key, &key));
        KK_TRY(kk_stream_new(op->crypto, kind_of(op->mechanism), key, &stream));
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->stream = KK_STEAL(stream);
        kk_op_install(op, &context->head, stream_context_free);
    }
    return kk_stream_start(context->stream, position.nonce, position.counter);
}

static size_t stream_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    (void)op;
    return phase == KK_PHASE_FINAL ? 0 : in_len;
}

static KK_RV stream_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct stream_context *context = op->context;
    KK_TRY(kk_stream_xor(context->stream, in, out));
    *ret_len = in.len;
    return CKR_OK;
}

static KK_RV stream_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    (void)op;
    (void)out;
    *ret_len = 0;
    return CKR_OK;
}

static KK_RV stream_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                                const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    (void)mechanism;
    (void)key;
    (void)param;
    KK_ENSURE(plain_len > 0, CKR_KEY_SIZE_RANGE);
    *ret_len = plain_len;
    return CKR_OK;
}

/* One message through a stream of its own. */
static KK_RV crypt(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                   struct kk_key *key, const struct kk_param *param, struct kk_span in,
                   uint8_t *out)
{
    KK_CLEANUP(kk_stream_freep) struct kk_stream *stream = NULL;
    struct position position = {0};
    struct kk_span value = {0};
    KK_TRY(position_of(param, &position));
    KK_TRY(kk_secret_of(key, &value));
    KK_TRY(kk_stream_new(crypto, kind_of(mechanism), value, &stream));
    KK_TRY(kk_stream_start(stream, position.nonce, position.counter));
    return kk_stream_xor(stream, in, out);
}

static KK_RV stream_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                         uint8_t *out, size_t *ret_len)
{
    KK_TRY(kk_wrap_code(crypt(crypto, mechanism, key, param, plain, out)));
    *ret_len = plain.len;
    return CKR_OK;
}

static KK_RV stream_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                           struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_ENSURE(wrapped.len > 0, CKR_WRAPPED_KEY_LEN_RANGE);
    KK_TRY(kk_secret_new(wrapped.len, &plain));
    KK_TRY(kk_wrap_code(crypt(crypto, mechanism, key, param, wrapped, kk_secret_data(plain))));
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

struct aead_context {
    struct kk_op_context head;
    struct kk_stream_aead *aead;
    struct kk_buffer held; /* ciphertext of a decryption in parts */
};

static void aead_context_free(void *context)
{
    struct aead_context *self = context;
    kk_stream_aead_free(self->aead);
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

/*= pkcs11-3.2 CK_SALSA20_CHACHA20_POLY1305_PARAMS: ulNonceLen is 64, 96 or 192 bits; programs that
 * count the bytes of all nonces give 8, 12 or 24 */
static KK_RV start_aead(struct kk_stream_aead *aead, const struct kk_param *param)
{
    const CK_SALSA20_CHACHA20_POLY1305_PARAMS *params = param->data;
    CK_ULONG len = params->ulNonceLen >= 64 ? params->ulNonceLen / 8 : params->ulNonceLen;
    KK_ENSURE(params->ulNonceLen < 64 || params->ulNonceLen % 8 == 0, CKR_MECHANISM_PARAM_INVALID);
    return kk_stream_aead_start(aead, KK_SPAN(params->pNonce, len),
                                KK_SPAN(params->pAAD, params->ulAADLen));
}

static KK_RV aead_init(struct kk_op *op)
{
    KK_ENSURE(op->param.present, CKR_MECHANISM_PARAM_INVALID);
    struct aead_context *context = kk_op_reuse(op, aead_context_free);
    if (context == NULL) {
        KK_CLEANUP(kk_stream_aead_freep) struct kk_stream_aead *aead = NULL;
        struct kk_span key = {0};
        KK_TRY(kk_secret_of(op->key, &key));
        KK_TRY(kk_stream_aead_new(op->crypto, kind_of(op->mechanism), key, &aead));
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->aead = KK_STEAL(aead);
        kk_op_install(op, &context->head, aead_context_free);
    }
    kk_held_start(&context->held);
    return start_aead(context->aead, &op->param);
}

static size_t aead_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    const struct aead_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        return (phase == KK_PHASE_FINAL ? 0 : in_len) +
               (phase == KK_PHASE_UPDATE ? 0 : KK_POLY1305_TAG);
    }
    size_t sealed = phase == KK_PHASE_FINAL ? context->held.len : in_len;
    return phase == KK_PHASE_UPDATE || sealed < KK_POLY1305_TAG ? 0 : sealed - KK_POLY1305_TAG;
}

/* `in` is ciphertext and tag. With a wrong tag nothing stays in `out`. The tag is read first: `out`
 * may be the same memory. */
static KK_RV open_sealed(struct kk_stream_aead *aead, struct kk_span in, uint8_t *out,
                         size_t *ret_len)
{
    uint8_t given[KK_POLY1305_TAG];
    uint8_t tag[KK_POLY1305_TAG];
    KK_ENSURE(in.len >= KK_POLY1305_TAG, CKR_ENCRYPTED_DATA_LEN_RANGE);
    size_t len = in.len - KK_POLY1305_TAG;
    memcpy(given, in.data + len, sizeof given);
    CK_RV rv = kk_stream_aead_decrypt(aead, KK_SPAN(in.data, len), out);
    kk_stream_aead_tag(aead, tag);
    if (rv == CKR_OK && !kk_ct_equal(tag, given, sizeof tag)) {
        rv = CKR_ENCRYPTED_DATA_INVALID;
    }
    kk_wipe(tag, sizeof tag);
    if (rv != CKR_OK) {
        kk_wipe(out, len);
        return rv == CKR_DATA_LEN_RANGE ? CKR_ENCRYPTED_DATA_LEN_RANGE : rv;
    }
    *ret_len = len;
    return CKR_OK;
}

static KK_RV aead_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct aead_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        *ret_len = in.len;
        return kk_stream_aead_encrypt(context->aead, in, out);
    }
    /*= pkcs11-3.2 Chacha20/Poly1305: no data should be returned until C_Decrypt or C_DecryptFinal
     */
    *ret_len = 0;
    return kk_held_put(&context->held, in, kk_aead_most(op), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static KK_RV seal(struct kk_stream_aead *aead, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(kk_stream_aead_encrypt(aead, in, out));
    kk_stream_aead_tag(aead, out + in.len);
    *ret_len = in.len + KK_POLY1305_TAG;
    return CKR_OK;
}

static KK_RV aead_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct aead_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        return seal(context->aead, KK_SPAN(NULL, 0), out, ret_len);
    }
    return open_sealed(context->aead, kk_buffer_span(&context->held), out, ret_len);
}

static KK_RV aead_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct aead_context *context = op->context;
    if (op->kind == KK_OP_ENCRYPT) {
        return seal(context->aead, in, out, ret_len);
    }
    return open_sealed(context->aead, in, out, ret_len);
}

/* Nothing is kept from one message to the next: not even the key is the same. */
struct poly_context {
    struct kk_poly1305 poly;
};

static void poly_context_free(void *context)
{
    struct poly_context *self = context;
    kk_poly1305_clear(&self->poly);
    kk_free(self);
}

static KK_RV poly_init(struct kk_op *op)
{
    struct kk_span key = {0};
    struct poly_context *context = op->context;
    KK_TRY(kk_secret_of(op->key, &key));
    KK_ENSURE(key.len == KK_STREAM_KEY, CKR_KEY_SIZE_RANGE);
    if (context == NULL) {
        KK_TRY(kk_alloc(sizeof *context, &context));
        op->context = context;
        op->context_free = poly_context_free;
    }
    kk_poly1305_start(&context->poly, key.data);
    return CKR_OK;
}

static size_t poly_length(const struct kk_op *op)
{
    (void)op;
    return KK_POLY1305_TAG;
}

static KK_RV poly_update(struct kk_op *op, struct kk_span in)
{
    struct poly_context *context = op->context;
    kk_poly1305_update(&context->poly, in);
    return CKR_OK;
}

static KK_RV poly_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct poly_context *context = op->context;
    kk_poly1305_finish(&context->poly, out);
    *ret_len = KK_POLY1305_TAG;
    return CKR_OK;
}

static KK_RV poly_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(poly_update(op, in));
    return poly_final(op, out, ret_len);
}

const struct kk_cipher_ops kk_stream_ops = {
    .init = stream_init,
    .bound = stream_bound,
    .update = stream_update,
    .final = stream_final,
    .exact = true,
};

const struct kk_wrap_ops kk_stream_wrap_ops = {
    .length = stream_wrap_length,
    .wrap = stream_wrap,
    .unwrap = stream_unwrap,
    .private_keys = true,
};

const struct kk_cipher_ops kk_stream_aead_ops = {
    .init = aead_init,
    .bound = aead_bound,
    .update = aead_update,
    .final = aead_final,
    .single = aead_single,
    .exact = true,
};

const struct kk_sign_ops kk_poly1305_ops = {
    .init = poly_init,
    .length = poly_length,
    .update = poly_update,
    .final = poly_final,
    .single = poly_single,
    .one_time = true,
};
