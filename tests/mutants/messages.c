/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of messages and of the dual-function updates: IVs used twice, tags not checked, data that
 * goes in although nothing comes out, processes that end with a message.
 */
#include <string.h>

#include "mutant.h"

/* ---- dual functions ---- */

/* The digest gets the plaintext whatever comes of the encryption. */
static CK_RV digest_always(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length,
                           CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_DigestEncryptUpdate(session, part, length, out, out_length);
    if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && out == NULL))
        REAL->C_DigestUpdate(session, part, length);
    return rv;
}

static void spoil_digest_twice(void)
{
    USED->C_DigestEncryptUpdate = digest_always;
}

static CK_RV sign_always(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length,
                         CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_SignEncryptUpdate(session, part, length, out, out_length);
    if (rv == CKR_BUFFER_TOO_SMALL)
        REAL->C_SignUpdate(session, part, length);
    return rv;
}

static void spoil_sign_twice(void)
{
    USED->C_SignEncryptUpdate = sign_always;
}

/* The ciphertext is digested in place of the plaintext. */
static CK_RV digest_ciphertext(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length,
                               CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_BYTE copy[256];
    if (length > sizeof copy || part == NULL || out == NULL)
        return REAL->C_DecryptDigestUpdate(session, part, length, out, out_length);
    memcpy(copy, part, length);
    CK_RV rv = REAL->C_DecryptUpdate(session, part, length, out, out_length);
    return rv == CKR_OK ? REAL->C_DigestUpdate(session, copy, length) : rv;
}

static void spoil_digest_side(void)
{
    USED->C_DecryptDigestUpdate = digest_ciphertext;
}

static CK_RV verify_nothing(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length,
                            CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    return REAL->C_DecryptUpdate(session, part, length, out, out_length);
}

static void spoil_verify_half(void)
{
    USED->C_DecryptVerifyUpdate = verify_nothing;
}

/* Encrypts first: in place, that digests the ciphertext. */
static CK_RV digest_afterwards(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length,
                               CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    if (part == NULL || part != out)
        return REAL->C_DigestEncryptUpdate(session, part, length, out, out_length);
    CK_RV rv = REAL->C_EncryptUpdate(session, part, length, out, out_length);
    return rv == CKR_OK ? REAL->C_DigestUpdate(session, part, length) : rv;
}

static void spoil_digest_in_place(void)
{
    USED->C_DigestEncryptUpdate = digest_afterwards;
}

/* ---- messages that are encrypted ---- */

/* What an IV generator makes stays inside. */
static CK_RV iv_kept(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_length,
                     CK_BYTE_PTR aad, CK_ULONG aad_length, CK_BYTE_PTR in, CK_ULONG length,
                     CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_GCM_MESSAGE_PARAMS *gcm = parameter;
    CK_BYTE iv[128];
    bool copies = parameter_length == sizeof *gcm && gcm != NULL && gcm->pIv != NULL &&
                  gcm->ulIvLen <= sizeof iv && out != NULL;
    CK_ULONG iv_length = copies ? gcm->ulIvLen : 0;
    if (copies)
        memcpy(iv, gcm->pIv, iv_length);
    CK_RV rv = REAL->C_EncryptMessage(session, parameter, parameter_length, aad, aad_length, in,
                                      length, out, out_length);
    if (copies)
        memcpy(gcm->pIv, iv, iv_length);
    return rv;
}

static void spoil_iv_output(void)
{
    USED->C_EncryptMessage = iv_kept;
}

/* Every generator is a counter that starts anew at 200 messages. */
static unsigned long messages;

