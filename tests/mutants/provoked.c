/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of a wrong code in the functions and chapters that came with PKCS#11 3.0 and 3.2, and in
 * what every function has to say.
 */
#include "mutant.h"

/* clang-format off */
static const struct mutant_fault faults[] = {
    CODE_FAULT("derive-other-key-hidden", "kdf", C_DeriveKey, CKR_KEY_HANDLE_INVALID, CKR_OK),
    CODE_FAULT("derive-other-key-permission-hidden", "kdf", C_DeriveKey, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("derive-parameter-code", "kdf", C_DeriveKey, CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD),
    CODE_FAULT("derive-incomplete-hidden", "returns/derived_without_length", C_DeriveKey, CKR_TEMPLATE_INCOMPLETE, CKR_OK),
    CODE_FAULT("derive-length-hidden", "kdf", C_DeriveKey, CKR_KEY_SIZE_RANGE, CKR_OK),
    CODE_FAULT("message-parts-tag-not-checked", "messages", C_DecryptMessageNext, CKR_AEAD_DECRYPT_FAILED, CKR_OK),
    CODE_FAULT("message-failure-code", "messages", C_DecryptMessage, CKR_AEAD_DECRYPT_FAILED, CKR_ENCRYPTED_DATA_INVALID),
    CODE_FAULT("message-parameter-code", "messages", C_EncryptMessage, CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD),
    CODE_FAULT("message-parts-bad-accepted", "messages", C_VerifyMessageNext, CKR_SIGNATURE_INVALID, CKR_OK),
    CODE_FAULT("message-sign-parts-too-small-hidden", "messages", C_SignMessageNext, CKR_BUFFER_TOO_SMALL, CKR_OK),
    CODE_FAULT("message-decrypt-too-small-code", "messages", C_DecryptMessage, CKR_BUFFER_TOO_SMALL, CKR_HOST_MEMORY),
    CODE_FAULT("message-next-without-begin", "messages", C_EncryptMessageNext, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("message-encrypt-permission-hidden", "inits", C_MessageEncryptInit, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("message-decrypt-parameter-hidden", "inits", C_MessageDecryptInit, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
    CODE_FAULT("message-verify-type-code", "inits", C_MessageVerifyInit, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED),
    CODE_FAULT("message-sign-size-hidden", "inits", C_MessageSignInit, CKR_KEY_SIZE_RANGE, CKR_OK),
    CODE_FAULT("dual-decrypt-digest-without-operation", "dual", C_DecryptDigestUpdate, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("dual-sign-encrypt-too-small-hidden", "dual", C_SignEncryptUpdate, CKR_BUFFER_TOO_SMALL, CKR_OK),
    CODE_FAULT("dual-decrypt-verify-without-operation", "dual", C_DecryptVerifyUpdate, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("state-changed-key-hidden", "state", C_SetOperationState, CKR_KEY_CHANGED, CKR_OK),
    CODE_FAULT("state-key-needed-hidden", "returns/key_needed", C_SetOperationState, CKR_KEY_NEEDED, CKR_OK),
    CODE_FAULT("given-signature-final-without-operation", "verify", C_VerifySignatureFinal, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("given-signature-null-accepted", "every/works:C_VerifySignature*", C_VerifySignatureInit, CKR_ARGUMENTS_BAD, CKR_OK),
    CODE_FAULT("given-signature-mechanism-code", "inits", C_VerifySignatureInit, CKR_MECHANISM_INVALID, CKR_ARGUMENTS_BAD),
    CODE_FAULT("given-signature-handle-hidden", "inits", C_VerifySignatureInit, CKR_KEY_HANDLE_INVALID, CKR_OK),
    CODE_FAULT("decapsulate-damage-hidden", "kem", C_DecapsulateKey, CKR_WRAPPED_KEY_INVALID, CKR_OK),
    CODE_FAULT("encapsulate-null-accepted", "every/works:C_EncapsulateKey", C_EncapsulateKey, CKR_ARGUMENTS_BAD, CKR_OK),
    CODE_FAULT("encapsulate-read-only-hidden", "makers", C_EncapsulateKey, CKR_SESSION_READ_ONLY, CKR_OK),
    CODE_FAULT("decapsulate-without-login", "makers", C_DecapsulateKey, CKR_USER_NOT_LOGGED_IN, CKR_OK),
    CODE_FAULT("wrapauth-permission-hidden", "wrapauth", C_WrapKeyAuthenticated, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("wrapauth-parameter-hidden", "wrapauth", C_WrapKeyAuthenticated, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
    CODE_FAULT("unwrapauth-null-accepted", "wrapauth", C_UnwrapKeyAuthenticated, CKR_ARGUMENTS_BAD, CKR_OK),
    CODE_FAULT("unwrapauth-unknown-attribute-hidden", "makers", C_UnwrapKeyAuthenticated, CKR_ATTRIBUTE_TYPE_INVALID, CKR_OK),
    CODE_FAULT("async-arguments-hidden", "async", C_AsyncComplete, CKR_ARGUMENTS_BAD, CKR_PENDING),
    CODE_FAULT("async-random-while-busy", "every/busy:C_GenerateRandom", C_GenerateRandom, CKR_OPERATION_ACTIVE, CKR_OK),
    CODE_FAULT("async-login-while-busy", "every/busy:C_LoginUser", C_LoginUser, CKR_OPERATION_ACTIVE, CKR_USER_ALREADY_LOGGED_IN),
    CODE_FAULT("login-user-so-read-only-hidden", "loginuser", C_LoginUser, CKR_SESSION_READ_ONLY_EXISTS, CKR_OK),
    CODE_FAULT("login-user-null-name-hidden", "loginuser", C_LoginUser, CKR_ARGUMENTS_BAD, CKR_OK),
    CODE_FAULT("login-user-context-hidden", "loginuser", C_LoginUser, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("login-user-another-code", "loginuser", C_LoginUser, CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_ALREADY_LOGGED_IN),
    CODE_FAULT("own-object-signs", "features", C_SignInit, CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT),
    CODE_FAULT("recover-permission-hidden", "inits", C_SignRecoverInit, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("recover-type-code", "inits", C_VerifyRecoverInit, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED),
    CODE_FAULT("removed-token-code", "every/removed_token*", C_GetMechanismList, CKR_TOKEN_NOT_PRESENT, CKR_ARGUMENTS_BAD),
    CODE_FAULT("removed-token-opened", "every/removed_token*", C_OpenSession, CKR_TOKEN_NOT_PRESENT, CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    CODE_FAULT("removed-session-code", "every/removed_session*", C_FindObjects, CKR_SESSION_HANDLE_INVALID, CKR_TOKEN_NOT_PRESENT),
    CODE_FAULT("argument-before-session", "every/session_before*", C_AsyncGetID, CKR_SESSION_HANDLE_INVALID, CKR_ARGUMENTS_BAD),
    CODE_FAULT("no-memory-code", "every/no_memory:C_CreateObject", C_CreateObject, CKR_HOST_MEMORY, CKR_GENERAL_ERROR),
};
/* clang-format on */

const struct mutant_table mutant_provoked = {faults, sizeof faults / sizeof faults[0]};
