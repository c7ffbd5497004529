/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layouts, one per structure. Within a table S is the structure; a row names the kind and the
 * member, then what says its length.
 */
#include "cryptoki/params.h"

/* clang-format off */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#define ROW(kind_, member_, size_, direction_) \
    .kind = KK_FIELD_##kind_, .direction = KK_PARAM_##direction_, .offset = offsetof(S, member_), \
    .size = (size_), .name = #member_
#define MEMBER_ROW(kind_, member_, direction_) \
    ROW(kind_, member_, sizeof(((S *)NULL)->member_), direction_)

#define PLAIN(kind_, member_) {MEMBER_ROW(kind_, member_, IN)}
#define PLAIN_OUT(kind_, member_) {MEMBER_ROW(kind_, member_, OUT)}
#define PLAIN_INOUT(kind_, member_) {MEMBER_ROW(kind_, member_, INOUT)}

#define SIZED(kind_, member_, length_) \
    {MEMBER_ROW(kind_, member_, IN), .length_offset = offsetof(S, length_)}
#define SIZED_OUT(kind_, member_, length_) \
    {MEMBER_ROW(kind_, member_, OUT), .length_offset = offsetof(S, length_)}
#define SIZED_INOUT(kind_, member_, length_) \
    {MEMBER_ROW(kind_, member_, INOUT), .length_offset = offsetof(S, length_)}

#define NESTED(kind_, member_, layout_) {MEMBER_ROW(kind_, member_, IN), .nested = (layout_)}
#define NESTED_OUT(kind_, member_, layout_) {MEMBER_ROW(kind_, member_, OUT), .nested = (layout_)}

#define ARRAY(member_, count_, layout_) \
    {MEMBER_ROW(ARRAY, member_, IN), .length_offset = offsetof(S, count_), .nested = (layout_)}
#define VARIANT(member_, length_, type_, variants_) \
    {MEMBER_ROW(VARIANT, member_, IN), .length_offset = offsetof(S, length_), \
     .type_offset = offsetof(S, type_), .variants = (variants_)}
#define FIXED(member_, direction_, size_) {ROW(POINTER_FIXED, member_, size_, direction_)}

/* An IV that comes back: its length stands in the structure that points to this one. */
#define OUTER(member_, outer_) \
    {MEMBER_ROW(POINTER_OUTER, member_, OUT), .length_offset = offsetof(outer_, ulIVSizeInBits)}

#define DEFINE(id_, ...) \
    static const struct kk_param_field id_##_fields[] = {__VA_ARGS__}; \
    static const struct kk_param_layout id_##_layout = { \
        TEXT(S), sizeof(S), id_##_fields, sizeof id_##_fields / sizeof id_##_fields[0]};

/* The layouts of one number and one handle, which have no structure round them. */
static const struct kk_param_field ulong_fields[] = {
    {.kind = KK_FIELD_ULONG, .size = sizeof(CK_ULONG), .name = "value"},
};
static const struct kk_param_layout ulong_layout = {"CK_ULONG", sizeof(CK_ULONG), ulong_fields, 1};

static const struct kk_param_field handle_fields[] = {
    {.kind = KK_FIELD_HANDLE, .size = sizeof(CK_OBJECT_HANDLE), .name = "handle"},
};
static const struct kk_param_layout handle_layout = {
    "CK_OBJECT_HANDLE", sizeof(CK_OBJECT_HANDLE), handle_fields, 1};

#define S CK_VERSION
DEFINE(version,
    PLAIN(BYTES, major),
    PLAIN(BYTES, minor))
#undef S

#define S CK_SP800_108_COUNTER_FORMAT
DEFINE(sp800_108_counter_format,
    PLAIN(BOOL, bLittleEndian),
    PLAIN(ULONG, ulWidthInBits))
#undef S

#define S CK_SP800_108_DKM_LENGTH_FORMAT
DEFINE(sp800_108_dkm_length_format,
    PLAIN(ULONG, dkmLengthMethod),
    PLAIN(BOOL, bLittleEndian),
    PLAIN(ULONG, ulWidthInBits))
#undef S

static const struct kk_param_variant prf_data_variants[] = {
    {CK_SP800_108_ITERATION_VARIABLE, &sp800_108_counter_format_layout},
    {CK_SP800_108_OPTIONAL_COUNTER, &sp800_108_counter_format_layout},
    {CK_SP800_108_DKM_LENGTH, &sp800_108_dkm_length_format_layout},
    {CK_SP800_108_KEY_HANDLE, &handle_layout},
    {0, NULL},
};

static const struct kk_param_variant otp_variants[] = {
    {CK_OTP_FLAGS, &ulong_layout},
    {CK_OTP_OUTPUT_LENGTH, &ulong_layout},
    {CK_OTP_OUTPUT_FORMAT, &ulong_layout},
    {0, NULL},
};

#define S CK_RSA_PKCS_OAEP_PARAMS
DEFINE(rsa_pkcs_oaep,
    PLAIN(ULONG, hashAlg),
    PLAIN(ULONG, mgf),
    PLAIN(ULONG, source),
    SIZED(POINTER, pSourceData, ulSourceDataLen),
    PLAIN(LENGTH, ulSourceDataLen))
#undef S

#define S CK_RSA_PKCS_PSS_PARAMS
DEFINE(rsa_pkcs_pss,
    PLAIN(ULONG, hashAlg),
    PLAIN(ULONG, mgf),
    PLAIN(ULONG, sLen))
#undef S

#define S CK_ECDH1_DERIVE_PARAMS
DEFINE(ecdh1_derive,
    PLAIN(ULONG, kdf),
    PLAIN(LENGTH, ulSharedDataLen),
    SIZED(POINTER, pSharedData, ulSharedDataLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen))
#undef S

