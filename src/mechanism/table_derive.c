/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Derivations from secret keys, and keys from passwords. Sizes are bytes, with SP 800-108 bits, as
 * the standard has them.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* The longest secret that GENERIC_SECRET_KEY_GEN makes. */
#define KEY_MAX 134217728UL

/* clang-format off */
#define FROM_ANY \
    .key_type = CKK_GENERIC_SECRET, .key_type2 = KK_ANY_SECRET, .min_key = 1, .max_key = KEY_MAX
#define STRING FROM_ANY, .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true
#define HASHED(name_, size_) \
    FROM_ANY, .derive = &kk_hashed_ops, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)
#define EXPANDED(name_, size_) \
    FROM_ANY, .shape = KK_PARAM_NONE, .derive = &kk_expanded_ops, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)
#define SP800_108(shape_, mode_) \
    .key_type = CKK_GENERIC_SECRET, .key_type2 = KK_ANY_SECRET, .min_key = 8, .max_key = KEY_MAX * 8, \
    .shape = (shape_), .param_required = true, .derive = &kk_sp800_108_ops, .detail = (mode_)
#define PKCS12_FOR(key_type_, size_, needs_, name_) \
    .key_type = (key_type_), .key_type2 = KK_NO_KEY_TYPE, .param_required = true, \
    .needs = (needs_), .algorithm = (name_), .hash = "SHA1", .detail = (size_)
