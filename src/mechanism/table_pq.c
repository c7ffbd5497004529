/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-KEM. Sizes are bytes of the public key. OpenSSL has these from 3.5 on; before, the rows are
 * not listed.
 */
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* clang-format off */
#define ML_KEM \
    .key_type = CKK_ML_KEM, .key_type2 = KK_NO_KEY_TYPE, .min_key = 800, .max_key = 1568, \
    .shape = KK_PARAM_NONE, .needs = KK_ALGORITHM_KEY, .algorithm = "ML-KEM-768"

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_ML_KEM_KEY_PAIR_GEN), ML_KEM, .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_ML_KEM), ML_KEM, .kem = &kk_kem_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_pq = {rows, KK_ARRAY_LEN(rows)};