#define S CK_ECDH2_DERIVE_PARAMS
DEFINE(ecdh2_derive,
    PLAIN(ULONG, kdf),
    PLAIN(LENGTH, ulSharedDataLen),
    SIZED(POINTER, pSharedData, ulSharedDataLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen),
    PLAIN(ULONG, ulPrivateDataLen),
    PLAIN(HANDLE, hPrivateData),
    PLAIN(LENGTH, ulPublicDataLen2),
    SIZED(POINTER, pPublicData2, ulPublicDataLen2))
#undef S

#define S CK_ECMQV_DERIVE_PARAMS
DEFINE(ecmqv_derive,
    PLAIN(ULONG, kdf),
    PLAIN(LENGTH, ulSharedDataLen),
    SIZED(POINTER, pSharedData, ulSharedDataLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen),
    PLAIN(ULONG, ulPrivateDataLen),
    PLAIN(HANDLE, hPrivateData),
    PLAIN(LENGTH, ulPublicDataLen2),
    SIZED(POINTER, pPublicData2, ulPublicDataLen2),
    PLAIN(HANDLE, publicKey))
#undef S

#define S CK_X9_42_DH1_DERIVE_PARAMS
DEFINE(x9_42_dh1_derive,
    PLAIN(ULONG, kdf),
    PLAIN(LENGTH, ulOtherInfoLen),
    SIZED(POINTER, pOtherInfo, ulOtherInfoLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen))
#undef S

#define S CK_X9_42_DH2_DERIVE_PARAMS
DEFINE(x9_42_dh2_derive,
    PLAIN(ULONG, kdf),
    PLAIN(LENGTH, ulOtherInfoLen),
    SIZED(POINTER, pOtherInfo, ulOtherInfoLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen),
    PLAIN(ULONG, ulPrivateDataLen),
    PLAIN(HANDLE, hPrivateData),
    PLAIN(LENGTH, ulPublicDataLen2),
    SIZED(POINTER, pPublicData2, ulPublicDataLen2))
#undef S

#define S CK_X9_42_MQV_DERIVE_PARAMS
DEFINE(x9_42_mqv_derive,
    PLAIN(ULONG, kdf),
    PLAIN(LENGTH, ulOtherInfoLen),
    SIZED(POINTER, pOtherInfo, ulOtherInfoLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen),
    PLAIN(ULONG, ulPrivateDataLen),
    PLAIN(HANDLE, hPrivateData),
    PLAIN(LENGTH, ulPublicDataLen2),
    SIZED(POINTER, pPublicData2, ulPublicDataLen2),
    PLAIN(HANDLE, publicKey))
#undef S

#define S CK_KEA_DERIVE_PARAMS
DEFINE(kea_derive,
    PLAIN(BOOL, isSender),
    PLAIN(LENGTH, ulRandomLen),
    SIZED_INOUT(POINTER, pRandomA, ulRandomLen),
    SIZED(POINTER, pRandomB, ulRandomLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen))
#undef S

#define S CK_RC2_CBC_PARAMS
DEFINE(rc2_cbc,
    PLAIN(ULONG, ulEffectiveBits),
    PLAIN(BYTES, iv))
#undef S

#define S CK_RC2_MAC_GENERAL_PARAMS
DEFINE(rc2_mac_general,
    PLAIN(ULONG, ulEffectiveBits),
    PLAIN(ULONG, ulMacLength))
#undef S

#define S CK_RC5_PARAMS
DEFINE(rc5,
    PLAIN(ULONG, ulWordsize),
    PLAIN(ULONG, ulRounds))
#undef S

#define S CK_RC5_CBC_PARAMS
DEFINE(rc5_cbc,
    PLAIN(ULONG, ulWordsize),
    PLAIN(ULONG, ulRounds),
    SIZED(POINTER, pIv, ulIvLen),
    PLAIN(LENGTH, ulIvLen))
#undef S

#define S CK_RC5_MAC_GENERAL_PARAMS
DEFINE(rc5_mac_general,
    PLAIN(ULONG, ulWordsize),
    PLAIN(ULONG, ulRounds),
    PLAIN(ULONG, ulMacLength))
#undef S

#define S CK_DES_CBC_ENCRYPT_DATA_PARAMS
DEFINE(des_cbc_encrypt_data,
    PLAIN(BYTES, iv),
    SIZED(POINTER, pData, length),
    PLAIN(LENGTH, length))
#undef S

#define S CK_AES_CBC_ENCRYPT_DATA_PARAMS
DEFINE(aes_cbc_encrypt_data,
    PLAIN(BYTES, iv),
    SIZED(POINTER, pData, length),
    PLAIN(LENGTH, length))
#undef S

#define S CK_CAMELLIA_CBC_ENCRYPT_DATA_PARAMS
DEFINE(camellia_cbc_encrypt_data,
    PLAIN(BYTES, iv),
    SIZED(POINTER, pData, length),
    PLAIN(LENGTH, length))
#undef S

#define S CK_ARIA_CBC_ENCRYPT_DATA_PARAMS
DEFINE(aria_cbc_encrypt_data,
    PLAIN(BYTES, iv),
    SIZED(POINTER, pData, length),
    PLAIN(LENGTH, length))
#undef S

#define S CK_SEED_CBC_ENCRYPT_DATA_PARAMS
DEFINE(seed_cbc_encrypt_data,
    PLAIN(BYTES, iv),
    SIZED(POINTER, pData, length),
    PLAIN(LENGTH, length))
#undef S

#define S CK_SKIPJACK_PRIVATE_WRAP_PARAMS
DEFINE(skipjack_private_wrap,
    PLAIN(LENGTH, ulPasswordLen),
    SIZED(POINTER, pPassword, ulPasswordLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pPublicData, ulPublicDataLen),
    PLAIN(LENGTH, ulPAndGLen),
    PLAIN(LENGTH, ulQLen),
    PLAIN(LENGTH, ulRandomLen),
    SIZED(POINTER, pRandomA, ulRandomLen),
    SIZED(POINTER, pPrimeP, ulPAndGLen),
    SIZED(POINTER, pBaseG, ulPAndGLen),
    SIZED(POINTER, pSubprimeQ, ulQLen))
