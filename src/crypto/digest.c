/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests over EVP_MD_CTX, and our own beside them. A context keeps its algorithm, so that starting
 * again costs no more than OpenSSL's own reset.
 */
#include "crypto/digest.h"

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/own_digest.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

struct kk_digest {
    EVP_MD_CTX *ctx;
    struct kk_own_digest *own; /* instead of ctx */
    size_t size;
    bool started; /* fresh from the start: no reset needed */
};

static KK_RV new_own(const char *name, struct kk_digest **ret_digest)
{
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    KK_TRY(kk_alloc(sizeof *digest, &digest));
    KK_TRY(kk_own_digest_new(name, &digest->own));
    digest->size = kk_own_digest_size(digest->own);
    digest->started = true;
    *ret_digest = KK_STEAL(digest);
    return CKR_OK;
}

KK_RV kk_digest_new(struct kk_crypto *crypto, const char *name, struct kk_digest **ret_digest)
{
    if (kk_own_digest_is(name)) {
        return new_own(name, ret_digest);
    }
    KK_CLEANUP(EVP_MD_freep) EVP_MD *md = NULL;
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    kk_crypto_mark();
    KK_TRY(kk_crypto_fetch_digest(crypto, name, &md));
    KK_TRY(kk_alloc(sizeof *digest, &digest));
    digest->ctx = EVP_MD_CTX_new();
    KK_ENSURE(digest->ctx != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(EVP_DigestInit_ex2(digest->ctx, md, NULL) == 1,
              kk_crypto_error("EVP_DigestInit_ex2", CKR_FUNCTION_FAILED));
    digest->size = (size_t)EVP_MD_get_size(md);
    KK_ENSURE(digest->size <= KK_DIGEST_MAX, CKR_MECHANISM_INVALID);
    digest->started = true;
    *ret_digest = KK_STEAL(digest);
    return CKR_OK;
}

void kk_digest_free(struct kk_digest *digest)
{
    if (digest == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_MD_CTX_free(digest->ctx);
    }
    kk_own_digest_free(digest->own);
    kk_free(digest);
}

size_t kk_digest_size(const struct kk_digest *digest)
{
    return digest->size;
}

KK_RV kk_digest_start(struct kk_digest *digest)
{
    if (digest->started) {
        return CKR_OK;
    }
    if (digest->own != NULL) {
        kk_own_digest_start(digest->own);
        digest->started = true;
        return CKR_OK;
    }
    KK_ENSURE(EVP_DigestInit_ex2(digest->ctx, NULL, NULL) == 1,
              kk_crypto_error("EVP_DigestInit_ex2", CKR_FUNCTION_FAILED));
    digest->started = true;
    return CKR_OK;
}

KK_RV kk_digest_update(struct kk_digest *digest, struct kk_span in)
{
    digest->started = false;
    if (in.len == 0) {
        return CKR_OK;
    }
    if (digest->own != NULL) {
        kk_own_digest_update(digest->own, in);
        return CKR_OK;
    }
    KK_ENSURE(EVP_DigestUpdate(digest->ctx, in.data, in.len) == 1,
              kk_crypto_error("EVP_DigestUpdate", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_digest_finish(struct kk_digest *digest, uint8_t *out)
{
    digest->started = false;
    if (digest->own != NULL) {
        kk_own_digest_finish(digest->own, out);
        return CKR_OK;
    }
    KK_ENSURE(EVP_DigestFinal_ex(digest->ctx, out, NULL) == 1,
              kk_crypto_error("EVP_DigestFinal_ex", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_digest_pieces(struct kk_crypto *crypto, const char *name, const struct kk_span *pieces,
                       size_t count, uint8_t *out, size_t out_len)
{
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    KK_TRY(kk_digest_new(crypto, name, &digest));
    KK_ENSURE(out_len == digest->size, CKR_ARGUMENTS_BAD);
    for (size_t i = 0; i < count; i++) {
        KK_TRY(kk_digest_update(digest, pieces[i]));
    }
    return kk_digest_finish(digest, out);
}

KK_RV kk_digest_expand(struct kk_crypto *crypto, const char *name, struct kk_span in, uint8_t *out,
                       size_t out_len)
{
    KK_CLEANUP(EVP_MD_freep) EVP_MD *md = NULL;
    KK_CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    KK_ENSURE(ctx != NULL, CKR_HOST_MEMORY);
    KK_TRY(kk_crypto_fetch_digest(crypto, name, &md));
    KK_ENSURE(EVP_DigestInit_ex2(ctx, md, NULL) == 1 &&
                  EVP_DigestUpdate(ctx, in.data, in.len) == 1 &&
                  EVP_DigestFinalXOF(ctx, out, out_len) == 1,
              kk_crypto_error("EVP_DigestFinalXOF", CKR_FUNCTION_FAILED));
    return CKR_OK;
}
