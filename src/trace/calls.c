/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of all functions and their arguments.
 */
#include "trace/calls.h"

#include <string.h>

#include "base/memory.h"
#include "cryptoki/functions.h"

/* clang-format off */
#define ONE(kind_, name_) {.kind = KK_TRACE_##kind_, .name = #name_, .words = 1}
#define ONE_OF(kind_, name_, detail_) \
    {.kind = KK_TRACE_##kind_, .name = #name_, .words = 1, .detail = KK_TRACE_##detail_}
#define TWO(kind_, name_, length_) \
    {.kind = KK_TRACE_##kind_, .name = #name_, .length = #length_, .words = 2}

#define SESSION ONE(SESSION, hSession)
#define SLOT ONE(SLOT, slotID)
#define MECHANISM ONE(MECHANISM, pMechanism)
#define KEY ONE(OBJECT, hKey)
#define TEMPLATE TWO(TEMPLATE, pTemplate, ulCount)
#define KEY_TEMPLATE TWO(TEMPLATE, pTemplate, ulAttributeCount)
#define PARAMETER TWO(PARAMETER, pParameter, ulParameterLen)
#define AEAD {.kind = KK_TRACE_PARAMETER, .name = "pParameter", .length = "ulParameterLen", .words = 2, .detail = KK_TRACE_MESSAGE_AEAD}
#define NEW_KEY ONE(OUT_OBJECT, phKey)
#define DATA TWO(DATA, pData, ulDataLen)
#define PART TWO(DATA, pPart, ulPartLen)
#define AAD TWO(DATA, pAssociatedData, ulAssociatedDataLen)
#define SIGNATURE TWO(CODE, pSignature, ulSignatureLen)
#define OUT_SIGNATURE TWO(OUT_CODE, pSignature, pulSignatureLen)
#define CIPHERTEXT TWO(CODE, pEncryptedPart, ulEncryptedPartLen)
#define OUT_CIPHERTEXT TWO(OUT_CODE, pEncryptedPart, pulEncryptedPartLen)
#define OUT_PART TWO(OUT_DATA, pPart, pulPartLen)

#define INIT {SESSION, MECHANISM, KEY}
#define FINAL {SESSION}

const struct kk_trace_function kk_trace_functions[] = {
    {.name = "C_Initialize", .arguments = {ONE(INIT_ARGS, pInitArgs)}},
    {.name = "C_Finalize", .arguments = {ONE(POINTER, pReserved)}},
    {.name = "C_GetInfo", .arguments = {ONE_OF(OUT_INFO, pInfo, INFO_MODULE)}},
    {.name = "C_GetFunctionList", .arguments = {ONE(OUT_LIST, ppFunctionList)}},
    {.name = "C_GetSlotList", .arguments = {ONE(BOOL, tokenPresent), TWO(OUT_SLOTS, pSlotList, pulCount)}},
    {.name = "C_GetSlotInfo", .arguments = {SLOT, ONE_OF(OUT_INFO, pInfo, INFO_SLOT)}},
    {.name = "C_GetTokenInfo", .arguments = {SLOT, ONE_OF(OUT_INFO, pInfo, INFO_TOKEN)}},
    {.name = "C_GetMechanismList", .arguments = {SLOT, TWO(OUT_MECHANISMS, pMechanismList, pulCount)}},
    {.name = "C_GetMechanismInfo", .arguments = {SLOT, ONE(MECHANISM_TYPE, type), ONE_OF(OUT_INFO, pInfo, INFO_MECHANISM)}},
    {.name = "C_InitToken", .arguments = {SLOT, TWO(PIN, pPin, ulPinLen), ONE(LABEL, pLabel)}},
    {.name = "C_InitPIN", .arguments = {SESSION, TWO(PIN, pPin, ulPinLen)}},
    {.name = "C_SetPIN", .arguments = {SESSION, TWO(PIN, pOldPin, ulOldLen), TWO(PIN, pNewPin, ulNewLen)}},
    {.name = "C_OpenSession", .arguments = {SLOT, ONE_OF(FLAGS, flags, FLAGS_SESSION), ONE(POINTER, pApplication), ONE(POINTER, Notify), ONE(OUT_SESSION, phSession)}},
    {.name = "C_CloseSession", .arguments = {SESSION}},
    {.name = "C_CloseAllSessions", .arguments = {SLOT}},
    {.name = "C_GetSessionInfo", .arguments = {SESSION, ONE_OF(OUT_INFO, pInfo, INFO_SESSION)}},
    {.name = "C_GetOperationState", .arguments = {SESSION, TWO(OUT_CODE, pOperationState, pulOperationStateLen)}},
    {.name = "C_SetOperationState", .arguments = {SESSION, TWO(CODE, pOperationState, ulOperationStateLen), ONE(OBJECT, hEncryptionKey), ONE(OBJECT, hAuthenticationKey)}},
    {.name = "C_Login", .arguments = {SESSION, ONE(USER_TYPE, userType), TWO(PIN, pPin, ulPinLen)}},
    {.name = "C_Logout", .arguments = {SESSION}},
    {.name = "C_CreateObject", .arguments = {SESSION, TEMPLATE, ONE(OUT_OBJECT, phObject)}},
    {.name = "C_CopyObject", .arguments = {SESSION, ONE(OBJECT, hObject), TEMPLATE, ONE(OUT_OBJECT, phNewObject)}},
    {.name = "C_DestroyObject", .arguments = {SESSION, ONE(OBJECT, hObject)}},
    {.name = "C_GetObjectSize", .arguments = {SESSION, ONE(OBJECT, hObject), ONE(OUT_ULONG, pulSize)}},
    {.name = "C_GetAttributeValue", .arguments = {SESSION, ONE(OBJECT, hObject), TWO(OUT_TEMPLATE, pTemplate, ulCount)}},
    {.name = "C_SetAttributeValue", .arguments = {SESSION, ONE(OBJECT, hObject), TEMPLATE}},
    {.name = "C_FindObjectsInit", .arguments = {SESSION, TEMPLATE}},
    {.name = "C_FindObjects", .arguments = {SESSION, {.kind = KK_TRACE_OUT_OBJECTS, .name = "phObject", .length = "pulObjectCount", .words = 3}}},
    {.name = "C_FindObjectsFinal", .arguments = FINAL},
    {.name = "C_EncryptInit", .arguments = INIT},
    {.name = "C_Encrypt", .arguments = {SESSION, DATA, TWO(OUT_CODE, pEncryptedData, pulEncryptedDataLen)}},
    {.name = "C_EncryptUpdate", .arguments = {SESSION, PART, OUT_CIPHERTEXT}},
    {.name = "C_EncryptFinal", .arguments = {SESSION, TWO(OUT_CODE, pLastEncryptedPart, pulLastEncryptedPartLen)}},
    {.name = "C_DecryptInit", .arguments = INIT, .takes_back = true},
    {.name = "C_Decrypt", .arguments = {SESSION, TWO(CODE, pEncryptedData, ulEncryptedDataLen), TWO(OUT_DATA, pData, pulDataLen)}},
    {.name = "C_DecryptUpdate", .arguments = {SESSION, CIPHERTEXT, OUT_PART}},
    {.name = "C_DecryptFinal", .arguments = {SESSION, TWO(OUT_DATA, pLastPart, pulLastPartLen)}},
    {.name = "C_DigestInit", .arguments = {SESSION, MECHANISM}},
    {.name = "C_Digest", .arguments = {SESSION, DATA, TWO(OUT_DATA, pDigest, pulDigestLen)}},
    {.name = "C_DigestUpdate", .arguments = {SESSION, PART}},
    {.name = "C_DigestKey", .arguments = {SESSION, KEY}},
    {.name = "C_DigestFinal", .arguments = {SESSION, TWO(OUT_DATA, pDigest, pulDigestLen)}},
    {.name = "C_SignInit", .arguments = INIT},
    {.name = "C_Sign", .arguments = {SESSION, DATA, OUT_SIGNATURE}},
    {.name = "C_SignUpdate", .arguments = {SESSION, PART}},
    {.name = "C_SignFinal", .arguments = {SESSION, OUT_SIGNATURE}},
    {.name = "C_SignRecoverInit", .arguments = INIT},
    {.name = "C_SignRecover", .arguments = {SESSION, DATA, OUT_SIGNATURE}},
    {.name = "C_VerifyInit", .arguments = INIT},
    {.name = "C_Verify", .arguments = {SESSION, DATA, SIGNATURE}},
    {.name = "C_VerifyUpdate", .arguments = {SESSION, PART}},
    {.name = "C_VerifyFinal", .arguments = {SESSION, SIGNATURE}},
    {.name = "C_VerifyRecoverInit", .arguments = INIT},
    {.name = "C_VerifyRecover", .arguments = {SESSION, SIGNATURE, TWO(OUT_DATA, pData, pulDataLen)}},
    {.name = "C_DigestEncryptUpdate", .arguments = {SESSION, PART, OUT_CIPHERTEXT}},
    {.name = "C_DecryptDigestUpdate", .arguments = {SESSION, CIPHERTEXT, OUT_PART}},
    {.name = "C_SignEncryptUpdate", .arguments = {SESSION, PART, OUT_CIPHERTEXT}},
    {.name = "C_DecryptVerifyUpdate", .arguments = {SESSION, CIPHERTEXT, OUT_PART}},
    {.name = "C_GenerateKey", .arguments = {SESSION, MECHANISM, TEMPLATE, NEW_KEY}},
    {.name = "C_GenerateKeyPair", .arguments = {SESSION, MECHANISM, TWO(TEMPLATE, pPublicKeyTemplate, ulPublicKeyAttributeCount), TWO(TEMPLATE, pPrivateKeyTemplate, ulPrivateKeyAttributeCount), ONE(OUT_OBJECT, phPublicKey), ONE(OUT_OBJECT, phPrivateKey)}},
    {.name = "C_WrapKey", .arguments = {SESSION, MECHANISM, ONE(OBJECT, hWrappingKey), KEY, TWO(OUT_CODE, pWrappedKey, pulWrappedKeyLen)}},
    {.name = "C_UnwrapKey", .arguments = {SESSION, MECHANISM, ONE(OBJECT, hUnwrappingKey), TWO(CODE, pWrappedKey, ulWrappedKeyLen), KEY_TEMPLATE, NEW_KEY}, .takes_back = true},
    {.name = "C_DeriveKey", .arguments = {SESSION, MECHANISM, ONE(OBJECT, hBaseKey), KEY_TEMPLATE, NEW_KEY}},
    {.name = "C_SeedRandom", .arguments = {SESSION, TWO(DATA, pSeed, ulSeedLen)}},
    {.name = "C_GenerateRandom", .arguments = {SESSION, TWO(OUT_BYTES, RandomData, ulRandomLen)}},
    {.name = "C_GetFunctionStatus", .arguments = {SESSION}},
    {.name = "C_CancelFunction", .arguments = {SESSION}},
    {.name = "C_WaitForSlotEvent", .arguments = {ONE_OF(FLAGS, flags, FLAGS_WAIT), ONE(OUT_SLOT, pSlot), ONE(POINTER, pReserved)}},
    {.name = "C_GetInterfaceList", .arguments = {TWO(OUT_INTERFACES, pInterfacesList, pulCount)}},
    {.name = "C_GetInterface", .arguments = {ONE(TEXT, pInterfaceName), ONE(VERSION, pVersion), ONE(OUT_INTERFACE, ppInterface), ONE_OF(FLAGS, flags, FLAGS_INTERFACE)}},
    {.name = "C_LoginUser", .arguments = {SESSION, ONE(USER_TYPE, userType), TWO(PIN, pPin, ulPinLen), TWO(NAME, pUsername, ulUsernameLen)}},
    {.name = "C_SessionCancel", .arguments = {SESSION, ONE_OF(FLAGS, flags, FLAGS_MECHANISM)}},
    {.name = "C_MessageEncryptInit", .arguments = INIT},
    {.name = "C_EncryptMessage", .arguments = {SESSION, AEAD, AAD, TWO(DATA, pPlaintext, ulPlaintextLen), TWO(OUT_CODE, pCiphertext, pulCiphertextLen)}},
    {.name = "C_EncryptMessageBegin", .arguments = {SESSION, AEAD, AAD}},
    {.name = "C_EncryptMessageNext", .arguments = {SESSION, AEAD, TWO(DATA, pPlaintextPart, ulPlaintextPartLen), TWO(OUT_CODE, pCiphertextPart, pulCiphertextPartLen), ONE_OF(FLAGS, flags, FLAGS_MESSAGE)}},
    {.name = "C_MessageEncryptFinal", .arguments = FINAL},
    {.name = "C_MessageDecryptInit", .arguments = INIT, .takes_back = true},
    {.name = "C_DecryptMessage", .arguments = {SESSION, AEAD, AAD, TWO(CODE, pCiphertext, ulCiphertextLen), TWO(OUT_DATA, pPlaintext, pulPlaintextLen)}, .takes_back = true},
    {.name = "C_DecryptMessageBegin", .arguments = {SESSION, AEAD, AAD}, .takes_back = true},
    {.name = "C_DecryptMessageNext", .arguments = {SESSION, AEAD, TWO(CODE, pCiphertextPart, ulCiphertextPartLen), TWO(OUT_DATA, pPlaintextPart, pulPlaintextPartLen), ONE_OF(FLAGS, flags, FLAGS_MESSAGE)}, .takes_back = true},
    {.name = "C_MessageDecryptFinal", .arguments = FINAL},
    {.name = "C_MessageSignInit", .arguments = INIT},
    {.name = "C_SignMessage", .arguments = {SESSION, PARAMETER, DATA, OUT_SIGNATURE}},
    {.name = "C_SignMessageBegin", .arguments = {SESSION, PARAMETER}},
    {.name = "C_SignMessageNext", .arguments = {SESSION, PARAMETER, DATA, OUT_SIGNATURE}},
    {.name = "C_MessageSignFinal", .arguments = FINAL},
    {.name = "C_MessageVerifyInit", .arguments = INIT},
    {.name = "C_VerifyMessage", .arguments = {SESSION, PARAMETER, DATA, SIGNATURE}},
    {.name = "C_VerifyMessageBegin", .arguments = {SESSION, PARAMETER}},
    {.name = "C_VerifyMessageNext", .arguments = {SESSION, PARAMETER, DATA, SIGNATURE}},
    {.name = "C_MessageVerifyFinal", .arguments = FINAL},
    {.name = "C_EncapsulateKey", .arguments = {SESSION, MECHANISM, ONE(OBJECT, hPublicKey), KEY_TEMPLATE, TWO(OUT_CODE, pCiphertext, pulCiphertextLen), NEW_KEY}},
    {.name = "C_DecapsulateKey", .arguments = {SESSION, MECHANISM, ONE(OBJECT, hPrivateKey), KEY_TEMPLATE, TWO(CODE, pCiphertext, ulCiphertextLen), NEW_KEY}},
    {.name = "C_VerifySignatureInit", .arguments = {SESSION, MECHANISM, KEY, SIGNATURE}},
    {.name = "C_VerifySignature", .arguments = {SESSION, DATA}},
    {.name = "C_VerifySignatureUpdate", .arguments = {SESSION, PART}},
    {.name = "C_VerifySignatureFinal", .arguments = FINAL},
    {.name = "C_GetSessionValidationFlags", .arguments = {SESSION, ONE(ULONG, type), ONE_OF(OUT_FLAGS, pFlags, FLAGS_PLAIN)}},
    {.name = "C_AsyncComplete", .arguments = {SESSION, ONE(TEXT, pFunctionName), ONE(OUT_ASYNC, pResult)}},
    {.name = "C_AsyncGetID", .arguments = {SESSION, ONE(TEXT, pFunctionName), ONE(OUT_ULONG, pulID)}},
    {.name = "C_AsyncJoin", .arguments = {SESSION, ONE(TEXT, pFunctionName), ONE(ULONG, ulID), TWO(OUT_LATER, pData, ulData)}},
    {.name = "C_WrapKeyAuthenticated", .arguments = {SESSION, MECHANISM, ONE(OBJECT, hWrappingKey), KEY, AAD, TWO(OUT_CODE, pWrappedKey, pulWrappedKeyLen)}},
    {.name = "C_UnwrapKeyAuthenticated", .arguments = {SESSION, MECHANISM, ONE(OBJECT, hUnwrappingKey), TWO(CODE, pWrappedKey, ulWrappedKeyLen), KEY_TEMPLATE, AAD, NEW_KEY}, .takes_back = true},
};
/* clang-format on */

KK_STATIC_ASSERT(KK_ARRAY_LEN(kk_trace_functions) == KK_FUNCTIONS_3_2, "one row per function");

const struct kk_trace_function *kk_trace_function_find(const char *name, size_t len)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(kk_trace_functions); i++) {
        const char *row = kk_trace_functions[i].name;
        if (kk_mem_equal(row, strlen(row), name, len)) {
            return &kk_trace_functions[i];
        }
    }
    return NULL;
}