#undef S

#define S CK_SKIPJACK_RELAYX_PARAMS
DEFINE(skipjack_relayx,
    PLAIN(LENGTH, ulOldWrappedXLen),
    SIZED(POINTER, pOldWrappedX, ulOldWrappedXLen),
    PLAIN(LENGTH, ulOldPasswordLen),
    SIZED(POINTER, pOldPassword, ulOldPasswordLen),
    PLAIN(LENGTH, ulOldPublicDataLen),
    SIZED(POINTER, pOldPublicData, ulOldPublicDataLen),
    PLAIN(LENGTH, ulOldRandomLen),
    SIZED(POINTER, pOldRandomA, ulOldRandomLen),
    PLAIN(LENGTH, ulNewPasswordLen),
    SIZED(POINTER, pNewPassword, ulNewPasswordLen),
    PLAIN(LENGTH, ulNewPublicDataLen),
    SIZED(POINTER, pNewPublicData, ulNewPublicDataLen),
    PLAIN(LENGTH, ulNewRandomLen),
    SIZED(POINTER, pNewRandomA, ulNewRandomLen))
#undef S

#define S CK_PBE_PARAMS
DEFINE(pbe,
    FIXED(pInitVector, OUT, 8),
    SIZED(POINTER, pPassword, ulPasswordLen),
    PLAIN(LENGTH, ulPasswordLen),
    SIZED(POINTER, pSalt, ulSaltLen),
    PLAIN(LENGTH, ulSaltLen),
    PLAIN(ULONG, ulIteration))
#undef S

#define S CK_KEY_WRAP_SET_OAEP_PARAMS
DEFINE(key_wrap_set_oaep,
    PLAIN(BYTES, bBC),
    SIZED(POINTER, pX, ulXLen),
    PLAIN(LENGTH, ulXLen))
#undef S

#define S CK_SSL3_RANDOM_DATA
DEFINE(ssl3_random_data,
    SIZED(POINTER, pClientRandom, ulClientRandomLen),
    PLAIN(LENGTH, ulClientRandomLen),
    SIZED(POINTER, pServerRandom, ulServerRandomLen),
    PLAIN(LENGTH, ulServerRandomLen))
#undef S

#define S CK_SSL3_MASTER_KEY_DERIVE_PARAMS
DEFINE(ssl3_master_key_derive,
    NESTED(STRUCT, RandomInfo, &ssl3_random_data_layout),
    NESTED_OUT(NESTED, pVersion, &version_layout))
#undef S

#define S CK_SSL3_KEY_MAT_OUT
DEFINE(ssl3_key_mat_out,
    PLAIN_OUT(HANDLE, hClientMacSecret),
    PLAIN_OUT(HANDLE, hServerMacSecret),
    PLAIN_OUT(HANDLE, hClientKey),
    PLAIN_OUT(HANDLE, hServerKey),
    OUTER(pIVClient, CK_SSL3_KEY_MAT_PARAMS),
    OUTER(pIVServer, CK_SSL3_KEY_MAT_PARAMS))
#undef S

#define S CK_SSL3_KEY_MAT_PARAMS
DEFINE(ssl3_key_mat,
    PLAIN(ULONG, ulMacSizeInBits),
    PLAIN(ULONG, ulKeySizeInBits),
    PLAIN(ULONG, ulIVSizeInBits),
    PLAIN(BOOL, bIsExport),
    NESTED(STRUCT, RandomInfo, &ssl3_random_data_layout),
    NESTED_OUT(NESTED, pReturnedKeyMaterial, &ssl3_key_mat_out_layout))
#undef S

#define S CK_TLS_PRF_PARAMS
DEFINE(tls_prf,
    SIZED(POINTER, pSeed, ulSeedLen),
    PLAIN(LENGTH, ulSeedLen),
    SIZED(POINTER, pLabel, ulLabelLen),
    PLAIN(LENGTH, ulLabelLen),
    SIZED_OUT(POINTER_INDIRECT, pOutput, pulOutputLen),
    PLAIN_INOUT(ULONG_POINTER, pulOutputLen))
#undef S

#define S CK_WTLS_RANDOM_DATA
DEFINE(wtls_random_data,
    SIZED(POINTER, pClientRandom, ulClientRandomLen),
    PLAIN(LENGTH, ulClientRandomLen),
    SIZED(POINTER, pServerRandom, ulServerRandomLen),
    PLAIN(LENGTH, ulServerRandomLen))
#undef S

#define S CK_WTLS_MASTER_KEY_DERIVE_PARAMS
DEFINE(wtls_master_key_derive,
    PLAIN(ULONG, DigestMechanism),
    NESTED(STRUCT, RandomInfo, &wtls_random_data_layout),
    FIXED(pVersion, OUT, 1))
#undef S

#define S CK_WTLS_PRF_PARAMS
DEFINE(wtls_prf,
    PLAIN(ULONG, DigestMechanism),
    SIZED(POINTER, pSeed, ulSeedLen),
    PLAIN(LENGTH, ulSeedLen),
    SIZED(POINTER, pLabel, ulLabelLen),
    PLAIN(LENGTH, ulLabelLen),
    SIZED_OUT(POINTER_INDIRECT, pOutput, pulOutputLen),
    PLAIN_INOUT(ULONG_POINTER, pulOutputLen))
#undef S

#define S CK_WTLS_KEY_MAT_OUT
DEFINE(wtls_key_mat_out,
    PLAIN_OUT(HANDLE, hMacSecret),
    PLAIN_OUT(HANDLE, hKey),
    OUTER(pIV, CK_WTLS_KEY_MAT_PARAMS))
#undef S

