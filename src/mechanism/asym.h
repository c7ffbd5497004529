/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations of mechanisms with key pairs, for the tables to point to.
 */
#pragma once

#include "crypto/asym.h"
#include "mechanism/mechanism.h"

/* What the operation holds from last time, if these operations made it (NULL after freeing what
 * others made); and what it is to hold from now on. */
void *kk_asym_context(struct kk_op *op, void (*context_free)(void *));
void kk_asym_context_keep(struct kk_op *op, void *context, void (*context_free)(void *));

/* The use of crypto/asym.h that a kind of operation is. */
enum kk_asym_use kk_asym_use_of(enum kk_op_kind kind);

/* The key is of this kind and of a size between the row's bounds. */
KK_RV kk_asym_check(const struct kk_mechanism *mechanism, const struct kk_key *key,
                    enum kk_key_kind kind);

/* Key pairs of any kind; the registry's row gives the bounds. */
extern const struct kk_generate_ops kk_generate_pair_ops;
extern const struct kk_generate_ops kk_generate_extra_bits_ops; /* EC */
extern const struct kk_generate_ops kk_generate_x931_ops;       /* RSA with strong primes */

/* Domain parameters. */
extern const struct kk_generate_ops kk_generate_domain_ops;

/* DSA's in two steps; row->detail is an enum kk_dsa_primes. */
extern const struct kk_generate_ops kk_dsa_primes_ops;
extern const struct kk_generate_ops kk_dsa_base_ops;

/* The last `len` bytes of an agreed secret, all of it for 0. CKR_KEY_SIZE_RANGE when it is shorter.
 */
KK_RV kk_agreed_truncate(const struct kk_secret *secret, size_t len, struct kk_secret **ret_value);

/* No derived key is longer. */
#define KK_AGREED_MAX ((size_t)1 << 27)

/* RSA: row->detail is an enum kk_rsa_padding, with KK_RSA_BOUND for bound data of TPMs; row->hash
 * the hash of mechanisms that have one. */
#define KK_RSA_BOUND 0x100UL
extern const struct kk_cipher_ops kk_rsa_cipher_ops;
extern const struct kk_sign_ops kk_rsa_block_ops; /* single-part, with recovery */
extern const struct kk_sign_ops kk_rsa_pss_ops;   /* single-part */
extern const struct kk_sign_ops kk_rsa_hash_ops;
extern const struct kk_wrap_ops kk_rsa_wrap_ops;
extern const struct kk_wrap_ops kk_rsa_raw_wrap_ops;
extern const struct kk_wrap_ops kk_rsa_aes_wrap_ops;
extern const struct kk_kem_ops kk_rsa_kem_ops;

/* Elliptic curves; row->hash as above. ECDH: row->detail is 1 with cofactor multiplication. */
extern const struct kk_sign_ops kk_ecdsa_ops;
extern const struct kk_sign_ops kk_ecdsa_hash_ops; /* DSA too */
extern const struct kk_sign_ops kk_dsa_ops;        /* the caller hashes */
extern const struct kk_sign_ops kk_eddsa_ops;
extern const struct kk_sign_ops kk_xeddsa_ops; /* single-part */
extern const struct kk_derive_ops kk_ecdh_ops;
extern const struct kk_kem_ops kk_ecdh_kem_ops;

/* Wrapping by ECDH and AES; row->detail as for kk_ecdh_ops. */
extern const struct kk_wrap_ops kk_ecdh_wrap_ops;

/* Diffie-Hellman of PKCS #3 and X9.42. */
extern const struct kk_derive_ops kk_dh_ops;
extern const struct kk_derive_ops kk_x942_ops;
extern const struct kk_kem_ops kk_dh_kem_ops;

/* What the derivation functions of X9.42 and of elliptic curves make of an agreed secret: `length`
 * bytes, 0: as many as come naturally. Only kdf and its info are looked at. Of check(), to be
 * called first: CKR_MECHANISM_PARAM_INVALID, CKR_KEY_SIZE_RANGE. */
KK_RV kk_x942_check(const CK_X9_42_DH1_DERIVE_PARAMS *params, size_t length);
KK_RV kk_x942_value(struct kk_crypto *crypto, const CK_X9_42_DH1_DERIVE_PARAMS *params,
                    const struct kk_secret *secret, size_t length, struct kk_secret **ret_value);
KK_RV kk_ecdh_check(const CK_ECDH1_DERIVE_PARAMS *params, size_t length);
KK_RV kk_ecdh_value(struct kk_crypto *crypto, const CK_ECDH1_DERIVE_PARAMS *params,
                    struct kk_secret *secret, size_t length, struct kk_secret **ret_value);

/* Agreement with two key pairs on each side. */
extern const struct kk_derive_ops kk_x942_hybrid_ops;
extern const struct kk_derive_ops kk_x942_mqv_ops;
extern const struct kk_derive_ops kk_ecmqv_ops;

/* RSASVE and ML-KEM. */
extern const struct kk_kem_ops kk_kem_ops;

/* ML-DSA and SLH-DSA; row->hash and row->detail: see pq.c. The second takes a hash, in one part. */
extern const struct kk_sign_ops kk_pq_ops;
extern const struct kk_sign_ops kk_pq_hashed_ops;

/* HSS: signatures take their turn (mechanism.h). */
extern const struct kk_sign_ops kk_hss_ops;
extern const struct kk_generate_ops kk_generate_hss_ops;
