/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block ciphers beside AES and DES, and RC4. Sizes are bytes, those of RC2 and RC4 bits. SEED,
 * Blowfish, CAST128, RC2 and RC4 need OpenSSL's legacy provider.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* clang-format off */
#define CIPHER(key_type_, min_, max_) \
    .key_type = (key_type_), .key_type2 = KK_NO_KEY_TYPE, .min_key = (min_), .max_key = (max_)
#define CAMELLIA CIPHER(CKK_CAMELLIA, 16, 32)
#define ARIA     CIPHER(CKK_ARIA, 16, 32)
#define SEED     CIPHER(CKK_SEED, 16, 16)
#define BLOWFISH CIPHER(CKK_BLOWFISH, 4, 56)
#define CAST128  CIPHER(CKK_CAST128, 5, 16)
#define RC2      CIPHER(CKK_RC2, 8, 1024)
#define RC4      CIPHER(CKK_RC4, 8, 2048)
#define NEEDS(name_) .needs = KK_ALGORITHM_CIPHER, .algorithm = (name_)
#define IV .shape = KK_PARAM_BYTES, .param_required = true
#define GENERAL .shape = KK_PARAM_ULONG, .param_required = true
#define RC2_CBC .shape = KK_PARAM_RC2_CBC, .param_required = true

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_RC2_KEY_GEN), RC2, .generate = &kk_generate_secret_ops, NEEDS("RC2-CBC"), .detail = KK_SIZE_BITS},
    {KK_MECHANISM(CKM_RC2_ECB), RC2, GENERAL, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("RC2-ECB")},
    {KK_MECHANISM(CKM_RC2_CBC), RC2, RC2_CBC, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("RC2-CBC")},
    {KK_MECHANISM(CKM_RC2_MAC), RC2, GENERAL, .sign = &kk_cbc_mac_ops, NEEDS("RC2-CBC"), .detail = 4},
    {KK_MECHANISM(CKM_RC2_MAC_GENERAL), RC2, .shape = KK_PARAM_RC2_MAC_GENERAL, .param_required = true, .sign = &kk_cbc_mac_ops, NEEDS("RC2-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_RC2_CBC_PAD), RC2, RC2_CBC, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("RC2-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_RC4_KEY_GEN), RC4, .generate = &kk_generate_secret_ops, NEEDS("RC4"), .detail = KK_SIZE_BITS},
    {KK_MECHANISM(CKM_RC4), RC4, .cipher = &kk_block_ops, NEEDS("RC4"), .detail = KK_BLOCK_STREAM},
    {KK_MECHANISM(CKM_CAST128_KEY_GEN), CAST128, .generate = &kk_generate_secret_ops, NEEDS("CAST5-CBC")},
    {KK_MECHANISM(CKM_CAST128_ECB), CAST128, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("CAST5-ECB")},
    {KK_MECHANISM(CKM_CAST128_CBC), CAST128, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("CAST5-CBC")},
    {KK_MECHANISM(CKM_CAST128_MAC), CAST128, .sign = &kk_cbc_mac_ops, NEEDS("CAST5-CBC"), .detail = 4},
    {KK_MECHANISM(CKM_CAST128_MAC_GENERAL), CAST128, GENERAL, .sign = &kk_cbc_mac_ops, NEEDS("CAST5-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_CAST128_CBC_PAD), CAST128, IV, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("CAST5-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_CAMELLIA_KEY_GEN), CAMELLIA, .generate = &kk_generate_secret_ops, NEEDS("CAMELLIA-%u-CBC")},
    {KK_MECHANISM(CKM_CAMELLIA_ECB), CAMELLIA, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("CAMELLIA-%u-ECB")},
    {KK_MECHANISM(CKM_CAMELLIA_CBC), CAMELLIA, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("CAMELLIA-%u-CBC")},
    {KK_MECHANISM(CKM_CAMELLIA_MAC), CAMELLIA, .sign = &kk_cbc_mac_ops, NEEDS("CAMELLIA-%u-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_CAMELLIA_MAC_GENERAL), CAMELLIA, GENERAL, .sign = &kk_cbc_mac_ops, NEEDS("CAMELLIA-%u-CBC"), .detail = 16},
    {KK_MECHANISM(CKM_CAMELLIA_CBC_PAD), CAMELLIA, IV, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("CAMELLIA-%u-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_CAMELLIA_ECB_ENCRYPT_DATA), CAMELLIA, .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("CAMELLIA-%u-ECB")},
    {KK_MECHANISM(CKM_CAMELLIA_CBC_ENCRYPT_DATA), CAMELLIA, .shape = KK_PARAM_CAMELLIA_CBC_ENCRYPT_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("CAMELLIA-%u-CBC")},
    {KK_MECHANISM(CKM_CAMELLIA_CTR), CAMELLIA, .shape = KK_PARAM_CAMELLIA_CTR, .param_required = true, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("CAMELLIA-%u-CTR"), .detail = KK_BLOCK_STREAM},
    {KK_MECHANISM(CKM_ARIA_KEY_GEN), ARIA, .generate = &kk_generate_secret_ops, NEEDS("ARIA-%u-CBC")},
    {KK_MECHANISM(CKM_ARIA_ECB), ARIA, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("ARIA-%u-ECB")},
    {KK_MECHANISM(CKM_ARIA_CBC), ARIA, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("ARIA-%u-CBC")},
    {KK_MECHANISM(CKM_ARIA_MAC), ARIA, .sign = &kk_cbc_mac_ops, NEEDS("ARIA-%u-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_ARIA_MAC_GENERAL), ARIA, GENERAL, .sign = &kk_cbc_mac_ops, NEEDS("ARIA-%u-CBC"), .detail = 16},
    {KK_MECHANISM(CKM_ARIA_CBC_PAD), ARIA, IV, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("ARIA-%u-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_ARIA_ECB_ENCRYPT_DATA), ARIA, .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("ARIA-%u-ECB")},
    {KK_MECHANISM(CKM_ARIA_CBC_ENCRYPT_DATA), ARIA, .shape = KK_PARAM_ARIA_CBC_ENCRYPT_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("ARIA-%u-CBC")},
    {KK_MECHANISM(CKM_SEED_KEY_GEN), SEED, .generate = &kk_generate_secret_ops, NEEDS("SEED-CBC")},
    {KK_MECHANISM(CKM_SEED_ECB), SEED, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("SEED-ECB")},
    {KK_MECHANISM(CKM_SEED_CBC), SEED, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("SEED-CBC")},
    {KK_MECHANISM(CKM_SEED_MAC), SEED, .sign = &kk_cbc_mac_ops, NEEDS("SEED-CBC"), .detail = 8},
    {KK_MECHANISM(CKM_SEED_MAC_GENERAL), SEED, GENERAL, .sign = &kk_cbc_mac_ops, NEEDS("SEED-CBC"), .detail = 16},
    {KK_MECHANISM(CKM_SEED_CBC_PAD), SEED, IV, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("SEED-CBC"), .detail = KK_BLOCK_PADS},
    {KK_MECHANISM(CKM_SEED_ECB_ENCRYPT_DATA), SEED, .shape = KK_PARAM_KEY_DERIVATION_STRING_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("SEED-ECB")},
    {KK_MECHANISM(CKM_SEED_CBC_ENCRYPT_DATA), SEED, .shape = KK_PARAM_SEED_CBC_ENCRYPT_DATA, .param_required = true, .derive = &kk_encrypt_data_ops, NEEDS("SEED-CBC")},
    {KK_MECHANISM(CKM_BLOWFISH_KEY_GEN), BLOWFISH, .generate = &kk_generate_secret_ops, NEEDS("BF-CBC")},
    {KK_MECHANISM(CKM_BLOWFISH_CBC), BLOWFISH, IV, .cipher = &kk_block_ops, .wrap = &kk_block_wrap_ops, NEEDS("BF-CBC")},
    {KK_MECHANISM(CKM_BLOWFISH_CBC_PAD), BLOWFISH, IV, .cipher = &kk_block_pad_ops, .wrap = &kk_block_pad_wrap_ops, NEEDS("BF-CBC"), .detail = KK_BLOCK_PADS},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_cipher = {rows, KK_ARRAY_LEN(rows)};
