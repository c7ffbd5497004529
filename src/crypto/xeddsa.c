/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XEdDSA on Curve25519.
 */
#include "crypto/xeddsa.h"

#include <string.h>

#include <openssl/core_names.h>
#include <sodium.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/digest.h"
#include "crypto/error.h"

#define BYTES 32 /* of a scalar, of a point, of u */
#define WIDE 64  /* what is reduced to a scalar */
#define SIGN_BIT 0x80

#define BN_TRY(call) KK_ENSURE((call) == 1, kk_crypto_error(#call, CKR_FUNCTION_FAILED))

KK_RV kk_xeddsa_check(const struct kk_key *key, enum kk_asym_use use)
{
    KK_TRY(kk_asym_check_key(key, KK_KEY_MONTGOMERY, use));
    KK_ENSURE(key->curve.field_bytes == BYTES, CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

/* The digest of the pieces, a number of low byte first, modulo the order. Orders of a little more
 * than 2^252 leave no bias worth the name in digests of 256 bits. */
static KK_RV hash_to_scalar(struct kk_crypto *crypto, const char *hash,
                            const struct kk_span *pieces, size_t count, uint8_t out[BYTES])
{
    KK_SECRET_ARRAY(wide, WIDE);
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    KK_TRY(kk_digest_new(crypto, hash, &digest));
    KK_ENSURE(kk_digest_size(digest) >= BYTES && kk_digest_size(digest) <= WIDE,
              CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_digest_start(digest));
    for (size_t i = 0; i < count; i++) {
        KK_TRY(kk_digest_update(digest, pieces[i]));
    }
    KK_TRY(kk_digest_finish(digest, wide));
    crypto_core_ed25519_scalar_reduce(out, wide);
    return CKR_OK;
}

/* The key pair whose point has the sign 0: of the X25519 key's scalar, or of its negative. */
static KK_RV signing_pair(const struct kk_key *key, uint8_t scalar[BYTES], uint8_t point[BYTES])
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_SECRET_ARRAY(wide, WIDE);
    KK_SECRET_ARRAY(negative, BYTES);
    KK_TRY(kk_pkey_get_bytes(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, BYTES, &parts, KK_PART_VALUE));
    struct kk_span value = kk_key_parts_get(&parts, KK_PART_VALUE);
    KK_ENSURE(value.len == BYTES, CKR_FUNCTION_FAILED);
    memcpy(wide, value.data, BYTES);
    wide[0] &= 0xf8;
    wide[BYTES - 1] = (uint8_t)((wide[BYTES - 1] & 0x7f) | 0x40);
    crypto_core_ed25519_scalar_reduce(scalar, wide);
    KK_ENSURE(crypto_scalarmult_ed25519_base_noclamp(point, scalar) == 0, CKR_FUNCTION_FAILED);
    crypto_core_ed25519_scalar_negate(negative, scalar);
    uint8_t mask = (uint8_t)(0 - (point[BYTES - 1] >> 7));
    for (size_t i = 0; i < BYTES; i++) {
        scalar[i] ^= mask & (scalar[i] ^ negative[i]);
    }
    point[BYTES - 1] &= (uint8_t)~SIGN_BIT;
    return CKR_OK;
}

static KK_RV sign(struct kk_crypto *crypto, const struct kk_key *key, const char *hash,
                  struct kk_span message, const uint8_t random[KK_XEDDSA_RANDOM],
                  uint8_t signature[KK_XEDDSA_SIGNATURE])
{
    KK_SECRET_ARRAY(scalar, BYTES);
    KK_SECRET_ARRAY(nonce, BYTES);
    uint8_t point[BYTES];
    uint8_t challenge[BYTES];
    uint8_t prefix[BYTES]; /* 2^256 - 2: hash_1 */
    memset(prefix, 0xff, sizeof prefix);
    prefix[0] = 0xfe;
    KK_TRY(signing_pair(key, scalar, point));
    struct kk_span to_nonce[] = {KK_SPAN_ARRAY(prefix), KK_SPAN(scalar, BYTES), message,
                                 KK_SPAN(random, KK_XEDDSA_RANDOM)};
    KK_TRY(hash_to_scalar(crypto, hash, to_nonce, KK_ARRAY_LEN(to_nonce), nonce));
    KK_ENSURE(crypto_scalarmult_ed25519_base_noclamp(signature, nonce) == 0, CKR_FUNCTION_FAILED);
    struct kk_span to_challenge[] = {KK_SPAN(signature, BYTES), KK_SPAN_ARRAY(point), message};
    KK_TRY(hash_to_scalar(crypto, hash, to_challenge, KK_ARRAY_LEN(to_challenge), challenge));
    crypto_core_ed25519_scalar_mul(scalar, challenge, scalar);
    crypto_core_ed25519_scalar_add(signature + BYTES, nonce, scalar);
    return CKR_OK;
}

KK_RV kk_xeddsa_sign(struct kk_crypto *crypto, const struct kk_key *key, const char *hash,
                     struct kk_span message, const uint8_t random[KK_XEDDSA_RANDOM],
                     uint8_t signature[KK_XEDDSA_SIGNATURE])
{
    KK_TRY(kk_xeddsa_check(key, KK_ASYM_SIGN));
    CK_RV rv = sign(crypto, key, hash, message, random, signature);
    kk_wipe_stack();
    return rv;
}

/* 2^255 - 19 */
static KK_RV field_prime(BIGNUM **ret_prime)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *prime = BN_new();
    KK_ENSURE(prime != NULL, CKR_HOST_MEMORY);
    BN_TRY(BN_set_bit(prime, 255));
    BN_TRY(BN_sub_word(prime, 19));
    *ret_prime = KK_STEAL(prime);
    return CKR_OK;
}

