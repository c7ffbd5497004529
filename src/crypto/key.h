/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsed keys. A struct kk_key is made from parts (numbers as big-endian bytes without sign, points
 * and scalars as the standards write them) and is immutable and shared by reference after that.
 *
 * No OpenSSL encoder or decoder sees a private key: keys go in by fromdata and out by parts, and
 * pkcs8.h holds our own DER.
 */
#pragma once

#include "base/secret.h"
#include "crypto/provider.h"

enum kk_key_kind {
    KK_KEY_SECRET = 1, /* VALUE */
    KK_KEY_RSA,
    KK_KEY_EC,         /* Weierstrass curves */
    KK_KEY_EDWARDS,    /* Ed25519, Ed448 */
    KK_KEY_MONTGOMERY, /* X25519, X448 */
    KK_KEY_DSA,
    KK_KEY_DH,
    KK_KEY_X942_DH,
    KK_KEY_ML_DSA,
    KK_KEY_ML_KEM,
    KK_KEY_SLH_DSA,
    KK_KEY_HSS,
};

enum kk_part {
    KK_PART_VALUE,            /* secret value; private scalar (EC: field length, Edwards and
                                 Montgomery: the RFC 8032/7748 bytes; DSA, DH: the number x) */
    KK_PART_MODULUS,          /* RSA n */
    KK_PART_PUBLIC_EXPONENT,  /* RSA e */
    KK_PART_PRIVATE_EXPONENT, /* RSA d */
    KK_PART_PRIME_1,
    KK_PART_PRIME_2,
    KK_PART_EXPONENT_1,
    KK_PART_EXPONENT_2,
    KK_PART_COEFFICIENT,
    KK_PART_EC_PARAMS, /* DER: an OID (named curve) in canonical form, see ec.h */
    KK_PART_EC_POINT,  /* EC: 04 || x || y; Edwards, Montgomery: the public bytes; no DER around it
                        */
    KK_PART_PRIME,     /* DSA, DH p */
    KK_PART_SUBPRIME,  /* DSA q */
    KK_PART_BASE,      /* DSA, DH g */
    KK_PART_PUBLIC,    /* DSA, DH y; ML-DSA, ML-KEM, SLH-DSA, HSS public key */
    KK_PART_SEED,      /* ML-DSA, ML-KEM */
    KK_PART_COUNT
};

/* The parts of one key, or what a generation is to be made from. Absent parts are NULL. */
struct kk_key_parts {
    enum kk_key_kind kind;
    bool is_private;
    CK_ULONG bits;          /* generation: RSA modulus bits, DSA/DH prime bits; secret: bytes * 8 */
    CK_ULONG order_bits;    /* generation: DSA, X9.42: of the subprime; DH: of the private value; 0:
                               as usual */
    CK_ULONG parameter_set; /* ML-DSA, ML-KEM, SLH-DSA: CKP_ */
    unsigned hss_levels;    /* generation of HSS: levels, and the types of each, from the top */
    uint32_t hss_lms[8], hss_lmots[8];
    struct kk_secret *part[KK_PART_COUNT];
};

void kk_key_parts_clear(struct kk_key_parts *parts);
KK_RV kk_key_parts_set(struct kk_key_parts *parts, enum kk_part part, struct kk_span value);
struct kk_span kk_key_parts_get(const struct kk_key_parts *parts,
                                enum kk_part part); /* empty: absent */

struct kk_key;

/* Parses and checks. The parts stay the caller's. A private RSA key may lack its CRT parts (they
 * are computed) as long as e is there or can be found. A private EC key may lack its point. A
 * private key that does not fit its public parts, a point off its curve, an even modulus ...:
 * CKR_ATTRIBUTE_VALUE_INVALID; a curve the library does not know: CKR_CURVE_NOT_SUPPORTED. */
KK_RV kk_key_new(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                 struct kk_key **ret_key);

struct kk_key *kk_key_ref(struct kk_key *key);
void kk_key_unref(struct kk_key *key);
KK_DEFINE_CLEANUP(struct kk_key *, kk_key_unref);

enum kk_key_kind kk_key_kind(const struct kk_key *key);
bool kk_key_is_private(const struct kk_key *key);

/* Bits of the modulus, the curve's field, the prime; of a secret, and of the public keys of ML-KEM,
 * ML-DSA and SLH-DSA: 8 times its bytes. */
size_t kk_key_bits(const struct kk_key *key);

/* The value of a secret key; an empty span for others. Valid while the reference is held. */
struct kk_span kk_key_secret(const struct kk_key *key);

/* Generation from parts->kind, ->bits, ->parameter_set and the domain parts that are set
 * (EC_PARAMS; PUBLIC_EXPONENT, default 65537; PRIME, SUBPRIME, BASE). Fills in every other part,
 * public and private ones alike, and sets is_private. Secrets: bits / 8 random bytes. Codes:
 * CKR_KEY_SIZE_RANGE, CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID,
 * CKR_ATTRIBUTE_VALUE_INVALID (order_bits), CKR_TEMPLATE_INCONSISTENT (an exponent of no use, as
 * the text of the mechanism says), CKR_FUNCTION_FAILED. */
KK_RV kk_key_generate(struct kk_crypto *crypto, struct kk_key_parts *parts);

/* FIPS 186-4, B.4.1: an EC pair whose private number comes from 64 random bits more than the order
 * has. Otherwise as kk_key_generate(). CKR_KEY_TYPE_INCONSISTENT for other kinds. */
KK_RV kk_key_generate_extra_bits(struct kk_crypto *crypto, struct kk_key_parts *parts);

/* From a private key's parts to all that can be computed: RSA CRT parts, the public point or
 * number, a curve's identifier for whatever named it. Public keys stay as they are. */
KK_RV kk_key_complete(struct kk_crypto *crypto, struct kk_key_parts *parts);

/* X.509 SubjectPublicKeyInfo (DER) of the public half; needs the public parts (after
 * kk_key_complete() a private key has them). */
KK_RV kk_key_spki(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                  struct kk_buffer *ret_der);

/* The parts of such a public key, of every kind but secret keys. Decoding checks the structure;
 * kk_key_new() checks the numbers. CKR_DATA_INVALID for what is none, CKR_KEY_TYPE_INCONSISTENT for
 * other kinds.
 */
KK_RV kk_spki_decode(struct kk_span der, struct kk_key_parts *ret_parts);

/* PKCS#8 PrivateKeyInfo by our own DER, in secret memory, and back. Decoding checks the structure;
 * kk_key_new() checks the numbers. CKR_WRAPPED_KEY_INVALID for what is no PrivateKeyInfo of a
 * known algorithm. Attributes and OneAsymmetricKey's public key are accepted. */
KK_RV kk_pkcs8_encode(const struct kk_key_parts *parts, struct kk_secret **ret_der);
KK_RV kk_pkcs8_decode(struct kk_span der, struct kk_key_parts *ret_parts);
