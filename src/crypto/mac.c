/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC and CMAC over EVP_MAC_CTX. Starting again with the same key hands OpenSSL no key: it keeps
 * the state after the key's block, which halves the work of a short HMAC.
 */
#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

struct kk_mac {
    EVP_MAC_CTX *ctx;
    size_t size;
    bool started;
};

static KK_RV mac_new(EVP_MAC *algorithm, const OSSL_PARAM *params, struct kk_span key,
                     struct kk_mac **ret_mac)
{
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_ENSURE(algorithm != NULL, CKR_MECHANISM_INVALID);
    KK_TRY(kk_alloc(sizeof *mac, &mac));
    mac->ctx = EVP_MAC_CTX_new(algorithm);
    KK_ENSURE(mac->ctx != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(EVP_MAC_init(mac->ctx, key.data, key.len, params) == 1,
              kk_crypto_error("EVP_MAC_init", CKR_FUNCTION_FAILED));
    mac->size = EVP_MAC_CTX_get_mac_size(mac->ctx);
    KK_ENSURE(mac->size > 0 && mac->size <= KK_MAC_MAX, CKR_MECHANISM_INVALID);
    mac->started = true;
    *ret_mac = KK_STEAL(mac);
    return CKR_OK;
}

/* OSSL_PARAM holds names without const; OpenSSL only reads them. */
static OSSL_PARAM text_param(const char *key, const char *text)
{
    return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)text, 0);
}

KK_RV kk_mac_new_hmac(struct kk_crypto *crypto, const char *digest, struct kk_span key,
                      struct kk_mac **ret_mac)
{
    KK_ENSURE(key.len > 0, CKR_KEY_SIZE_RANGE);
    const OSSL_PARAM params[] = {text_param(OSSL_MAC_PARAM_DIGEST, digest), OSSL_PARAM_END};
    return mac_new(crypto->hmac, params, key, ret_mac);
}

KK_RV kk_mac_new_cmac(struct kk_crypto *crypto, const char *cipher, struct kk_span key,
                      struct kk_mac **ret_mac)
{
    const OSSL_PARAM params[] = {text_param(OSSL_MAC_PARAM_CIPHER, cipher), OSSL_PARAM_END};
    return mac_new(crypto->cmac, params, key, ret_mac);
}

void kk_mac_free(struct kk_mac *mac)
{
    if (mac == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_MAC_CTX_free(mac->ctx);
    }
    kk_free(mac);
}

size_t kk_mac_size(const struct kk_mac *mac)
{
    return mac->size;
}

KK_RV kk_mac_start(struct kk_mac *mac)
{
    if (mac->started) {
        return CKR_OK;
    }
    KK_ENSURE(EVP_MAC_init(mac->ctx, NULL, 0, NULL) == 1,
              kk_crypto_error("EVP_MAC_init", CKR_FUNCTION_FAILED));
    mac->started = true;
    return CKR_OK;
}

KK_RV kk_mac_update(struct kk_mac *mac, struct kk_span in)
{
    mac->started = false;
    if (in.len == 0) {
        return CKR_OK;
    }
    KK_ENSURE(EVP_MAC_update(mac->ctx, in.data, in.len) == 1,
              kk_crypto_error("EVP_MAC_update", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_mac_finish(struct kk_mac *mac, uint8_t *out)
{
    size_t len = 0;
    mac->started = false;
    KK_ENSURE(EVP_MAC_final(mac->ctx, out, &len, mac->size) == 1 && len == mac->size,
              kk_crypto_error("EVP_MAC_final", CKR_FUNCTION_FAILED));
    return CKR_OK;
}
