/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSS with SHA-256. The standard has no key sizes for it.
 */
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* clang-format off */
#define HSS \
    .key_type = CKK_HSS, .key_type2 = KK_NO_KEY_TYPE, .shape = KK_PARAM_NONE, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = "SHA256"

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_HSS_KEY_PAIR_GEN), HSS, .generate = &kk_generate_hss_ops},
    {KK_MECHANISM(CKM_HSS), HSS, .sign = &kk_hss_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_hss = {rows, KK_ARRAY_LEN(rows)};
