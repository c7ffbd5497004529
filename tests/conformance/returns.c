/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Return values that one function or a few have, and the order among them.
 */
#include <string.h>

#include "keys.h"

static CK_BYTE in[64] = "some data", out[512], mac[512], iv[16];
static CK_ULONG length;

/* ---- always authenticated keys: each function of an operation wants its login ---- */

static CK_OBJECT_HANDLE careful_rsa(CK_ATTRIBUTE_TYPE usage)
{
    return key_rsa_private(ATTR_B(usage, CK_TRUE), ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE));
}

static CK_RV sign(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_Sign(S, in, sizeof in, out, &length);
}

static CK_RV sign_update(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignUpdate(S, in, sizeof in);
}

static CK_RV sign_final(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignFinal(S, out, &length);
}

static CK_RV sign_recover(void)
{
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_PKCS), careful_rsa(CKA_SIGN_RECOVER)));
    return F->C_SignRecover(S, in, sizeof in, out, &length);
}

static CK_RV decrypt(void)
{
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_PKCS), careful_rsa(CKA_DECRYPT)));
    return F->C_Decrypt(S, mac, RSA_BYTES, out, &length);
}

static CK_RV decrypt_update(void)
{
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_PKCS), careful_rsa(CKA_DECRYPT)));
    return F->C_DecryptUpdate(S, mac, RSA_BYTES, out, &length);
}

static CK_RV decrypt_final(void)
{
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_PKCS), careful_rsa(CKA_DECRYPT)));
    return F->C_DecryptFinal(S, out, &length);
}

static CK_RV sign_encrypt_update(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    CK_RV rv = F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, 16), key_aes(16, ANY_LABEL));
    if (rv == CKR_OPERATION_ACTIVE)
        check_skip("one operation at a time");
    EXPECT_OK(rv);
    return F->C_SignEncryptUpdate(S, in, sizeof in, out, &length);
}

static CK_RV sign_message(void)
{
    REQUIRE_FUNCTION(C_MessageSignInit);
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignMessage(S, NULL, 0, in, sizeof in, out, &length);
}

static CK_RV sign_message_begin(void)
{
    REQUIRE_FUNCTION(C_MessageSignInit);
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignMessageBegin(S, NULL, 0);
}

struct careful {
    const char *name;
    CK_RV (*call)(void);
};

static const struct careful carefuls[] = {
    {"C_Sign", sign},
    {"C_SignUpdate", sign_update},
    {"C_SignFinal", sign_final},
    {"C_SignRecover", sign_recover},
    {"C_Decrypt", decrypt},
    {"C_DecryptUpdate", decrypt_update},
    {"C_DecryptFinal", decrypt_final},
    {"C_SignEncryptUpdate", sign_encrypt_update},
    {"C_SignMessage", sign_message},
    {"C_SignMessageBegin", sign_message_begin},
};

static void wants_login(const void *row)
{
    const struct careful *careful = row;
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    length = sizeof out;
    EXPECT(careful->call(), CKR_USER_NOT_LOGGED_IN);
}

/* ---- parameters ---- */

static CK_RV generate_with(CK_MECHANISM_PTR mechanism)
{
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES),
                               ATTR_U(CKA_VALUE_LEN, 16)};
    return F->C_GenerateKey(S, mechanism, template, COUNT(template), &(CK_OBJECT_HANDLE){0});
}

static void digest_parameter(void)
{
    require_mechanism(CKM_SHA512_T, CKF_DIGEST);
    EXPECT(F->C_DigestInit(S, MECHANISM(CKM_SHA512_T)), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
}

static void generate_parameter(void)
{
    require_mechanism(CKM_PKCS5_PBKD2, CKF_GENERATE);
    EXPECT(generate_with(MECHANISM_X(CKM_PKCS5_PBKD2, iv, 3)), CKR_MECHANISM_PARAM_INVALID);
}

static void wrap_parameters(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL), made = 0;
    CK_MECHANISM_PTR bad = MECHANISM_X(CKM_AES_CBC_PAD, iv, 3);
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    require_mechanism(CKM_AES_CBC_PAD, CKF_WRAP | CKF_UNWRAP);
    length = sizeof out;
    EXPECT(F->C_WrapKey(S, bad, key, key, out, &length), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_UnwrapKey(S, bad, key, in, 32, template, 2, &made), CKR_MECHANISM_PARAM_INVALID);
}

/* ---- messages ---- */

static CK_BYTE tag[16];

static void start_message(bool decrypt_too)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    REQUIRE_FUNCTION(C_MessageEncryptInit);
    require_mechanism(CKM_AES_GCM, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
    length = sizeof out;
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key));
    if (decrypt_too)
        EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
}

