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
#define HMAC(type_, key_type_, name_, size_) \
    {KK_MECHANISM(type_), .key_type = CKK_GENERIC_SECRET, .key_type2 = (key_type_), .min_key = 1, .max_key = KEY_MAX, \
     .shape = KK_PARAM_NONE, .sign = &kk_hmac_ops, \
     .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)}
#define GENERAL(type_, key_type_, name_, size_) \
    {KK_MECHANISM(type_), .key_type = CKK_GENERIC_SECRET, .key_type2 = (key_type_), .min_key = 1, .max_key = KEY_MAX, \
     .shape = KK_PARAM_ULONG, .param_required = true, .sign = &kk_hmac_ops, \
     .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)}

static const struct kk_mechanism rows[] = {
    HMAC(CKM_SHA512_224_HMAC,             CKK_SHA512_224_HMAC,  "SHA512-224", 28),
    GENERAL(CKM_SHA512_224_HMAC_GENERAL,  CKK_SHA512_224_HMAC,  "SHA512-224", 28),
    HMAC(CKM_SHA512_256_HMAC,             CKK_SHA512_256_HMAC,  "SHA512-256", 32),
    GENERAL(CKM_SHA512_256_HMAC_GENERAL,  CKK_SHA512_256_HMAC,  "SHA512-256", 32),
    HMAC(CKM_MD5_HMAC,                    CKK_MD5_HMAC,         "MD5",        16),
    GENERAL(CKM_MD5_HMAC_GENERAL,         CKK_MD5_HMAC,         "MD5",        16),
    HMAC(CKM_SHA_1_HMAC,                  CKK_SHA_1_HMAC,       "SHA1",       20),
    GENERAL(CKM_SHA_1_HMAC_GENERAL,       CKK_SHA_1_HMAC,       "SHA1",       20),
    HMAC(CKM_SHA256_HMAC,                 CKK_SHA256_HMAC,      "SHA256",     32),
    GENERAL(CKM_SHA256_HMAC_GENERAL,      CKK_SHA256_HMAC,      "SHA256",     32),
    HMAC(CKM_SHA224_HMAC,                 CKK_SHA224_HMAC,      "SHA224",     28),
    GENERAL(CKM_SHA224_HMAC_GENERAL,      CKK_SHA224_HMAC,      "SHA224",     28),
    HMAC(CKM_SHA384_HMAC,                 CKK_SHA384_HMAC,      "SHA384",     48),
    GENERAL(CKM_SHA384_HMAC_GENERAL,      CKK_SHA384_HMAC,      "SHA384",     48),
    HMAC(CKM_SHA512_HMAC,                 CKK_SHA512_HMAC,      "SHA512",     64),
    GENERAL(CKM_SHA512_HMAC_GENERAL,      CKK_SHA512_HMAC,      "SHA512",     64),
    HMAC(CKM_SHA3_256_HMAC,               CKK_SHA3_256_HMAC,    "SHA3-256",   32),
    GENERAL(CKM_SHA3_256_HMAC_GENERAL,    CKK_SHA3_256_HMAC,    "SHA3-256",   32),
    HMAC(CKM_SHA3_224_HMAC,               CKK_SHA3_224_HMAC,    "SHA3-224",   28),
    GENERAL(CKM_SHA3_224_HMAC_GENERAL,    CKK_SHA3_224_HMAC,    "SHA3-224",   28),
    HMAC(CKM_SHA3_384_HMAC,               CKK_SHA3_384_HMAC,    "SHA3-384",   48),
    GENERAL(CKM_SHA3_384_HMAC_GENERAL,    CKK_SHA3_384_HMAC,    "SHA3-384",   48),
    HMAC(CKM_SHA3_512_HMAC,               CKK_SHA3_512_HMAC,    "SHA3-512",   64),
    GENERAL(CKM_SHA3_512_HMAC_GENERAL,    CKK_SHA3_512_HMAC,    "SHA3-512",   64),
};
/* clang-format on */

const struct kk_mechanism_family kk_family_hmac = {rows, KK_ARRAY_LEN(rows)};
