/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-time passwords. Sizes are bytes; RFC 4226 wants 16 at least.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

/* clang-format off */
#define HOTP \
    .key_type = CKK_HOTP, .key_type2 = KK_NO_KEY_TYPE, .min_key = 16, .max_key = 128, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = "SHA1"

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_HOTP_KEY_GEN), HOTP, .shape = KK_PARAM_NONE, .generate = &kk_generate_otp_ops},
    {KK_MECHANISM(CKM_HOTP), HOTP, .shape = KK_PARAM_OTP, .sign = &kk_hotp_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_otp = {rows, KK_ARRAY_LEN(rows)};