static void message_parameters(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = {iv, 12, 0, CKG_NO_GENERATE, tag, 128};
    start_message(true);
    EXPECT(F->C_EncryptMessage(S, &gcm, 3, NULL, 0, in, 16, out, &length),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_EncryptMessageBegin(S, &gcm, 3, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_OK(F->C_EncryptMessageBegin(S, &gcm, sizeof gcm, NULL, 0));
    EXPECT(F->C_EncryptMessageNext(S, &gcm, 3, in, 16, out, &length, CKF_END_OF_MESSAGE),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_DecryptMessage(S, &gcm, 3, NULL, 0, in, 16, out, &length),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_DecryptMessageBegin(S, &gcm, 3, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_OK(F->C_DecryptMessageBegin(S, &gcm, sizeof gcm, NULL, 0));
    EXPECT(F->C_DecryptMessageNext(S, &gcm, 3, in, 16, out, &length, CKF_END_OF_MESSAGE),
           CKR_MECHANISM_PARAM_INVALID);
}

static void start_message_mac(void)
{
    CK_OBJECT_HANDLE key = key_hmac(32, CK_TRUE);
    REQUIRE_FUNCTION(C_MessageSignInit);
    length = sizeof out;
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    EXPECT_OK(F->C_MessageVerifyInit(S, MECHANISM(CKM_SHA256_HMAC), key));
}

static void message_mac_parameters(void)
{
    start_message_mac();
    EXPECT(F->C_SignMessage(S, iv, 3, in, 16, out, &length), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_SignMessageBegin(S, iv, 3), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    EXPECT(F->C_SignMessageNext(S, iv, 3, in, 16, out, &length), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_VerifyMessage(S, iv, 3, in, 16, mac, 32), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_VerifyMessageBegin(S, iv, 3), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_OK(F->C_VerifyMessageBegin(S, NULL, 0));
    EXPECT(F->C_VerifyMessageNext(S, iv, 3, in, 16, mac, 32), CKR_MECHANISM_PARAM_INVALID);
}

/* "This return value has higher priority than CKR_SIGNATURE_INVALID." */
static void message_mac_lengths(void)
{
    start_message_mac();
    EXPECT(F->C_VerifyMessage(S, NULL, 0, in, 16, mac, 31), CKR_SIGNATURE_LEN_RANGE);
    EXPECT(F->C_VerifyMessage(S, NULL, 0, in, 16, mac, 32), CKR_SIGNATURE_INVALID);
    EXPECT_OK(F->C_VerifyMessageBegin(S, NULL, 0));
    EXPECT(F->C_VerifyMessageNext(S, NULL, 0, in, 16, mac, 31), CKR_SIGNATURE_LEN_RANGE);
    EXPECT_OK(F->C_VerifyMessageBegin(S, NULL, 0));
    EXPECT(F->C_VerifyMessageNext(S, NULL, 0, in, 16, mac, 32), CKR_SIGNATURE_INVALID);
}

static void message_part_too_small(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = {iv, 12, 0, CKG_NO_GENERATE, tag, 128};
    start_message(true);
    EXPECT_OK(F->C_EncryptMessage(S, &gcm, sizeof gcm, NULL, 0, in, 16, out, &length));
    EXPECT_OK(F->C_DecryptMessageBegin(S, &gcm, sizeof gcm, NULL, 0));
    length = 15;
    EXPECT(F->C_DecryptMessageNext(S, &gcm, sizeof gcm, out, 16, mac, &length, CKF_END_OF_MESSAGE),
           CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, 16);
    EXPECT_OK(
        F->C_DecryptMessageNext(S, &gcm, sizeof gcm, out, 16, mac, &length, CKF_END_OF_MESSAGE));
    EXPECT_BYTES(mac, length, in, 16);
}

/* CCM says in advance how long the data is. */
static void message_part_length(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    CK_CCM_MESSAGE_PARAMS ccm = {16, iv, 13, 0, CKG_NO_GENERATE, tag, 16};
    REQUIRE_FUNCTION(C_MessageEncryptInit);
    require_mechanism(CKM_AES_CCM, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_CCM), key));
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_CCM), key));
    EXPECT_OK(F->C_EncryptMessageBegin(S, &ccm, sizeof ccm, NULL, 0));
    length = sizeof out;
    EXPECT(F->C_EncryptMessageNext(S, &ccm, sizeof ccm, in, 17, out, &length, CKF_END_OF_MESSAGE),
           CKR_DATA_LEN_RANGE);
    EXPECT_OK(F->C_DecryptMessageBegin(S, &ccm, sizeof ccm, NULL, 0));
    length = sizeof out;
    EXPECT(F->C_DecryptMessageNext(S, &ccm, sizeof ccm, in, 17, out, &length, CKF_END_OF_MESSAGE),
           CKR_ENCRYPTED_DATA_LEN_RANGE);
}

/* ---- data of a length or value that RSA cannot take ---- */

/* "This return value has higher priority than CKR_DATA_INVALID." */
static void recover_data(void)
{
    CK_OBJECT_HANDLE key = key_rsa_private(ATTR_B(CKA_SIGN_RECOVER, CK_TRUE));
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN_RECOVER);
    require_mechanism(CKM_RSA_X_509, CKF_SIGN_RECOVER);
    memset(mac, 0xff, sizeof mac);
    length = sizeof out;
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT(F->C_SignRecover(S, mac, RSA_BYTES - 10, out, &length), CKR_DATA_LEN_RANGE);
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_SignRecover(S, mac, RSA_BYTES + 1, out, &length), CKR_DATA_LEN_RANGE);
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_SignRecover(S, mac, RSA_BYTES, out, &length), CKR_DATA_INVALID);
}

