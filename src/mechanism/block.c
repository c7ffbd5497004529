/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block ciphers in ECB, CBC, CTR, OFB and CFB: encryption, wrapping, and derivation by encrypting
 * data.
 */
#include "base/memory.h"
#include "crypto/cipher.h"
#include "mechanism/operation.h"

#include "base/banned.h"

struct block_context {
    struct kk_op_context head;
    struct kk_cipher *cipher;
    size_t block;
    uint64_t left;                    /* bytes until a CTR counter overflows */
    uint64_t done;                    /* CTR: bytes since the counter was */
    uint8_t counter[KK_CIPHER_BLOCK]; /* this */
};

/* What the parameter says to the cipher. */
struct start {
    struct kk_span iv;
    uint64_t limit;
};

static void block_context_free(void *context)
{
    struct block_context *self = context;
    kk_cipher_free(self->cipher);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

/* Bytes that a counter of `bits` bits, now at cb, still counts, at most 2^64 - 1. The last block
 * may make the counter overflow, no block may follow it. */
static uint64_t counter_limit(const uint8_t cb[KK_CIPHER_BLOCK], CK_ULONG bits)
{
    uint64_t high = kk_load_u64(cb);
    uint64_t low = kk_load_u64(cb + 8);
    if (bits > 64) {
        uint64_t mask = bits == 128 ? UINT64_MAX : ((uint64_t)1 << (bits - 64)) - 1;
        if ((high & mask) != mask) {
            return UINT64_MAX;
        }
    } else if (bits < 64) {
        low |= UINT64_MAX << bits;
    }
    /* 2^64 - low blocks, where low = 0 stands for 2^64. */
    uint64_t blocks = 0 - low;
    return low == 0 || blocks > UINT64_MAX / KK_CIPHER_BLOCK ? UINT64_MAX
                                                             : blocks * KK_CIPHER_BLOCK;
}

/* Counter modes; the parameters of both ciphers are alike. */
static bool is_ctr(const struct kk_mechanism *mechanism)
{
    return mechanism->shape == KK_PARAM_AES_CTR || mechanism->shape == KK_PARAM_CAMELLIA_CTR;
}

KK_STATIC_ASSERT(sizeof(CK_CAMELLIA_CTR_PARAMS) == sizeof(CK_AES_CTR_PARAMS) &&
                     offsetof(CK_CAMELLIA_CTR_PARAMS, cb) == offsetof(CK_AES_CTR_PARAMS, cb),
                 "parameters of counter modes are alike");

static KK_RV start_ctr(const struct kk_param *param, struct start *ret_start)
{
    const CK_AES_CTR_PARAMS *ctr = param->data;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 CK_AES_CTR_PARAMS: 0 < ulCounterBits <= 128, else CKR_MECHANISM_PARAM_INVALID */
    KK_ENSURE(ctr->ulCounterBits >= 1 && ctr->ulCounterBits <= 128, CKR_MECHANISM_PARAM_INVALID);
    ret_start->iv = KK_SPAN_ARRAY(ctr->cb);
    ret_start->limit = counter_limit(ctr->cb, ctr->ulCounterBits);
    return CKR_OK;
}

static KK_RV start_of(const struct kk_mechanism *mechanism, const struct kk_param *param,
                      struct start *ret_start)
{
    *ret_start = (struct start){.limit = UINT64_MAX};
    if (is_ctr(mechanism)) {
        return start_ctr(param, ret_start);
    }
    if (mechanism->shape == KK_PARAM_RC2_CBC) {
        const CK_RC2_CBC_PARAMS *rc2 = param->data;
        KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
        ret_start->iv = KK_SPAN_ARRAY(rc2->iv);
    }
    if (mechanism->shape == KK_PARAM_BYTES) {
        KK_ENSURE(param->present && param->len == kk_mechanism_block(mechanism),
                  CKR_MECHANISM_PARAM_INVALID);
        ret_start->iv = KK_SPAN(param->data, param->len);
    }
    return CKR_OK;
}

static KK_RV cipher_for(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        const struct kk_key *key, const struct kk_param *param, bool encrypt,
                        struct kk_cipher **ret_cipher)
{
    static const enum kk_padding paddings[] = {
        [KK_BLOCK_PADS] = KK_PADDING_PKCS7,
        [KK_BLOCK_CFB64] = KK_PADDING_CFB64,
        [KK_BLOCK_OFB8] = KK_PADDING_OFB8,
    };
    enum kk_padding padding =
        mechanism->detail < KK_ARRAY_LEN(paddings) ? paddings[mechanism->detail] : KK_PADDING_NONE;
    return kk_block_cipher_new(crypto, mechanism, key, param, encrypt, padding, ret_cipher);
}

/* Any number of bytes, of which as many come out. */
static bool is_stream(const struct kk_mechanism *mechanism)
{
    return mechanism->detail == KK_BLOCK_STREAM || mechanism->detail == KK_BLOCK_CFB64 ||
           mechanism->detail == KK_BLOCK_OFB8;
}

/* The context of last time, or a new one. */
static KK_RV context_for(struct kk_op *op, struct block_context **ret_context)
{
    struct block_context *context = kk_op_reuse(op, block_context_free);
    if (KK_UNLIKELY(context != NULL && kk_block_cipher_is_of_one_use(op->mechanism))) {
        kk_op_drop(op);
        context = NULL;
    }
    if (context == NULL) {
        KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
        KK_TRY(cipher_for(op->crypto, op->mechanism, op->key, &op->param, op->kind == KK_OP_ENCRYPT,
                          &cipher));
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->cipher = KK_STEAL(cipher);
        context->block = kk_mechanism_block(op->mechanism);
        kk_op_install(op, &context->head, block_context_free);
    }
    *ret_context = context;
    return CKR_OK;
}

static KK_RV block_init(struct kk_op *op)
{
    struct start start;
    KK_TRY(start_of(op->mechanism, &op->param, &start));
    struct block_context *context = NULL;
    KK_TRY(context_for(op, &context));
    context->left = start.limit;
    context->done = 0;
    if (is_ctr(op->mechanism)) {
        memcpy(context->counter, start.iv.data, KK_CIPHER_BLOCK);
    }
    return kk_cipher_start(context->cipher, start.iv);
}

static size_t block_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    const struct block_context *context = op->context;
    bool pads = op->mechanism->detail == KK_BLOCK_PADS;
    if (phase == KK_PHASE_UPDATE) {
        return kk_cipher_output(context->cipher, in_len);
    }
    if (phase == KK_PHASE_FINAL) {
        return pads ? context->block : 0;
    }
    return pads && op->kind == KK_OP_ENCRYPT ? (in_len / context->block + 1) * context->block
                                             : in_len;
}

