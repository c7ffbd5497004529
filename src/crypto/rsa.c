/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA operations.
 */
#include "crypto/rsa.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/error.h"
#include "crypto/rsa_reject.h"

#define PKCS1_OVERHEAD 11
#define X931_OVERHEAD 2 /* the header's two bytes; the trailer is the caller's */
#define X931_TRAILER 0xcc

/* TPM_BOUND_DATA: version 1.1.0.0, the payload type TPM_PT_BIND. */
static const uint8_t bound_head[] = {1, 1, 0, 0, 2};

/* DigestInfo around a hash: 19 bytes for all but MD5 (18) and SHA-1 (15). */
#define DIGEST_INFO_OVERHEAD 19

struct kk_rsa_op {
    struct kk_crypto *crypto;
    struct kk_key *key;
    enum kk_asym_use use;
    struct kk_rsa_scheme scheme;
    uint8_t *label;
    EVP_PKEY_CTX *ctx;
    struct kk_prehash hash;
    bool unpads; /* PKCS#1 v1.5 decryption here: the library does not reject implicitly */
    bool
        is_raw_x931; /* X9.31 without a hash, which OpenSSL does not have: the block is made here */
    bool compares;   /* verifying PKCS#1 v1.5 without DigestInfo compares the whole block, because
                        OpenSSL takes empty data for a failure */
    bool strips;     /* recovering from PKCS#1 v1.5 without DigestInfo, for the same reason */
};

size_t kk_rsa_length(const struct kk_key *key)
{
    return key->bytes;
}