static void encrypt_data(void)
{
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    require_mechanism(CKM_RSA_X_509, CKF_ENCRYPT);
    memset(mac, 0xff, sizeof mac);
    length = sizeof out;
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_Encrypt(S, mac, RSA_BYTES + 1, out, &length), CKR_DATA_LEN_RANGE);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_Encrypt(S, mac, RSA_BYTES, out, &length), CKR_DATA_INVALID);
}

static void decrypt_data(void)
{
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    require_mechanism(CKM_RSA_X_509, CKF_DECRYPT);
    memset(mac, 0xff, sizeof mac);
    length = sizeof out;
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_Decrypt(S, mac, RSA_BYTES + 1, out, &length), CKR_ENCRYPTED_DATA_LEN_RANGE);
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_Decrypt(S, mac, RSA_BYTES, out, &length), CKR_ENCRYPTED_DATA_INVALID);
}

static void message_data(void)
{
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    REQUIRE_FUNCTION(C_MessageSignInit);
    require_mechanism(CKM_RSA_X_509, CKF_SIGN | CKF_MESSAGE_SIGN);
    memset(mac, 0xff, sizeof mac);
    length = sizeof out;
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_SignMessage(S, NULL, 0, mac, RSA_BYTES + 1, out, &length), CKR_DATA_LEN_RANGE);
    EXPECT(F->C_SignMessage(S, NULL, 0, mac, RSA_BYTES, out, &length), CKR_DATA_INVALID);
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    EXPECT(F->C_SignMessageNext(S, NULL, 0, mac, RSA_BYTES + 1, out, &length), CKR_DATA_LEN_RANGE);
}

/* ---- data that is verified ---- */

static void verified_data(void)
{
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    require_mechanism(CKM_RSA_PKCS, CKF_VERIFY);
    memset(mac, 0x01, sizeof mac);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT_ANY(F->C_Verify(S, mac, RSA_BYTES - 10, mac, RSA_BYTES), CKR_DATA_LEN_RANGE,
               CKR_SIGNATURE_INVALID);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT(F->C_Verify(S, mac, 20, mac, RSA_BYTES - 1), CKR_SIGNATURE_LEN_RANGE);
}

