/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key encapsulation by EVP.
 */
#include "crypto/kem.h"

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/key_internal.h"
#include "crypto/own_keys.h"
#include "crypto/pq.h"

size_t kk_kem_length(const struct kk_key *key)
{
    if (key->kind == KK_KEY_RSA) {
        return key->bytes;
    }
    return key->kind == KK_KEY_ML_KEM ? key->pq->output_len : 0;
}

size_t kk_kem_secret_length(const struct kk_key *key)
{
    if (key->kind == KK_KEY_RSA) {
        return key->bytes;
    }
    return key->kind == KK_KEY_ML_KEM ? KK_ML_KEM_SECRET : 0;
}

static KK_RV open_ctx(struct kk_crypto *crypto, const struct kk_key *key,
                      int (*init)(EVP_PKEY_CTX *ctx, const OSSL_PARAM *params),
                      EVP_PKEY_CTX **ret_ctx)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    KK_ENSURE(kk_kem_length(key) > 0, CKR_KEY_TYPE_INCONSISTENT);
    ctx = kk_own_keys_operation(crypto->libctx, key->pkey);
    KK_ENSURE(ctx != NULL && init(ctx, NULL) == 1,
              kk_crypto_error("EVP_PKEY_..._init", CKR_FUNCTION_FAILED));
    KK_ENSURE(key->kind != KK_KEY_RSA || EVP_PKEY_CTX_set_kem_op(ctx, "RSASVE") == 1,
              kk_crypto_error("EVP_PKEY_CTX_set_kem_op", CKR_FUNCTION_FAILED));
    *ret_ctx = KK_STEAL(ctx);
    return CKR_OK;
}

KK_RV kk_kem_encapsulate(struct kk_crypto *crypto, struct kk_key *key, uint8_t *out,
                         struct kk_secret **ret_secret)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    size_t out_len = kk_kem_length(key);
    size_t len = kk_kem_secret_length(key);
    KK_TRY(open_ctx(crypto, key, EVP_PKEY_encapsulate_init, &ctx));
    KK_TRY(kk_secret_new(len, &secret));
    int ok = EVP_PKEY_encapsulate(ctx, out, &out_len, kk_secret_data(secret), &len);
    kk_wipe_stack();
    KK_ENSURE(ok == 1 && out_len == kk_kem_length(key) && len == kk_secret_len(secret),
              kk_crypto_error("EVP_PKEY_encapsulate", CKR_FUNCTION_FAILED));
    kk_crypto_forget_drawn(crypto);
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}

KK_RV kk_kem_decapsulate(struct kk_crypto *crypto, struct kk_key *key, struct kk_span ciphertext,
                         struct kk_secret **ret_secret)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    size_t len = kk_kem_secret_length(key);
    KK_ENSURE(key->is_private, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(open_ctx(crypto, key, EVP_PKEY_decapsulate_init, &ctx));
    KK_ENSURE(ciphertext.len == kk_kem_length(key), CKR_WRAPPED_KEY_LEN_RANGE);
    KK_TRY(kk_secret_new(len, &secret));
    int ok =
        EVP_PKEY_decapsulate(ctx, kk_secret_data(secret), &len, ciphertext.data, ciphertext.len);
    kk_wipe_stack();
    KK_ENSURE(ok == 1 && len == kk_secret_len(secret),
              kk_crypto_error("EVP_PKEY_decapsulate", CKR_WRAPPED_KEY_INVALID));
    /* RSASVE: 0, 1 and n-1 are their own ciphertexts, and none that is meant. */
    KK_ENSURE(key->kind != KK_KEY_RSA ||
                  !kk_ct_equal(kk_secret_data(secret), ciphertext.data, ciphertext.len),
              CKR_WRAPPED_KEY_INVALID);
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}
