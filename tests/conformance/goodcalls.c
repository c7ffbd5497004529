/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of calls that succeed.
 */
#include "goodcalls.h"

#include <string.h>
#include <unistd.h>

#include "keys.h"
#include "ossl.h"

enum { BLOCK = 16, ROOM = 1024, EVENT_MS = 2000 };

static CK_BYTE in[BLOCK] = "sixteen bytes!!!", out[ROOM], mac[ROOM], iv[BLOCK] = "an initial value";
static CK_BYTE aad[] = "associated data", tag[BLOCK], wrapped[ROOM];
static CK_ULONG length, mac_length, wrapped_length, count;
static CK_OBJECT_HANDLE key, other_key, object, made[2];
static CK_SESSION_HANDLE extra;
static CK_SLOT_ID slot;
static CK_BBOOL yes = CK_TRUE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY, data_class = CKO_DATA;
static CK_KEY_TYPE aes_type = CKK_AES, generic_type = CKK_GENERIC_SECRET;
static CK_ULONG value_length = BLOCK;
static CK_BYTE label[] = "good call";
static CK_GCM_MESSAGE_PARAMS gcm;
static CK_ECDH1_DERIVE_PARAMS ecdh;
static CK_ASYNC_DATA async;
static CK_INFO info;
static CK_SLOT_INFO slot_info;
static CK_TOKEN_INFO token;
static CK_MECHANISM_INFO mechanism_info;
static CK_SESSION_INFO session_info;

static CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv};
static CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
static CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
static CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0};
static CK_MECHANISM message = {CKM_AES_GCM, NULL, 0};
static CK_MECHANISM gcm_wrap = {CKM_AES_GCM, &gcm, sizeof gcm};
static CK_MECHANISM key_wrap = {CKM_AES_KEY_WRAP, NULL, 0};
static CK_MECHANISM agreement = {CKM_ECDH1_DERIVE, &ecdh, sizeof ecdh};
static CK_MECHANISM generate = {CKM_AES_KEY_GEN, NULL, 0};
static CK_MECHANISM generate_pair = {CKM_EC_KEY_PAIR_GEN, NULL, 0};

static CK_ATTRIBUTE data_template[] = {{CKA_CLASS, &data_class, sizeof data_class},
                                       {CKA_LABEL, label, sizeof label - 1}};
static CK_ATTRIBUTE label_template[] = {{CKA_LABEL, label, sizeof label - 1}};
static CK_ATTRIBUTE length_template[] = {{CKA_VALUE_LEN, &value_length, sizeof value_length}};
static CK_ATTRIBUTE aes_template[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                                      {CKA_KEY_TYPE, &aes_type, sizeof aes_type}};
static CK_ATTRIBUTE secret_template[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                                         {CKA_KEY_TYPE, &generic_type, sizeof generic_type},
                                         {CKA_VALUE_LEN, &value_length, sizeof value_length}};
static CK_ATTRIBUTE verify_template[] = {{CKA_EC_PARAMS, NULL, 0}, {CKA_VERIFY, &yes, sizeof yes}};
static CK_ATTRIBUTE sign_template[] = {{CKA_SIGN, &yes, sizeof yes}};

/* ---- preparations ---- */

void good_call_session(CK_FLAGS flags)
{
    env.session = open_session(flags);
    length = count = ROOM;
    memset(tag, 0, sizeof tag);
    gcm = (CK_GCM_MESSAGE_PARAMS){iv, 12, 0, CKG_NO_GENERATE, tag, 128};
}

void good_call_end(void)
{
    if (F->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED)
        EXPECT_OK(F->C_Initialize(NULL));
}

static void fresh(void)
{
    good_call_session(CKF_RW_SESSION);
}

static void aes(void)
{
    fresh();
    require_mechanism(CKM_AES_CBC, CKF_ENCRYPT | CKF_DECRYPT);
    key = key_aes(BLOCK, ANY_LABEL);
}

static void secret(void)
{
    fresh();
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN | CKF_VERIFY);
    key = key_hmac(32, CK_TRUE);
    mac_length = ossl_hmac("SHA2-256", key_value(), 32, in, sizeof in, mac);
}