/* y = (u - 1) / (u + 1), the point of the sign 0. CKR_SIGNATURE_INVALID when u is none. */
static KK_RV point_of_u(struct kk_crypto *crypto, const uint8_t u_bytes[BYTES],
                        uint8_t point[BYTES])
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *prime = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *u = BN_lebin2bn(u_bytes, BYTES, NULL);
    KK_CLEANUP(kk_bn_freep) BIGNUM *y = BN_new();
    KK_CLEANUP(BN_CTX_freep) BN_CTX *ctx = BN_CTX_new_ex(crypto->libctx);
    KK_ENSURE(u != NULL && y != NULL && ctx != NULL, CKR_HOST_MEMORY);
    KK_TRY(field_prime(&prime));
    KK_ENSURE(BN_cmp(u, prime) < 0, CKR_SIGNATURE_INVALID);
    BN_TRY(BN_mod_add(y, u, BN_value_one(), prime, ctx));
    KK_ENSURE(!BN_is_zero(y) && BN_mod_inverse(y, y, prime, ctx) != NULL, CKR_SIGNATURE_INVALID);
    BN_TRY(BN_mod_sub(u, u, BN_value_one(), prime, ctx));
    BN_TRY(BN_mod_mul(y, y, u, prime, ctx));
    KK_ENSURE(BN_bn2lebinpad(y, point, BYTES) == BYTES, CKR_FUNCTION_FAILED);
    return CKR_OK;
}

/* Below the order: reducing it leaves it as it is. */
static bool is_reduced(const uint8_t scalar[BYTES])
{
    uint8_t wide[WIDE] = {0};
    uint8_t reduced[BYTES];
    memcpy(wide, scalar, BYTES);
    crypto_core_ed25519_scalar_reduce(reduced, wide);
    return kk_mem_equal(reduced, BYTES, scalar, BYTES);
}

KK_RV kk_xeddsa_verify(struct kk_crypto *crypto, const struct kk_key *key, const char *hash,
                       struct kk_span message, struct kk_span signature)
{
    uint8_t u[BYTES];
    uint8_t point[BYTES];
    uint8_t challenge[BYTES];
    uint8_t left[BYTES];
    uint8_t right[BYTES];
    size_t len = 0;
    KK_TRY(kk_xeddsa_check(key, KK_ASYM_VERIFY));
    KK_ENSURE(signature.len == KK_XEDDSA_SIGNATURE, CKR_SIGNATURE_LEN_RANGE);
    KK_ENSURE(is_reduced(signature.data + BYTES), CKR_SIGNATURE_INVALID);
    KK_ENSURE(EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, u, BYTES, &len) ==
                      1 &&
                  len == BYTES,
              kk_crypto_error("EVP_PKEY_get_octet_string_param", CKR_FUNCTION_FAILED));
    KK_TRY(point_of_u(crypto, u, point));
    struct kk_span pieces[] = {KK_SPAN(signature.data, BYTES), KK_SPAN_ARRAY(point), message};
    KK_TRY(hash_to_scalar(crypto, hash, pieces, KK_ARRAY_LEN(pieces), challenge));
    /* R = s B - h A; a point of small order, or on the twist, is refused on the way. */
    KK_ENSURE(crypto_scalarmult_ed25519_base_noclamp(left, signature.data + BYTES) == 0 &&
                  crypto_scalarmult_ed25519_noclamp(right, challenge, point) == 0 &&
                  crypto_core_ed25519_sub(left, left, right) == 0 &&
                  kk_mem_equal(left, BYTES, signature.data, BYTES),
              CKR_SIGNATURE_INVALID);
    return CKR_OK;
}
