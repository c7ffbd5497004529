/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-KEM, ML-DSA and SLH-DSA. Sizes are bytes of the public key. OpenSSL has these from 3.5 on;
 * before, the rows are not listed.
 */
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* clang-format off */
#define KEY(type_, min_, max_, name_) \
    .key_type = (type_), .key_type2 = KK_NO_KEY_TYPE, .min_key = (min_), .max_key = (max_), \
    .needs = KK_ALGORITHM_KEY, .algorithm = (name_)
#define ML_KEM KEY(CKK_ML_KEM, 800, 1568, "ML-KEM-768"), .shape = KK_PARAM_NONE
#define ML_DSA KEY(CKK_ML_DSA, 1312, 2592, "ML-DSA-65")
#define SLH_DSA KEY(CKK_SLH_DSA, 32, 64, "SLH-DSA-SHA2-128s")
#define PURE .shape = KK_PARAM_SIGN_ADDITIONAL_CONTEXT, .sign = &kk_pq_ops
#define HASHED \
    .shape = KK_PARAM_HASH_SIGN_ADDITIONAL_CONTEXT, .param_required = true, .sign = &kk_pq_hashed_ops, .detail = 1
#define HASHING(hash_) PURE, .hash = (hash_)

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_ML_KEM_KEY_PAIR_GEN), ML_KEM, .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_ML_KEM), ML_KEM, .kem = &kk_kem_ops},
    {KK_MECHANISM(CKM_ML_DSA_KEY_PAIR_GEN), ML_DSA, .shape = KK_PARAM_NONE, .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_ML_DSA), ML_DSA, PURE},
    {KK_MECHANISM(CKM_HASH_ML_DSA), ML_DSA, HASHED},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA224), ML_DSA, HASHING("SHA224")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA256), ML_DSA, HASHING("SHA256")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA384), ML_DSA, HASHING("SHA384")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA512), ML_DSA, HASHING("SHA512")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA3_224), ML_DSA, HASHING("SHA3-224")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA3_256), ML_DSA, HASHING("SHA3-256")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA3_384), ML_DSA, HASHING("SHA3-384")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHA3_512), ML_DSA, HASHING("SHA3-512")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHAKE128), ML_DSA, HASHING("SHAKE128")},
    {KK_MECHANISM(CKM_HASH_ML_DSA_SHAKE256), ML_DSA, HASHING("SHAKE256")},
    {KK_MECHANISM(CKM_SLH_DSA_KEY_PAIR_GEN), SLH_DSA, .shape = KK_PARAM_NONE, .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_SLH_DSA), SLH_DSA, PURE},
    {KK_MECHANISM(CKM_HASH_SLH_DSA), SLH_DSA, HASHED},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA224), SLH_DSA, HASHING("SHA224")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA256), SLH_DSA, HASHING("SHA256")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA384), SLH_DSA, HASHING("SHA384")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA512), SLH_DSA, HASHING("SHA512")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA3_224), SLH_DSA, HASHING("SHA3-224")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA3_256), SLH_DSA, HASHING("SHA3-256")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA3_384), SLH_DSA, HASHING("SHA3-384")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHA3_512), SLH_DSA, HASHING("SHA3-512")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHAKE128), SLH_DSA, HASHING("SHAKE128")},
    {KK_MECHANISM(CKM_HASH_SLH_DSA_SHAKE256), SLH_DSA, HASHING("SHAKE256")},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_pq = {rows, KK_ARRAY_LEN(rows)};