static void rsa_key(void)
{
    fresh();
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER);
    key = key_rsa_private(ATTR_B(CKA_SIGN_RECOVER, CK_TRUE));
    other_key = key_rsa_public(ATTR_B(CKA_VERIFY_RECOVER, CK_TRUE));
    struct ossl_rsa padding = {.padding = "pkcs1"};
    mac_length = ossl_rsa_sign(&padding, in, sizeof in, mac);
}

static void gcm_key(void)
{
    aes();
    REQUIRE_FUNCTION(C_MessageEncryptInit);
    require_mechanism(CKM_AES_GCM, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
}

static void an_object(void)
{
    fresh();
    object = CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_S(CKA_LABEL, "good call"));
}

static void finalized(void)
{
    EXPECT_OK(F->C_Finalize(NULL));
}

static void logged_out(void)
{
    fresh();
    if (session_state(S) == CKS_RW_USER_FUNCTIONS)
        logout(S);
}

static void so(void)
{
    env_reset();
    fresh();
    login(S, CKU_SO);
}

static void user(void)
{
    fresh();
    if (session_state(S) != CKS_RW_USER_FUNCTIONS)
        login(S, CKU_USER);
}

static void free_slot(void)
{
    slot = require_free_slot();
    memset(label, ' ', sizeof label - 1);
    memcpy(label, "good call", 9);
}

static void an_event(void)
{
    CK_SLOT_ID found = 0;
    CK_UTF8CHAR name[32];
    memset(name, ' ', sizeof name);
    while (F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &found, NULL) == CKR_OK)
        continue;
    EXPECT_OK(F->C_InitToken(require_free_slot(), PIN(SO_PIN), name));
}

static void another_session(void)
{
    fresh();
    extra = open_session(0);
}

static void saved(void)
{
    fresh();
    EXPECT_OK(F->C_DigestInit(S, &sha256));
    EXPECT_OK(F->C_DigestUpdate(S, in, sizeof in));
    EXPECT_OK(F->C_GetOperationState(S, out, &length));
    fresh();
    length = 0;
    EXPECT_OK(F->C_DigestInit(S, &sha256));
    EXPECT_OK(F->C_DigestUpdate(S, in, sizeof in));
    EXPECT_OK(F->C_GetOperationState(S, NULL, &length));
}

static void search(void)
{
    fresh();
    EXPECT_OK(F->C_FindObjectsInit(S, label_template, 1));
}

static void digesting(void)
{
    fresh();
    key = key_hmac(32, CK_TRUE);
    EXPECT_OK(F->C_DigestInit(S, &sha256));
}

static void digested(void)
{
    digesting();
    EXPECT_OK(F->C_DigestUpdate(S, in, sizeof in));
}

static void encrypting(void)
{
    aes();
    EXPECT_OK(F->C_EncryptInit(S, &cbc, key));
}

static void decrypting(void)
{
    aes();
    EXPECT_OK(F->C_DecryptInit(S, &cbc, key));
}

static void signing(void)
{
    secret();
    EXPECT_OK(F->C_SignInit(S, &hmac, key));
}

static void signed_part(void)
{
    signing();
    EXPECT_OK(F->C_SignUpdate(S, in, sizeof in));
}

static void verifying(void)
{
    secret();
    EXPECT_OK(F->C_VerifyInit(S, &hmac, key));
}

static void verified_part(void)
{
    verifying();
    EXPECT_OK(F->C_VerifyUpdate(S, in, sizeof in));
}

static void sign_recovering(void)
{
    rsa_key();
    EXPECT_OK(F->C_SignRecoverInit(S, &rsa, key));
}

static void verify_recovering(void)
{
    rsa_key();
    EXPECT_OK(F->C_VerifyRecoverInit(S, &rsa, other_key));
}

static void with_signature(void)
{
    secret();
    REQUIRE_FUNCTION(C_VerifySignatureInit);
}

static void verifying_signature(void)
{
    with_signature();
    EXPECT_OK(F->C_VerifySignatureInit(S, &hmac, key, mac, mac_length));
}

static void verified_signature_part(void)
{
    verifying_signature();
    EXPECT_OK(F->C_VerifySignatureUpdate(S, in, sizeof in));
}