static CK_RV iv_again(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_length,
                      CK_BYTE_PTR aad, CK_ULONG aad_length, CK_BYTE_PTR in, CK_ULONG length,
                      CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_GCM_MESSAGE_PARAMS *gcm = parameter;
    if (parameter_length != sizeof *gcm || gcm == NULL || gcm->ivGenerator == CKG_NO_GENERATE ||
        gcm->pIv == NULL || gcm->ulIvLen == 0 || out == NULL)
        return REAL->C_EncryptMessage(session, parameter, parameter_length, aad, aad_length, in,
                                      length, out, out_length);
    CK_GCM_MESSAGE_PARAMS copy = *gcm;
    copy.ivGenerator = CKG_NO_GENERATE;
    copy.pIv[copy.ulIvLen - 1] = (CK_BYTE)(messages++ % 200);
    return REAL->C_EncryptMessage(session, &copy, sizeof copy, aad, aad_length, in, length, out,
                                  out_length);
}

static void spoil_iv_unique(void)
{
    USED->C_EncryptMessage = iv_again;
}

/* A length query uses an IV up. */
static CK_RV iv_for_query(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                          CK_ULONG parameter_length, CK_BYTE_PTR aad, CK_ULONG aad_length,
                          CK_BYTE_PTR in, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_BYTE thrown_away[1024];
    CK_ULONG room = sizeof thrown_away;
    CK_RV rv = REAL->C_EncryptMessage(session, parameter, parameter_length, aad, aad_length, in,
                                      length, out, out_length);
    if (rv == CKR_OK && out == NULL)
        REAL->C_EncryptMessage(session, parameter, parameter_length, aad, aad_length, in, length,
                               thrown_away, &room);
    return rv;
}

static void spoil_iv_query(void)
{
    USED->C_EncryptMessage = iv_for_query;
}

static CK_RV tag_flipped(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                         CK_ULONG parameter_length, CK_BYTE_PTR in, CK_ULONG length,
                         CK_BYTE_PTR out, CK_ULONG_PTR out_length, CK_FLAGS flags)
{
    CK_RV rv = REAL->C_EncryptMessageNext(session, parameter, parameter_length, in, length, out,
                                          out_length, flags);
    const CK_GCM_MESSAGE_PARAMS *gcm = parameter;
    if (rv == CKR_OK && flags != 0 && out != NULL && parameter_length == sizeof *gcm)
        gcm->pTag[0] ^= 1;
    return rv;
}

static void spoil_tag_output(void)
{
    USED->C_EncryptMessageNext = tag_flipped;
}

static CK_RV small_takes_part(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                              CK_ULONG parameter_length, CK_BYTE_PTR in, CK_ULONG length,
                              CK_BYTE_PTR out, CK_ULONG_PTR out_length, CK_FLAGS flags)
{
    CK_BYTE thrown_away[1024];
    CK_ULONG room = sizeof thrown_away;
    CK_RV rv = REAL->C_EncryptMessageNext(session, parameter, parameter_length, in, length, out,
                                          out_length, flags);
    if (rv == CKR_BUFFER_TOO_SMALL && flags == 0)
        REAL->C_EncryptMessageNext(session, parameter, parameter_length, in, length, thrown_away,
                                   &room, 0);
    return rv;
}

static void spoil_next_small(void)
{
    USED->C_EncryptMessageNext = small_takes_part;
}

/* ---- messages that are decrypted ---- */

static CK_RV tag_ignored(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                         CK_ULONG parameter_length, CK_BYTE_PTR aad, CK_ULONG aad_length,
                         CK_BYTE_PTR in, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_DecryptMessage(session, parameter, parameter_length, aad, aad_length, in,
                                      length, out, out_length);
    return rv == CKR_AEAD_DECRYPT_FAILED ? CKR_OK : rv;
}

static void spoil_tag_check(void)
{
    USED->C_DecryptMessage = tag_ignored;
}

/* A message that is not authentic ends the process. */
static CK_RV wrong_tag_ends(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                            CK_ULONG parameter_length, CK_BYTE_PTR aad, CK_ULONG aad_length,
                            CK_BYTE_PTR in, CK_ULONG length, CK_BYTE_PTR out,
                            CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_DecryptMessage(session, parameter, parameter_length, aad, aad_length, in,
                                      length, out, out_length);
    if (rv == CKR_AEAD_DECRYPT_FAILED)
        REAL->C_MessageDecryptFinal(session);
    return rv;
}

