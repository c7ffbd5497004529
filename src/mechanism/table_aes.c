/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES: the modes, the key wraps, CMAC, and keys by encrypting data. Key sizes are in bytes.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* clang-format off */
#define AES(type_) \
    KK_MECHANISM(type_), .key_type = CKK_AES, .key_type2 = KK_NO_KEY_TYPE, .min_key = 16, .max_key = 32
#define NEEDS(name_) .needs = KK_ALGORITHM_CIPHER, .algorithm = (name_)

static const struct kk_mechanism rows[] = {
    {AES(CKM_AES_KEY_GEN), .generate = &kk_generate_secret_ops},
    {AES(CKM_AES_ECB), .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("AES-%u-ECB")},
    {AES(CKM_AES_CBC), .shape = KK_PARAM_BYTES, .param_required = true, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("AES-%u-CBC")},
    {AES(CKM_AES_CBC_PAD), .shape = KK_PARAM_BYTES, .param_required = true, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("AES-%u-CBC"), .detail = KK_BLOCK_PADS},
    {AES(CKM_AES_CTR), .shape = KK_PARAM_AES_CTR, .param_required = true, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("AES-%u-CTR")},
    {AES(CKM_AES_GCM), .shape = KK_PARAM_GCM, .param_required = true, .cipher = &kk_gcm_ops, .wrap = &kk_gcm_wrap_ops, NEEDS("AES-%u-GCM")},
    {AES(CKM_AES_CMAC), .sign = &kk_cmac_ops, NEEDS("AES-%u-CBC"), .detail = 16},
    {AES(CKM_AES_CMAC_GENERAL), .shape = KK_PARAM_ULONG, .param_required = true, .sign = &kk_cmac_ops, NEEDS("AES-%u-CBC"), .detail = 16},
    {AES(CKM_AES_ECB_ENCRYPT_DATA), .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("AES-%u-ECB")},
    {AES(CKM_AES_CBC_ENCRYPT_DATA), .shape = KK_PARAM_AES_CBC_ENCRYPT_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("AES-%u-CBC")},
    {AES(CKM_AES_KEY_WRAP), .shape = KK_PARAM_BYTES, .cipher = &kk_kw_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP"), .detail = KK_KW_DETAIL_KW},
    /* SoftHSM's sense of this deprecated number, which is that of 2.40: RFC 5649. */
    {AES(CKM_AES_KEY_WRAP_PAD), .shape = KK_PARAM_BYTES, .cipher = &kk_kw_pad_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP-PAD"), .detail = KK_KW_DETAIL_KWP},
    {AES(CKM_AES_KEY_WRAP_KWP), .shape = KK_PARAM_BYTES, .cipher = &kk_kw_pad_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP-PAD"), .detail = KK_KW_DETAIL_KWP},
    {AES(CKM_AES_KEY_WRAP_PKCS7), .shape = KK_PARAM_BYTES, .cipher = &kk_kw_pad_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP"), .detail = KK_KW_DETAIL_PKCS7},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_aes = {rows, KK_ARRAY_LEN(rows)};