/* The second operation of two. */
static void need_dual(CK_RV rv)
{
    if (rv == CKR_OPERATION_ACTIVE)
        check_skip("one operation at a time");
    EXPECT_OK(rv);
}

static void digest_encrypting(void)
{
    encrypting();
    need_dual(F->C_DigestInit(S, &sha256));
}

static void decrypt_digesting(void)
{
    decrypting();
    need_dual(F->C_DigestInit(S, &sha256));
}

static void sign_encrypting(void)
{
    signing();
    key = key_aes(BLOCK, ANY_LABEL);
    need_dual(F->C_EncryptInit(S, &cbc, key));
}

static void decrypt_verifying(void)
{
    verifying();
    key = key_aes(BLOCK, ANY_LABEL);
    need_dual(F->C_DecryptInit(S, &cbc, key));
}

static void message_encrypting(void)
{
    gcm_key();
    EXPECT_OK(F->C_MessageEncryptInit(S, &message, key));
}

static void message_encrypt_begun(void)
{
    message_encrypting();
    EXPECT_OK(F->C_EncryptMessageBegin(S, &gcm, sizeof gcm, aad, sizeof aad));
}

static void message_decrypting(void)
{
    message_encrypting();
    EXPECT_OK(
        F->C_EncryptMessage(S, &gcm, sizeof gcm, aad, sizeof aad, in, sizeof in, wrapped, &length));
    EXPECT_EQUAL(length, sizeof in);
    length = ROOM;
    EXPECT_OK(F->C_MessageDecryptInit(S, &message, key));
}

static void message_decrypt_begun(void)
{
    message_decrypting();
    EXPECT_OK(F->C_DecryptMessageBegin(S, &gcm, sizeof gcm, aad, sizeof aad));
}

static void message_signing(void)
{
    secret();
    REQUIRE_FUNCTION(C_MessageSignInit);
    EXPECT_OK(F->C_MessageSignInit(S, &hmac, key));
}

static void message_sign_begun(void)
{
    message_signing();
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
}

static void message_verifying(void)
{
    secret();
    REQUIRE_FUNCTION(C_MessageVerifyInit);
    EXPECT_OK(F->C_MessageVerifyInit(S, &hmac, key));
}

static void message_verify_begun(void)
{
    message_verifying();
    EXPECT_OK(F->C_VerifyMessageBegin(S, NULL, 0));
}

static void key_generation(void)
{
    fresh();
    require_mechanism(CKM_AES_KEY_GEN, CKF_GENERATE);
}

static void pair_generation(void)
{
    fresh();
    require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    verify_template[0].pValue = (CK_VOID_PTR)curves[P256].params;
    verify_template[0].ulValueLen = curves[P256].params_length;
}

static void wrapping(void)
{
    fresh();
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP);
    key = key_aes(32, ANY_LABEL);
    other_key = key_aes(BLOCK, ANY_LABEL);
}

static void unwrapping(void)
{
    wrapping();
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKey(S, &key_wrap, key, other_key, wrapped, &wrapped_length));
}

static void deriving(void)
{
    fresh();
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    key = key_curve_private(&curves[P256], ANY_LABEL);
    ecdh = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, curves[P256].public_length,
                                    (CK_BYTE_PTR)curves[P256].public};
}

static void authenticated(void)
{
    wrapping();
    REQUIRE_FUNCTION(C_WrapKeyAuthenticated);
    require_mechanism(CKM_AES_GCM, CKF_WRAP | CKF_UNWRAP);
}

static void authenticated_back(void)
{
    authenticated();
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKeyAuthenticated(S, &gcm_wrap, key, other_key, aad, sizeof aad, wrapped,
                                        &wrapped_length));
}

static void encapsulating(void)
{
    fresh();
    REQUIRE_FUNCTION(C_EncapsulateKey);
    require_mechanism(CKM_ECDH1_DERIVE, CKF_ENCAPSULATE | CKF_DECAPSULATE);
    ecdh = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, 0, NULL};
    other_key = key_curve_public(&curves[P256], ATTR_B(CKA_ENCAPSULATE, CK_TRUE));
    key = key_curve_private(&curves[P256], ATTR_B(CKA_DECAPSULATE, CK_TRUE));
}