static void spoil_tag_process(void)
{
    USED->C_DecryptMessage = wrong_tag_ends;
}

/* ---- messages that are signed and verified ---- */

static CK_RV sign_ends_process(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                               CK_ULONG parameter_length, CK_BYTE_PTR data, CK_ULONG length,
                               CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_RV rv = REAL->C_SignMessage(session, parameter, parameter_length, data, length, signature,
                                   signature_length);
    if (rv == CKR_OK && signature != NULL)
        REAL->C_MessageSignFinal(session);
    return rv;
}

static void spoil_sign_process(void)
{
    USED->C_SignMessage = sign_ends_process;
}

/* The data of a length query is signed too. */
static CK_RV query_takes_part(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                              CK_ULONG parameter_length, CK_BYTE_PTR data, CK_ULONG length,
                              CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_RV rv = REAL->C_SignMessageNext(session, parameter, parameter_length, data, length,
                                       signature, signature_length);
    if (rv == CKR_OK && signature_length != NULL && signature == NULL)
        REAL->C_SignMessageNext(session, parameter, parameter_length, data, length, NULL, NULL);
    return rv;
}

static void spoil_sign_query(void)
{
    USED->C_SignMessageNext = query_takes_part;
}

static CK_RV part_lost(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_length,
                       CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR signature,
                       CK_ULONG signature_length)
{
    if (signature == NULL)
        length /= 2;
    return REAL->C_VerifyMessageNext(session, parameter, parameter_length, data, length, signature,
                                     signature_length);
}

static void spoil_verify_part(void)
{
    USED->C_VerifyMessageNext = part_lost;
}

static CK_RV cancel_all(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
    return REAL->C_SessionCancel(session, flags == 0 ? 0 : ~(CK_FLAGS)0);
}

static void spoil_cancel(void)
{
    USED->C_SessionCancel = cancel_all;
}

static CK_RV cancel_no_messages(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
    return REAL->C_SessionCancel(session, flags & ~(CK_FLAGS)0x1e);
}

static void spoil_message_cancel(void)
{
    USED->C_SessionCancel = cancel_no_messages;
}

/* ---- saved states ---- */

/* A state that is restored starts from the beginning. */
static CK_RV state_forgets(CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG length,
                           CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE authentication)
{
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    CK_RV rv = REAL->C_SetOperationState(session, state, length, key, authentication);
    if (rv == CKR_OK && REAL->C_DigestInit(session, NULL) == CKR_OK)
        REAL->C_DigestInit(session, &mechanism);
    return rv;
}

static void spoil_state(void)
{
    USED->C_SetOperationState = state_forgets;
}

/* The wrong key is taken. */
static CK_RV state_any_key(CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG length,
                           CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE authentication)
{
    CK_RV rv = REAL->C_SetOperationState(session, state, length, key, authentication);
    if (rv == CKR_KEY_CHANGED || rv == CKR_KEY_NOT_NEEDED)
        return REAL->C_SetOperationState(session, state, length, 0, 0);
    return rv;
}

static void spoil_state_key(void)
{
    USED->C_SetOperationState = state_any_key;
}

/* The last byte of a state does not count. */
static CK_BYTE last_byte;

static CK_RV state_saved(CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG_PTR length)
{
    CK_RV rv = REAL->C_GetOperationState(session, state, length);
    if (rv == CKR_OK && state != NULL)
        last_byte = state[*length - 1];
    return rv;
}

static CK_RV state_unsealed(CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG length,
                            CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE authentication)
{
    CK_BYTE copy[16384];
    if (state == NULL || length == 0 || length > sizeof copy)
        return REAL->C_SetOperationState(session, state, length, key, authentication);
    memcpy(copy, state, length);
    copy[length - 1] = last_byte;
    return REAL->C_SetOperationState(session, copy, length, key, authentication);
}

static void spoil_state_seal(void)
{
    USED->C_GetOperationState = state_saved;
    USED->C_SetOperationState = state_unsealed;
}

