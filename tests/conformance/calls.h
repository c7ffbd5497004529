/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plausible call of every function that C_Initialize and a session may forbid, for rules that
 * hold whatever the arguments are. Each file that includes this has the variables for itself.
 */
#pragma once

#include "env.h"

/* clang-format off */
/* function, arguments of a plausible call, whether it takes a session */
#define CALLS(X) \
    X(C_Finalize, (NULL), false) \
    X(C_GetInfo, (&any.info), false) \
    X(C_GetSlotList, (CK_TRUE, NULL, &length), false) \
    X(C_GetSlotInfo, (env.slot, &any.slot), false) \
    X(C_GetTokenInfo, (env.slot, &any.token), false) \
    X(C_GetMechanismList, (env.slot, NULL, &length), false) \
    X(C_GetMechanismInfo, (env.slot, CKM_SHA256, &any.mechanism), false) \
    X(C_InitToken, (env.slot, bytes, 16, bytes), false) \
    X(C_InitPIN, (session, bytes, 16), true) \
    X(C_SetPIN, (session, bytes, 16, bytes, 16), true) \
    X(C_OpenSession, (env.slot, CKF_SERIAL_SESSION, NULL, NULL, &handle), false) \
    X(C_CloseSession, (session), true) \
    X(C_CloseAllSessions, (env.slot), false) \
    X(C_GetSessionInfo, (session, &any.session), true) \
    X(C_GetOperationState, (session, bytes, &length), true) \
    X(C_SetOperationState, (session, bytes, 16, 0, 0), true) \
    X(C_Login, (session, CKU_USER, bytes, 16), true) \
    X(C_Logout, (session), true) \
    X(C_CreateObject, (session, &attribute, 1, &handle), true) \
    X(C_CopyObject, (session, 0, &attribute, 1, &handle), true) \
    X(C_DestroyObject, (session, 0), true) \
    X(C_GetObjectSize, (session, 0, &length), true) \
    X(C_GetAttributeValue, (session, 0, &attribute, 1), true) \
    X(C_SetAttributeValue, (session, 0, &attribute, 1), true) \
    X(C_FindObjectsInit, (session, &attribute, 1), true) \
    X(C_FindObjects, (session, &handle, 1, &length), true) \
    X(C_FindObjectsFinal, (session), true) \
    X(C_EncryptInit, (session, &mechanism, 0), true) \
    X(C_Encrypt, (session, bytes, 16, bytes, &length), true) \
    X(C_EncryptUpdate, (session, bytes, 16, bytes, &length), true) \
    X(C_EncryptFinal, (session, bytes, &length), true) \
    X(C_DecryptInit, (session, &mechanism, 0), true) \
    X(C_Decrypt, (session, bytes, 16, bytes, &length), true) \
    X(C_DecryptUpdate, (session, bytes, 16, bytes, &length), true) \
    X(C_DecryptFinal, (session, bytes, &length), true) \
    X(C_DigestInit, (session, &mechanism), true) \
    X(C_Digest, (session, bytes, 16, bytes, &length), true) \
    X(C_DigestUpdate, (session, bytes, 16), true) \
    X(C_DigestKey, (session, 0), true) \
    X(C_DigestFinal, (session, bytes, &length), true) \
    X(C_SignInit, (session, &mechanism, 0), true) \
    X(C_Sign, (session, bytes, 16, bytes, &length), true) \
    X(C_SignUpdate, (session, bytes, 16), true) \
    X(C_SignFinal, (session, bytes, &length), true) \
    X(C_SignRecoverInit, (session, &mechanism, 0), true) \
    X(C_SignRecover, (session, bytes, 16, bytes, &length), true) \
    X(C_VerifyInit, (session, &mechanism, 0), true) \
    X(C_Verify, (session, bytes, 16, bytes, 16), true) \
    X(C_VerifyUpdate, (session, bytes, 16), true) \
    X(C_VerifyFinal, (session, bytes, 16), true) \
    X(C_VerifyRecoverInit, (session, &mechanism, 0), true) \
    X(C_VerifyRecover, (session, bytes, 16, bytes, &length), true) \
    X(C_DigestEncryptUpdate, (session, bytes, 16, bytes, &length), true) \
    X(C_DecryptDigestUpdate, (session, bytes, 16, bytes, &length), true) \
    X(C_SignEncryptUpdate, (session, bytes, 16, bytes, &length), true) \
    X(C_DecryptVerifyUpdate, (session, bytes, 16, bytes, &length), true) \
    X(C_GenerateKey, (session, &mechanism, &attribute, 1, &handle), true) \
    X(C_GenerateKeyPair, (session, &mechanism, &attribute, 1, &attribute, 1, &handle, &handle), true) \
    X(C_WrapKey, (session, &mechanism, 0, 0, bytes, &length), true) \
    X(C_UnwrapKey, (session, &mechanism, 0, bytes, 16, &attribute, 1, &handle), true) \
    X(C_DeriveKey, (session, &mechanism, 0, &attribute, 1, &handle), true) \
    X(C_SeedRandom, (session, bytes, 16), true) \
    X(C_GenerateRandom, (session, bytes, 16), true) \
    X(C_GetFunctionStatus, (session), true) \
    X(C_CancelFunction, (session), true) \
    X(C_WaitForSlotEvent, (CKF_DONT_BLOCK, &handle, NULL), false) \
    X(C_LoginUser, (session, CKU_USER, bytes, 16, bytes, 16), true) \
    X(C_SessionCancel, (session, 0), true) \
    X(C_MessageEncryptInit, (session, &mechanism, 0), true) \
    X(C_EncryptMessage, (session, bytes, 16, bytes, 16, bytes, 16, bytes, &length), true) \
    X(C_EncryptMessageBegin, (session, bytes, 16, bytes, 16), true) \
    X(C_EncryptMessageNext, (session, bytes, 16, bytes, 16, bytes, &length, 0), true) \
    X(C_MessageEncryptFinal, (session), true) \
    X(C_MessageDecryptInit, (session, &mechanism, 0), true) \
    X(C_DecryptMessage, (session, bytes, 16, bytes, 16, bytes, 16, bytes, &length), true) \
    X(C_DecryptMessageBegin, (session, bytes, 16, bytes, 16), true) \
    X(C_DecryptMessageNext, (session, bytes, 16, bytes, 16, bytes, &length, 0), true) \
    X(C_MessageDecryptFinal, (session), true) \
    X(C_MessageSignInit, (session, &mechanism, 0), true) \
    X(C_SignMessage, (session, bytes, 16, bytes, 16, bytes, &length), true) \
    X(C_SignMessageBegin, (session, bytes, 16), true) \
    X(C_SignMessageNext, (session, bytes, 16, bytes, 16, bytes, &length), true) \
    X(C_MessageSignFinal, (session), true) \
    X(C_MessageVerifyInit, (session, &mechanism, 0), true) \
    X(C_VerifyMessage, (session, bytes, 16, bytes, 16, bytes, 16), true) \
    X(C_VerifyMessageBegin, (session, bytes, 16), true) \
    X(C_VerifyMessageNext, (session, bytes, 16, bytes, 16, bytes, 16), true) \
    X(C_MessageVerifyFinal, (session), true) \
    X(C_EncapsulateKey, (session, &mechanism, 0, &attribute, 1, bytes, &length, &handle), true) \
    X(C_DecapsulateKey, (session, &mechanism, 0, &attribute, 1, bytes, 16, &handle), true) \
    X(C_VerifySignatureInit, (session, &mechanism, 0, bytes, 16), true) \
    X(C_VerifySignature, (session, bytes, 16), true) \
    X(C_VerifySignatureUpdate, (session, bytes, 16), true) \
    X(C_VerifySignatureFinal, (session), true) \
    X(C_GetSessionValidationFlags, (session, 0, &length), true) \
    X(C_AsyncComplete, (session, bytes, &any.async), true) \
    X(C_AsyncGetID, (session, bytes, &length), true) \
    X(C_AsyncJoin, (session, bytes, 16, bytes, 16), true) \
    X(C_WrapKeyAuthenticated, (session, &mechanism, 0, 0, bytes, 16, bytes, &length), true) \
    X(C_UnwrapKeyAuthenticated, (session, &mechanism, 0, bytes, 16, &attribute, 1, bytes, 16, &handle), true)
/* clang-format on */

static CK_BYTE bytes[64] = "0123456789abcdef";
static CK_ULONG length, handle;
static CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
static CK_ATTRIBUTE attribute = {CKA_LABEL, bytes, 4};
static CK_SESSION_HANDLE session;

static union {
    CK_INFO info;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;
    CK_MECHANISM_INFO mechanism;
    CK_SESSION_INFO session;
    CK_ASYNC_DATA async;
} any;