#define S CK_WTLS_KEY_MAT_PARAMS
DEFINE(wtls_key_mat,
    PLAIN(ULONG, DigestMechanism),
    PLAIN(ULONG, ulMacSizeInBits),
    PLAIN(ULONG, ulKeySizeInBits),
    PLAIN(ULONG, ulIVSizeInBits),
    PLAIN(ULONG, ulSequenceNumber),
    PLAIN(BOOL, bIsExport),
    NESTED(STRUCT, RandomInfo, &wtls_random_data_layout),
    NESTED_OUT(NESTED, pReturnedKeyMaterial, &wtls_key_mat_out_layout))
#undef S

#define S CK_CMS_SIG_PARAMS
DEFINE(cms_sig,
    PLAIN(HANDLE, certificateHandle),
    PLAIN(MECHANISM, pSigningMechanism),
    PLAIN(MECHANISM, pDigestMechanism),
    PLAIN(TEXT, pContentType),
    SIZED(POINTER, pRequestedAttributes, ulRequestedAttributesLen),
    PLAIN(LENGTH, ulRequestedAttributesLen),
    SIZED(POINTER, pRequiredAttributes, ulRequiredAttributesLen),
    PLAIN(LENGTH, ulRequiredAttributesLen))
#undef S

#define S CK_KEY_DERIVATION_STRING_DATA
DEFINE(key_derivation_string_data,
    SIZED(POINTER, pData, ulLen),
    PLAIN(LENGTH, ulLen))
#undef S

#define S CK_PKCS5_PBKD2_PARAMS
DEFINE(pkcs5_pbkd2,
    PLAIN(ULONG, saltSource),
    SIZED(POINTER, pSaltSourceData, ulSaltSourceDataLen),
    PLAIN(LENGTH, ulSaltSourceDataLen),
    PLAIN(ULONG, iterations),
    PLAIN(ULONG, prf),
    SIZED(POINTER, pPrfData, ulPrfDataLen),
    PLAIN(LENGTH, ulPrfDataLen),
    SIZED(POINTER_INDIRECT, pPassword, ulPasswordLen),
    PLAIN(ULONG_POINTER, ulPasswordLen))
#undef S

#define S CK_PKCS5_PBKD2_PARAMS2
DEFINE(pkcs5_pbkd2_params2,
    PLAIN(ULONG, saltSource),
    SIZED(POINTER, pSaltSourceData, ulSaltSourceDataLen),
    PLAIN(LENGTH, ulSaltSourceDataLen),
    PLAIN(ULONG, iterations),
    PLAIN(ULONG, prf),
    SIZED(POINTER, pPrfData, ulPrfDataLen),
    PLAIN(LENGTH, ulPrfDataLen),
    SIZED(POINTER, pPassword, ulPasswordLen),
    PLAIN(LENGTH, ulPasswordLen))
#undef S

#define S CK_OTP_PARAM
DEFINE(otp_param,
    PLAIN(ULONG, type),
    VARIANT(pValue, ulValueLen, type, otp_variants),
    PLAIN(LENGTH, ulValueLen))
#undef S

#define S CK_OTP_PARAMS
DEFINE(otp,
    ARRAY(pParams, ulCount, &otp_param_layout),
    PLAIN(LENGTH, ulCount))
#undef S

#define S CK_KIP_PARAMS
DEFINE(kip,
    PLAIN(MECHANISM, pMechanism),
    PLAIN(HANDLE, hKey),
    SIZED(POINTER, pSeed, ulSeedLen),
    PLAIN(LENGTH, ulSeedLen))
#undef S

#define S CK_AES_CTR_PARAMS
DEFINE(aes_ctr,
    PLAIN(ULONG, ulCounterBits),
    PLAIN(BYTES, cb))
#undef S

#define S CK_CAMELLIA_CTR_PARAMS
DEFINE(camellia_ctr,
    PLAIN(ULONG, ulCounterBits),
    PLAIN(BYTES, cb))
#undef S

#define S CK_GCM_PARAMS
DEFINE(gcm,
    SIZED(POINTER, pIv, ulIvLen),
    PLAIN(LENGTH, ulIvLen),
    PLAIN(ULONG, ulIvBits),
    SIZED(POINTER, pAAD, ulAADLen),
    PLAIN(LENGTH, ulAADLen),
    PLAIN(ULONG, ulTagBits))
#undef S

#define S CK_GCM_MESSAGE_PARAMS
DEFINE(gcm_message,
    SIZED_INOUT(POINTER, pIv, ulIvLen),
    PLAIN(LENGTH, ulIvLen),
    PLAIN(ULONG, ulIvFixedBits),
    PLAIN(ULONG, ivGenerator),
    SIZED_INOUT(POINTER_BITS, pTag, ulTagBits),
    PLAIN(LENGTH, ulTagBits))
#undef S

#define S CK_GCM_WRAP_PARAMS
DEFINE(gcm_wrap,
    SIZED_INOUT(POINTER, pIv, ulIvLen),
    PLAIN(LENGTH, ulIvLen),
    PLAIN(ULONG, ulIvFixedBits),
    PLAIN(ULONG, ivGenerator),
    SIZED(POINTER, pAAD, ulAADLen),
    PLAIN(LENGTH, ulAADLen),
    PLAIN(ULONG, ulTagBits))
#undef S

#define S CK_CCM_PARAMS
DEFINE(ccm,
    PLAIN(ULONG, ulDataLen),
    SIZED(POINTER, pNonce, ulNonceLen),
    PLAIN(LENGTH, ulNonceLen),
    SIZED(POINTER, pAAD, ulAADLen),
    PLAIN(LENGTH, ulAADLen),
    PLAIN(ULONG, ulMACLen))
#undef S

#define S CK_CCM_MESSAGE_PARAMS
DEFINE(ccm_message,
    PLAIN(ULONG, ulDataLen),
    SIZED_INOUT(POINTER, pNonce, ulNonceLen),
    PLAIN(LENGTH, ulNonceLen),
    PLAIN(ULONG, ulNonceFixedBits),
    PLAIN(ULONG, nonceGenerator),
    SIZED_INOUT(POINTER, pMAC, ulMACLen),
    PLAIN(LENGTH, ulMACLen))
