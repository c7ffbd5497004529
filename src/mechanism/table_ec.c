/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Elliptic curves. Sizes are bits of the field.
 */
#include "mechanism/asym.h"
#include "mechanism/families.h"

/* Every form of parameters and points is read; what is given out is an OID and an uncompressed
 * point. */
#define EC_FLAGS                                                                                   \
    (CKF_EC_F_P | CKF_EC_F_2M | CKF_EC_ECPARAMETERS | CKF_EC_OID | CKF_EC_CURVENAME |              \
     CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS)

/* Curves of RFC 8032 and RFC 7748 have names and identifiers only. */
#define NAMED_FLAGS (CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME)

/* clang-format off */
#define EC .key_type = CKK_EC, .key_type2 = KK_NO_KEY_TYPE, .min_key = 112, .max_key = 571, .extra_flags = EC_FLAGS
#define NAMED(key_type_) \
    .key_type = (key_type_), .key_type2 = KK_NO_KEY_TYPE, .min_key = 255, .max_key = 448, .extra_flags = NAMED_FLAGS
#define NEEDS(name_) \
    .shape = KK_PARAM_NONE, .needs = KK_ALGORITHM_KEY, .algorithm = (name_)
#define HASHED(hash_) \
    EC, .shape = KK_PARAM_NONE, .sign = &kk_ecdsa_hash_ops, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = (hash_), .hash = (hash_)
#define ECDH(cofactor_) \
    .key_type = CKK_EC, .key_type2 = CKK_EC_MONTGOMERY, .min_key = 112, .max_key = 571, \
    .extra_flags = EC_FLAGS, .shape = KK_PARAM_ECDH1_DERIVE, .param_required = true, .derive = &kk_ecdh_ops, .kem = &kk_ecdh_kem_ops, \
    .needs = KK_ALGORITHM_KEY, .algorithm = "EC", .detail = (cofactor_)

#define WRAP(type_, type2_, min_, max_, cofactor_) \
    .key_type = (type_), .key_type2 = (type2_), .min_key = (min_), .max_key = (max_), \
    .shape = KK_PARAM_ECDH_AES_KEY_WRAP, .param_required = true, .wrap = &kk_ecdh_wrap_ops, \
    .needs = KK_ALGORITHM_KEY, .algorithm = "EC", .detail = (cofactor_)

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_EC_KEY_PAIR_GEN), EC, NEEDS("EC"), .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_ECDSA), EC, NEEDS("EC"), .sign = &kk_ecdsa_ops},
    {KK_MECHANISM(CKM_ECDSA_SHA1), HASHED("SHA1")},
    {KK_MECHANISM(CKM_ECDSA_SHA224), HASHED("SHA224")},
    {KK_MECHANISM(CKM_ECDSA_SHA256), HASHED("SHA256")},
    {KK_MECHANISM(CKM_ECDSA_SHA384), HASHED("SHA384")},
    {KK_MECHANISM(CKM_ECDSA_SHA512), HASHED("SHA512")},
    {KK_MECHANISM(CKM_ECDSA_SHA3_224), HASHED("SHA3-224")},
    {KK_MECHANISM(CKM_ECDSA_SHA3_256), HASHED("SHA3-256")},
    {KK_MECHANISM(CKM_ECDSA_SHA3_384), HASHED("SHA3-384")},
    {KK_MECHANISM(CKM_ECDSA_SHA3_512), HASHED("SHA3-512")},
    {KK_MECHANISM(CKM_ECDH1_DERIVE), ECDH(0)},
    {KK_MECHANISM(CKM_ECDH1_COFACTOR_DERIVE), ECDH(1)},
    {KK_MECHANISM(CKM_ECMQV_DERIVE), EC, .shape = KK_PARAM_ECMQV_DERIVE, .param_required = true, .derive = &kk_ecmqv_ops,
     .needs = KK_ALGORITHM_KEY, .algorithm = "EC"},
    {KK_MECHANISM(CKM_ECDH_AES_KEY_WRAP), WRAP(CKK_EC, CKK_EC_MONTGOMERY, 112, 571, 0), .extra_flags = EC_FLAGS},
    {KK_MECHANISM(CKM_EC_EDWARDS_KEY_PAIR_GEN), NAMED(CKK_EC_EDWARDS),       NEEDS("ED25519"), .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_EC_MONTGOMERY_KEY_PAIR_GEN), NAMED(CKK_EC_MONTGOMERY), NEEDS("X25519"),  .generate = &kk_generate_pair_ops},
    {KK_MECHANISM(CKM_EDDSA), NAMED(CKK_EC_EDWARDS), .shape = KK_PARAM_EDDSA, .sign = &kk_eddsa_ops,
     .needs = KK_ALGORITHM_KEY, .algorithm = "ED25519"},
    {KK_MECHANISM(CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS), EC, NEEDS("EC"), .generate = &kk_generate_extra_bits_ops},
    {KK_MECHANISM(CKM_XEDDSA), .key_type = CKK_EC_MONTGOMERY, .key_type2 = KK_NO_KEY_TYPE, .min_key = 255, .max_key = 255, .extra_flags = NAMED_FLAGS,
     .shape = KK_PARAM_XEDDSA, .param_required = true, .sign = &kk_xeddsa_ops, .needs = KK_ALGORITHM_KEY, .algorithm = "X25519"},
    {KK_MECHANISM(CKM_ECDH_X_AES_KEY_WRAP), WRAP(CKK_EC_MONTGOMERY, KK_NO_KEY_TYPE, 255, 448, 0), .extra_flags = NAMED_FLAGS},
    {KK_MECHANISM(CKM_ECDH_COF_AES_KEY_WRAP), WRAP(CKK_EC, KK_NO_KEY_TYPE, 112, 571, 1), .extra_flags = EC_FLAGS},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_ec = {rows, KK_ARRAY_LEN(rows)};