/* The same where the signature comes first or last. */
static void verified_message_data(void)
{
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    require_mechanism(CKM_RSA_PKCS, CKF_VERIFY | CKF_MESSAGE_VERIFY);
    REQUIRE_FUNCTION(C_MessageVerifyInit);
    REQUIRE_FUNCTION(C_VerifySignatureInit);
    memset(mac, 0x01, sizeof mac);
    EXPECT_OK(F->C_MessageVerifyInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT_ANY(F->C_VerifyMessage(S, NULL, 0, mac, RSA_BYTES - 10, mac, RSA_BYTES),
               CKR_DATA_LEN_RANGE, CKR_SIGNATURE_INVALID);
    EXPECT_OK(F->C_VerifyMessageBegin(S, NULL, 0));
    EXPECT_ANY(F->C_VerifyMessageNext(S, NULL, 0, mac, RSA_BYTES - 10, mac, RSA_BYTES),
               CKR_DATA_LEN_RANGE, CKR_SIGNATURE_INVALID);
    EXPECT_OK(F->C_VerifySignatureInit(S, MECHANISM(CKM_RSA_PKCS), key, mac, RSA_BYTES));
    EXPECT_ANY(F->C_VerifySignature(S, mac, RSA_BYTES - 10), CKR_DATA_LEN_RANGE,
               CKR_SIGNATURE_INVALID);
}

static void recovered_length(void)
{
    CK_OBJECT_HANDLE key = key_rsa_public(ATTR_B(CKA_VERIFY_RECOVER, CK_TRUE));
    require_mechanism(CKM_RSA_PKCS, CKF_VERIFY_RECOVER);
    length = sizeof out;
    EXPECT_OK(F->C_VerifyRecoverInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT(F->C_VerifyRecover(S, mac, RSA_BYTES - 1, out, &length), CKR_SIGNATURE_LEN_RANGE);
    EXPECT_OK(F->C_VerifyRecoverInit(S, MECHANISM(CKM_RSA_PKCS), key));
    memset(mac, 0x01, sizeof mac);
    EXPECT(F->C_VerifyRecover(S, mac, RSA_BYTES, out, &length), CKR_SIGNATURE_INVALID);
}

static void recover_too_small(void)
{
    CK_OBJECT_HANDLE key = key_rsa_private(ATTR_B(CKA_SIGN_RECOVER, CK_TRUE));
    CK_OBJECT_HANDLE public = key_rsa_public(ATTR_B(CKA_VERIFY_RECOVER, CK_TRUE));
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER);
    length = RSA_BYTES - 1;
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT(F->C_SignRecover(S, in, 20, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, RSA_BYTES);
    EXPECT_OK(F->C_SignRecover(S, in, 20, out, &length));
    EXPECT_OK(F->C_VerifyRecoverInit(S, MECHANISM(CKM_RSA_PKCS), public));
    length = 19;
    EXPECT(F->C_VerifyRecover(S, out, RSA_BYTES, mac, &length), CKR_BUFFER_TOO_SMALL);
    length = sizeof mac;
    EXPECT_OK(F->C_VerifyRecover(S, out, RSA_BYTES, mac, &length));
    EXPECT_BYTES(mac, length, in, 20);
}

/* Signatures of ECDSA may be shorter than the longest: the end tells. */
static void short_given_signature(void)
{
    CK_OBJECT_HANDLE key = key_curve_public(&curves[P256], ANY_LABEL);
    REQUIRE_FUNCTION(C_VerifySignatureInit);
    require_mechanism(CKM_ECDSA_SHA256, CKF_VERIFY);
    EXPECT_OK(F->C_VerifySignatureInit(S, MECHANISM(CKM_ECDSA_SHA256), key, mac, 63));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, in, sizeof in));
    EXPECT(F->C_VerifySignatureFinal(S), CKR_SIGNATURE_LEN_RANGE);
}

static void decrypt_part_too_small(void)
{
    require_mechanism(CKM_AES_CBC, CKF_DECRYPT);
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, 16), key_aes(16, ANY_LABEL)));
    length = 31;
    EXPECT(F->C_DecryptUpdate(S, in, 32, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, 32);
    EXPECT_OK(F->C_DecryptUpdate(S, in, 32, out, &length));
}

/* ---- messages beyond any size: AES-XTS is for at most 2^20 blocks ---- */

enum { TOO_MUCH = (16 << 20) + 16 };

static CK_BYTE large[TOO_MUCH];

static void start_xts(bool decrypts)
{
    CK_MECHANISM_PTR mechanism = MECHANISM_X(CKM_AES_XTS, iv, 16);
    require_mechanism(CKM_AES_XTS, CKF_ENCRYPT | CKF_DECRYPT);
    CK_OBJECT_HANDLE key = key_secret(CKK_AES_XTS, key_value(), 64, ANY_LABEL);
    length = sizeof out;
    if (decrypts)
        EXPECT_OK(F->C_DecryptInit(S, mechanism, key));
    else
        EXPECT_OK(F->C_EncryptInit(S, mechanism, key));
}

static void too_much_encrypted(void)
{
    start_xts(false);
    EXPECT(F->C_EncryptUpdate(S, large, sizeof large, out, &length), CKR_DATA_LEN_RANGE);
    start_xts(false);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key_hmac(32, CK_TRUE)));
    EXPECT(F->C_SignEncryptUpdate(S, large, sizeof large, out, &length), CKR_DATA_LEN_RANGE);
    start_xts(false);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT(F->C_DigestEncryptUpdate(S, large, sizeof large, out, &length), CKR_DATA_LEN_RANGE);
}

static void too_much_decrypted(void)
{
    start_xts(true);
    EXPECT(F->C_DecryptUpdate(S, large, sizeof large, out, &length), CKR_ENCRYPTED_DATA_LEN_RANGE);
    start_xts(true);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_HMAC), key_hmac(32, CK_TRUE)));
    EXPECT(F->C_DecryptVerifyUpdate(S, large, sizeof large, out, &length),
           CKR_ENCRYPTED_DATA_LEN_RANGE);
    start_xts(true);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT(F->C_DecryptDigestUpdate(S, large, sizeof large, out, &length),
           CKR_ENCRYPTED_DATA_LEN_RANGE);
}