#undef S

#define S CK_CCM_WRAP_PARAMS
DEFINE(ccm_wrap,
    PLAIN(ULONG, ulDataLen),
    SIZED_INOUT(POINTER, pNonce, ulNonceLen),
    PLAIN(LENGTH, ulNonceLen),
    PLAIN(ULONG, ulNonceFixedBits),
    PLAIN(ULONG, nonceGenerator),
    SIZED(POINTER, pAAD, ulAADLen),
    PLAIN(LENGTH, ulAADLen),
    PLAIN(ULONG, ulMACLen))
#undef S

#define S CK_AES_GCM_PARAMS
DEFINE(aes_gcm,
    SIZED(POINTER, pIv, ulIvLen),
    PLAIN(LENGTH, ulIvLen),
    PLAIN(ULONG, ulIvBits),
    SIZED(POINTER, pAAD, ulAADLen),
    PLAIN(LENGTH, ulAADLen),
    PLAIN(ULONG, ulTagBits))
#undef S

#define S CK_AES_CCM_PARAMS
DEFINE(aes_ccm,
    PLAIN(ULONG, ulDataLen),
    SIZED(POINTER, pNonce, ulNonceLen),
    PLAIN(LENGTH, ulNonceLen),
    SIZED(POINTER, pAAD, ulAADLen),
    PLAIN(LENGTH, ulAADLen),
    PLAIN(ULONG, ulMACLen))
#undef S

#define S CK_DSA_PARAMETER_GEN_PARAM
DEFINE(dsa_parameter_gen_param,
    PLAIN(ULONG, hash),
    SIZED_INOUT(POINTER, pSeed, ulSeedLen),
    PLAIN(LENGTH, ulSeedLen),
    PLAIN(ULONG, ulIndex))
#undef S

#define S CK_ECDH_AES_KEY_WRAP_PARAMS
DEFINE(ecdh_aes_key_wrap,
    PLAIN(ULONG, ulAESKeyBits),
    PLAIN(ULONG, kdf),
    PLAIN(LENGTH, ulSharedDataLen),
    SIZED(POINTER, pSharedData, ulSharedDataLen))
#undef S

#define S CK_RSA_AES_KEY_WRAP_PARAMS
DEFINE(rsa_aes_key_wrap,
    PLAIN(ULONG, ulAESKeyBits),
    NESTED(NESTED, pOAEPParams, &rsa_pkcs_oaep_layout))
#undef S

#define S CK_TLS12_MASTER_KEY_DERIVE_PARAMS
DEFINE(tls12_master_key_derive,
    NESTED(STRUCT, RandomInfo, &ssl3_random_data_layout),
    NESTED_OUT(NESTED, pVersion, &version_layout),
    PLAIN(ULONG, prfHashMechanism))
#undef S

#define S CK_TLS12_KEY_MAT_PARAMS
DEFINE(tls12_key_mat,
    PLAIN(ULONG, ulMacSizeInBits),
    PLAIN(ULONG, ulKeySizeInBits),
    PLAIN(ULONG, ulIVSizeInBits),
    PLAIN(BOOL, bIsExport),
    NESTED(STRUCT, RandomInfo, &ssl3_random_data_layout),
    NESTED_OUT(NESTED, pReturnedKeyMaterial, &ssl3_key_mat_out_layout),
    PLAIN(ULONG, prfHashMechanism))
#undef S

/* Neither the IVs' length nor the places for them are looked at. */
#define S CK_SSL3_KEY_MAT_OUT
DEFINE(ssl3_key_safe_out,
    PLAIN_OUT(HANDLE, hClientMacSecret),
    PLAIN_OUT(HANDLE, hServerMacSecret),
    PLAIN_OUT(HANDLE, hClientKey),
    PLAIN_OUT(HANDLE, hServerKey),
    PLAIN(POINTER_OPEN, pIVClient),
    PLAIN(POINTER_OPEN, pIVServer))
#undef S

#define S CK_TLS12_KEY_MAT_PARAMS
DEFINE(tls12_key_safe,
    PLAIN(ULONG, ulMacSizeInBits),
    PLAIN(ULONG, ulKeySizeInBits),
    PLAIN(ULONG, ulIVSizeInBits),
    PLAIN(BOOL, bIsExport),
    NESTED(STRUCT, RandomInfo, &ssl3_random_data_layout),
    NESTED_OUT(NESTED, pReturnedKeyMaterial, &ssl3_key_safe_out_layout),
    PLAIN(ULONG, prfHashMechanism))
#undef S

#define S CK_TLS_KDF_PARAMS
DEFINE(tls_kdf,
    PLAIN(ULONG, prfMechanism),
    SIZED(POINTER, pLabel, ulLabelLength),
    PLAIN(LENGTH, ulLabelLength),
    NESTED(STRUCT, RandomInfo, &ssl3_random_data_layout),
    SIZED(POINTER_MAYBE, pContextData, ulContextDataLength),
    PLAIN(LENGTH, ulContextDataLength))
#undef S

#define S CK_TLS_MAC_PARAMS
DEFINE(tls_mac,
    PLAIN(ULONG, prfHashMechanism),
    PLAIN(ULONG, ulMacLength),
    PLAIN(ULONG, ulServerOrClient))
#undef S

#define S CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS
DEFINE(tls12_extended_master_key_derive,
    PLAIN(ULONG, prfHashMechanism),
    SIZED(POINTER, pSessionHash, ulSessionHashLen),
    PLAIN(LENGTH, ulSessionHashLen),
    NESTED_OUT(NESTED, pVersion, &version_layout))
#undef S