static void decapsulating(void)
{
    encapsulating();
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_EncapsulateKey(S, &agreement, other_key, secret_template, 3, wrapped,
                                  &wrapped_length, made));
}

/* The result of a key generation waits. */
static void pending(void)
{
    REQUIRE_FUNCTION(C_AsyncComplete);
    if ((token_info().flags & CKF_ASYNC_SESSION_SUPPORTED) == 0)
        check_skip("the token has no asynchronous sessions");
    good_call_session(CKF_RW_SESSION | CKF_ASYNC_SESSION);
    CK_RV rv = F->C_GenerateKey(S, &generate, length_template, 1, &made[0]);
    if (rv == CKR_OK)
        check_skip("the token answers at once");
    EXPECT(rv, CKR_PENDING);
    async = (CK_ASYNC_DATA){.ulVersion = 0};
    usleep(20000);
}

/* A short wait is the price of an answer that comes later. */
static CK_RV complete(void)
{
    CK_RV rv = CKR_PENDING;
    for (int ms = 0; rv == CKR_PENDING && ms < EVENT_MS; ms += 5) {
        rv = F->C_AsyncComplete(S, (CK_UTF8CHAR_PTR) "C_GenerateKey", &async);
        if (rv == CKR_PENDING)
            usleep(5000);
    }
    return rv;
}

static CK_RV wait_for_event(void)
{
    CK_RV rv = CKR_NO_EVENT;
    for (int ms = 0; rv == CKR_NO_EVENT && ms < EVENT_MS; ms += 5) {
        rv = F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
        if (rv == CKR_NO_EVENT)
            usleep(5000);
    }
    if (rv == CKR_NO_EVENT)
        check_skip("a new token is no event");
    return rv;
}

/* ---- the table ---- */