/* Whether a whole message can have this length, so that nothing is put out for one that cannot. */
static bool length_fits(const struct kk_mechanism *mechanism, bool encrypt, size_t len)
{
    bool pads = mechanism->detail == KK_BLOCK_PADS;
    if (is_stream(mechanism) || (pads && encrypt)) {
        return true;
    }
    return len % kk_mechanism_block(mechanism) == 0 && (!pads || len > 0);
}

static CK_RV length_code(const struct kk_op *op)
{
    return op->kind == KK_OP_ENCRYPT ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
}

/* Who asks before there are data, with a length of 0, is not told that they are too few. */
static KK_RV block_check_length(const struct kk_op *op, size_t in_len)
{
    const struct block_context *context = op->context;
    bool encrypt = op->kind == KK_OP_ENCRYPT;
    KK_ENSURE(in_len == 0 || length_fits(op->mechanism, encrypt, in_len), length_code(op));
    KK_ENSURE(in_len <= context->left, CKR_DATA_LEN_RANGE);
    return CKR_OK;
}

static KK_RV block_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct block_context *context = op->context;
    /*= pkcs11-3.2 AES with Counter Encryption / Decryption: an attempt which will cause an overflow
     * of the counter bits is CKR_DATA_LEN_RANGE */
    KK_ENSURE(in.len <= context->left, CKR_DATA_LEN_RANGE);
    if (context->left != UINT64_MAX) {
        context->left -= in.len;
    }
    context->done += in.len;
    return kk_cipher_update(context->cipher, in, out, ret_len);
}

