/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA. Sizes are bits of the modulus, SoftHSM's bounds.
 */
#include "crypto/rsa.h"
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* clang-format off */
#define RSA(type_) \
    KK_MECHANISM(type_), .key_type = CKK_RSA, .key_type2 = KK_NO_KEY_TYPE, .min_key = 512, .max_key = 16384
#define BLOCK(type_, padding_) \
    RSA(type_), .shape = KK_PARAM_NONE, .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = (padding_)
#define HASHED(type_, hash_) \
    {RSA(type_), .shape = KK_PARAM_NONE, .sign = &kk_rsa_hash_ops, \
     .needs = KK_ALGORITHM_DIGEST, .algorithm = (hash_), .hash = (hash_), .detail = KK_RSA_PKCS1}
#define HASHED_PSS(type_, hash_) \
    {RSA(type_), .shape = KK_PARAM_RSA_PKCS_PSS, .param_required = true, .sign = &kk_rsa_hash_ops, \
     .needs = KK_ALGORITHM_DIGEST, .algorithm = (hash_), .hash = (hash_), .detail = KK_RSA_PSS}

static const struct kk_mechanism rows[] = {
    {BLOCK(CKM_RSA_PKCS_KEY_PAIR_GEN, KK_RSA_NONE), .generate = &kk_generate_pair_ops},
    {BLOCK(CKM_RSA_PKCS,  KK_RSA_PKCS1), .cipher = &kk_rsa_cipher_ops, .sign = &kk_rsa_block_ops, .wrap = &kk_rsa_wrap_ops},
    {BLOCK(CKM_RSA_X_509, KK_RSA_NONE),  .cipher = &kk_rsa_cipher_ops, .sign = &kk_rsa_block_ops, .wrap = &kk_rsa_wrap_ops},
    {RSA(CKM_RSA_PKCS_OAEP), .shape = KK_PARAM_RSA_PKCS_OAEP, .param_required = true,
     .cipher = &kk_rsa_cipher_ops, .wrap = &kk_rsa_wrap_ops,
     .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = KK_RSA_OAEP},
    {RSA(CKM_RSA_PKCS_PSS), .shape = KK_PARAM_RSA_PKCS_PSS, .param_required = true, .sign = &kk_rsa_pss_ops,
     .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = KK_RSA_PSS},
    {RSA(CKM_RSA_AES_KEY_WRAP), .shape = KK_PARAM_RSA_AES_KEY_WRAP, .param_required = true,
     .wrap = &kk_rsa_aes_wrap_ops, .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = KK_RSA_OAEP},
    HASHED(CKM_MD5_RSA_PKCS,      "MD5"),
    HASHED(CKM_SHA1_RSA_PKCS,     "SHA1"),
    HASHED(CKM_SHA224_RSA_PKCS,   "SHA224"),
    HASHED(CKM_SHA256_RSA_PKCS,   "SHA256"),
    HASHED(CKM_SHA384_RSA_PKCS,   "SHA384"),
    HASHED(CKM_SHA512_RSA_PKCS,   "SHA512"),
    HASHED(CKM_SHA3_224_RSA_PKCS, "SHA3-224"),
    HASHED(CKM_SHA3_256_RSA_PKCS, "SHA3-256"),
    HASHED(CKM_SHA3_384_RSA_PKCS, "SHA3-384"),
    HASHED(CKM_SHA3_512_RSA_PKCS, "SHA3-512"),
    HASHED_PSS(CKM_SHA1_RSA_PKCS_PSS,     "SHA1"),
    HASHED_PSS(CKM_SHA224_RSA_PKCS_PSS,   "SHA224"),
    HASHED_PSS(CKM_SHA256_RSA_PKCS_PSS,   "SHA256"),
    HASHED_PSS(CKM_SHA384_RSA_PKCS_PSS,   "SHA384"),
    HASHED_PSS(CKM_SHA512_RSA_PKCS_PSS,   "SHA512"),
    HASHED_PSS(CKM_SHA3_224_RSA_PKCS_PSS, "SHA3-224"),
    HASHED_PSS(CKM_SHA3_256_RSA_PKCS_PSS, "SHA3-256"),
    HASHED_PSS(CKM_SHA3_384_RSA_PKCS_PSS, "SHA3-384"),
    HASHED_PSS(CKM_SHA3_512_RSA_PKCS_PSS, "SHA3-512"),
};
/* clang-format on */

const struct kk_mechanism_family kk_family_rsa = {rows, KK_ARRAY_LEN(rows)};