#define S CK_GOSTR3410_DERIVE_PARAMS
DEFINE(gostr3410_derive,
    PLAIN(ULONG, kdf),
    SIZED(POINTER, pPublicData, ulPublicDataLen),
    PLAIN(LENGTH, ulPublicDataLen),
    SIZED(POINTER, pUKM, ulUKMLen),
    PLAIN(LENGTH, ulUKMLen))
#undef S

#define S CK_GOSTR3410_KEY_WRAP_PARAMS
DEFINE(gostr3410_key_wrap,
    SIZED(POINTER, pWrapOID, ulWrapOIDLen),
    PLAIN(LENGTH, ulWrapOIDLen),
    SIZED(POINTER, pUKM, ulUKMLen),
    PLAIN(LENGTH, ulUKMLen),
    PLAIN(HANDLE, hKey))
#undef S

#define S CK_PRF_DATA_PARAM
DEFINE(prf_data_param,
    PLAIN(ULONG, type),
    VARIANT(pValue, ulValueLen, type, prf_data_variants),
    PLAIN(LENGTH, ulValueLen))
#undef S

#define S CK_DERIVED_KEY
DEFINE(derived_key,
    SIZED(TEMPLATE, pTemplate, ulAttributeCount),
    PLAIN(LENGTH, ulAttributeCount),
    PLAIN_OUT(HANDLE_POINTER, phKey))
#undef S

#define S CK_SP800_108_KDF_PARAMS
DEFINE(sp800_108_kdf,
    PLAIN(ULONG, prfType),
    PLAIN(LENGTH, ulNumberOfDataParams),
    ARRAY(pDataParams, ulNumberOfDataParams, &prf_data_param_layout),
    PLAIN(LENGTH, ulAdditionalDerivedKeys),
    ARRAY(pAdditionalDerivedKeys, ulAdditionalDerivedKeys, &derived_key_layout))
#undef S

#define S CK_SP800_108_FEEDBACK_KDF_PARAMS
DEFINE(sp800_108_feedback_kdf,
    PLAIN(ULONG, prfType),
    PLAIN(LENGTH, ulNumberOfDataParams),
    ARRAY(pDataParams, ulNumberOfDataParams, &prf_data_param_layout),
    PLAIN(LENGTH, ulIVLen),
    SIZED(POINTER, pIV, ulIVLen),
    PLAIN(LENGTH, ulAdditionalDerivedKeys),
    ARRAY(pAdditionalDerivedKeys, ulAdditionalDerivedKeys, &derived_key_layout))
#undef S

#define S CK_EDDSA_PARAMS
DEFINE(eddsa,
    PLAIN(BOOL, phFlag),
    PLAIN(LENGTH, ulContextDataLen),
    SIZED(POINTER, pContextData, ulContextDataLen))
#undef S

#define S CK_XEDDSA_PARAMS
DEFINE(xeddsa,
    PLAIN(ULONG, hash))
#undef S

#define S CK_CHACHA20_PARAMS
DEFINE(chacha20,
    SIZED(POINTER_BITS, pBlockCounter, blockCounterBits),
    PLAIN(LENGTH, blockCounterBits),
    SIZED(POINTER_BITS, pNonce, ulNonceBits),
    PLAIN(LENGTH, ulNonceBits))
#undef S

#define S CK_SALSA20_PARAMS
DEFINE(salsa20,
    FIXED(pBlockCounter, IN, 8),
    SIZED(POINTER_BITS, pNonce, ulNonceBits),
    PLAIN(LENGTH, ulNonceBits))
#undef S

#define S CK_SALSA20_CHACHA20_POLY1305_PARAMS
DEFINE(salsa20_chacha20_poly1305,
    SIZED(POINTER_NONCE, pNonce, ulNonceLen),
    PLAIN(LENGTH, ulNonceLen),
    SIZED(POINTER, pAAD, ulAADLen),
    PLAIN(LENGTH, ulAADLen))
#undef S

#define S CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS
DEFINE(salsa20_chacha20_poly1305_msg,
    SIZED(POINTER_NONCE, pNonce, ulNonceLen),
    PLAIN(LENGTH, ulNonceLen),
    FIXED(pTag, INOUT, 16))
#undef S

#define S CK_X3DH_INITIATE_PARAMS
DEFINE(x3dh_initiate,
    PLAIN(ULONG, kdf),
    PLAIN(HANDLE, pPeer_identity),
    PLAIN(HANDLE, pPeer_prekey),
    PLAIN(POINTER_OPEN, pPrekey_signature),
    PLAIN(POINTER_OPEN, pOnetime_key),
    PLAIN(HANDLE, pOwn_identity),
    PLAIN(HANDLE, pOwn_ephemeral))
#undef S

#define S CK_X3DH_RESPOND_PARAMS
DEFINE(x3dh_respond,
    PLAIN(ULONG, kdf),
    PLAIN(POINTER_OPEN, pIdentity_id),
    PLAIN(POINTER_OPEN, pPrekey_id),
    PLAIN(POINTER_OPEN, pOnetime_id),
    PLAIN(HANDLE, pInitiator_identity),
    PLAIN(POINTER_OPEN, pInitiator_ephemeral))
#undef S

#define S CK_X2RATCHET_INITIALIZE_PARAMS
DEFINE(x2ratchet_initialize,
    PLAIN(POINTER_OPEN, sk),
    PLAIN(HANDLE, peer_public_prekey),
    PLAIN(HANDLE, peer_public_identity),
    PLAIN(HANDLE, own_public_identity),
    PLAIN(BOOL, bEncryptedHeader),
    PLAIN(ULONG, eCurve),
    PLAIN(ULONG, aeadMechanism),
    PLAIN(ULONG, kdfMechanism))
#undef S

#define S CK_X2RATCHET_RESPOND_PARAMS
DEFINE(x2ratchet_respond,
    PLAIN(POINTER_OPEN, sk),
    PLAIN(HANDLE, own_prekey),
    PLAIN(HANDLE, initiator_identity),
    PLAIN(HANDLE, own_public_identity),
    PLAIN(BOOL, bEncryptedHeader),
    PLAIN(ULONG, eCurve),
    PLAIN(ULONG, aeadMechanism),
    PLAIN(ULONG, kdfMechanism))
