/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC and CMAC over EVP_MAC_CTX. Starting again with the same key hands OpenSSL no key: it keeps
 * the state after the key's block, which halves the work of a short HMAC.
 */
#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "base/memory.h"
#include "base/secret.h"
#include "crypto/error.h"
#include "crypto/own_digest.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

/* HMAC with a digest of our own: the key's block, XORed for the inner and for the outer hash. */
struct own_hmac {
    struct kk_own_digest *digest;
    struct kk_secret *pads;
};

struct kk_mac {
    EVP_MAC_CTX *ctx;
    struct own_hmac own; /* instead of ctx */
    size_t size;
    bool started;
};

static KK_RV mac_new(EVP_MAC *algorithm, const OSSL_PARAM *params, struct kk_span key,
                     struct kk_mac **ret_mac)
{
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_ENSURE(algorithm != NULL, CKR_MECHANISM_INVALID);
    kk_crypto_mark();
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

/* RFC 2104: a key that is longer than a block is hashed. */
static KK_RV make_pads(struct kk_own_digest *digest, struct kk_span key,
                       struct kk_secret **ret_pads)
{
    KK_SECRET_ARRAY(block, KK_OWN_DIGEST_BLOCK);
    KK_TRY(kk_secret_new((size_t)2 * KK_OWN_DIGEST_BLOCK, ret_pads));
    if (key.len > sizeof block) {
        kk_own_digest_update(digest, key);
        kk_own_digest_finish(digest, block);
    } else {
        memcpy(block, key.data, key.len);
    }
    uint8_t *pads = kk_secret_data(*ret_pads);
    for (size_t i = 0; i < sizeof block; i++) {
        pads[i] = block[i] ^ 0x36;
        pads[sizeof block + i] = block[i] ^ 0x5c;
    }
    return CKR_OK;
}

static struct kk_span pad_of(const struct kk_mac *mac, size_t i)
{
    return KK_SPAN(kk_secret_data(mac->own.pads) + i * KK_OWN_DIGEST_BLOCK, KK_OWN_DIGEST_BLOCK);
}

static void own_start(struct kk_mac *mac)
{
    kk_own_digest_start(mac->own.digest);
    kk_own_digest_update(mac->own.digest, pad_of(mac, 0));
}

static void own_finish(struct kk_mac *mac, uint8_t *out)
{
    KK_SECRET_ARRAY(inner, KK_MAC_MAX);
    kk_own_digest_finish(mac->own.digest, inner);
    kk_own_digest_start(mac->own.digest);
    kk_own_digest_update(mac->own.digest, pad_of(mac, 1));
    kk_own_digest_update(mac->own.digest, KK_SPAN(inner, mac->size));
    kk_own_digest_finish(mac->own.digest, out);
}

static KK_RV new_own_hmac(const char *digest, struct kk_span key, struct kk_mac **ret_mac)
{
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_TRY(kk_alloc(sizeof *mac, &mac));
    KK_TRY(kk_own_digest_new(digest, &mac->own.digest));
    mac->size = kk_own_digest_size(mac->own.digest);
    KK_TRY(make_pads(mac->own.digest, key, &mac->own.pads));
    own_start(mac);
    mac->started = true;
    *ret_mac = KK_STEAL(mac);
    return CKR_OK;
}

KK_RV kk_mac_new_hmac(struct kk_crypto *crypto, const char *digest, struct kk_span key,
                      struct kk_mac **ret_mac)
{
    KK_ENSURE(key.len > 0, CKR_KEY_SIZE_RANGE);
    if (kk_own_digest_is(digest)) {
        return new_own_hmac(digest, key, ret_mac);
    }
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
    kk_own_digest_free(mac->own.digest);
    kk_secret_free(mac->own.pads);
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
    if (mac->ctx == NULL) {
        own_start(mac);
        mac->started = true;
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
    if (mac->ctx == NULL) {
        kk_own_digest_update(mac->own.digest, in);
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
    if (mac->ctx == NULL) {
        own_finish(mac, out);
        return CKR_OK;
    }
    KK_ENSURE(EVP_MAC_final(mac->ctx, out, &len, mac->size) == 1 && len == mac->size,
              kk_crypto_error("EVP_MAC_final", CKR_FUNCTION_FAILED));
    return CKR_OK;
}
