/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-CCM by OpenSSL, which takes the lengths of tag and nonce before the key, and the whole
 * message in one update.
 */
#include "crypto/ccm.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

#define NONCE_MIN 7
#define NONCE_MAX 13

KK_RV kk_ccm_check(const struct kk_ccm *ccm, size_t data_len)
{
    KK_ENSURE(ccm->nonce.len >= NONCE_MIN && ccm->nonce.len <= NONCE_MAX,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(ccm->mac_len >= 4 && ccm->mac_len <= KK_CCM_MAC_MAX && ccm->mac_len % 2 == 0,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(ccm->aad.len <= INT_MAX, CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 CK_CCM_PARAMS: 0 <= ulDataLen < 2^8L, where L is 15 less the nonce's length */
    size_t length_bits = (15 - ccm->nonce.len) * 8;
    KK_ENSURE(length_bits >= sizeof data_len * 8 || data_len >> length_bits == 0,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/* The tag's length, or for decryption the tag itself. OpenSSL only reads it, though its parameter
 * has no const. */
static KK_RV set_lengths(EVP_CIPHER_CTX *ctx, const struct kk_ccm *ccm, const uint8_t *tag)
{
    size_t nonce_len = ccm->nonce.len;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_IVLEN, &nonce_len),
                           OSSL_PARAM_construct_octet_string(
                               OSSL_CIPHER_PARAM_AEAD_TAG, (uint8_t *)(uintptr_t)tag, ccm->mac_len),
                           OSSL_PARAM_END};
    KK_ENSURE(EVP_CIPHER_CTX_set_params(ctx, params) == 1,
              kk_crypto_error("EVP_CIPHER_CTX_set_params", CKR_MECHANISM_PARAM_INVALID));
    return CKR_OK;
}

/* Up to the data: everything that comes before it. */
static KK_RV begin(struct kk_crypto *crypto, const struct kk_ccm *ccm, const uint8_t *tag,
                   size_t data_len, EVP_CIPHER_CTX **ret_ctx)
{
    KK_CLEANUP(EVP_CIPHER_freep) EVP_CIPHER *cipher = NULL;
    KK_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    bool encrypt = tag == NULL;
    char name[32];
    int len = 0;
    KK_ENSURE(ccm->key.len == 16 || ccm->key.len == 24 || ccm->key.len == 32, CKR_KEY_SIZE_RANGE);
    snprintf(name, sizeof name, "AES-%zu-CCM", ccm->key.len * 8);
    KK_TRY(kk_crypto_fetch_cipher(crypto, name, &cipher));
    ctx = EVP_CIPHER_CTX_new();
    KK_ENSURE(ctx != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) == 1,
              kk_crypto_error("EVP_CipherInit_ex2", CKR_FUNCTION_FAILED));
    KK_TRY(set_lengths(ctx, ccm, tag));
    KK_ENSURE(EVP_CipherInit_ex2(ctx, NULL, ccm->key.data, ccm->nonce.data, encrypt, NULL) == 1 &&
                  EVP_CipherUpdate(ctx, NULL, &len, NULL, (int)data_len) == 1,
              kk_crypto_error("EVP_CipherInit_ex2", CKR_FUNCTION_FAILED));
    KK_ENSURE(ccm->aad.len == 0 ||
                  EVP_CipherUpdate(ctx, NULL, &len, ccm->aad.data, (int)ccm->aad.len) == 1,
              kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
    *ret_ctx = KK_STEAL(ctx);
    return CKR_OK;
}

/* The message in one piece; a failed decryption is a wrong MAC. OpenSSL takes no pointers to
 * nothing. */
static bool crypt(EVP_CIPHER_CTX *ctx, struct kk_span in, uint8_t *out)
{
    uint8_t nothing[1] = {0};
    int len = 0;
    if (in.len == 0) {
        return EVP_CipherUpdate(ctx, nothing, &len, nothing, 0) == 1;
    }
    return EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len) == 1 && (size_t)len == in.len;
}

/* OpenSSL works in place, but not with buffers that overlap otherwise. */
static KK_RV apart(struct kk_span *in, const uint8_t *out, size_t out_len, struct kk_buffer *copy)
{
    uintptr_t in_at = (uintptr_t)in->data;
    uintptr_t out_at = (uintptr_t)out;
    if (in_at == out_at || out_at + out_len <= in_at || in_at + in->len <= out_at) {
        return CKR_OK;
    }
    copy->wipe = true;
    kk_buffer_put_span(copy, *in);
    KK_TRY(kk_buffer_check(copy));
    *in = kk_buffer_span(copy);
    return CKR_OK;
}

KK_RV kk_ccm_seal(struct kk_crypto *crypto, const struct kk_ccm *ccm, struct kk_span plain,
                  uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer copy = {0};
    KK_TRY(kk_ccm_check(ccm, plain.len));
    KK_ENSURE(plain.len <= INT_MAX, CKR_DATA_LEN_RANGE);
    KK_TRY(apart(&plain, out, plain.len + ccm->mac_len, &copy));
    KK_TRY(begin(crypto, ccm, NULL, plain.len, &ctx));
    KK_ENSURE(crypt(ctx, plain, out), kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                                             out + plain.len, ccm->mac_len),
                           OSSL_PARAM_END};
    KK_ENSURE(EVP_CIPHER_CTX_get_params(ctx, params) == 1,
              kk_crypto_error("EVP_CIPHER_CTX_get_params", CKR_FUNCTION_FAILED));
    *ret_len = plain.len + ccm->mac_len;
    return CKR_OK;
}

KK_RV kk_ccm_open(struct kk_crypto *crypto, const struct kk_ccm *ccm, struct kk_span sealed,
                  uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer copy = {0};
    KK_ENSURE(ccm->mac_len <= KK_CCM_MAC_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(sealed.len >= ccm->mac_len, CKR_ENCRYPTED_DATA_LEN_RANGE);
    size_t len = sealed.len - ccm->mac_len;
    KK_TRY(kk_ccm_check(ccm, len));
    KK_ENSURE(len <= INT_MAX, CKR_ENCRYPTED_DATA_LEN_RANGE);
    KK_TRY(apart(&sealed, out, len, &copy));
    KK_TRY(begin(crypto, ccm, sealed.data + len, len, &ctx));
    if (!crypt(ctx, KK_SPAN(sealed.data, len), out)) {
        kk_wipe(out, len);
        return kk_crypto_error("EVP_CipherUpdate", CKR_ENCRYPTED_DATA_INVALID);
    }
    *ret_len = len;
    return CKR_OK;
}
