/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DES and triple DES. The standard does not use the key sizes of these rows. Single DES needs
 * OpenSSL's legacy provider.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* clang-format off */
#define DES  .key_type = CKK_DES,  .key_type2 = KK_NO_KEY_TYPE
#define DES3 .key_type = CKK_DES3, .key_type2 = CKK_DES2
#define EACH .key_type = CKK_DES, .key_type2 = KK_ANY_DES
#define NEEDS(name_) .needs = KK_ALGORITHM_CIPHER, .algorithm = (name_)
#define IV .shape = KK_PARAM_BYTES, .param_required = true
#define GENERAL .shape = KK_PARAM_ULONG, .param_required = true

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_DES_KEY_GEN), DES, .generate = &kk_generate_des_ops, NEEDS("DES-ECB")},
    {KK_MECHANISM(CKM_DES_ECB), DES, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("DES-ECB")},
    {KK_MECHANISM(CKM_DES_CBC), DES, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("DES-CBC")},
    {KK_MECHANISM(CKM_DES_MAC), DES, .sign = &kk_cbc_mac_ops, NEEDS("DES-CBC"), .detail = 4},
    {KK_MECHANISM(CKM_DES_MAC_GENERAL), DES, GENERAL, .sign = &kk_cbc_mac_ops, NEEDS("DES-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_DES_CBC_PAD), DES, IV, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("DES-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_DES2_KEY_GEN), .key_type = CKK_DES2, .key_type2 = KK_NO_KEY_TYPE, .generate = &kk_generate_des_ops, NEEDS("DES-EDE3-ECB")},
    {KK_MECHANISM(CKM_DES3_KEY_GEN), .key_type = CKK_DES3, .key_type2 = KK_NO_KEY_TYPE, .generate = &kk_generate_des_ops, NEEDS("DES-EDE3-ECB")},
    {KK_MECHANISM(CKM_DES3_ECB), DES3, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("DES-EDE3-ECB")},
    {KK_MECHANISM(CKM_DES3_CBC), DES3, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("DES-EDE3-CBC")},
    {KK_MECHANISM(CKM_DES3_MAC), DES3, .sign = &kk_cbc_mac_ops, NEEDS("DES-EDE3-CBC"), .detail = 4},
    {KK_MECHANISM(CKM_DES3_MAC_GENERAL), DES3, GENERAL, .sign = &kk_cbc_mac_ops, NEEDS("DES-EDE3-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_DES3_CBC_PAD), DES3, IV, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("DES-EDE3-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_DES3_CMAC_GENERAL), DES3, GENERAL, .sign = &kk_cmac_ops, NEEDS("DES-EDE3-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_DES3_CMAC), DES3, .sign = &kk_cmac_ops, NEEDS("DES-EDE3-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_DES_OFB64), EACH, IV, .cipher = &kk_block_ops, NEEDS("DES-EDE3-OFB"), .detail = KK_BLOCK_STREAM},
    {KK_MECHANISM(CKM_DES_OFB8), EACH, IV, .cipher = &kk_block_ops, NEEDS("DES-EDE3-ECB"), .detail = KK_BLOCK_OFB8},
    {KK_MECHANISM(CKM_DES_CFB64), EACH, IV, .cipher = &kk_block_ops, NEEDS("DES-EDE3-CFB"), .detail = KK_BLOCK_STREAM},
    {KK_MECHANISM(CKM_DES_CFB8), EACH, IV, .cipher = &kk_block_ops, NEEDS("DES-EDE3-CFB8"), .detail = KK_BLOCK_STREAM},
    {KK_MECHANISM(CKM_DES_ECB_ENCRYPT_DATA), DES, .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("DES-ECB")},
    {KK_MECHANISM(CKM_DES_CBC_ENCRYPT_DATA), DES, .shape = KK_PARAM_DES_CBC_ENCRYPT_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("DES-CBC")},
    {KK_MECHANISM(CKM_DES3_ECB_ENCRYPT_DATA), DES3, .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("DES-EDE3-ECB")},
    {KK_MECHANISM(CKM_DES3_CBC_ENCRYPT_DATA), DES3, .shape = KK_PARAM_DES_CBC_ENCRYPT_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("DES-EDE3-CBC")},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_des = {rows, KK_ARRAY_LEN(rows)};
