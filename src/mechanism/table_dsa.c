/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DSA. Sizes are bits of the prime.
 */
#include "crypto/dsa_domain.h"
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* clang-format off */
#define DSA .key_type = CKK_DSA, .key_type2 = KK_NO_KEY_TYPE, .min_key = 512, .max_key = 10000
#define PLAIN DSA, .shape = KK_PARAM_NONE, .needs = KK_ALGORITHM_KEY, .algorithm = "DSA"
#define HASHED(hash_) \
    DSA, .shape = KK_PARAM_NONE, .sign = &kk_ecdsa_hash_ops, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = (hash_), .hash = (hash_)
#define TWO_STEPS \
    .key_type = CKK_DSA, .key_type2 = KK_NO_KEY_TYPE, .min_key = 1024, .max_key = 3072, \
    .shape = KK_PARAM_DSA_PARAMETER_GEN, .param_required = true, .needs = KK_ALGORITHM_KEY, .algorithm = "DSA"

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_DSA_KEY_PAIR_GEN), PLAIN, .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_DSA), PLAIN, .sign = &kk_dsa_ops},
    {KK_MECHANISM(CKM_DSA_SHA1), HASHED("SHA1")},
    {KK_MECHANISM(CKM_DSA_SHA224), HASHED("SHA224")},
    {KK_MECHANISM(CKM_DSA_SHA256), HASHED("SHA256")},
    {KK_MECHANISM(CKM_DSA_SHA384), HASHED("SHA384")},
    {KK_MECHANISM(CKM_DSA_SHA512), HASHED("SHA512")},
    {KK_MECHANISM(CKM_DSA_SHA3_224), HASHED("SHA3-224")},
    {KK_MECHANISM(CKM_DSA_SHA3_256), HASHED("SHA3-256")},
    {KK_MECHANISM(CKM_DSA_SHA3_384), HASHED("SHA3-384")},
    {KK_MECHANISM(CKM_DSA_SHA3_512), HASHED("SHA3-512")},
    {KK_MECHANISM(CKM_DSA_PARAMETER_GEN), .key_type = CKK_DSA, .key_type2 = KK_NO_KEY_TYPE, .min_key = 512, .max_key = 4096,
     .shape = KK_PARAM_NONE, .needs = KK_ALGORITHM_KEY, .algorithm = "DSA", .generate = &kk_generate_domain_ops},
    {KK_MECHANISM(CKM_DSA_PROBABILISTIC_PARAMETER_GEN), TWO_STEPS, .generate = &kk_dsa_primes_ops, .detail = KK_DSA_PROBABLE},
    {KK_MECHANISM(CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN), TWO_STEPS, .generate = &kk_dsa_primes_ops, .detail = KK_DSA_PROVABLE},
    {KK_MECHANISM(CKM_DSA_FIPS_G_GEN), TWO_STEPS, .generate = &kk_dsa_base_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_dsa = {rows, KK_ARRAY_LEN(rows)};