#define PKCS12(key_type_, size_) PKCS12_FOR(key_type_, size_, KK_ALGORITHM_DIGEST, "SHA1")
#define HKDF .key_type = CKK_HKDF, .key_type2 = CKK_GENERIC_SECRET, .min_key = 1, .max_key = KEY_MAX

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_SHA512_224_KEY_DERIVATION), HASHED("SHA512-224", 28)},
    {KK_MECHANISM(CKM_SHA512_256_KEY_DERIVATION), HASHED("SHA512-256", 32)},
    {KK_MECHANISM(CKM_SHA512_T_KEY_DERIVATION), HASHED("SHA512/%u", 64), .shape = KK_PARAM_ULONG, .param_required = true},
    {KK_MECHANISM(CKM_CONCATENATE_BASE_AND_KEY), FROM_ANY, .shape = KK_PARAM_HANDLE, .param_required = true, .derive = &kk_base_and_key_ops},
    {KK_MECHANISM(CKM_CONCATENATE_BASE_AND_DATA), STRING, .derive = &kk_base_and_data_ops, .detail = KK_CONCATENATE_BASE_FIRST},
    {KK_MECHANISM(CKM_CONCATENATE_DATA_AND_BASE), STRING, .derive = &kk_base_and_data_ops, .detail = KK_CONCATENATE_DATA_FIRST},
    {KK_MECHANISM(CKM_XOR_BASE_AND_DATA), STRING, .derive = &kk_xor_data_ops},
    {KK_MECHANISM(CKM_EXTRACT_KEY_FROM_KEY), FROM_ANY, .shape = KK_PARAM_ULONG, .param_required = true, .derive = &kk_cut_out_ops},
    {KK_MECHANISM(CKM_MD5_KEY_DERIVATION), HASHED("MD5", 16)},
    {KK_MECHANISM(CKM_SHA1_KEY_DERIVATION), HASHED("SHA1", 20)},
    {KK_MECHANISM(CKM_SHA256_KEY_DERIVATION), HASHED("SHA256", 32)},
    {KK_MECHANISM(CKM_SHA384_KEY_DERIVATION), HASHED("SHA384", 48)},
    {KK_MECHANISM(CKM_SHA512_KEY_DERIVATION), HASHED("SHA512", 64)},
    {KK_MECHANISM(CKM_SHA224_KEY_DERIVATION), HASHED("SHA224", 28)},
    {KK_MECHANISM(CKM_SHA3_256_KEY_DERIVATION), HASHED("SHA3-256", 32)},
    {KK_MECHANISM(CKM_SHA3_224_KEY_DERIVATION), HASHED("SHA3-224", 28)},
    {KK_MECHANISM(CKM_SHA3_384_KEY_DERIVATION), HASHED("SHA3-384", 48)},
    {KK_MECHANISM(CKM_SHA3_512_KEY_DERIVATION), HASHED("SHA3-512", 64)},
    {KK_MECHANISM(CKM_SHAKE_128_KEY_DERIVATION), EXPANDED("SHAKE-128", 32)},
    {KK_MECHANISM(CKM_SHAKE_256_KEY_DERIVATION), EXPANDED("SHAKE-256", 64)},
    {KK_MECHANISM(CKM_PBE_SHA1_RC4_128), PKCS12_FOR(CKK_RC4, 16, KK_ALGORITHM_CIPHER, "RC4"), .shape = KK_PARAM_PBA, .generate = &kk_pkcs12_rc4_128_ops},
    {KK_MECHANISM(CKM_PBE_SHA1_RC4_40), PKCS12_FOR(CKK_RC4, 5, KK_ALGORITHM_CIPHER, "RC4"), .shape = KK_PARAM_PBA, .generate = &kk_pkcs12_rc4_40_ops},
    {KK_MECHANISM(CKM_PBE_SHA1_DES3_EDE_CBC), PKCS12(CKK_DES3, 24), .shape = KK_PARAM_PBE, .generate = &kk_pkcs12_des_ops},
    {KK_MECHANISM(CKM_PBE_SHA1_DES2_EDE_CBC), PKCS12(CKK_DES2, 16), .shape = KK_PARAM_PBE, .generate = &kk_pkcs12_des_ops},
    {KK_MECHANISM(CKM_PBE_SHA1_RC2_128_CBC), PKCS12_FOR(CKK_RC2, 16, KK_ALGORITHM_CIPHER, "RC2-CBC"), .shape = KK_PARAM_PBE, .generate = &kk_pkcs12_rc2_128_ops},
    {KK_MECHANISM(CKM_PBE_SHA1_RC2_40_CBC), PKCS12_FOR(CKK_RC2, 5, KK_ALGORITHM_CIPHER, "RC2-CBC"), .shape = KK_PARAM_PBE, .generate = &kk_pkcs12_rc2_40_ops},
    {KK_MECHANISM(CKM_SP800_108_COUNTER_KDF), SP800_108(KK_PARAM_SP800_108_KDF, KK_SP800_108_COUNTER_MODE)},
    {KK_MECHANISM(CKM_SP800_108_FEEDBACK_KDF), SP800_108(KK_PARAM_SP800_108_FEEDBACK_KDF, KK_SP800_108_FEEDBACK_MODE)},
    {KK_MECHANISM(CKM_SP800_108_DOUBLE_PIPELINE_KDF), SP800_108(KK_PARAM_SP800_108_KDF, KK_SP800_108_PIPELINE_MODE)},
    {KK_MECHANISM(CKM_PKCS5_PBKD2), .key_type = CKK_GENERIC_SECRET, .key_type2 = KK_ANY_SECRET, .min_key = 1, .max_key = KEY_MAX,
     .shape = KK_PARAM_PKCS5_PBKD2_PARAMS2, .param_required = true, .generate = &kk_pbkdf2_ops},
    {KK_MECHANISM(CKM_PBA_SHA1_WITH_SHA1_HMAC), PKCS12(CKK_GENERIC_SECRET, 20), .min_key = 20, .max_key = 20,
     .shape = KK_PARAM_PBA, .generate = &kk_pkcs12_mac_ops},
    {KK_MECHANISM(CKM_BLAKE2B_160_KEY_DERIVE), HASHED("BLAKE2B-160", 20)},
    {KK_MECHANISM(CKM_BLAKE2B_256_KEY_DERIVE), HASHED("BLAKE2B-256", 32)},
    {KK_MECHANISM(CKM_BLAKE2B_384_KEY_DERIVE), HASHED("BLAKE2B-384", 48)},
    {KK_MECHANISM(CKM_BLAKE2B_512_KEY_DERIVE), HASHED("BLAKE2B-512", 64)},
    {KK_MECHANISM(CKM_HKDF_DERIVE), HKDF, .shape = KK_PARAM_HKDF, .param_required = true, .derive = &kk_hkdf_ops},
    {KK_MECHANISM(CKM_HKDF_DATA), HKDF, .shape = KK_PARAM_HKDF, .param_required = true, .derive = &kk_hkdf_data_ops},
    {KK_MECHANISM(CKM_HKDF_KEY_GEN), .key_type = CKK_HKDF, .key_type2 = KK_NO_KEY_TYPE, .min_key = 1, .max_key = KEY_MAX,
     .shape = KK_PARAM_NONE, .generate = &kk_generate_secret_ops},
    {KK_MECHANISM(CKM_IKE2_PRF_PLUS_DERIVE), FROM_ANY, .shape = KK_PARAM_IKE2_PRF_PLUS_DERIVE, .param_required = true, .derive = &kk_ike2_prf_plus_ops},
    {KK_MECHANISM(CKM_IKE_PRF_DERIVE), FROM_ANY, .shape = KK_PARAM_IKE_PRF_DERIVE, .param_required = true, .derive = &kk_ike_prf_ops},
    {KK_MECHANISM(CKM_IKE1_PRF_DERIVE), FROM_ANY, .shape = KK_PARAM_IKE1_PRF_DERIVE, .param_required = true, .derive = &kk_ike1_prf_ops},
    {KK_MECHANISM(CKM_IKE1_EXTENDED_DERIVE), FROM_ANY, .shape = KK_PARAM_IKE1_EXTENDED_DERIVE, .param_required = true, .derive = &kk_ike1_extended_ops},
    {KK_MECHANISM(CKM_PUB_KEY_FROM_PRIV_KEY), .key_type = CKK_EC, .key_type2 = KK_ANY_PAIR, .shape = KK_PARAM_NONE, .derive = &kk_public_key_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_derive = {rows, KK_ARRAY_LEN(rows)};