/* ---- keys ---- */

/* CCM with a nonce of 13 bytes is for less than 2^16 bytes. */
static void wrapped_too_long(void)
{
    CK_CCM_MESSAGE_PARAMS ccm = {70000, iv, 13, 0, CKG_NO_GENERATE, tag, 16};
    CK_OBJECT_HANDLE target = 0, key = key_aes(16, ANY_LABEL);
    REQUIRE_FUNCTION(C_WrapKeyAuthenticated);
    require_mechanism(CKM_AES_CCM, CKF_WRAP);
    if (key_secret_rv(CKK_GENERIC_SECRET, large, 70000, TEMPLATE(ANY_LABEL), &target) != CKR_OK)
        check_skip("no keys of 70000 bytes");
    length = sizeof out;
    EXPECT(F->C_WrapKeyAuthenticated(S, MECHANISM_P(CKM_AES_CCM, ccm), key, target, in, 16, out,
                                     &length),
           CKR_KEY_SIZE_RANGE);
}

static void derived_too_long(void)
{
    const struct curve *curve = &curves[P256];
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, curve->public_length,
                                     (CK_BYTE_PTR)curve->public};
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                               ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET), ATTR_U(CKA_VALUE_LEN, 33)};
    CK_OBJECT_HANDLE made = 0;
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    EXPECT_ANY(F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, params),
                              key_curve_private(curve, ANY_LABEL), template, 3, &made),
               CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

static void derived_without_length(void)
{
    CK_KEY_DERIVATION_STRING_DATA data = {in, 16};
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    CK_OBJECT_HANDLE made = 0;
    require_mechanism(CKM_CONCATENATE_BASE_AND_DATA, CKF_DERIVE);
    EXPECT_ANY(F->C_DeriveKey(S, MECHANISM_P(CKM_CONCATENATE_BASE_AND_DATA, data),
                              key_hmac(16, CK_TRUE), template, 2, &made),
               CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT);
}

static CK_GCM_MESSAGE_PARAMS wrap_params(void)
{
    return (CK_GCM_MESSAGE_PARAMS){iv, 12, 0, CKG_NO_GENERATE, tag, 128};
}

static void authenticated_wrapping_keys(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = wrap_params();
    CK_OBJECT_HANDLE target = key_aes(16, ANY_LABEL), rsa = key_rsa_public(ANY_LABEL);
    REQUIRE_FUNCTION(C_WrapKeyAuthenticated);
    length = sizeof out;
    EXPECT(F->C_WrapKeyAuthenticated(S, MECHANISM_P(CKM_AES_GCM, gcm), 0x7fff4711, target, in, 16,
                                     out, &length),
           CKR_WRAPPING_KEY_HANDLE_INVALID);
    EXPECT(F->C_WrapKeyAuthenticated(S, MECHANISM_P(CKM_AES_GCM, gcm), rsa, target, in, 16, out,
                                     &length),
           CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
    EXPECT(F->C_WrapKeyAuthenticated(S, MECHANISM_P(CKM_AES_GCM, gcm), target, 0x7fff4711, in, 16,
                                     out, &length),
           CKR_KEY_HANDLE_INVALID);
}

static CK_RV unwrap_authenticated(CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key, CK_ULONG size)
{
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    REQUIRE_FUNCTION(C_UnwrapKeyAuthenticated);
    return F->C_UnwrapKeyAuthenticated(S, mechanism, key, in, size, template, 2, in, 16,
                                       &(CK_OBJECT_HANDLE){0});
}

static void authenticated_unwrapping_keys(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = wrap_params();
    CK_MECHANISM_PTR good = MECHANISM_P(CKM_AES_GCM, gcm);
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    EXPECT(unwrap_authenticated(good, 0x7fff4711, 16), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
    EXPECT(unwrap_authenticated(good, key_rsa_private(ANY_LABEL), 16),
           CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
    EXPECT(unwrap_authenticated(MECHANISM_X(CKM_AES_GCM, iv, 3), key, 16),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(unwrap_authenticated(good, key, 16), CKR_WRAPPED_KEY_INVALID);
    EXPECT_ANY(unwrap_authenticated(good, key, 0), CKR_WRAPPED_KEY_LEN_RANGE,
               CKR_WRAPPED_KEY_INVALID);
}

/* ---- what a template's values say of curves and groups ---- */

/* 1.2.3.4 as a named curve, and the beginning of something. */
static const CK_BYTE unknown_curve[] = {0x06, 0x03, 0x2a, 0x03, 0x04};
static const CK_BYTE no_curve[] = {0x30, 0x80, 0x01};
static const CK_BYTE empty_curve[] = {0x30, 0x00};

static CK_RV create_point(const CK_BYTE *params, CK_ULONG size)
{
    return CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC),
                     ATTR_X(CKA_EC_PARAMS, params, size), ATTR_A(CKA_EC_POINT, in));
}

static void created_curves(void)
{
    require_mechanism(CKM_ECDSA, CKF_VERIFY);
    EXPECT(create_point(unknown_curve, sizeof unknown_curve), CKR_CURVE_NOT_SUPPORTED);
    EXPECT(create_point(no_curve, sizeof no_curve), CKR_DOMAIN_PARAMS_INVALID);
}

static void created_parameter_set(void)
{
    require_mechanism(CKM_ML_KEM, CKF_ENCAPSULATE);
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_ML_KEM),
                     ATTR_U(CKA_PARAMETER_SET, 0x4711), ATTR_A(CKA_VALUE, in)),
           CKR_PARAMETER_SET_NOT_SUPPORTED);
}