#undef S

#define S CK_HKDF_PARAMS
DEFINE(hkdf,
    PLAIN(BOOL, bExtract),
    PLAIN(BOOL, bExpand),
    PLAIN(ULONG, prfHashMechanism),
    PLAIN(ULONG, ulSaltType),
    SIZED(POINTER, pSalt, ulSaltLen),
    PLAIN(LENGTH, ulSaltLen),
    PLAIN(HANDLE, hSaltKey),
    SIZED(POINTER, pInfo, ulInfoLen),
    PLAIN(LENGTH, ulInfoLen))
#undef S

#define S CK_IKE2_PRF_PLUS_DERIVE_PARAMS
DEFINE(ike2_prf_plus_derive,
    PLAIN(ULONG, prfMechanism),
    PLAIN(BOOL, bHasSeedKey),
    PLAIN(HANDLE, hSeedKey),
    SIZED(POINTER, pSeedData, ulSeedDataLen),
    PLAIN(LENGTH, ulSeedDataLen))
#undef S

#define S CK_IKE_PRF_DERIVE_PARAMS
DEFINE(ike_prf_derive,
    PLAIN(ULONG, prfMechanism),
    PLAIN(BOOL, bDataAsKey),
    PLAIN(BOOL, bRekey),
    SIZED(POINTER, pNi, ulNiLen),
    PLAIN(LENGTH, ulNiLen),
    SIZED(POINTER, pNr, ulNrLen),
    PLAIN(LENGTH, ulNrLen),
    PLAIN(HANDLE, hNewKey))
#undef S

#define S CK_IKE1_PRF_DERIVE_PARAMS
DEFINE(ike1_prf_derive,
    PLAIN(ULONG, prfMechanism),
    PLAIN(BOOL, bHasPrevKey),
    PLAIN(HANDLE, hKeygxy),
    PLAIN(HANDLE, hPrevKey),
    SIZED(POINTER, pCKYi, ulCKYiLen),
    PLAIN(LENGTH, ulCKYiLen),
    SIZED(POINTER, pCKYr, ulCKYrLen),
    PLAIN(LENGTH, ulCKYrLen),
    PLAIN(BYTES, keyNumber))
#undef S

#define S CK_IKE1_EXTENDED_DERIVE_PARAMS
DEFINE(ike1_extended_derive,
    PLAIN(ULONG, prfMechanism),
    PLAIN(BOOL, bHasKeygxy),
    PLAIN(HANDLE, hKeygxy),
    SIZED(POINTER, pExtraData, ulExtraDataLen),
    PLAIN(LENGTH, ulExtraDataLen))
#undef S

#define S CK_SIGN_ADDITIONAL_CONTEXT
DEFINE(sign_additional_context,
    PLAIN(ULONG, hedgeVariant),
    SIZED(POINTER, pContext, ulContextLen),
    PLAIN(LENGTH, ulContextLen))
#undef S

#define S CK_HASH_SIGN_ADDITIONAL_CONTEXT
DEFINE(hash_sign_additional_context,
    PLAIN(ULONG, hedgeVariant),
    SIZED(POINTER, pContext, ulContextLen),
    PLAIN(LENGTH, ulContextLen),
    PLAIN(ULONG, hash))
#undef S

