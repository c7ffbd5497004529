/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generation of secret keys that belong to no cipher: generic ones and those of the HMACs.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

static KK_RV generate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      const struct kk_param *param, struct kk_key_parts *parts)
{
    size_t min = 0;
    size_t max = 0;
    size_t step = 0;
    CK_ULONG bytes = parts->bits / 8;
    (void)param;
    KK_ENSURE(parts->bits % 8 == 0, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(bytes >= mechanism->min_key && bytes <= mechanism->max_key, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(kk_key_type_lengths(mechanism->key_type, &min, &max, &step),
              CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(step == 0 || (bytes - min) % step == 0, CKR_KEY_SIZE_RANGE);
    parts->kind = KK_KEY_SECRET;
    return kk_key_generate(crypto, parts);
}

const struct kk_generate_ops kk_generate_secret_ops = {.generate = generate};
const struct kk_generate_ops kk_generate_otp_ops = {.generate = generate, .otp = true};

/* clang-format off */
#define KEY_MAX 134217728UL
#define SECRET(key_type_, needs_, name_) \
    .key_type = (key_type_), .key_type2 = KK_NO_KEY_TYPE, .min_key = 1, .max_key = KEY_MAX, \
     .shape = KK_PARAM_NONE, .generate = &kk_generate_secret_ops, .needs = (needs_), .algorithm = (name_)

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_SHA3_256_KEY_GEN), SECRET(CKK_SHA3_256_HMAC, KK_ALGORITHM_DIGEST, "SHA3-256")},
    {KK_MECHANISM(CKM_SHA3_224_KEY_GEN), SECRET(CKK_SHA3_224_HMAC, KK_ALGORITHM_DIGEST, "SHA3-224")},
    {KK_MECHANISM(CKM_SHA3_384_KEY_GEN), SECRET(CKK_SHA3_384_HMAC, KK_ALGORITHM_DIGEST, "SHA3-384")},
    {KK_MECHANISM(CKM_SHA3_512_KEY_GEN), SECRET(CKK_SHA3_512_HMAC, KK_ALGORITHM_DIGEST, "SHA3-512")},
    {KK_MECHANISM(CKM_GENERIC_SECRET_KEY_GEN), SECRET(CKK_GENERIC_SECRET, KK_ALGORITHM_NONE, NULL)},
    {KK_MECHANISM(CKM_SHA_1_KEY_GEN), SECRET(CKK_SHA_1_HMAC, KK_ALGORITHM_DIGEST, "SHA1")},
    {KK_MECHANISM(CKM_SHA224_KEY_GEN), SECRET(CKK_SHA224_HMAC, KK_ALGORITHM_DIGEST, "SHA224")},
    {KK_MECHANISM(CKM_SHA256_KEY_GEN), SECRET(CKK_SHA256_HMAC, KK_ALGORITHM_DIGEST, "SHA256")},
    {KK_MECHANISM(CKM_SHA384_KEY_GEN), SECRET(CKK_SHA384_HMAC, KK_ALGORITHM_DIGEST, "SHA384")},
    {KK_MECHANISM(CKM_SHA512_KEY_GEN), SECRET(CKK_SHA512_HMAC, KK_ALGORITHM_DIGEST, "SHA512")},
    {KK_MECHANISM(CKM_SHA512_224_KEY_GEN), SECRET(CKK_SHA512_224_HMAC, KK_ALGORITHM_DIGEST, "SHA512-224")},
    {KK_MECHANISM(CKM_SHA512_256_KEY_GEN), SECRET(CKK_SHA512_256_HMAC, KK_ALGORITHM_DIGEST, "SHA512-256")},
    {KK_MECHANISM(CKM_SHA512_T_KEY_GEN), SECRET(CKK_SHA512_T_HMAC, KK_ALGORITHM_DIGEST, "SHA512/%u")},
    {KK_MECHANISM(CKM_BLAKE2B_160_KEY_GEN), SECRET(CKK_BLAKE2B_160_HMAC, KK_ALGORITHM_DIGEST, "BLAKE2B-160")},
    {KK_MECHANISM(CKM_BLAKE2B_256_KEY_GEN), SECRET(CKK_BLAKE2B_256_HMAC, KK_ALGORITHM_DIGEST, "BLAKE2B-256")},
    {KK_MECHANISM(CKM_BLAKE2B_384_KEY_GEN), SECRET(CKK_BLAKE2B_384_HMAC, KK_ALGORITHM_DIGEST, "BLAKE2B-384")},
    {KK_MECHANISM(CKM_BLAKE2B_512_KEY_GEN), SECRET(CKK_BLAKE2B_512_HMAC, KK_ALGORITHM_DIGEST, "BLAKE2B-512")},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_secret = {rows, KK_ARRAY_LEN(rows)};
