/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diffie-Hellman of PKCS #3 and X9.42. Sizes are bits of the prime.
 */
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* clang-format off */
#define GROUP(key_type_, min_, max_, name_) \
    .key_type = (key_type_), .key_type2 = KK_NO_KEY_TYPE, .min_key = (min_), .max_key = (max_), \
    .needs = KK_ALGORITHM_KEY, .algorithm = (name_)

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_DH_PKCS_KEY_PAIR_GEN), GROUP(CKK_DH, 512, 10000, "DH"), .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_DH_PKCS_DERIVE), GROUP(CKK_DH, 512, 10000, "DH"), .shape = KK_PARAM_BYTES, .derive = &kk_dh_ops, .kem = &kk_dh_kem_ops},
    {KK_MECHANISM(CKM_X9_42_DH_KEY_PAIR_GEN), GROUP(CKK_X9_42_DH, 512, 10000, "DHX"), .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_X9_42_DH_DERIVE), GROUP(CKK_X9_42_DH, 512, 10000, "DHX"), .shape = KK_PARAM_X9_42_DH1_DERIVE, .param_required = true, .derive = &kk_x942_ops, .kem = &kk_dh_kem_ops},
    {KK_MECHANISM(CKM_X9_42_DH_HYBRID_DERIVE), GROUP(CKK_X9_42_DH, 512, 10000, "DHX"), .shape = KK_PARAM_X9_42_DH2_DERIVE, .param_required = true, .derive = &kk_x942_hybrid_ops},
    {KK_MECHANISM(CKM_X9_42_MQV_DERIVE), GROUP(CKK_X9_42_DH, 512, 10000, "DHX"), .shape = KK_PARAM_X9_42_MQV_DERIVE, .param_required = true, .derive = &kk_x942_mqv_ops},
    {KK_MECHANISM(CKM_DH_PKCS_PARAMETER_GEN), GROUP(CKK_DH, 512, 8192, "DH"), .generate = &kk_generate_domain_ops},
    {KK_MECHANISM(CKM_X9_42_DH_PARAMETER_GEN), GROUP(CKK_X9_42_DH, 512, 4096, "DHX"), .generate = &kk_generate_domain_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_dh = {rows, KK_ARRAY_LEN(rows)};
