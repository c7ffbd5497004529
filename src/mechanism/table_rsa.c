/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA. Sizes are bits of the modulus, SoftHSM's bounds.
 */
#include "crypto/rsa.h"
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* clang-format off */
#define RSA .key_type = CKK_RSA, .key_type2 = KK_NO_KEY_TYPE, .min_key = 512, .max_key = 16384
#define BLOCK(padding_) \
    RSA, .shape = KK_PARAM_NONE, .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = (padding_)
#define HASHED(hash_) \
    RSA, .shape = KK_PARAM_NONE, .sign = &kk_rsa_hash_ops, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = (hash_), .hash = (hash_), .detail = KK_RSA_PKCS1
#define HASHED_PSS(hash_) \
    RSA, .shape = KK_PARAM_RSA_PKCS_PSS, .param_required = true, .sign = &kk_rsa_hash_ops, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = (hash_), .hash = (hash_), .detail = KK_RSA_PSS

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN), BLOCK(KK_RSA_NONE), .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_RSA_PKCS), BLOCK(KK_RSA_PKCS1), .cipher = &kk_rsa_cipher_ops, .sign = &kk_rsa_block_ops, .wrap = &kk_rsa_wrap_ops, .kem = &kk_rsa_kem_ops},
    {KK_MECHANISM(CKM_RSA_X_509), BLOCK(KK_RSA_NONE),  .cipher = &kk_rsa_cipher_ops, .sign = &kk_rsa_block_ops, .wrap = &kk_rsa_raw_wrap_ops, .kem = &kk_kem_ops},
    {KK_MECHANISM(CKM_MD5_RSA_PKCS), HASHED("MD5")},
    {KK_MECHANISM(CKM_SHA1_RSA_PKCS), HASHED("SHA1")},
    {KK_MECHANISM(CKM_RSA_PKCS_OAEP), RSA, .shape = KK_PARAM_RSA_PKCS_OAEP, .param_required = true,
     .cipher = &kk_rsa_cipher_ops, .wrap = &kk_rsa_wrap_ops, .kem = &kk_rsa_kem_ops,
     .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = KK_RSA_OAEP},
    {KK_MECHANISM(CKM_RSA_PKCS_PSS), RSA, .shape = KK_PARAM_RSA_PKCS_PSS, .param_required = true, .sign = &kk_rsa_pss_ops,
     .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = KK_RSA_PSS},
    {KK_MECHANISM(CKM_SHA1_RSA_PKCS_PSS), HASHED_PSS("SHA1")},
    {KK_MECHANISM(CKM_SHA256_RSA_PKCS), HASHED("SHA256")},
    {KK_MECHANISM(CKM_SHA384_RSA_PKCS), HASHED("SHA384")},
    {KK_MECHANISM(CKM_SHA512_RSA_PKCS), HASHED("SHA512")},
    {KK_MECHANISM(CKM_SHA256_RSA_PKCS_PSS), HASHED_PSS("SHA256")},
    {KK_MECHANISM(CKM_SHA384_RSA_PKCS_PSS), HASHED_PSS("SHA384")},
    {KK_MECHANISM(CKM_SHA512_RSA_PKCS_PSS), HASHED_PSS("SHA512")},
    {KK_MECHANISM(CKM_SHA224_RSA_PKCS), HASHED("SHA224")},
    {KK_MECHANISM(CKM_SHA224_RSA_PKCS_PSS), HASHED_PSS("SHA224")},
    {KK_MECHANISM(CKM_SHA3_256_RSA_PKCS), HASHED("SHA3-256")},
    {KK_MECHANISM(CKM_SHA3_384_RSA_PKCS), HASHED("SHA3-384")},
    {KK_MECHANISM(CKM_SHA3_512_RSA_PKCS), HASHED("SHA3-512")},
    {KK_MECHANISM(CKM_SHA3_256_RSA_PKCS_PSS), HASHED_PSS("SHA3-256")},
    {KK_MECHANISM(CKM_SHA3_384_RSA_PKCS_PSS), HASHED_PSS("SHA3-384")},
    {KK_MECHANISM(CKM_SHA3_512_RSA_PKCS_PSS), HASHED_PSS("SHA3-512")},
    {KK_MECHANISM(CKM_SHA3_224_RSA_PKCS), HASHED("SHA3-224")},
    {KK_MECHANISM(CKM_SHA3_224_RSA_PKCS_PSS), HASHED_PSS("SHA3-224")},
    {KK_MECHANISM(CKM_RSA_AES_KEY_WRAP), RSA, .shape = KK_PARAM_RSA_AES_KEY_WRAP, .param_required = true,
     .wrap = &kk_rsa_aes_wrap_ops, .needs = KK_ALGORITHM_KEY, .algorithm = "RSA", .detail = KK_RSA_OAEP},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_rsa = {rows, KK_ARRAY_LEN(rows)};