/* clang-format off */
#define OK CKR_OK
#define CALLS(X) \
    X(C_Initialize, finalized, (NULL), OK) \
    X(C_Finalize, fresh, (NULL), OK) \
    X(C_GetInfo, fresh, (&info), OK) \
    X(C_GetFunctionList, fresh, (&(CK_FUNCTION_LIST_PTR){NULL}), OK) \
    X(C_GetSlotList, fresh, (CK_FALSE, (CK_SLOT_ID_PTR)out, (length = ROOM / sizeof(CK_SLOT_ID), &length)), OK) \
    X(C_GetSlotInfo, fresh, (env.slot, &slot_info), OK) \
    X(C_GetTokenInfo, fresh, (env.slot, &token), OK) \
    X(C_GetMechanismList, fresh, (env.slot, NULL, &length), OK) \
    X(C_GetMechanismInfo, fresh, (env.slot, CKM_SHA256, &mechanism_info), OK) \
    X(C_InitToken, free_slot, (slot, PIN(SO_PIN), (CK_UTF8CHAR_PTR)"good call                       "), OK) \
    X(C_InitPIN, so, (S, PIN(USER_PIN)), OK) \
    X(C_SetPIN, user, (S, PIN(USER_PIN), PIN(USER_PIN)), OK) \
    X(C_OpenSession, fresh, (env.slot, CKF_SERIAL_SESSION, NULL, NULL, &extra), OK) \
    X(C_CloseSession, another_session, (extra), OK) \
    X(C_CloseAllSessions, another_session, (env.slot), OK) \
    X(C_GetSessionInfo, fresh, (S, &session_info), OK) \
    X(C_GetOperationState, digested, (S, out, &length), OK) \
    X(C_SetOperationState, saved, (S, out, length, 0, 0), OK) \
    X(C_Login, logged_out, (S, CKU_USER, PIN(USER_PIN)), OK) \
    X(C_Logout, user, (S), OK) \
    X(C_CreateObject, fresh, (S, data_template, 2, &object), OK) \
    X(C_CopyObject, an_object, (S, object, label_template, 1, made), OK) \
    X(C_DestroyObject, an_object, (S, object), OK) \
    X(C_GetObjectSize, an_object, (S, object, &length), OK) \
    X(C_GetAttributeValue, an_object, (S, object, label_template, 1), OK) \
    X(C_SetAttributeValue, an_object, (S, object, label_template, 1), OK) \
    X(C_FindObjectsInit, fresh, (S, label_template, 1), OK) \
    X(C_FindObjects, search, (S, made, 2, &count), OK) \
    X(C_FindObjectsFinal, search, (S), OK) \
    X(C_EncryptInit, aes, (S, &cbc, key), OK) \
    X(C_Encrypt, encrypting, (S, in, sizeof in, out, &length), OK) \
    X(C_EncryptUpdate, encrypting, (S, in, sizeof in, out, &length), OK) \
    X(C_EncryptFinal, encrypting, (S, out, &length), OK) \
    X(C_DecryptInit, aes, (S, &cbc, key), OK) \
    X(C_Decrypt, decrypting, (S, in, sizeof in, out, &length), OK) \
    X(C_DecryptUpdate, decrypting, (S, in, sizeof in, out, &length), OK) \
    X(C_DecryptFinal, decrypting, (S, out, &length), OK) \
    X(C_DigestInit, fresh, (S, &sha256), OK) \
    X(C_Digest, digesting, (S, in, sizeof in, out, &length), OK) \
    X(C_DigestUpdate, digesting, (S, in, sizeof in), OK) \
    X(C_DigestKey, digesting, (S, key), OK) \
    X(C_DigestFinal, digested, (S, out, &length), OK) \
    X(C_SignInit, secret, (S, &hmac, key), OK) \
    X(C_Sign, signing, (S, in, sizeof in, out, &length), OK) \
    X(C_SignUpdate, signing, (S, in, sizeof in), OK) \
    X(C_SignFinal, signed_part, (S, out, &length), OK) \
    X(C_SignRecoverInit, rsa_key, (S, &rsa, key), OK) \
    X(C_SignRecover, sign_recovering, (S, in, sizeof in, out, &length), OK) \
    X(C_VerifyInit, secret, (S, &hmac, key), OK) \
    X(C_Verify, verifying, (S, in, sizeof in, mac, mac_length), OK) \
    X(C_VerifyUpdate, verifying, (S, in, sizeof in), OK) \
    X(C_VerifyFinal, verified_part, (S, mac, mac_length), OK) \
    X(C_VerifyRecoverInit, rsa_key, (S, &rsa, other_key), OK) \
    X(C_VerifyRecover, verify_recovering, (S, mac, mac_length, out, &length), OK) \
    X(C_DigestEncryptUpdate, digest_encrypting, (S, in, sizeof in, out, &length), OK) \
    X(C_DecryptDigestUpdate, decrypt_digesting, (S, in, sizeof in, out, &length), OK) \
    X(C_SignEncryptUpdate, sign_encrypting, (S, in, sizeof in, out, &length), OK) \
    X(C_DecryptVerifyUpdate, decrypt_verifying, (S, in, sizeof in, out, &length), OK) \
    X(C_GenerateKey, key_generation, (S, &generate, length_template, 1, made), OK) \
    X(C_GenerateKeyPair, pair_generation, (S, &generate_pair, verify_template, 2, sign_template, 1, &made[0], &made[1]), OK) \
    X(C_WrapKey, wrapping, (S, &key_wrap, key, other_key, out, &length), OK) \
    X(C_UnwrapKey, unwrapping, (S, &key_wrap, key, wrapped, wrapped_length, aes_template, 2, made), OK) \
    X(C_DeriveKey, deriving, (S, &agreement, key, secret_template, 3, made), OK) \
    X(C_SeedRandom, fresh, (S, in, sizeof in), OK) \
    X(C_GenerateRandom, fresh, (S, out, BLOCK), OK) \
    X(C_GetFunctionStatus, fresh, (S), CKR_FUNCTION_NOT_PARALLEL) \
    X(C_CancelFunction, fresh, (S), CKR_FUNCTION_NOT_PARALLEL) \
    X(C_GetInterfaceList, fresh, (NULL, &count), OK) \
    X(C_GetInterface, fresh, (NULL, NULL, &(CK_INTERFACE_PTR){NULL}, 0), OK) \
    X(C_LoginUser, logged_out, (S, CKU_USER, PIN(USER_PIN), NULL, 0), OK) \
    X(C_SessionCancel, digesting, (S, CKF_DIGEST), OK) \
    X(C_MessageEncryptInit, gcm_key, (S, &message, key), OK) \
    X(C_EncryptMessage, message_encrypting, (S, &gcm, sizeof gcm, aad, sizeof aad, in, sizeof in, out, &length), OK) \
    X(C_EncryptMessageBegin, message_encrypting, (S, &gcm, sizeof gcm, aad, sizeof aad), OK) \
    X(C_EncryptMessageNext, message_encrypt_begun, (S, &gcm, sizeof gcm, in, sizeof in, out, &length, CKF_END_OF_MESSAGE), OK) \
    X(C_MessageEncryptFinal, message_encrypting, (S), OK) \
    X(C_MessageDecryptInit, gcm_key, (S, &message, key), OK) \
    X(C_DecryptMessage, message_decrypting, (S, &gcm, sizeof gcm, aad, sizeof aad, wrapped, sizeof in, out, &length), OK) \
    X(C_DecryptMessageBegin, message_decrypting, (S, &gcm, sizeof gcm, aad, sizeof aad), OK) \
    X(C_DecryptMessageNext, message_decrypt_begun, (S, &gcm, sizeof gcm, wrapped, sizeof in, out, &length, CKF_END_OF_MESSAGE), OK) \
    X(C_MessageDecryptFinal, message_decrypting, (S), OK) \
    X(C_MessageSignInit, secret, (S, &hmac, key), OK) \
    X(C_SignMessage, message_signing, (S, NULL, 0, in, sizeof in, out, &length), OK) \
    X(C_SignMessageBegin, message_signing, (S, NULL, 0), OK) \
    X(C_SignMessageNext, message_sign_begun, (S, NULL, 0, in, sizeof in, out, &length), OK) \
    X(C_MessageSignFinal, message_signing, (S), OK) \
    X(C_MessageVerifyInit, secret, (S, &hmac, key), OK) \
    X(C_VerifyMessage, message_verifying, (S, NULL, 0, in, sizeof in, mac, mac_length), OK) \
    X(C_VerifyMessageBegin, message_verifying, (S, NULL, 0), OK) \
    X(C_VerifyMessageNext, message_verify_begun, (S, NULL, 0, in, sizeof in, mac, mac_length), OK) \
    X(C_MessageVerifyFinal, message_verifying, (S), OK) \
    X(C_EncapsulateKey, encapsulating, (S, &agreement, other_key, secret_template, 3, out, &length, made), OK) \
    X(C_DecapsulateKey, decapsulating, (S, &agreement, key, secret_template, 3, wrapped, wrapped_length, made), OK) \
    X(C_VerifySignatureInit, with_signature, (S, &hmac, key, mac, mac_length), OK) \
    X(C_VerifySignature, verifying_signature, (S, in, sizeof in), OK) \
    X(C_VerifySignatureUpdate, verifying_signature, (S, in, sizeof in), OK) \
    X(C_VerifySignatureFinal, verified_signature_part, (S), OK) \
    X(C_GetSessionValidationFlags, fresh, (S, CKS_LAST_VALIDATION_OK, &length), OK) \
    X(C_AsyncGetID, pending, (S, (CK_UTF8CHAR_PTR)"C_GenerateKey", &length), CKR_STATE_UNSAVEABLE) \
    X(C_AsyncJoin, fresh, (S, (CK_UTF8CHAR_PTR)"C_GenerateKey", 1, NULL, 0), CKR_SAVED_STATE_INVALID) \
    X(C_WrapKeyAuthenticated, authenticated, (S, &gcm_wrap, key, other_key, aad, sizeof aad, out, &length), OK) \
    X(C_UnwrapKeyAuthenticated, authenticated_back, (S, &gcm_wrap, key, wrapped, wrapped_length, aes_template, 2, aad, sizeof aad, made), OK)

