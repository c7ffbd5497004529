/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For crypto/ alone: what a parsed key is made of, and the way of numbers into and out of OpenSSL.
 *
 * Private numbers travel in OSSL_PARAMs that point into secret memory of ours, in both directions;
 * OpenSSL's param builders and getters of BIGNUMs leave unwiped copies behind and are not used.
 */
#pragma once

#include "crypto/ec.h"
#include "crypto/key.h"
#include "crypto/provider_internal.h"

#include <stdatomic.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define KK_RSA_MIN_BITS 512
#define KK_RSA_MAX_BITS 16384
#define KK_RSA_MAX_BYTES (KK_RSA_MAX_BITS / 8)
#define KK_EC_MAX_FIELD_BYTES 72 /* sect571 */
#define KK_EC_MAX_POINT_BYTES (1 + 2 * KK_EC_MAX_FIELD_BYTES)

struct kk_pq_set;
struct kk_hss;

struct kk_key {
    atomic_uint references;
    enum kk_key_kind kind;
    bool is_private;
    size_t bits;
    size_t bytes;       /* RSA: of the modulus; DSA, DH: of the prime; pq: of the public key */
    size_t order_bytes; /* EC: of the curve's order; DSA, X9.42: of the subprime */
    struct kk_secret *secret;
    EVP_PKEY *pkey;
    struct kk_curve curve;
    const struct kk_pq_set *pq; /* ML-KEM, ML-DSA, SLH-DSA */
    struct kk_hss *hss;
    struct kk_secret
        *rejection; /* RSA private: SHA-256 of d at the modulus' length; see rsa_reject.h */
};

/* What a kind of key can do; NULL where it has no such thing. */
struct kk_key_family {
    KK_RV (*load)(struct kk_crypto *crypto, const struct kk_key_parts *parts, struct kk_key *key);
    KK_RV (*generate)(struct kk_crypto *crypto, struct kk_key_parts *parts);
    KK_RV (*complete)(struct kk_crypto *crypto, struct kk_key_parts *parts);
};

extern const struct kk_key_family kk_key_family_rsa;
extern const struct kk_key_family kk_key_family_ec;
extern const struct kk_key_family kk_key_family_ecx;   /* Edwards and Montgomery */
extern const struct kk_key_family kk_key_family_group; /* DSA, DH, X9.42 */
extern const struct kk_key_family kk_key_family_pq;    /* ML-KEM, ML-DSA, SLH-DSA */
extern const struct kk_key_family kk_key_family_hss;

static inline bool kk_key_parts_has(const struct kk_key_parts *parts, enum kk_part part)
{
    return parts->part[part] != NULL;
}

/* Takes the secret over; an earlier one of the part is freed. */
void kk_key_parts_give(struct kk_key_parts *parts, enum kk_part part, struct kk_secret *secret);

#define KK_PKEY_PARAMS 12

/* Parameters for fromdata or generation. Zero-initialise. */
struct kk_pkey_params {
    OSSL_PARAM params[KK_PKEY_PARAMS + 1];
    struct kk_secret *held[KK_PKEY_PARAMS];
    size_t count;
};

void kk_pkey_params_clear(struct kk_pkey_params *params);

/* A number from big-endian bytes. */
KK_RV kk_pkey_params_number(struct kk_pkey_params *params, const char *name, struct kk_span number);

KK_RV kk_pkey_params_bn(struct kk_pkey_params *params, const char *name, const BIGNUM *number);

/* Bytes, text and small numbers, which stay the caller's until the params are used. */
void kk_pkey_params_bytes(struct kk_pkey_params *params, const char *name, struct kk_span bytes);
void kk_pkey_params_text(struct kk_pkey_params *params, const char *name, const char *text);
void kk_pkey_params_int(struct kk_pkey_params *params, const char *name, const int *value);

/* EVP_PKEY_fromdata of the key type of this name. Any failure is `otherwise`. */
KK_RV kk_pkey_new(struct kk_crypto *crypto, const char *type, bool is_private,
                  struct kk_pkey_params *params, CK_RV otherwise, EVP_PKEY **ret_pkey);

/* A context for EVP_PKEY_generate(), and one key from one. */
KK_RV kk_pkey_generator(struct kk_crypto *crypto, const char *type, struct kk_pkey_params *params,
                        EVP_PKEY_CTX **ret_ctx);
KK_RV kk_pkey_generate(struct kk_crypto *crypto, const char *type, struct kk_pkey_params *params,
                       EVP_PKEY **ret_pkey);

/* A number of a key into a part: `len` bytes big-endian, or without leading zeros when `strip`. */
KK_RV kk_pkey_get_number(EVP_PKEY *pkey, const char *name, size_t len, bool strip,
                         struct kk_key_parts *parts, enum kk_part part);

/* Bytes of a key into a part; `len` is the most there can be. */
KK_RV kk_pkey_get_bytes(EVP_PKEY *pkey, const char *name, size_t len, struct kk_key_parts *parts,
                        enum kk_part part);

/* A BIGNUM as a part: `len` bytes, or as many as it takes when 0. */
KK_RV kk_part_from_bn(struct kk_key_parts *parts, enum kk_part part, const BIGNUM *number,
                      size_t len);

/* A random number, 1 to bound - 1, from 64 bits more than the bound has (FIPS 186-4, B.1.1). */
KK_RV kk_random_below(struct kk_crypto *crypto, const BIGNUM *bound, BN_CTX *ctx,
                      BIGNUM **ret_number);

/* The curve of parts->EC_PARAMS, which must be of the parts' kind. */
KK_RV kk_curve_of_parts(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                        struct kk_curve *ret_curve);

static inline void kk_bn_free(BIGNUM *number)
{
    BN_clear_free(number);
}

KK_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
KK_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
KK_DEFINE_CLEANUP(BIGNUM *, kk_bn_free);
KK_DEFINE_CLEANUP(BN_CTX *, BN_CTX_free);
KK_DEFINE_CLEANUP(EC_GROUP *, EC_GROUP_free);
KK_DEFINE_CLEANUP(EC_POINT *, EC_POINT_free);