static const struct kk_param_layout *const layouts[KK_PARAM_COUNT] = {
    [KK_PARAM_ULONG] = &ulong_layout,
    [KK_PARAM_HANDLE] = &handle_layout,
    [KK_PARAM_VERSION] = &version_layout,
    [KK_PARAM_RSA_PKCS_OAEP] = &rsa_pkcs_oaep_layout,
    [KK_PARAM_RSA_PKCS_PSS] = &rsa_pkcs_pss_layout,
    [KK_PARAM_ECDH1_DERIVE] = &ecdh1_derive_layout,
    [KK_PARAM_ECDH2_DERIVE] = &ecdh2_derive_layout,
    [KK_PARAM_ECMQV_DERIVE] = &ecmqv_derive_layout,
    [KK_PARAM_X9_42_DH1_DERIVE] = &x9_42_dh1_derive_layout,
    [KK_PARAM_X9_42_DH2_DERIVE] = &x9_42_dh2_derive_layout,
    [KK_PARAM_X9_42_MQV_DERIVE] = &x9_42_mqv_derive_layout,
    [KK_PARAM_KEA_DERIVE] = &kea_derive_layout,
    [KK_PARAM_RC2_CBC] = &rc2_cbc_layout,
    [KK_PARAM_RC2_MAC_GENERAL] = &rc2_mac_general_layout,
    [KK_PARAM_RC5] = &rc5_layout,
    [KK_PARAM_RC5_CBC] = &rc5_cbc_layout,
    [KK_PARAM_RC5_MAC_GENERAL] = &rc5_mac_general_layout,
    [KK_PARAM_DES_CBC_ENCRYPT_DATA] = &des_cbc_encrypt_data_layout,
    [KK_PARAM_AES_CBC_ENCRYPT_DATA] = &aes_cbc_encrypt_data_layout,
    [KK_PARAM_CAMELLIA_CBC_ENCRYPT_DATA] = &camellia_cbc_encrypt_data_layout,
    [KK_PARAM_ARIA_CBC_ENCRYPT_DATA] = &aria_cbc_encrypt_data_layout,
    [KK_PARAM_SEED_CBC_ENCRYPT_DATA] = &seed_cbc_encrypt_data_layout,
    [KK_PARAM_SKIPJACK_PRIVATE_WRAP] = &skipjack_private_wrap_layout,
    [KK_PARAM_SKIPJACK_RELAYX] = &skipjack_relayx_layout,
    [KK_PARAM_PBE] = &pbe_layout,
    [KK_PARAM_KEY_WRAP_SET_OAEP] = &key_wrap_set_oaep_layout,
    [KK_PARAM_SSL3_MASTER_KEY_DERIVE] = &ssl3_master_key_derive_layout,
    [KK_PARAM_SSL3_KEY_MAT] = &ssl3_key_mat_layout,
    [KK_PARAM_TLS_PRF] = &tls_prf_layout,
    [KK_PARAM_WTLS_MASTER_KEY_DERIVE] = &wtls_master_key_derive_layout,
    [KK_PARAM_WTLS_PRF] = &wtls_prf_layout,
    [KK_PARAM_WTLS_KEY_MAT] = &wtls_key_mat_layout,
    [KK_PARAM_CMS_SIG] = &cms_sig_layout,
    [KK_PARAM_KEY_DERIVATION_STRING_DATA] = &key_derivation_string_data_layout,
    [KK_PARAM_PKCS5_PBKD2] = &pkcs5_pbkd2_layout,
    [KK_PARAM_PKCS5_PBKD2_PARAMS2] = &pkcs5_pbkd2_params2_layout,
    [KK_PARAM_OTP] = &otp_layout,
    [KK_PARAM_KIP] = &kip_layout,
    [KK_PARAM_AES_CTR] = &aes_ctr_layout,
    [KK_PARAM_CAMELLIA_CTR] = &camellia_ctr_layout,
    [KK_PARAM_GCM] = &gcm_layout,
    [KK_PARAM_GCM_MESSAGE] = &gcm_message_layout,
    [KK_PARAM_GCM_WRAP] = &gcm_wrap_layout,
    [KK_PARAM_CCM] = &ccm_layout,
    [KK_PARAM_CCM_MESSAGE] = &ccm_message_layout,
    [KK_PARAM_CCM_WRAP] = &ccm_wrap_layout,
    [KK_PARAM_AES_GCM] = &aes_gcm_layout,
    [KK_PARAM_AES_CCM] = &aes_ccm_layout,
    [KK_PARAM_DSA_PARAMETER_GEN] = &dsa_parameter_gen_param_layout,
    [KK_PARAM_ECDH_AES_KEY_WRAP] = &ecdh_aes_key_wrap_layout,
    [KK_PARAM_RSA_AES_KEY_WRAP] = &rsa_aes_key_wrap_layout,
    [KK_PARAM_TLS12_MASTER_KEY_DERIVE] = &tls12_master_key_derive_layout,
    [KK_PARAM_TLS12_KEY_MAT] = &tls12_key_mat_layout,
    [KK_PARAM_TLS12_KEY_SAFE] = &tls12_key_safe_layout,
    [KK_PARAM_TLS_KDF] = &tls_kdf_layout,
    [KK_PARAM_TLS_MAC] = &tls_mac_layout,
    [KK_PARAM_TLS12_EXTENDED_MASTER_KEY_DERIVE] = &tls12_extended_master_key_derive_layout,
    [KK_PARAM_GOSTR3410_DERIVE] = &gostr3410_derive_layout,
    [KK_PARAM_GOSTR3410_KEY_WRAP] = &gostr3410_key_wrap_layout,
    [KK_PARAM_SP800_108_KDF] = &sp800_108_kdf_layout,
    [KK_PARAM_SP800_108_FEEDBACK_KDF] = &sp800_108_feedback_kdf_layout,
    [KK_PARAM_EDDSA] = &eddsa_layout,
    [KK_PARAM_XEDDSA] = &xeddsa_layout,
    [KK_PARAM_CHACHA20] = &chacha20_layout,
    [KK_PARAM_SALSA20] = &salsa20_layout,
    [KK_PARAM_SALSA20_CHACHA20_POLY1305] = &salsa20_chacha20_poly1305_layout,
    [KK_PARAM_SALSA20_CHACHA20_POLY1305_MSG] = &salsa20_chacha20_poly1305_msg_layout,
    [KK_PARAM_X3DH_INITIATE] = &x3dh_initiate_layout,
    [KK_PARAM_X3DH_RESPOND] = &x3dh_respond_layout,
    [KK_PARAM_X2RATCHET_INITIALIZE] = &x2ratchet_initialize_layout,
    [KK_PARAM_X2RATCHET_RESPOND] = &x2ratchet_respond_layout,
    [KK_PARAM_HKDF] = &hkdf_layout,
    [KK_PARAM_IKE2_PRF_PLUS_DERIVE] = &ike2_prf_plus_derive_layout,
    [KK_PARAM_IKE_PRF_DERIVE] = &ike_prf_derive_layout,
    [KK_PARAM_IKE1_PRF_DERIVE] = &ike1_prf_derive_layout,
    [KK_PARAM_IKE1_EXTENDED_DERIVE] = &ike1_extended_derive_layout,
    [KK_PARAM_SIGN_ADDITIONAL_CONTEXT] = &sign_additional_context_layout,
    [KK_PARAM_HASH_SIGN_ADDITIONAL_CONTEXT] = &hash_sign_additional_context_layout,
};
/* clang-format on */

/* Both structures that point to a CK_SSL3_KEY_MAT_OUT have its IVs' length at one place. */
_Static_assert(offsetof(CK_SSL3_KEY_MAT_PARAMS, ulIVSizeInBits) ==
                   offsetof(CK_TLS12_KEY_MAT_PARAMS, ulIVSizeInBits),
               "the two key material structures begin alike");

const struct kk_param_layout *kk_param_layout(enum kk_param_shape shape)
{
    return (unsigned int)shape < KK_PARAM_COUNT ? layouts[shape] : NULL;
}

const struct kk_param_layout *kk_param_variant_layout(const struct kk_param_field *field,
                                                      CK_ULONG type)
{
    for (const struct kk_param_variant *variant = field->variants;
         variant != NULL && variant->layout != NULL; variant++) {
        if (variant->type == type) {
            return variant->layout;
        }
    }
    return NULL;
}
