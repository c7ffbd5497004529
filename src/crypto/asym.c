/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operations with key pairs have in common.
 */
#include "crypto/asym.h"

#include <string.h>

#include "crypto/asym_internal.h"
#include "crypto/error.h"
#include "crypto/own_keys.h"

size_t kk_hash_length(const char *name)
{
    static const struct {
        const char *name;
        size_t length;
    } hashes[] = {
        {"SHA256", 32},    {"SHA384", 48},   {"SHA512", 64},     {"SHA1", 20},
        {"SHA224", 28},    {"MD5", 16},      {"SHA3-224", 28},   {"SHA3-256", 32},
        {"SHA3-384", 48},  {"SHA3-512", 64}, {"SHA512-224", 28}, {"SHA512-256", 32},
        {"RIPEMD160", 20},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (strcmp(hashes[i].name, name) == 0) {
            return hashes[i].length;
        }
    }
    return 0;
}

KK_RV kk_prehash_open(struct kk_crypto *crypto, const char *name, struct kk_prehash *ret_hash)
{
    KK_CLEANUP(EVP_MD_freep) EVP_MD *md = NULL;
    KK_TRY(kk_crypto_fetch_digest(crypto, name, &md));
    ret_hash->ctx = EVP_MD_CTX_new();
    KK_ENSURE(ret_hash->ctx != NULL, CKR_HOST_MEMORY);
    ret_hash->md = KK_STEAL(md);
    return CKR_OK;
}

KK_RV kk_prehash_start(struct kk_prehash *hash)
{
    KK_ENSURE(hash->md == NULL || EVP_DigestInit_ex2(hash->ctx, hash->md, NULL) == 1,
              kk_crypto_error("EVP_DigestInit_ex2", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_prehash_update(struct kk_prehash *hash, struct kk_span in)
{
    KK_ENSURE(EVP_DigestUpdate(hash->ctx, in.data, in.len) == 1,
              kk_crypto_error("EVP_DigestUpdate", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_prehash_finish(struct kk_prehash *hash, uint8_t out[EVP_MAX_MD_SIZE], size_t *ret_len)
{
    unsigned len = 0;
    KK_ENSURE(EVP_DigestFinal_ex(hash->ctx, out, &len) == 1,
              kk_crypto_error("EVP_DigestFinal_ex", CKR_FUNCTION_FAILED));
    *ret_len = len;
    return CKR_OK;
}

void kk_prehash_close(struct kk_prehash *hash)
{
    EVP_MD_CTX_free(hash->ctx);
    EVP_MD_free(hash->md);
    *hash = (struct kk_prehash){0};
}

KK_RV kk_asym_check_key(const struct kk_key *key, enum kk_key_kind kind, enum kk_asym_use use)
{
    KK_ENSURE(key != NULL && key->kind == kind && key->pkey != NULL, CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(key->is_private || (use != KK_ASYM_SIGN && use != KK_ASYM_DECRYPT),
              CKR_KEY_TYPE_INCONSISTENT);
    return CKR_OK;
}

KK_RV kk_asym_open(struct kk_crypto *crypto, const struct kk_key *key, enum kk_asym_use use,
                   const OSSL_PARAM *params, EVP_PKEY_CTX **ret_ctx)
{
    static int (*const init[])(EVP_PKEY_CTX *ctx, const OSSL_PARAM *params) = {
        [KK_ASYM_SIGN] = EVP_PKEY_sign_init_ex,
        [KK_ASYM_VERIFY] = EVP_PKEY_verify_init_ex,
        [KK_ASYM_RECOVER] = EVP_PKEY_verify_recover_init_ex,
        [KK_ASYM_ENCRYPT] = EVP_PKEY_encrypt_init_ex,
        [KK_ASYM_DECRYPT] = EVP_PKEY_decrypt_init_ex,
    };
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        kk_own_keys_operation(crypto->libctx, key->pkey);
    KK_ENSURE(ctx != NULL, kk_crypto_error("EVP_PKEY_CTX_new_from_pkey", CKR_FUNCTION_FAILED));
    KK_ENSURE(init[use](ctx, params) == 1,
              kk_crypto_error("EVP_PKEY_..._init", CKR_FUNCTION_FAILED));
    *ret_ctx = KK_STEAL(ctx);
    return CKR_OK;
}