/* the same, but that a pointer which must be given is NULL */
#define NULL_CALLS(X) \
    X(C_Finalize, fresh, (&info)) \
    X(C_GetInfo, fresh, (NULL)) \
    X(C_GetFunctionList, fresh, (NULL)) \
    X(C_GetSlotList, fresh, (CK_FALSE, (CK_SLOT_ID_PTR)out, NULL)) \
    X(C_GetSlotInfo, fresh, (env.slot, NULL)) \
    X(C_GetTokenInfo, fresh, (env.slot, NULL)) \
    X(C_GetMechanismList, fresh, (env.slot, NULL, NULL)) \
    X(C_GetMechanismInfo, fresh, (env.slot, CKM_SHA256, NULL)) \
    X(C_InitToken, free_slot, (slot, PIN(SO_PIN), NULL)) \
    X(C_InitPIN, so, (S, NULL, 5)) \
    X(C_SetPIN, user, (S, PIN(USER_PIN), NULL, 5)) \
    X(C_OpenSession, fresh, (env.slot, CKF_SERIAL_SESSION, NULL, NULL, NULL)) \
    X(C_GetSessionInfo, fresh, (S, NULL)) \
    X(C_GetOperationState, digested, (S, out, NULL)) \
    X(C_SetOperationState, saved, (S, NULL, length, 0, 0)) \
    X(C_Login, logged_out, (S, CKU_USER, NULL, 5)) \
    X(C_CreateObject, fresh, (S, data_template, 2, NULL)) \
    X(C_CopyObject, an_object, (S, object, label_template, 1, NULL)) \
    X(C_GetObjectSize, an_object, (S, object, NULL)) \
    X(C_GetAttributeValue, an_object, (S, object, NULL, 1)) \
    X(C_SetAttributeValue, an_object, (S, object, NULL, 1)) \
    X(C_FindObjectsInit, fresh, (S, NULL, 1)) \
    X(C_FindObjects, search, (S, made, 2, NULL)) \
    X(C_Encrypt, encrypting, (S, in, sizeof in, out, NULL)) \
    X(C_EncryptUpdate, encrypting, (S, in, sizeof in, out, NULL)) \
    X(C_EncryptFinal, encrypting, (S, out, NULL)) \
    X(C_Decrypt, decrypting, (S, in, sizeof in, out, NULL)) \
    X(C_DecryptUpdate, decrypting, (S, in, sizeof in, out, NULL)) \
    X(C_DecryptFinal, decrypting, (S, out, NULL)) \
    X(C_Digest, digesting, (S, in, sizeof in, out, NULL)) \
    X(C_DigestUpdate, digesting, (S, NULL, sizeof in)) \
    X(C_DigestFinal, digested, (S, out, NULL)) \
    X(C_Sign, signing, (S, in, sizeof in, out, NULL)) \
    X(C_SignUpdate, signing, (S, NULL, sizeof in)) \
    X(C_SignFinal, signed_part, (S, out, NULL)) \
    X(C_SignRecover, sign_recovering, (S, in, sizeof in, out, NULL)) \
    X(C_Verify, verifying, (S, in, sizeof in, NULL, mac_length)) \
    X(C_VerifyUpdate, verifying, (S, NULL, sizeof in)) \
    X(C_VerifyFinal, verified_part, (S, NULL, mac_length)) \
    X(C_VerifyRecover, verify_recovering, (S, mac, mac_length, out, NULL)) \
    X(C_DigestEncryptUpdate, digest_encrypting, (S, in, sizeof in, out, NULL)) \
    X(C_DecryptDigestUpdate, decrypt_digesting, (S, in, sizeof in, out, NULL)) \
    X(C_SignEncryptUpdate, sign_encrypting, (S, in, sizeof in, out, NULL)) \
    X(C_DecryptVerifyUpdate, decrypt_verifying, (S, in, sizeof in, out, NULL)) \
    X(C_GenerateKey, key_generation, (S, &generate, length_template, 1, NULL)) \
    X(C_GenerateKeyPair, pair_generation, (S, &generate_pair, verify_template, 2, sign_template, 1, &made[0], NULL)) \
    X(C_WrapKey, wrapping, (S, &key_wrap, key, other_key, out, NULL)) \
    X(C_UnwrapKey, unwrapping, (S, &key_wrap, key, wrapped, wrapped_length, aes_template, 2, NULL)) \
    X(C_DeriveKey, deriving, (S, &agreement, key, secret_template, 3, NULL)) \
    X(C_SeedRandom, fresh, (S, NULL, BLOCK)) \
    X(C_GenerateRandom, fresh, (S, NULL, BLOCK)) \
    X(C_GetInterfaceList, fresh, (NULL, NULL)) \
    X(C_GetInterface, fresh, (NULL, NULL, NULL, 0)) \
    X(C_LoginUser, logged_out, (S, CKU_USER, NULL, 5, NULL, 0)) \
    X(C_EncryptMessage, message_encrypting, (S, &gcm, sizeof gcm, aad, sizeof aad, in, sizeof in, out, NULL)) \
    X(C_EncryptMessageBegin, message_encrypting, (S, &gcm, sizeof gcm, NULL, sizeof aad)) \
    X(C_EncryptMessageNext, message_encrypt_begun, (S, &gcm, sizeof gcm, in, sizeof in, out, NULL, CKF_END_OF_MESSAGE)) \
    X(C_DecryptMessage, message_decrypting, (S, &gcm, sizeof gcm, aad, sizeof aad, wrapped, sizeof in, out, NULL)) \
    X(C_DecryptMessageBegin, message_decrypting, (S, &gcm, sizeof gcm, NULL, sizeof aad)) \
    X(C_DecryptMessageNext, message_decrypt_begun, (S, &gcm, sizeof gcm, wrapped, sizeof in, out, NULL, CKF_END_OF_MESSAGE)) \
    X(C_SignMessage, message_signing, (S, NULL, 0, in, sizeof in, out, NULL)) \
    X(C_SignMessageNext, message_sign_begun, (S, NULL, 0, NULL, sizeof in, out, &length)) \
    X(C_VerifyMessage, message_verifying, (S, NULL, 0, in, sizeof in, NULL, mac_length)) \
    X(C_VerifyMessageNext, message_verify_begun, (S, NULL, 0, NULL, sizeof in, mac, mac_length)) \
    X(C_EncapsulateKey, encapsulating, (S, &agreement, other_key, secret_template, 3, out, &length, NULL)) \
    X(C_DecapsulateKey, decapsulating, (S, &agreement, key, secret_template, 3, wrapped, wrapped_length, NULL)) \
    X(C_VerifySignatureInit, with_signature, (S, &hmac, key, NULL, mac_length)) \
    X(C_VerifySignature, verifying_signature, (S, NULL, sizeof in)) \
    X(C_VerifySignatureUpdate, verifying_signature, (S, NULL, sizeof in)) \
    X(C_GetSessionValidationFlags, fresh, (S, CKS_LAST_VALIDATION_OK, NULL)) \
    X(C_AsyncGetID, pending, (S, (CK_UTF8CHAR_PTR)"C_GenerateKey", NULL)) \
    X(C_AsyncJoin, fresh, (S, NULL, 1, NULL, 0)) \
    X(C_WrapKeyAuthenticated, authenticated, (S, &gcm_wrap, key, other_key, aad, sizeof aad, out, NULL)) \
    X(C_UnwrapKeyAuthenticated, authenticated_back, (S, &gcm_wrap, key, wrapped, wrapped_length, aes_template, 2, aad, sizeof aad, NULL))