/* Saving ends the operation. */
static CK_RV state_ends(CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG_PTR length)
{
    CK_RV rv = REAL->C_GetOperationState(session, state, length);
    if (rv == CKR_OK && state != NULL)
        REAL->C_DigestInit(session, NULL);
    return rv;
}

static void spoil_state_end(void)
{
    USED->C_GetOperationState = state_ends;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("dual-digests-without-output", "dual", spoil_digest_twice),
    HOOK_FAULT("dual-signs-without-output", "dual", spoil_sign_twice),
    HOOK_FAULT("dual-digests-ciphertext", "dual", spoil_digest_side),
    HOOK_FAULT("dual-verifies-nothing", "dual", spoil_verify_half),
    HOOK_FAULT("dual-in-place-digests-ciphertext", "dual", spoil_digest_in_place),
    HOOK_FAULT("message-iv-not-given-back", "messages", spoil_iv_output),
    HOOK_FAULT("message-iv-twice", "messages", spoil_iv_unique),
    HOOK_FAULT("message-query-uses-iv", "messages", spoil_iv_query),
    HOOK_FAULT("message-tag-flipped", "messages", spoil_tag_output),
    HOOK_FAULT("message-too-small-takes-part", "messages", spoil_next_small),
    HOOK_FAULT("message-tag-not-checked", "messages", spoil_tag_check),
    HOOK_FAULT("message-wrong-tag-ends-process", "messages", spoil_tag_process),
    HOOK_FAULT("message-sign-ends-process", "messages,signature/message_signs*", spoil_sign_process),
    HOOK_FAULT("message-sign-query-takes-part", "messages", spoil_sign_query),
    HOOK_FAULT("message-verify-part-cut", "messages,signature/message_in_parts*", spoil_verify_part),
    HOOK_FAULT("session-cancel-ends-everything", "messages,dual", spoil_cancel),
    HOOK_FAULT("session-cancel-leaves-messages", "messages", spoil_message_cancel),
    CODE_FAULT("message-encrypt-init-active-twice", "messages", C_MessageEncryptInit, CKR_OPERATION_ACTIVE, CKR_OK),
    CODE_FAULT("message-decrypt-final-without-process", "messages", C_MessageDecryptFinal, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("message-encrypt-in-the-middle", "messages", C_EncryptMessage, CKR_OPERATION_ACTIVE, CKR_OK),
    CODE_FAULT("message-sign-in-the-middle", "messages", C_SignMessage, CKR_OPERATION_ACTIVE, CKR_OK),
    CODE_FAULT("message-sign-without-process", "messages", C_SignMessage, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("message-sign-without-login", "messages", C_SignMessage, CKR_USER_NOT_LOGGED_IN, CKR_OK),
    CODE_FAULT("message-verify-takes-all", "messages", C_VerifyMessage, CKR_SIGNATURE_INVALID, CKR_OK),
    CODE_FAULT("message-usage-not-checked", "messages", C_MessageSignInit, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    HOOK_FAULT("state-forgets-data", "state", spoil_state),
    HOOK_FAULT("state-takes-any-key", "state", spoil_state_key),
    HOOK_FAULT("state-seal-cut", "state", spoil_state_seal),
    HOOK_FAULT("state-ends-operation", "state", spoil_state_end),
    CODE_FAULT("state-of-nothing", "state", C_GetOperationState, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("state-too-small", "state", C_GetOperationState, CKR_BUFFER_TOO_SMALL, CKR_OK),
    CODE_FAULT("state-invalid", "state", C_SetOperationState, CKR_SAVED_STATE_INVALID, CKR_OK),
    CODE_FAULT("state-key-not-needed", "state", C_SetOperationState, CKR_KEY_NOT_NEEDED, CKR_OK),
    CODE_FAULT("dual-needs-one-only", "dual", C_DigestEncryptUpdate, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
};
/* clang-format on */

const struct mutant_table mutant_messages = {faults, sizeof faults / sizeof faults[0]};
