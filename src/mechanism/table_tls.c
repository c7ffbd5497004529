/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SSL 3.0, TLS 1.0 to 1.2 and WTLS. Sizes are bytes, those of SSL 3.0's MACs bits, as the standard
 * has them; a master secret by Diffie-Hellman comes from a secret of any length, whatever they say.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"
#include "mechanism/tls.h"

#include "base/banned.h"

/* The longest secret that GENERIC_SECRET_KEY_GEN makes. */
#define KEY_MAX 134217728UL

/* clang-format off */
#define SECRET .key_type = CKK_GENERIC_SECRET, .key_type2 = KK_NO_KEY_TYPE, .param_required = true
#define MASTER SECRET, .min_key = KK_TLS_MASTER, .max_key = KK_TLS_MASTER
#define OF_MD5 .needs = KK_ALGORITHM_DIGEST, .algorithm = "MD5"
#define PRE_MASTER MASTER, .shape = KK_PARAM_VERSION, .generate = &kk_tls_pre_master_ops
#define OLDER(function_) MASTER, OF_MD5, .shape = KK_PARAM_SSL3_MASTER_KEY_DERIVE, .detail = (function_)
#define OLDER_KEYS(function_) \
    MASTER, OF_MD5, .shape = KK_PARAM_SSL3_KEY_MAT, .detail = (function_), .derive = &kk_tls_material_ops
#define ANY SECRET, .min_key = 1, .max_key = KEY_MAX
#define WTLS(shape_) SECRET, .min_key = KK_WTLS_MASTER, .max_key = KK_WTLS_MASTER, .shape = (shape_)
#define RECORD(name_, size_) \
    SECRET, .min_key = 8, .max_key = KEY_MAX * 8, .shape = KK_PARAM_ULONG, .sign = &kk_ssl3_mac_ops, \
    .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE), MASTER, .shape = KK_PARAM_TLS12_EXTENDED_MASTER_KEY_DERIVE, .derive = &kk_tls12_master_ops},
    {KK_MECHANISM(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH), MASTER, .shape = KK_PARAM_TLS12_EXTENDED_MASTER_KEY_DERIVE, .derive = &kk_tls12_master_dh_ops},
    {KK_MECHANISM(CKM_SSL3_PRE_MASTER_KEY_GEN), PRE_MASTER},
    {KK_MECHANISM(CKM_SSL3_MASTER_KEY_DERIVE), OLDER(KK_TLS_SSL3), .derive = &kk_tls_master_ops},
    {KK_MECHANISM(CKM_SSL3_KEY_AND_MAC_DERIVE), OLDER_KEYS(KK_TLS_SSL3)},
    {KK_MECHANISM(CKM_SSL3_MASTER_KEY_DERIVE_DH), OLDER(KK_TLS_SSL3), .derive = &kk_tls_master_dh_ops},
    {KK_MECHANISM(CKM_TLS_PRE_MASTER_KEY_GEN), PRE_MASTER},
    {KK_MECHANISM(CKM_TLS_MASTER_KEY_DERIVE), OLDER(KK_TLS_10), .derive = &kk_tls_master_ops},
    {KK_MECHANISM(CKM_TLS_KEY_AND_MAC_DERIVE), OLDER_KEYS(KK_TLS_10)},
    {KK_MECHANISM(CKM_TLS_MASTER_KEY_DERIVE_DH), OLDER(KK_TLS_10), .derive = &kk_tls_master_dh_ops},
    {KK_MECHANISM(CKM_TLS_PRF), ANY, OF_MD5, .shape = KK_PARAM_TLS_PRF, .derive = &kk_tls_prf_ops},
    {KK_MECHANISM(CKM_SSL3_MD5_MAC), RECORD("MD5", 16)},
    {KK_MECHANISM(CKM_SSL3_SHA1_MAC), RECORD("SHA1", 20)},
    {KK_MECHANISM(CKM_WTLS_PRE_MASTER_KEY_GEN), SECRET, .min_key = KK_WTLS_MASTER, .max_key = KEY_MAX, .shape = KK_PARAM_BYTES, .generate = &kk_wtls_pre_master_ops},
    {KK_MECHANISM(CKM_WTLS_MASTER_KEY_DERIVE), WTLS(KK_PARAM_WTLS_MASTER_KEY_DERIVE), .derive = &kk_wtls_master_ops},
    {KK_MECHANISM(CKM_WTLS_MASTER_KEY_DERIVE_DH_ECC), WTLS(KK_PARAM_WTLS_MASTER_KEY_DERIVE), .derive = &kk_wtls_master_dh_ops},
    {KK_MECHANISM(CKM_WTLS_PRF), ANY, .shape = KK_PARAM_WTLS_PRF, .derive = &kk_tls_prf_ops},
    {KK_MECHANISM(CKM_WTLS_SERVER_KEY_AND_MAC_DERIVE), WTLS(KK_PARAM_WTLS_KEY_MAT), .detail = KK_WTLS_SERVER, .derive = &kk_tls_material_ops},
    {KK_MECHANISM(CKM_WTLS_CLIENT_KEY_AND_MAC_DERIVE), WTLS(KK_PARAM_WTLS_KEY_MAT), .detail = KK_WTLS_CLIENT, .derive = &kk_tls_material_ops},
    {KK_MECHANISM(CKM_TLS12_MAC), ANY, .shape = KK_PARAM_TLS_MAC, .sign = &kk_tls_mac_ops},
    {KK_MECHANISM(CKM_TLS12_KDF), ANY, .shape = KK_PARAM_TLS_KDF, .derive = &kk_tls_kdf_ops},
    {KK_MECHANISM(CKM_TLS12_MASTER_KEY_DERIVE), MASTER, .shape = KK_PARAM_TLS12_MASTER_KEY_DERIVE, .derive = &kk_tls12_master_ops},
    {KK_MECHANISM(CKM_TLS12_KEY_AND_MAC_DERIVE), MASTER, .shape = KK_PARAM_TLS12_KEY_MAT, .derive = &kk_tls_material_ops},
    {KK_MECHANISM(CKM_TLS12_MASTER_KEY_DERIVE_DH), MASTER, .shape = KK_PARAM_TLS12_MASTER_KEY_DERIVE, .derive = &kk_tls12_master_dh_ops},
    {KK_MECHANISM(CKM_TLS12_KEY_SAFE_DERIVE), MASTER, .shape = KK_PARAM_TLS12_KEY_SAFE, .derive = &kk_tls_material_ops},
    {KK_MECHANISM(CKM_TLS_MAC), ANY, .shape = KK_PARAM_TLS_MAC, .sign = &kk_tls_mac_ops},
    {KK_MECHANISM(CKM_TLS_KDF), ANY, .shape = KK_PARAM_TLS_KDF, .derive = &kk_tls_kdf_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_tls = {rows, KK_ARRAY_LEN(rows)};
