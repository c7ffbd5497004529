/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES: the modes, the key wraps, the MACs, and keys by encrypting data. Key sizes are in bytes.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* clang-format off */
#define AES \
    .key_type = CKK_AES, .key_type2 = KK_NO_KEY_TYPE, .min_key = 16, .max_key = 32
#define NEEDS(name_) .needs = KK_ALGORITHM_CIPHER, .algorithm = (name_)

#define IV .shape = KK_PARAM_BYTES, .param_required = true
#define STREAM(name_, detail_) \
    AES, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS(name_), .detail = (detail_)
#define XTS .key_type = CKK_AES_XTS, .key_type2 = KK_NO_KEY_TYPE, .min_key = 32, .max_key = 64
#define XCBC .key_type = CKK_AES, .key_type2 = KK_NO_KEY_TYPE, .min_key = 16, .max_key = 16

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_AES_XTS), XTS, IV, .cipher = &kk_whole_ops, .wrap = &kk_whole_wrap_ops, NEEDS("AES-%u-XTS"), .detail = KK_WHOLE_XTS},
    {KK_MECHANISM(CKM_AES_XTS_KEY_GEN), XTS, .generate = &kk_generate_secret_ops, NEEDS("AES-%u-XTS")},
    {KK_MECHANISM(CKM_AES_KEY_GEN), AES, .generate = &kk_generate_secret_ops},
    {KK_MECHANISM(CKM_AES_ECB), AES, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("AES-%u-ECB")},
    {KK_MECHANISM(CKM_AES_CBC), AES, .shape = KK_PARAM_BYTES, .param_required = true, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("AES-%u-CBC")},
    {KK_MECHANISM(CKM_AES_MAC), AES, .sign = &kk_cbc_mac_ops, NEEDS("AES-%u-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_AES_MAC_GENERAL), AES, .shape = KK_PARAM_ULONG, .param_required = true, .sign = &kk_cbc_mac_ops, NEEDS("AES-%u-CBC"), .detail = 16},
    {KK_MECHANISM(CKM_AES_CBC_PAD), AES, .shape = KK_PARAM_BYTES, .param_required = true, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("AES-%u-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_AES_CTR), AES, .shape = KK_PARAM_AES_CTR, .param_required = true, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("AES-%u-CTR"), .detail = KK_BLOCK_STREAM},
    {KK_MECHANISM(CKM_AES_GCM), AES, .shape = KK_PARAM_GCM, .param_required = true, .cipher = &kk_gcm_ops, .message = &kk_gcm_message_ops, .wrap = &kk_gcm_wrap_ops, NEEDS("AES-%u-GCM")},
    {KK_MECHANISM(CKM_AES_CCM), AES, .shape = KK_PARAM_CCM, .param_required = true, .cipher = &kk_ccm_ops, .message = &kk_ccm_message_ops, .wrap = &kk_ccm_wrap_ops, NEEDS("AES-%u-CCM")},
    {KK_MECHANISM(CKM_AES_CTS), AES, IV, .cipher = &kk_whole_ops, .wrap = &kk_whole_wrap_ops, NEEDS("AES-%u-CBC-CTS"), .detail = KK_WHOLE_CTS},
    {KK_MECHANISM(CKM_AES_CMAC), AES, .sign = &kk_cmac_ops, NEEDS("AES-%u-CBC"), .detail = 16},
    {KK_MECHANISM(CKM_AES_CMAC_GENERAL), AES, .shape = KK_PARAM_ULONG, .param_required = true, .sign = &kk_cmac_ops, NEEDS("AES-%u-CBC"), .detail = 16},
    {KK_MECHANISM(CKM_AES_XCBC_MAC), XCBC, .sign = &kk_xcbc_ops, NEEDS("AES-%u-CBC"), .detail = 16},
    {KK_MECHANISM(CKM_AES_XCBC_MAC_96), XCBC, .sign = &kk_xcbc_ops, NEEDS("AES-%u-CBC"), .detail = 12},
    {KK_MECHANISM(CKM_AES_GMAC), AES, .shape = KK_PARAM_GCM, .param_required = true, .sign = &kk_gmac_ops, NEEDS("AES-%u-GCM")},
    {KK_MECHANISM(CKM_AES_ECB_ENCRYPT_DATA), AES, .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("AES-%u-ECB")},
    {KK_MECHANISM(CKM_AES_CBC_ENCRYPT_DATA), AES, .shape = KK_PARAM_AES_CBC_ENCRYPT_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("AES-%u-CBC")},
    {KK_MECHANISM(CKM_AES_OFB), STREAM("AES-%u-OFB", KK_BLOCK_STREAM)},
    {KK_MECHANISM(CKM_AES_CFB64), STREAM("AES-%u-ECB", KK_BLOCK_CFB64)},
    {KK_MECHANISM(CKM_AES_CFB8), STREAM("AES-%u-CFB8", KK_BLOCK_STREAM)},
    {KK_MECHANISM(CKM_AES_CFB128), STREAM("AES-%u-CFB", KK_BLOCK_STREAM)},
    {KK_MECHANISM(CKM_AES_CFB1), STREAM("AES-%u-CFB1", KK_BLOCK_STREAM)},
    {KK_MECHANISM(CKM_AES_KEY_WRAP), AES, .shape = KK_PARAM_BYTES, .cipher = &kk_kw_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP"), .detail = KK_KW_DETAIL_KW},
    /* SoftHSM's sense of this deprecated number, which is that of 2.40: RFC 5649. */
    {KK_MECHANISM(CKM_AES_KEY_WRAP_PAD), AES, .shape = KK_PARAM_BYTES, .cipher = &kk_kw_pad_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP-PAD"), .detail = KK_KW_DETAIL_BY_IV},
    {KK_MECHANISM(CKM_AES_KEY_WRAP_KWP), AES, .shape = KK_PARAM_BYTES, .cipher = &kk_kw_pad_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP-PAD"), .detail = KK_KW_DETAIL_KWP},
    {KK_MECHANISM(CKM_AES_KEY_WRAP_PKCS7), AES, .shape = KK_PARAM_BYTES, .cipher = &kk_kw_pad_ops, .wrap = &kk_kw_wrap_ops, NEEDS("AES-%u-WRAP"), .detail = KK_KW_DETAIL_PKCS7},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_aes = {rows, KK_ARRAY_LEN(rows)};