/* clang-format on */

#define DEFINE_CALL(name, prepare, arguments, rv)                                                  \
    static CK_RV call_##name(void)                                                                 \
    {                                                                                              \
        REQUIRE_FUNCTION(name);                                                                    \
        return F->name arguments;                                                                  \
    }
CALLS(DEFINE_CALL)

#define CALL_ROW(name, prepare, arguments, rv) {#name, prepare, call_##name, rv},
const struct good_call good_calls[] = {
    CALLS(CALL_ROW){"C_WaitForSlotEvent", an_event, wait_for_event, CKR_OK},
    {"C_AsyncComplete", pending, complete, CKR_OK},
};
const size_t good_call_count = COUNT(good_calls);

#define DEFINE_NULL_CALL(name, prepare, arguments)                                                 \
    static CK_RV null_##name(void)                                                                 \
    {                                                                                              \
        REQUIRE_FUNCTION(name);                                                                    \
        return F->name arguments;                                                                  \
    }
NULL_CALLS(DEFINE_NULL_CALL)

#define NULL_CALL_ROW(name, prepare, arguments) {#name, prepare, null_##name, CKR_ARGUMENTS_BAD},
const struct good_call null_calls[] = {NULL_CALLS(NULL_CALL_ROW)};
const size_t null_call_count = COUNT(null_calls);
