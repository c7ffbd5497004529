/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ECDSA and DSA. OpenSSL's signatures are DER, ours are r || s; they are turned into one another on
 * the stack.
 */
#include "crypto/ecdsa.h"

#include <string.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/der.h"
#include "crypto/error.h"

/* Two INTEGERs with a tag, a length and perhaps a zero in front, in a SEQUENCE. */
#define DER_MAX (2 * (KK_EC_MAX_FIELD_BYTES + 4) + 4)

struct kk_ecdsa_op {
    struct kk_key *key;
    enum kk_asym_use use;
    const char *hash_name;
    EVP_PKEY_CTX *ctx;
    struct kk_prehash hash;
};

size_t kk_ecdsa_length(const struct kk_key *key)
{
    return 2 * key->order_bytes;
}

void kk_ecdsa_free(struct kk_ecdsa_op *op)
{
    if (op == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_PKEY_CTX_free(op->ctx);
        kk_prehash_close(&op->hash);
    }
    kk_key_unref(op->key);
    kk_free(op);
}
KK_DEFINE_CLEANUP(struct kk_ecdsa_op *, kk_ecdsa_free);

static KK_RV new_op(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                    const char *hash, struct kk_ecdsa_op **ret_op)
{
    KK_CLEANUP(kk_ecdsa_freep) struct kk_ecdsa_op *op = NULL;
    KK_TRY(kk_alloc(sizeof *op, &op));
    op->key = kk_key_ref(key);
    op->use = use;
    op->hash_name = hash;
    KK_TRY(kk_asym_open(crypto, key, use, NULL, &op->ctx));
    if (hash != NULL) {
        KK_TRY(kk_prehash_open(crypto, hash, &op->hash));
    }
    *ret_op = KK_STEAL(op);
    return CKR_OK;
}

KK_RV kk_ecdsa_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                     const char *hash, struct kk_ecdsa_op **op)
{
    struct kk_ecdsa_op *old = *op;
    if (old != NULL && old->key == key && old->use == use && old->hash_name == hash) {
        return kk_prehash_start(&old->hash);
    }
    struct kk_ecdsa_op *made = NULL;
    KK_TRY(kk_asym_check_key(key, key->kind == KK_KEY_DSA ? KK_KEY_DSA : KK_KEY_EC, use));
    KK_TRY(new_op(crypto, key, use, hash, &made));
    kk_ecdsa_free(old);
    *op = made;
    return kk_prehash_start(&made->hash);
}

KK_RV kk_ecdsa_update(struct kk_ecdsa_op *op, struct kk_span in)
{
    return kk_prehash_update(&op->hash, in);
}

/* The hash to sign: made here, or the caller's. */
static KK_RV hash_of(struct kk_ecdsa_op *op, struct kk_span in, uint8_t made[EVP_MAX_MD_SIZE],
                     struct kk_span *ret_hash)
{
    size_t len = 0;
    if (op->hash_name == NULL) {
        /* OpenSSL has a pointer even where there is nothing to point to. */
        *ret_hash = in.len > 0 ? in : KK_SPAN(made, 0);
        return CKR_OK;
    }
    KK_TRY(kk_prehash_update(&op->hash, in));
    KK_TRY(kk_prehash_finish(&op->hash, made, &len));
    *ret_hash = KK_SPAN(made, len);
    return CKR_OK;
}

/* One INTEGER of a DER signature to `len` bytes. */
static KK_RV take_half(struct kk_reader *reader, uint8_t *out, size_t len)
{
    struct kk_span number = kk_der_take_integer(reader);
    KK_ENSURE(!reader->failed && number.len <= len, CKR_FUNCTION_FAILED);
    memset(out, 0, len - number.len);
    if (number.len > 0) {
        memcpy(out + (len - number.len), number.data, number.len);
    }
    return CKR_OK;
}

KK_RV kk_ecdsa_sign(struct kk_ecdsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    uint8_t made[EVP_MAX_MD_SIZE];
    uint8_t der[DER_MAX];
    size_t len = sizeof der;
    size_t half = op->key->order_bytes;
    struct kk_span hash = {0};
    KK_TRY(hash_of(op, in, made, &hash));
    int ok = EVP_PKEY_sign(op->ctx, der, &len, hash.data, hash.len);
    kk_wipe_stack(); /* the nonce */
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_sign", CKR_FUNCTION_FAILED));
    struct kk_reader outer = kk_reader_new(KK_SPAN(der, len));
    struct kk_reader reader = kk_der_enter(&outer, KK_DER_SEQUENCE);
    KK_TRY(take_half(&reader, out, half));
    KK_TRY(take_half(&reader, out + half, half));
    *ret_len = 2 * half;
    return CKR_OK;
}

static uint8_t *put_half(uint8_t *at, struct kk_span half)
{
    struct kk_span number = kk_strip_zeros(half);
    size_t zero = number.len == 0 || (number.data[0] & 0x80) != 0 ? 1 : 0;
    *at++ = KK_DER_INTEGER;
    *at++ = (uint8_t)(number.len + zero);
    if (zero != 0) {
        *at++ = 0;
    }
    if (number.len > 0) {
        memcpy(at, number.data, number.len);
    }
    return at + number.len;
}

/* r || s to DER; halves are at most KK_EC_MAX_FIELD_BYTES long. */
static struct kk_span to_der(struct kk_span signature, uint8_t out[DER_MAX])
{
    size_t half = signature.len / 2;
    /* The content is written behind the longest header, which then goes in front of it. */
    uint8_t *content = out + 3;
    uint8_t *end = put_half(content, KK_SPAN(signature.data, half));
    end = put_half(end, KK_SPAN(signature.data + half, half));
    size_t len = (size_t)(end - content);
    uint8_t *start = len < 0x80 ? content - 2 : content - 3;
    start[0] = KK_DER_SEQUENCE;
    start[1] = 0x81;
    content[-1] = (uint8_t)len;
    return KK_SPAN(start, (size_t)(end - start));
}

/*= pkcs11-3.2 EC signatures: for verification a signature may be shorter, of even length */
KK_RV kk_ecdsa_verify(struct kk_ecdsa_op *op, struct kk_span in, struct kk_span signature)
{
    uint8_t made[EVP_MAX_MD_SIZE];
    uint8_t der_bytes[DER_MAX];
    struct kk_span hash = {0};
    KK_TRY(hash_of(op, in, made, &hash));
    KK_ENSURE(signature.len > 0 && signature.len % 2 == 0 &&
                  signature.len <= kk_ecdsa_length(op->key),
              CKR_SIGNATURE_LEN_RANGE);
    struct kk_span der = to_der(signature, der_bytes);
    KK_ENSURE(EVP_PKEY_verify(op->ctx, der.data, der.len, hash.data, hash.len) == 1,
              kk_crypto_error("EVP_PKEY_verify", CKR_SIGNATURE_INVALID));
    return CKR_OK;
}
