/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC of every digest, full and cut (_GENERAL). Keys are generic secrets or the hash's own type,
 * of any length from one byte on.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* The longest secret that GENERIC_SECRET_KEY_GEN makes. */
#define KEY_MAX 134217728UL

/* clang-format off */
#define HMAC(key_type_, name_, size_) \
    .key_type = CKK_GENERIC_SECRET, .key_type2 = (key_type_), .min_key = 1, .max_key = KEY_MAX, \
     .shape = KK_PARAM_NONE, .sign = &kk_hmac_ops, \
     .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)
#define GENERAL(key_type_, name_, size_) \
    .key_type = CKK_GENERIC_SECRET, .key_type2 = (key_type_), .min_key = 1, .max_key = KEY_MAX, \
     .shape = KK_PARAM_ULONG, .param_required = true, .sign = &kk_hmac_ops, \
     .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_SHA512_224_HMAC), HMAC(CKK_SHA512_224_HMAC, "SHA512-224", 28)},
    {KK_MECHANISM(CKM_SHA512_224_HMAC_GENERAL), GENERAL(CKK_SHA512_224_HMAC, "SHA512-224", 28)},
    {KK_MECHANISM(CKM_SHA512_256_HMAC), HMAC(CKK_SHA512_256_HMAC, "SHA512-256", 32)},
    {KK_MECHANISM(CKM_SHA512_256_HMAC_GENERAL), GENERAL(CKK_SHA512_256_HMAC, "SHA512-256", 32)},
    {KK_MECHANISM(CKM_MD5_HMAC), HMAC(CKK_MD5_HMAC, "MD5", 16)},
    {KK_MECHANISM(CKM_MD5_HMAC_GENERAL), GENERAL(CKK_MD5_HMAC, "MD5", 16)},
    {KK_MECHANISM(CKM_SHA_1_HMAC), HMAC(CKK_SHA_1_HMAC, "SHA1", 20)},
    {KK_MECHANISM(CKM_SHA_1_HMAC_GENERAL), GENERAL(CKK_SHA_1_HMAC, "SHA1", 20)},
    {KK_MECHANISM(CKM_SHA256_HMAC), HMAC(CKK_SHA256_HMAC, "SHA256", 32)},
    {KK_MECHANISM(CKM_SHA256_HMAC_GENERAL), GENERAL(CKK_SHA256_HMAC, "SHA256", 32)},
    {KK_MECHANISM(CKM_SHA224_HMAC), HMAC(CKK_SHA224_HMAC, "SHA224", 28)},
    {KK_MECHANISM(CKM_SHA224_HMAC_GENERAL), GENERAL(CKK_SHA224_HMAC, "SHA224", 28)},
    {KK_MECHANISM(CKM_SHA384_HMAC), HMAC(CKK_SHA384_HMAC, "SHA384", 48)},
    {KK_MECHANISM(CKM_SHA384_HMAC_GENERAL), GENERAL(CKK_SHA384_HMAC, "SHA384", 48)},
    {KK_MECHANISM(CKM_SHA512_HMAC), HMAC(CKK_SHA512_HMAC, "SHA512", 64)},
    {KK_MECHANISM(CKM_SHA512_HMAC_GENERAL), GENERAL(CKK_SHA512_HMAC, "SHA512", 64)},
    {KK_MECHANISM(CKM_SHA3_256_HMAC), HMAC(CKK_SHA3_256_HMAC, "SHA3-256", 32)},
    {KK_MECHANISM(CKM_SHA3_256_HMAC_GENERAL), GENERAL(CKK_SHA3_256_HMAC, "SHA3-256", 32)},
    {KK_MECHANISM(CKM_SHA3_224_HMAC), HMAC(CKK_SHA3_224_HMAC, "SHA3-224", 28)},
    {KK_MECHANISM(CKM_SHA3_224_HMAC_GENERAL), GENERAL(CKK_SHA3_224_HMAC, "SHA3-224", 28)},
    {KK_MECHANISM(CKM_SHA3_384_HMAC), HMAC(CKK_SHA3_384_HMAC, "SHA3-384", 48)},
    {KK_MECHANISM(CKM_SHA3_384_HMAC_GENERAL), GENERAL(CKK_SHA3_384_HMAC, "SHA3-384", 48)},
    {KK_MECHANISM(CKM_SHA3_512_HMAC), HMAC(CKK_SHA3_512_HMAC, "SHA3-512", 64)},
    {KK_MECHANISM(CKM_SHA3_512_HMAC_GENERAL), GENERAL(CKK_SHA3_512_HMAC, "SHA3-512", 64)},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_hmac = {rows, KK_ARRAY_LEN(rows)};