static size_t less(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

/* The most that goes into a block. */
static size_t block_room(const struct kk_key *key, const struct kk_rsa_scheme *scheme)
{
    switch (scheme->padding) {
    case KK_RSA_NONE:
        return key->bytes;
    case KK_RSA_PKCS1:
        return less(key->bytes, PKCS1_OVERHEAD);
    case KK_RSA_OAEP:
        return less(key->bytes, 2 + 2 * kk_hash_length(scheme->hash));
    case KK_RSA_X931:
        return less(key->bytes, X931_OVERHEAD);
    case KK_RSA_PSS:
        break;
    }
    return 0;
}

size_t kk_rsa_room(const struct kk_key *key, const struct kk_rsa_scheme *scheme)
{
    return less(block_room(key, scheme), scheme->bound ? sizeof bound_head : 0);
}

void kk_rsa_free(struct kk_rsa_op *op)
{
    if (op == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_PKEY_CTX_free(op->ctx);
        kk_prehash_close(&op->hash);
    }
    kk_key_unref(op->key);
    kk_free(op->label);
    kk_free(op);
}
KK_DEFINE_CLEANUP(struct kk_rsa_op *, kk_rsa_free);

/* --- begin ------------------------------------------------------------------------------------ */

static KK_RV check_hash(const struct kk_rsa_scheme *scheme)
{
    bool needed = scheme->padding == KK_RSA_PSS || scheme->padding == KK_RSA_OAEP;
    KK_ENSURE(scheme->hash != NULL || !needed, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(scheme->hash == NULL || kk_hash_length(scheme->hash) != 0,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(!needed || (scheme->mgf_hash != NULL && kk_hash_length(scheme->mgf_hash) != 0),
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/*= pkcs11-3.2 RSA_PKCS_PSS: sLen is at most k* - 2 - hLen, k* the bytes of n - 1 */
static KK_RV check_salt(const struct kk_key *key, const struct kk_rsa_scheme *scheme)
{
    size_t hash = kk_hash_length(scheme->hash);
    size_t encoded = (key->bits - 1 + 7) / 8;
    KK_ENSURE(encoded >= hash + 2, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(scheme->salt_len <= encoded - hash - 2, CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV check_scheme(const struct kk_key *key, const struct kk_rsa_scheme *scheme)
{
    KK_TRY(check_hash(scheme));
    switch (scheme->padding) {
    case KK_RSA_NONE:
        return CKR_OK;
    case KK_RSA_PSS:
        return check_salt(key, scheme);
    case KK_RSA_OAEP:
        KK_ENSURE(key->bytes >= 2 + 2 * kk_hash_length(scheme->hash), CKR_KEY_SIZE_RANGE);
        return CKR_OK;
    case KK_RSA_X931:
        /*= pkcs11-3.2 ANSI X9.31 RSA: k must be at least 128 and a multiple of 32 */
        KK_ENSURE(key->bits >= 1024 && key->bits % 256 == 0, CKR_KEY_SIZE_RANGE);
        return CKR_OK;
    case KK_RSA_PKCS1:
        break;
    }
    size_t block = scheme->hash != NULL ? kk_hash_length(scheme->hash) + DIGEST_INFO_OVERHEAD : 0;
    KK_ENSURE(key->bytes >= block + PKCS1_OVERHEAD, CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

static bool same_name(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_scheme(const struct kk_rsa_scheme *a, const struct kk_rsa_scheme *b)
{
    return a->padding == b->padding && a->prehash == b->prehash && a->bound == b->bound &&
           a->salt_len == b->salt_len && same_name(a->hash, b->hash) &&
           same_name(a->mgf_hash, b->mgf_hash) && kk_span_equal(a->label, b->label);
}

static bool is_settable(EVP_PKEY_CTX *ctx, const char *name)
{
    return OSSL_PARAM_locate_const(EVP_PKEY_CTX_settable_params(ctx), name) != NULL;
}

static KK_RV open_ctx(struct kk_rsa_op *op, const char *pad_mode)
{
    const struct kk_rsa_scheme *scheme = &op->scheme;
    struct kk_pkey_params params = {0};
    int salt = (int)scheme->salt_len;
    kk_pkey_params_text(&params, OSSL_PKEY_PARAM_PAD_MODE, pad_mode);
    if (scheme->hash != NULL) {
        kk_pkey_params_text(&params, OSSL_PKEY_PARAM_DIGEST, scheme->hash);
    }
    if (scheme->mgf_hash != NULL) {
        kk_pkey_params_text(&params, OSSL_PKEY_PARAM_MGF1_DIGEST, scheme->mgf_hash);
    }
    if (scheme->padding == KK_RSA_PSS) {
        kk_pkey_params_int(&params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt);
    }
    if (scheme->label.len > 0) {
        kk_pkey_params_bytes(&params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, scheme->label);
    }
    return kk_asym_open(op->crypto, op->key, op->use, params.params, &op->ctx);
}

static KK_RV open_op(struct kk_rsa_op *op)
{
    static const char *const pad_modes[] = {
        [KK_RSA_NONE] = OSSL_PKEY_RSA_PAD_MODE_NONE,
        [KK_RSA_PKCS1] = OSSL_PKEY_RSA_PAD_MODE_PKCSV15,
        [KK_RSA_PSS] = OSSL_PKEY_RSA_PAD_MODE_PSS,
        [KK_RSA_OAEP] = OSSL_PKEY_RSA_PAD_MODE_OAEP,
        [KK_RSA_X931] = OSSL_PKEY_RSA_PAD_MODE_X931,
    };
    bool is_pkcs1 = op->scheme.padding == KK_RSA_PKCS1;
    op->compares = op->use == KK_ASYM_VERIFY && is_pkcs1 && op->scheme.hash == NULL;
    op->is_raw_x931 = op->scheme.padding == KK_RSA_X931 && op->scheme.hash == NULL;
    op->strips = op->use == KK_ASYM_RECOVER && is_pkcs1 && op->scheme.hash == NULL;
    bool is_made_here = op->compares || op->strips || op->is_raw_x931;
    KK_TRY(open_ctx(op, is_made_here ? pad_modes[KK_RSA_NONE] : pad_modes[op->scheme.padding]));
    op->unpads =
        op->use == KK_ASYM_DECRYPT && is_pkcs1 && !is_settable(op->ctx, "implicit-rejection");
    if (op->unpads) {
        EVP_PKEY_CTX_free(KK_STEAL(op->ctx));
        KK_TRY(open_ctx(op, pad_modes[KK_RSA_NONE]));
    }
    return op->scheme.prehash ? kk_prehash_open(op->crypto, op->scheme.hash, &op->hash) : CKR_OK;
}

static KK_RV new_op(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                    const struct kk_rsa_scheme *scheme, struct kk_rsa_op **ret_op)
{
    KK_CLEANUP(kk_rsa_freep) struct kk_rsa_op *op = NULL;
    KK_TRY(kk_alloc(sizeof *op, &op));
    op->crypto = crypto;
    op->key = kk_key_ref(key);
    op->use = use;
    op->scheme = *scheme;
    if (scheme->label.len > 0) {
        KK_TRY(kk_memdup(scheme->label.data, scheme->label.len, &op->label));
        op->scheme.label.data = op->label;
    }
    KK_TRY(open_op(op));
    *ret_op = KK_STEAL(op);
    return CKR_OK;
}

KK_RV kk_rsa_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                   const struct kk_rsa_scheme *scheme, struct kk_rsa_op **op)
{
    struct kk_rsa_op *old = *op;
    if (old != NULL && old->key == key && old->use == use && same_scheme(&old->scheme, scheme)) {
        return kk_prehash_start(&old->hash);
    }
    struct kk_rsa_op *made = NULL;
    KK_TRY(kk_asym_check_key(key, KK_KEY_RSA, use));
    KK_TRY(check_scheme(key, scheme));
    KK_TRY(new_op(crypto, key, use, scheme, &made));
    kk_rsa_free(old);
    *op = made;
    return kk_prehash_start(&made->hash);
}

/* --- signatures ------------------------------------------------------------------------------- */

/* What goes into the block: the hash of the message, the caller's data, or, without padding, the
 * data behind zeros. */
struct block {
    uint8_t bytes[KK_RSA_MAX_BYTES];
    struct kk_span span;
};

static void pad_with_zeros(const struct kk_rsa_op *op, struct kk_span in, struct block *ret_block)
{
    size_t zeros = op->key->bytes - in.len;
    memset(ret_block->bytes, 0, zeros);
    if (in.len > 0) {
        memcpy(ret_block->bytes + zeros, in.data, in.len);
    }
    ret_block->span = KK_SPAN(ret_block->bytes, op->key->bytes);
}

/* PKCS#1 v1.5, block type 1, without a DigestInfo of ours. */
static void pad_with_ones(const struct kk_rsa_op *op, struct kk_span in, struct block *ret_block)
{
    size_t ones = op->key->bytes - in.len - 3;
    ret_block->bytes[0] = 0;
    ret_block->bytes[1] = 1;
    memset(ret_block->bytes + 2, 0xff, ones);
    ret_block->bytes[2 + ones] = 0;
    if (in.len > 0) {
        memcpy(ret_block->bytes + 3 + ones, in.data, in.len);
    }
    ret_block->span = KK_SPAN(ret_block->bytes, op->key->bytes);
}

/*= pkcs11-3.2 ANSI X9.31 RSA: the trailer field must be applied by the application */
/* The header and the padding around what has a trailer already. */
static KK_RV pad_with_x931(const struct kk_rsa_op *op, struct kk_span in, struct block *ret_block)
{
    size_t filling = op->key->bytes - in.len - X931_OVERHEAD;
    KK_ENSURE(in.len > 0 && in.data[in.len - 1] == X931_TRAILER, CKR_DATA_INVALID);
    ret_block->bytes[0] = 0x6b;
    memset(ret_block->bytes + 1, 0xbb, filling);
    ret_block->bytes[1 + filling] = 0xba;
    memcpy(ret_block->bytes + X931_OVERHEAD + filling, in.data, in.len);
    ret_block->span = KK_SPAN(ret_block->bytes, op->key->bytes);
    return CKR_OK;
}

/* The modulus less a number below it. */
static KK_RV complement(const struct kk_key *key, const uint8_t *number,
                        uint8_t out[KK_RSA_MAX_BYTES])
{
    BIGNUM *read = NULL;
    int ok = EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_N, &read);
    KK_CLEANUP(kk_bn_freep) BIGNUM *modulus = read;
    KK_CLEANUP(kk_bn_freep) BIGNUM *taken = BN_bin2bn(number, (int)key->bytes, NULL);
    KK_ENSURE(ok == 1 && taken != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(BN_usub(modulus, modulus, taken) == 1 &&
                  BN_bn2binpad(modulus, out, (int)key->bytes) >= 0,
              kk_crypto_error("BN_usub", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

/* X9.31 takes the smaller of s and n - s. */
static KK_RV take_smaller(const struct kk_key *key, uint8_t *signature)
{
    uint8_t other[KK_RSA_MAX_BYTES];
    size_t at = 0;
    KK_TRY(complement(key, signature, other));
    while (at + 1 < key->bytes && other[at] == signature[at]) {
        at++;
    }
    if (other[at] < signature[at]) {
        memcpy(signature, other, key->bytes);
    }
    return CKR_OK;
}

static KK_RV make_block(struct kk_rsa_op *op, struct kk_span in, struct block *ret_block)
{
    size_t len = 0;
    if (op->scheme.prehash) {
        KK_TRY(kk_prehash_update(&op->hash, in));
        KK_TRY(kk_prehash_finish(&op->hash, ret_block->bytes, &len));
        ret_block->span = KK_SPAN(ret_block->bytes, len);
        return CKR_OK;
    }
    if (op->scheme.hash != NULL) {
        KK_ENSURE(in.len == kk_hash_length(op->scheme.hash), CKR_DATA_LEN_RANGE);
    } else {
        KK_ENSURE(in.len <= kk_rsa_room(op->key, &op->scheme), CKR_DATA_LEN_RANGE);
    }
    if (op->scheme.padding == KK_RSA_X931) {
        return pad_with_x931(op, in, ret_block);
    }
    if (op->scheme.padding == KK_RSA_NONE) {
        pad_with_zeros(op, in, ret_block);
    } else if (op->compares) {
        pad_with_ones(op, in, ret_block);
    } else {
        ret_block->span = in;
    }
    return CKR_OK;
}

KK_RV kk_rsa_update(struct kk_rsa_op *op, struct kk_span in)
{
    return kk_prehash_update(&op->hash, in);
}

KK_RV kk_rsa_sign(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct block block;
    size_t len = op->key->bytes;
    CK_RV otherwise = op->scheme.padding == KK_RSA_NONE ? CKR_DATA_INVALID : CKR_FUNCTION_FAILED;
    KK_TRY(make_block(op, in, &block));
    int ok = EVP_PKEY_sign(op->ctx, out, &len, block.span.data, block.span.len);
    kk_wipe_stack();
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_sign", otherwise));
    *ret_len = len;
    return op->is_raw_x931 ? take_smaller(op->key, out) : CKR_OK;
}

KK_RV kk_rsa_verify(struct kk_rsa_op *op, struct kk_span in, struct kk_span signature)
{
    struct block block;
    KK_TRY(make_block(op, in, &block));
    KK_ENSURE(signature.len == op->key->bytes, CKR_SIGNATURE_LEN_RANGE);
    int ok =
        EVP_PKEY_verify(op->ctx, signature.data, signature.len, block.span.data, block.span.len);
    if (ok != 1 && op->is_raw_x931) {
        KK_TRY(complement(op->key, block.span.data, block.bytes));
        ok = EVP_PKEY_verify(op->ctx, signature.data, signature.len, block.bytes, op->key->bytes);
    }
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_verify", CKR_SIGNATURE_INVALID));
    return CKR_OK;
}

/* RFC 8017, 9.2: 00, 01, at least eight times ff, 00, the data */
static KK_RV strip_ones(struct kk_span block, uint8_t *out, size_t *ret_len)
{
    size_t at = 2;
    KK_ENSURE(block.data[0] == 0 && block.data[1] == 1, CKR_SIGNATURE_INVALID);
    while (at < block.len && block.data[at] == 0xff) {
        at++;
    }
    KK_ENSURE(at >= PKCS1_OVERHEAD - 1 && at < block.len && block.data[at] == 0,
              CKR_SIGNATURE_INVALID);
    *ret_len = block.len - at - 1;
    memcpy(out, block.data + at + 1, *ret_len);
    return CKR_OK;
}

KK_RV kk_rsa_recover(struct kk_rsa_op *op, struct kk_span signature, uint8_t *out, size_t *ret_len)
{
    uint8_t block[KK_RSA_MAX_BYTES];
    size_t len = op->key->bytes;
    KK_ENSURE(signature.len == len, CKR_SIGNATURE_LEN_RANGE);
    KK_ENSURE(EVP_PKEY_verify_recover(op->ctx, block, &len, signature.data, len) == 1,
              kk_crypto_error("EVP_PKEY_verify_recover", CKR_SIGNATURE_INVALID));
    if (op->strips) {
        return strip_ones(KK_SPAN(block, len), out, ret_len);
    }
    memcpy(out, block, len);
    *ret_len = len;
    return CKR_OK;
}

/* --- encryption ------------------------------------------------------------------------------- */

static KK_RV encrypt(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(padded, KK_RSA_MAX_BYTES);
    size_t len = op->key->bytes;
    struct kk_span plain = in;
    bool raw = op->scheme.padding == KK_RSA_NONE;
    KK_ENSURE(in.len <= block_room(op->key, &op->scheme), CKR_DATA_LEN_RANGE);
    if (raw && in.len < len) {
        memcpy(padded + (len - in.len), in.len > 0 ? in.data : padded, in.len);
        plain = KK_SPAN(padded, len);
    }
    KK_ENSURE(EVP_PKEY_encrypt(op->ctx, out, &len, plain.data, plain.len) == 1,
              kk_crypto_error("EVP_PKEY_encrypt", raw ? CKR_DATA_INVALID : CKR_FUNCTION_FAILED));
    *ret_len = len;
    return CKR_OK;
}

static KK_RV decrypt(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(block, KK_RSA_MAX_BYTES);
    size_t len = op->key->bytes;
    KK_ENSURE(in.len == op->key->bytes, CKR_ENCRYPTED_DATA_LEN_RANGE);
    int ok = EVP_PKEY_decrypt(op->ctx, block, &len, in.data, in.len);
    kk_wipe_stack();
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_decrypt", CKR_ENCRYPTED_DATA_INVALID));
    if (op->unpads) {
        KK_ENSURE(len == op->key->bytes, CKR_FUNCTION_FAILED);
        return kk_rsa_unpad(op->crypto, kk_secret_span(op->key->rejection), in, KK_SPAN(block, len),
                            out, ret_len);
    }
    KK_ENSURE(len <= block_room(op->key, &op->scheme), CKR_FUNCTION_FAILED);
    memcpy(out, block, len);
    *ret_len = len;
    return CKR_OK;
}

static KK_RV encrypt_bound(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(data, KK_RSA_MAX_BYTES);
    KK_ENSURE(in.len <= kk_rsa_room(op->key, &op->scheme), CKR_DATA_LEN_RANGE);
    memcpy(data, bound_head, sizeof bound_head);
    if (in.len > 0) {
        memcpy(data + sizeof bound_head, in.data, in.len);
    }
    return encrypt(op, KK_SPAN(data, sizeof bound_head + in.len), out, ret_len);
}

/*= pkcs11-3.2 TPM 1.1b and TPM 1.2 PKCS #1 RSA OAEP: 0x01, 0x01, 0xXX, 0xYY may be accepted */
static bool is_bound(struct kk_span data)
{
    return data.len >= sizeof bound_head && data.data[0] == bound_head[0] &&
           data.data[1] == bound_head[1] && data.data[4] == bound_head[4];
}

/* Behind PKCS#1 v1.5 a wrong head is a wrong padding, of which nothing may be known. */
static KK_RV decrypt_bound(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(data, KK_RSA_MAX_BYTES);
    size_t len = 0;
    KK_TRY(decrypt(op, in, data, &len));
    KK_ENSURE(op->scheme.padding == KK_RSA_PKCS1 || is_bound(KK_SPAN(data, len)),
              CKR_ENCRYPTED_DATA_INVALID);
    *ret_len = less(len, sizeof bound_head);
    memcpy(out, data + sizeof bound_head, *ret_len);
    return CKR_OK;
}

KK_RV kk_rsa_crypt(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    if (op->scheme.bound) {
        return op->use == KK_ASYM_ENCRYPT ? encrypt_bound(op, in, out, ret_len)
                                          : decrypt_bound(op, in, out, ret_len);
    }
    return op->use == KK_ASYM_ENCRYPT ? encrypt(op, in, out, ret_len)
                                      : decrypt(op, in, out, ret_len);
}

KK_RV kk_rsa_crypt_once(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                        const struct kk_rsa_scheme *scheme, struct kk_span in, uint8_t *out,
                        size_t *ret_len)
{
    KK_CLEANUP(kk_rsa_freep) struct kk_rsa_op *op = NULL;
    KK_TRY(kk_rsa_begin(crypto, key, use, scheme, &op));
    return kk_rsa_crypt(op, in, out, ret_len);
}
