/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PBKDF2 by OpenSSL.
 */
#include "crypto/pbkdf2.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto/error.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

KK_DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free);
KK_DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free);

/* OpenSSL only reads what its parameters point to, though they have no const, and takes no NULL. */
static OSSL_PARAM octets(const char *name, struct kk_span value)
{
    static uint8_t nothing[1];
    void *data = value.len == 0 ? nothing : (void *)(uintptr_t)value.data;
    return OSSL_PARAM_construct_octet_string(name, data, value.len);
}

KK_RV kk_pbkdf2(struct kk_crypto *crypto, const char *digest, struct kk_span password,
                struct kk_span salt, uint64_t rounds, struct kk_secret *out)
{
    KK_CLEANUP(EVP_KDF_freep) EVP_KDF *kdf = EVP_KDF_fetch(crypto->libctx, "PBKDF2", NULL);
    KK_CLEANUP(EVP_KDF_CTX_freep) EVP_KDF_CTX *ctx = NULL;
    int unchecked = kk_crypto_is_fips(crypto) ? 0 : 1; /* any salt and any number of rounds */
    KK_ENSURE(rounds >= 1, CKR_ARGUMENTS_BAD);
    KK_ENSURE(kdf != NULL, kk_crypto_error("EVP_KDF_fetch", CKR_MECHANISM_INVALID));
    ctx = EVP_KDF_CTX_new(kdf);
    KK_ENSURE(ctx != NULL, CKR_HOST_MEMORY);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
        octets(OSSL_KDF_PARAM_PASSWORD, password),
        octets(OSSL_KDF_PARAM_SALT, salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &rounds),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &unchecked),
        OSSL_PARAM_END,
    };
    KK_ENSURE(EVP_KDF_derive(ctx, kk_secret_data(out), kk_secret_len(out), params) == 1,
              kk_crypto_error("EVP_KDF_derive",
                              unchecked ? CKR_FUNCTION_FAILED : CKR_MECHANISM_PARAM_INVALID));
    return CKR_OK;
}