static KK_RV block_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct block_context *context = op->context;
    return kk_cipher_finish(context->cipher, out, ret_len);
}

static KK_RV block_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    bool encrypt = op->kind == KK_OP_ENCRYPT;
    size_t first = 0;
    size_t last = 0;
    KK_ENSURE(length_fits(op->mechanism, encrypt, in.len), length_code(op));
    KK_TRY(block_update(op, in, out, &first));
    KK_TRY(block_final(op, out + first, &last));
    *ret_len = first + last;
    return CKR_OK;
}

/* --- saved states ----------------------------------------------------------------------------- */

static KK_RV block_save(struct kk_op *op, struct kk_buffer *out)
{
    const struct block_context *context = op->context;
    struct kk_cipher_state state;
    if (is_ctr(op->mechanism)) {
        kk_buffer_put(out, context->counter, KK_CIPHER_BLOCK);
        kk_buffer_put_u64(out, context->left);
        kk_buffer_put_u64(out, context->done);
        return CKR_OK;
    }
    /* Restoring has no parameter. */
    KK_ENSURE(!kk_block_cipher_is_of_one_use(op->mechanism), CKR_STATE_UNSAVEABLE);
    KK_TRY(kk_cipher_state(context->cipher, &state));
    kk_buffer_put_u8(out, (uint8_t)state.iv_len);
    kk_buffer_put(out, state.iv, state.iv_len);
    kk_buffer_put_u8(out, (uint8_t)state.rest_len);
    kk_buffer_put(out, state.rest, state.rest_len);
    kk_wipe(&state, sizeof state);
    return CKR_OK;
}

/* counter + blocks, as a number of 128 bits. */
static void add_blocks(uint8_t counter[KK_CIPHER_BLOCK], uint64_t blocks)
{
    uint64_t low = kk_load_u64(counter + 8);
    uint64_t sum = low + blocks;
    kk_store_u64(counter + 8, sum);
    if (sum < low) {
        kk_store_u64(counter, kk_load_u64(counter) + 1);
    }
}

/* The counter's block that the operation stands in, with its first bytes used up. */
static KK_RV restore_ctr(struct block_context *context, struct kk_reader *in)
{
    uint8_t unused[KK_CIPHER_BLOCK] = {0};
    uint8_t counter[KK_CIPHER_BLOCK];
    size_t len = 0;
    struct kk_span start = kk_reader_take(in, KK_CIPHER_BLOCK);
    uint64_t left = kk_reader_u64(in);
    uint64_t done = kk_reader_u64(in);
    KK_ENSURE(!in->failed, CKR_SAVED_STATE_INVALID);
    memcpy(context->counter, start.data, KK_CIPHER_BLOCK);
    context->left = left;
    context->done = done;
    memcpy(counter, start.data, KK_CIPHER_BLOCK);
    add_blocks(counter, done / KK_CIPHER_BLOCK);
    KK_TRY(kk_cipher_start(context->cipher, KK_SPAN_ARRAY(counter)));
    CK_RV rv =
        kk_cipher_update(context->cipher, KK_SPAN(unused, done % KK_CIPHER_BLOCK), unused, &len);
    kk_wipe(unused, sizeof unused);
    return rv;
}

