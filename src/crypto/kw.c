/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES key wrapping by OpenSSL's wrap ciphers, which do a whole message in one update.
 */
#include "crypto/kw.h"

#include <stdio.h>

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

/* Far above any key, far below where EVP's int ends. */
#define LONGEST ((size_t)1 << 30)

static const struct {
    const char *suffix;
    size_t iv_len;
    size_t least; /* plain bytes */
} kinds[] = {
    [KK_KW] = {"", 8, 16},
    [KK_KWP] = {"-PAD", 4, 1},
};

KK_RV kk_kw_length(enum kk_kw kind, size_t plain_len, size_t *ret_len)
{
    KK_ENSURE(plain_len >= kinds[kind].least && plain_len <= LONGEST, CKR_DATA_LEN_RANGE);
    KK_ENSURE(kind == KK_KWP || plain_len % KK_KW_STEP == 0, CKR_DATA_LEN_RANGE);
    *ret_len = (plain_len + KK_KW_STEP - 1) / KK_KW_STEP * KK_KW_STEP + KK_KW_STEP;
    return CKR_OK;
}

static KK_RV begin(struct kk_crypto *crypto, enum kk_kw kind, struct kk_span key, struct kk_span iv,
                   bool encrypt, EVP_CIPHER_CTX **ret_ctx)
{
    KK_CLEANUP(EVP_CIPHER_freep) EVP_CIPHER *cipher = NULL;
    KK_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    char name[32];
    KK_ENSURE(key.len == 16 || key.len == 24 || key.len == 32, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(iv.len == 0 || iv.len == kinds[kind].iv_len, CKR_MECHANISM_PARAM_INVALID);
    snprintf(name, sizeof name, "AES-%zu-WRAP%s", key.len * 8, kinds[kind].suffix);
    KK_TRY(kk_crypto_fetch_cipher(crypto, name, &cipher));
    ctx = EVP_CIPHER_CTX_new();
    KK_ENSURE(ctx != NULL, CKR_HOST_MEMORY);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    KK_ENSURE(
        EVP_CipherInit_ex2(ctx, cipher, key.data, iv.len == 0 ? NULL : iv.data, encrypt, NULL) == 1,
        kk_crypto_error("EVP_CipherInit_ex2", CKR_FUNCTION_FAILED));
    *ret_ctx = KK_STEAL(ctx);
    return CKR_OK;
}

KK_RV kk_kw_wrap(struct kk_crypto *crypto, enum kk_kw kind, struct kk_span key, struct kk_span iv,
                 struct kk_span plain, uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    size_t want = 0;
    int len = 0;
    KK_TRY(kk_kw_length(kind, plain.len, &want));
    KK_TRY(begin(crypto, kind, key, iv, true, &ctx));
    KK_ENSURE(EVP_CipherUpdate(ctx, out, &len, plain.data, (int)plain.len) == 1 &&
                  (size_t)len == want,
              kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
    *ret_len = want;
    return CKR_OK;
}

KK_RV kk_kw_unwrap(struct kk_crypto *crypto, enum kk_kw kind, struct kk_span key, struct kk_span iv,
                   struct kk_span wrapped, struct kk_secret **ret_plain)
{
    KK_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    int len = 0;
    size_t least = KK_KW_STEP + (kind == KK_KW ? 16 : 8);
    KK_ENSURE(wrapped.len >= least && wrapped.len <= LONGEST && wrapped.len % KK_KW_STEP == 0,
              CKR_ENCRYPTED_DATA_LEN_RANGE);
    KK_TRY(begin(crypto, kind, key, iv, false, &ctx));
    KK_TRY(kk_secret_new(wrapped.len, &plain));
    KK_ENSURE(EVP_CipherUpdate(ctx, kk_secret_data(plain), &len, wrapped.data, (int)wrapped.len) ==
                      1 &&
                  len > 0 && (size_t)len < wrapped.len,
              kk_crypto_error("EVP_CipherUpdate", CKR_ENCRYPTED_DATA_INVALID));
    kk_secret_truncate(plain, (size_t)len);
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}
