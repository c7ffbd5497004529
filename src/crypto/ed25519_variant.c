/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ed25519ctx and Ed25519ph.
 */
#include "crypto/ed25519_variant.h"

#include <string.h>

#include <sodium.h>

#include "base/memory.h"
#include "crypto/error.h"

#define HASH 64
#define SCALAR 32
#define PREFIX "SigEd25519 no Ed25519 collisions"

/* A hash over several pieces. */
static KK_RV sha512(struct kk_crypto *crypto, const struct kk_span *pieces, size_t count,
                    uint8_t out[HASH])
{
    KK_CLEANUP(EVP_MD_freep) EVP_MD *md = NULL;
    KK_CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    KK_ENSURE(ctx != NULL, CKR_HOST_MEMORY);
    KK_TRY(kk_crypto_fetch_digest(crypto, "SHA512", &md));
    KK_ENSURE(EVP_DigestInit_ex2(ctx, md, NULL) == 1,
              kk_crypto_error("EVP_DigestInit_ex2", CKR_FUNCTION_FAILED));
    for (size_t i = 0; i < count; i++) {
        KK_ENSURE(EVP_DigestUpdate(ctx, pieces[i].data, pieces[i].len) == 1,
                  kk_crypto_error("EVP_DigestUpdate", CKR_FUNCTION_FAILED));
    }
    KK_ENSURE(EVP_DigestFinal_ex(ctx, out, NULL) == 1,
              kk_crypto_error("EVP_DigestFinal_ex", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

/* What every hash of the message begins and ends with. */
struct framed {
    uint8_t flags[2]; /* phflag, length of the context */
    uint8_t hashed[HASH];
    struct kk_span message;
};

static KK_RV frame(struct kk_crypto *crypto, const struct kk_ed25519_variant *variant,
                   struct kk_span message, struct framed *ret_framed)
{
    ret_framed->flags[0] = variant->prehash ? 1 : 0;
    ret_framed->flags[1] = (uint8_t)variant->context.len;
    ret_framed->message = message;
    if (variant->prehash) {
        KK_TRY(sha512(crypto, &message, 1, ret_framed->hashed));
        ret_framed->message = KK_SPAN_ARRAY(ret_framed->hashed);
    }
    return CKR_OK;
}

/* H(dom2 || a || b || message) modulo the order. */
static KK_RV hash_to_scalar(struct kk_crypto *crypto, const struct kk_ed25519_variant *variant,
                            const struct framed *framed, struct kk_span a, struct kk_span b,
                            uint8_t out[SCALAR])
{
    KK_SECRET_ARRAY(hash, HASH);
    struct kk_span pieces[] = {
        KK_SPAN_TEXT(PREFIX), KK_SPAN_ARRAY(framed->flags), variant->context, a, b, framed->message,
    };
    KK_TRY(sha512(crypto, pieces, KK_ARRAY_LEN(pieces), hash));
    crypto_core_ed25519_scalar_reduce(out, hash);
    return CKR_OK;
}

KK_RV kk_ed25519_variant_sign(struct kk_crypto *crypto, const struct kk_ed25519_variant *variant,
                              const uint8_t seed[KK_ED25519_KEY],
                              const uint8_t public_key[KK_ED25519_KEY], struct kk_span message,
                              uint8_t signature[KK_ED25519_SIGNATURE])
{
    KK_SECRET_ARRAY(expanded, HASH);
    KK_SECRET_ARRAY(wide, HASH);
    KK_SECRET_ARRAY(nonce, SCALAR);
    KK_SECRET_ARRAY(secret, SCALAR);
    uint8_t challenge[SCALAR];
    struct framed framed;
    struct kk_span seed_piece = KK_SPAN(seed, KK_ED25519_KEY);
    KK_TRY(frame(crypto, variant, message, &framed));
    KK_TRY(sha512(crypto, &seed_piece, 1, expanded));
    expanded[0] &= 0xf8;
    expanded[31] = (uint8_t)((expanded[31] & 0x7f) | 0x40);
    memcpy(wide, expanded, SCALAR);
    crypto_core_ed25519_scalar_reduce(secret, wide);

    KK_TRY(hash_to_scalar(crypto, variant, &framed, KK_SPAN(expanded + 32, 32), KK_SPAN(NULL, 0),
                          nonce));
    KK_ENSURE(crypto_scalarmult_ed25519_base_noclamp(signature, nonce) == 0, CKR_FUNCTION_FAILED);
    KK_TRY(hash_to_scalar(crypto, variant, &framed, KK_SPAN(signature, 32),
                          KK_SPAN(public_key, KK_ED25519_KEY), challenge));
    crypto_core_ed25519_scalar_mul(secret, challenge, secret);
    crypto_core_ed25519_scalar_add(signature + 32, secret, nonce);
    return CKR_OK;
}

/* S below the order: reducing it leaves it as it is. */
static bool is_reduced(const uint8_t scalar[SCALAR])
{
    uint8_t wide[HASH] = {0};
    uint8_t reduced[SCALAR];
    memcpy(wide, scalar, SCALAR);
    crypto_core_ed25519_scalar_reduce(reduced, wide);
    return kk_mem_equal(reduced, SCALAR, scalar, SCALAR);
}

KK_RV kk_ed25519_variant_verify(struct kk_crypto *crypto, const struct kk_ed25519_variant *variant,
                                const uint8_t public_key[KK_ED25519_KEY], struct kk_span message,
                                const uint8_t signature[KK_ED25519_SIGNATURE])
{
    uint8_t challenge[SCALAR];
    uint8_t left[32];
    uint8_t right[32];
    struct framed framed;
    KK_ENSURE(is_reduced(signature + 32), CKR_SIGNATURE_INVALID);
    KK_TRY(frame(crypto, variant, message, &framed));
    KK_TRY(hash_to_scalar(crypto, variant, &framed, KK_SPAN(signature, 32),
                          KK_SPAN(public_key, KK_ED25519_KEY), challenge));
    /* R = S B - k A; points of small order are refused on the way. */
    KK_ENSURE(crypto_scalarmult_ed25519_base_noclamp(left, signature + 32) == 0 &&
                  crypto_scalarmult_ed25519_noclamp(right, challenge, public_key) == 0 &&
                  crypto_core_ed25519_sub(left, left, right) == 0 &&
                  kk_mem_equal(left, 32, signature, 32),
              CKR_SIGNATURE_INVALID);
    return CKR_OK;
}