/* A PrivateKeyInfo of that curve, with a scalar of 32 bytes. */
static CK_ULONG private_key_info(const CK_BYTE *params, CK_ULONG size, CK_BYTE *der)
{
    static const CK_BYTE algorithm[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
    static const CK_BYTE key_head[] = {0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20};
    CK_ULONG used = 0;
    der[used++] = 0x30;
    der[used++] = (CK_BYTE)(3 + 2 + sizeof algorithm + size + sizeof key_head + 32);
    memcpy(der + used, "\x02\x01\x00\x30", 4);
    used += 4;
    der[used++] = (CK_BYTE)(sizeof algorithm + size);
    memcpy(der + used, algorithm, sizeof algorithm);
    used += sizeof algorithm;
    memcpy(der + used, params, size);
    used += size;
    memcpy(der + used, key_head, sizeof key_head);
    used += sizeof key_head;
    memset(der + used, 0x11, 32);
    return used + 32;
}

/* Encrypts it, so that it can be unwrapped. */
static CK_RV unwrap_curve(const CK_BYTE *params, CK_ULONG size)
{
    CK_BYTE der[128];
    CK_ULONG der_length = private_key_info(params, size, der);
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL), made = 0;
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC)};
    CK_MECHANISM_PTR mechanism = MECHANISM_X(CKM_AES_CBC_PAD, iv, 16);
    length = sizeof out;
    EXPECT_OK(F->C_EncryptInit(S, mechanism, key));
    EXPECT_OK(F->C_Encrypt(S, der, der_length, out, &length));
    return F->C_UnwrapKey(S, mechanism, key, out, length, template, 2, &made);
}

static void unwrapped_curves(void)
{
    require_mechanism(CKM_AES_CBC_PAD, CKF_UNWRAP);
    EXPECT_OK(unwrap_curve(curves[P256].params, curves[P256].params_length));
    EXPECT(unwrap_curve(unknown_curve, sizeof unknown_curve), CKR_CURVE_NOT_SUPPORTED);
    EXPECT_ANY(unwrap_curve(empty_curve, sizeof empty_curve), CKR_DOMAIN_PARAMS_INVALID,
               CKR_WRAPPED_KEY_INVALID);
}

static CK_RV unwrap_curve_authenticated(const CK_BYTE *params, CK_ULONG size)
{
    CK_BYTE der[128];
    CK_ULONG der_length = private_key_info(params, size, der);
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL), made = 0;
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC)};
    CK_GCM_MESSAGE_PARAMS gcm = wrap_params();
    length = sizeof out;
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key));
    EXPECT_OK(F->C_EncryptMessage(S, &gcm, sizeof gcm, in, 16, der, der_length, out, &length));
    EXPECT_OK(F->C_MessageEncryptFinal(S));
    return F->C_UnwrapKeyAuthenticated(S, MECHANISM_P(CKM_AES_GCM, gcm), key, out, length, template,
                                       2, in, 16, &made);
}

static void unwrapped_curves_authenticated(void)
{
    REQUIRE_FUNCTION(C_UnwrapKeyAuthenticated);
    require_mechanism(CKM_AES_GCM, CKF_UNWRAP | CKF_MESSAGE_ENCRYPT);
    EXPECT_OK(unwrap_curve_authenticated(curves[P256].params, curves[P256].params_length));
    EXPECT(unwrap_curve_authenticated(unknown_curve, sizeof unknown_curve),
           CKR_CURVE_NOT_SUPPORTED);
    EXPECT_ANY(unwrap_curve_authenticated(empty_curve, sizeof empty_curve),
               CKR_DOMAIN_PARAMS_INVALID, CKR_WRAPPED_KEY_INVALID);
}