static KK_RV block_restore(struct kk_op *op, struct kk_reader *in)
{
    uint8_t none[KK_CIPHER_BLOCK];
    size_t len = 0;
    struct block_context *context = NULL;
    KK_TRY(context_for(op, &context));
    if (is_ctr(op->mechanism)) {
        return restore_ctr(context, in);
    }
    context->left = UINT64_MAX;
    struct kk_span iv = kk_reader_take(in, kk_reader_u8(in));
    struct kk_span rest = kk_reader_take(in, kk_reader_u8(in));
    KK_ENSURE(!in->failed && rest.len <= KK_CIPHER_BLOCK, CKR_SAVED_STATE_INVALID);
    CK_RV rv = kk_cipher_start(context->cipher, iv);
    KK_ENSURE(rv == CKR_OK && kk_cipher_output(context->cipher, rest.len) == 0,
              CKR_SAVED_STATE_INVALID);
    return kk_cipher_update(context->cipher, rest, none, &len);
}

/*= pkcs11-3.2 AES-ECB, AES-CBC: a wrapped key is padded on the trailing end with null bytes */
/* What a key of this length becomes before it is encrypted: where the mode does not pad and needs
 * whole blocks, zeros are added. */
static size_t padded_length(const struct kk_mechanism *mechanism, size_t len)
{
    bool whole_blocks = !is_stream(mechanism) && mechanism->detail != KK_BLOCK_PADS;
    size_t block = kk_mechanism_block(mechanism);
    return whole_blocks ? (len + block - 1) / block * block : len;
}

static KK_RV block_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                               const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    size_t block = kk_mechanism_block(mechanism);
    (void)key;
    (void)param;
    KK_ENSURE(plain_len > 0 && plain_len <= PTRDIFF_MAX - block, CKR_KEY_SIZE_RANGE);
    *ret_len = mechanism->detail == KK_BLOCK_PADS ? (plain_len / block + 1) * block
                                                  : padded_length(mechanism, plain_len);
    return CKR_OK;
}

/* One message through a cipher of its own. */
static KK_RV crypt(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                   struct kk_key *key, const struct kk_param *param, bool encrypt,
                   struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    struct start start;
    size_t first = 0;
    size_t last = 0;
    KK_TRY(start_of(mechanism, param, &start));
    KK_ENSURE(in.len <= start.limit, CKR_DATA_LEN_RANGE);
    KK_TRY(cipher_for(crypto, mechanism, key, param, encrypt, &cipher));
    KK_TRY(kk_cipher_start(cipher, start.iv));
    KK_TRY(kk_cipher_update(cipher, in, out, &first));
    KK_TRY(kk_cipher_finish(cipher, out + first, &last));
    *ret_len = first + last;
    return CKR_OK;
}

static KK_RV block_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                        uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *padded = NULL;
    size_t len = 0;
    KK_TRY(block_wrap_length(mechanism, key, param, plain.len, &len));
    KK_TRY(kk_secret_new(padded_length(mechanism, plain.len), &padded));
    memcpy(kk_secret_data(padded), plain.data, plain.len);
    return kk_wrap_code(
        crypt(crypto, mechanism, key, param, true, kk_secret_span(padded), out, ret_len));
}

static KK_RV block_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                          struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    size_t len = 0;
    KK_ENSURE(wrapped.len > 0 && length_fits(mechanism, false, wrapped.len),
              CKR_WRAPPED_KEY_LEN_RANGE);
    KK_TRY(kk_secret_new(wrapped.len, &plain));
    KK_TRY(kk_wrap_code(
        crypt(crypto, mechanism, key, param, false, wrapped, kk_secret_data(plain), &len)));
    KK_ENSURE(len > 0, CKR_WRAPPED_KEY_INVALID);
    kk_secret_truncate(plain, len);
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

#define SAME_AS_AES(type)                                                                          \
    KK_STATIC_ASSERT(                                                                              \
        sizeof(type) == sizeof(CK_AES_CBC_ENCRYPT_DATA_PARAMS) &&                                  \
            offsetof(type, pData) == offsetof(CK_AES_CBC_ENCRYPT_DATA_PARAMS, pData) &&            \
            offsetof(type, length) == offsetof(CK_AES_CBC_ENCRYPT_DATA_PARAMS, length),            \
        "parameters of ciphers with blocks of 16 bytes are alike")
SAME_AS_AES(CK_CAMELLIA_CBC_ENCRYPT_DATA_PARAMS);
SAME_AS_AES(CK_ARIA_CBC_ENCRYPT_DATA_PARAMS);
SAME_AS_AES(CK_SEED_CBC_ENCRYPT_DATA_PARAMS);

/* The IV and the data of the kinds of parameter, as start_of() wants them. */
static KK_RV data_of(const struct kk_mechanism *mechanism, const struct kk_param *param,
                     struct start *ret_start, struct kk_span *ret_data)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    *ret_start = (struct start){.limit = UINT64_MAX};
    if (mechanism->shape == KK_PARAM_DES_CBC_ENCRYPT_DATA) {
        const CK_DES_CBC_ENCRYPT_DATA_PARAMS *cbc = param->data;
        ret_start->iv = KK_SPAN_ARRAY(cbc->iv);
        *ret_data = KK_SPAN(cbc->pData, cbc->length);
    } else if (mechanism->shape != KK_PARAM_KEY_DERIVATION_STRING_DATA) {
        /* Those of all ciphers with blocks of 16 bytes are alike. */
        const CK_AES_CBC_ENCRYPT_DATA_PARAMS *cbc = param->data;
        ret_start->iv = KK_SPAN_ARRAY(cbc->iv);
        *ret_data = KK_SPAN(cbc->pData, cbc->length);
    } else {
        const CK_KEY_DERIVATION_STRING_DATA *text = param->data;
        *ret_data = KK_SPAN(text->pData, text->ulLen);
    }
    return CKR_OK;
}

static KK_RV encrypt_data(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                          size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    struct start start;
    struct kk_span data = {0};
    size_t len = 0;
    KK_ENSURE(count == 1, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(data_of(mechanism, param, &start, &data));
    KK_ENSURE(data.len > 0 && data.len % kk_mechanism_block(mechanism) == 0,
              CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 AES_ECB_ENCRYPT_DATA: data too short for the key is CKR_DATA_LEN_RANGE */
    KK_ENSURE(lengths[0] <= data.len, CKR_DATA_LEN_RANGE);
    KK_TRY(cipher_for(crypto, mechanism, base, param, true, &cipher));
    KK_TRY(kk_cipher_start(cipher, start.iv));
    KK_TRY(kk_secret_new(data.len, &value));
    KK_TRY(kk_cipher_update(cipher, data, kk_secret_data(value), &len));
    if (lengths[0] > 0) {
        kk_secret_truncate(value, lengths[0]);
    }
    ret_values[0] = KK_STEAL(value);
    return CKR_OK;
}

const struct kk_cipher_ops kk_block_ops = {
    .init = block_init,
    .bound = block_bound,
    .update = block_update,
    .final = block_final,
    .single = block_single,
    .check_length = block_check_length,
    .exact = true,
    .save = block_save,
    .restore = block_restore,
};

const struct kk_cipher_ops kk_block_pad_ops = {
    .init = block_init,
    .bound = block_bound,
    .update = block_update,
    .final = block_final,
    .single = block_single,
    .check_length = block_check_length,
    .exact = false,
    .save = block_save,
    .restore = block_restore,
};

const struct kk_wrap_ops kk_block_wrap_ops = {
    .length = block_wrap_length,
    .wrap = block_wrap,
    .unwrap = block_unwrap,
    .private_keys = false,
};

const struct kk_wrap_ops kk_block_pad_wrap_ops = {
    .length = block_wrap_length,
    .wrap = block_wrap,
    .unwrap = block_unwrap,
    .private_keys = true,
};

const struct kk_derive_ops kk_encrypt_data_ops = {.derive = encrypt_data};