/* ---- saved states ---- */

static void key_needed(void)
{
    CK_BYTE state[4096];
    CK_ULONG state_length = sizeof state;
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, 16), key));
    CK_RV rv = F->C_GetOperationState(S, state, &state_length);
    if (rv == CKR_STATE_UNSAVEABLE)
        check_skip("the state of this operation cannot be saved");
    EXPECT_OK(rv);
    EXPECT_OK(F->C_DestroyObject(S, key));
    EXPECT(F->C_SetOperationState(S, state, state_length, 0, 0), CKR_KEY_NEEDED);
}

/* "This return value has lower priority than CKR_OPERATION_NOT_INITIALIZED." */
static void nothing_to_save(void)
{
    length = sizeof out;
    EXPECT(F->C_GetOperationState(S, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- PINs ---- */

enum { MOST_TRIES = 40 };

/* Locks the user's PIN, or skips the check where wrong ones do not. */
static CK_RV wrong_until_locked(void)
{
    CK_RV rv = CKR_PIN_INCORRECT;
    for (int i = 0; i < MOST_TRIES && rv == CKR_PIN_INCORRECT; i++)
        rv = login_rv(S, CKU_USER, "not the PIN");
    if (rv == CKR_PIN_INCORRECT)
        check_skip("%d wrong PINs lock nothing", MOST_TRIES);
    return rv;
}

static void locked_pin(void)
{
    EXPECT(wrong_until_locked(), CKR_PIN_LOCKED);
    EXPECT(login_rv(S, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
    EXPECT(F->C_SetPIN(S, PIN(USER_PIN), PIN(USER_PIN)), CKR_PIN_LOCKED);
    if (F->C_LoginUser != NULL)
        EXPECT(F->C_LoginUser(S, CKU_USER, PIN(USER_PIN), NULL, 0), CKR_PIN_LOCKED);
    login(S, CKU_SO);
    EXPECT_OK(F->C_InitPIN(S, PIN(USER_PIN)));
    logout(S);
    login(S, CKU_USER);
}

/* ---- lists ---- */

static void interface_list_too_small(void)
{
    CK_INTERFACE one[1];
    CK_ULONG count = 0;
    REQUIRE_FUNCTION(C_GetInterfaceList);
    EXPECT(F->C_GetInterfaceList(one, &count), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(count > 0);
}

static void search_value(void)
{
    CK_ATTRIBUTE template[] = {ATTR_S(CKA_CLASS, "three bytes and more")};
    EXPECT_ANY(F->C_FindObjectsInit(S, template, 1), CKR_OK, CKR_ATTRIBUTE_VALUE_INVALID);
}

/* clang-format off */
static const struct check careful_checks[] = {
    CHECK_ROW(FIX_USER, wants_login, "CKA_ALWAYS_AUTHENTICATE", "CKR_USER_NOT_LOGGED_IN without a login for the operation"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, digest_parameter, "C_DigestInit", "CKR_MECHANISM_PARAM_INVALID without a parameter that is needed"),
    CHECK(FIX_USER, generate_parameter, "C_GenerateKey", "CKR_MECHANISM_PARAM_INVALID for a parameter that is not the mechanism's"),
    CHECK(FIX_USER, wrap_parameters, "C_WrapKey", "CKR_MECHANISM_PARAM_INVALID for an IV that is too short, and in C_UnwrapKey"),
    CHECK(FIX_USER, message_parameters, "C_EncryptMessage", "CKR_MECHANISM_PARAM_INVALID for a parameter of another length, in its kin too"),
    CHECK(FIX_USER, message_mac_parameters, "C_SignMessage", "CKR_MECHANISM_PARAM_INVALID for a parameter where there is none, in its kin too"),
    CHECK(FIX_USER, message_mac_lengths, "C_VerifyMessage", "CKR_SIGNATURE_LEN_RANGE has higher priority than CKR_SIGNATURE_INVALID, in C_VerifyMessageNext too"),
    CHECK(FIX_USER, message_part_too_small, "C_DecryptMessageNext", "CKR_BUFFER_TOO_SMALL, and the message goes on"),
    CHECK(FIX_USER, message_part_length, "C_EncryptMessageNext", "CKR_DATA_LEN_RANGE, in C_DecryptMessageNext CKR_ENCRYPTED_DATA_LEN_RANGE, for more than was announced"),
    CHECK(FIX_USER, recover_data, "C_SignRecover", "CKR_DATA_LEN_RANGE has higher priority than CKR_DATA_INVALID"),
    CHECK(FIX_USER, encrypt_data, "C_Encrypt", "CKR_DATA_LEN_RANGE has higher priority than CKR_DATA_INVALID"),
    CHECK(FIX_USER, decrypt_data, "C_Decrypt", "CKR_ENCRYPTED_DATA_LEN_RANGE has higher priority than CKR_ENCRYPTED_DATA_INVALID"),
    CHECK(FIX_USER, message_data, "C_SignMessage", "CKR_DATA_LEN_RANGE has higher priority than CKR_DATA_INVALID"),
    CHECK(FIX_USER, verified_data, "C_Verify", "CKR_SIGNATURE_LEN_RANGE has higher priority than CKR_SIGNATURE_INVALID"),
    CHECK(FIX_USER, verified_message_data, "C_VerifyMessage", "CKR_DATA_LEN_RANGE, or an invalid signature, for more data than there can be; C_VerifySignature"),
    CHECK(FIX_USER, too_much_encrypted, "C_EncryptUpdate", "CKR_DATA_LEN_RANGE for more than the mechanism takes; in C_SignEncryptUpdate and C_DigestEncryptUpdate"),
    CHECK(FIX_USER, too_much_decrypted, "C_DecryptUpdate", "CKR_ENCRYPTED_DATA_LEN_RANGE for more than the mechanism takes; in C_DecryptVerifyUpdate and C_DecryptDigestUpdate"),
    CHECK(FIX_USER, wrapped_too_long, "C_WrapKeyAuthenticated", "CKR_KEY_SIZE_RANGE for a key longer than the mechanism's messages"),
    CHECK(FIX_USER, recovered_length, "C_VerifyRecover", "CKR_SIGNATURE_LEN_RANGE has higher priority than CKR_SIGNATURE_INVALID"),
    CHECK(FIX_USER, recover_too_small, "C_SignRecover", "CKR_BUFFER_TOO_SMALL, and the operation goes on; in C_VerifyRecover too"),
    CHECK(FIX_USER, short_given_signature, "C_VerifySignatureFinal", "CKR_SIGNATURE_LEN_RANGE for a signature that the beginning could not tell"),
    CHECK(FIX_USER, decrypt_part_too_small, "C_DecryptUpdate", "CKR_BUFFER_TOO_SMALL, and the operation goes on"),
    CHECK(FIX_USER, derived_too_long, "C_DeriveKey", "CKR_KEY_SIZE_RANGE for more bytes than there are"),
    CHECK(FIX_USER, derived_without_length, "C_DeriveKey", "CKR_TEMPLATE_INCOMPLETE for a type of which there are several lengths"),
    CHECK(FIX_USER, authenticated_wrapping_keys, "C_WrapKeyAuthenticated", "CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_WRAPPING_KEY_TYPE_INCONSISTENT, CKR_KEY_HANDLE_INVALID"),
    CHECK(FIX_USER, authenticated_unwrapping_keys, "C_UnwrapKeyAuthenticated", "CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_WRAPPED_KEY_INVALID"),
    CHECK(FIX_USER, created_curves, "C_CreateObject", "CKR_CURVE_NOT_SUPPORTED for a curve that there is not, CKR_DOMAIN_PARAMS_INVALID for what is none"),
    CHECK(FIX_USER, created_parameter_set, "C_CreateObject", "CKR_PARAMETER_SET_NOT_SUPPORTED for a set that there is not"),
    CHECK(FIX_USER, unwrapped_curves, "C_UnwrapKey", "CKR_CURVE_NOT_SUPPORTED for a wrapped key of a curve that there is not"),
    CHECK(FIX_USER, unwrapped_curves_authenticated, "C_UnwrapKeyAuthenticated", "CKR_CURVE_NOT_SUPPORTED for a wrapped key of a curve that there is not"),
    CHECK(FIX_USER, key_needed, "C_SetOperationState", "CKR_KEY_NEEDED when the key of then is gone"),
    CHECK(FIX_USER, nothing_to_save, "C_GetOperationState", "CKR_OPERATION_NOT_INITIALIZED has higher priority than CKR_STATE_UNSAVEABLE"),
    CHECK(FIX_PUBLIC, locked_pin, "C_Login", "CKR_PIN_LOCKED after many wrong PINs, for the right one too; C_LoginUser and C_SetPIN"),
    CHECK(FIX_LIBRARY, interface_list_too_small, "C_GetInterfaceList", "CKR_BUFFER_TOO_SMALL and the number needed, by the function list"),
    CHECK(FIX_USER, search_value, "C_FindObjectsInit", "CKR_ATTRIBUTE_VALUE_INVALID, or a search that finds nothing, for a value that can't be"),
};
/* clang-format on */

void chapter_returns(void)
{
    check_add_rows("returns", careful_checks, carefuls);
    check_add_table("returns", checks);
}
