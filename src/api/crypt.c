/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encryption, decryption, digest, signature and verification functions (PKCS#11 3.2 chapters 5.8
 * to 5.15). They differ in the kind of operation and in what they are handed; everything else is
 * the operation state machine's.
 */
#include "session/operation.h"

#include "api/api.h"
#include "api/arguments.h"
#include "session/async.h"

#include "base/banned.h"

/*= pkcs11-3.2 C_EncryptInit: a NULL mechanism cancels the active operation; the same for its kin */
static CK_RV start(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                   const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param spare;
    const struct kk_mechanism *row = NULL;
    kk_param_init(&spare);
    KK_TRY(kk_call_begin(app, session, &call));
    if (mechanism == NULL) {
        return kk_operation_cancel(&call, kind);
    }
    struct kk_param *param = kk_operation_param(&call, kind, &spare);
    CK_RV rv = kk_arg_mechanism(app, mechanism, &row, param);
    if (rv == CKR_OK) {
        rv = kk_operation_init(&call, kind, row, param, key);
    }
    if (KK_UNLIKELY(rv != CKR_OK)) {
        kk_param_clear(param);
    }
    return rv;
}

static CK_RV cipher(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                    enum kk_phase phase, const void *data, CK_ULONG len, CK_BYTE *out,
                    CK_ULONG *out_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span in;
    KK_TRY(kk_call_begin_on(app, session, KK_CANCEL_OPERATION(kind), &call));
    if (out_len == NULL || kk_arg_span(data, len, &in) != CKR_OK) {
        return kk_operation_fail(&call, kind, CKR_ARGUMENTS_BAD);
    }
    return kk_operation_cipher(&call, kind, phase, in, &(struct kk_output){out, out_len});
}

static CK_RV feed(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                  const void *data, CK_ULONG len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span in;
    KK_TRY(kk_call_begin_on(app, session, KK_CANCEL_OPERATION(kind), &call));
    if (kk_arg_span(data, len, &in) != CKR_OK) {
        return kk_operation_fail(&call, kind, CKR_ARGUMENTS_BAD);
    }
    return kk_operation_update(&call, kind, in);
}

static CK_RV result(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                    enum kk_phase phase, const void *data, CK_ULONG len, CK_BYTE *out,
                    CK_ULONG *out_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span in;
    KK_TRY(kk_call_begin_on(app, session, KK_CANCEL_OPERATION(kind), &call));
    if (out_len == NULL || kk_arg_span(data, len, &in) != CKR_OK) {
        return kk_operation_fail(&call, kind, CKR_ARGUMENTS_BAD);
    }
    if (kind == KK_OP_SIGN && kk_async_wanted(&call)) {
        return kk_async_sign(&call, phase, in, &(struct kk_output){out, out_len});
    }
    return kk_operation_result(&call, kind, phase, in, &(struct kk_output){out, out_len});
}

static CK_RV verify(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_phase phase,
                    const void *data, CK_ULONG len, const void *signature, CK_ULONG signature_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span in;
    struct kk_span given;
    KK_TRY(kk_call_begin_on(app, session, KK_CANCEL_OPERATION(KK_OP_VERIFY), &call));
    if (kk_arg_span(data, len, &in) != CKR_OK || signature == NULL ||
        kk_arg_span(signature, signature_len, &given) != CKR_OK) {
        return kk_operation_fail(&call, KK_OP_VERIFY, CKR_ARGUMENTS_BAD);
    }
    return kk_operation_verify(&call, phase, in, given);
}

CK_RV kk_api_C_EncryptInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                           CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_ENCRYPT, pMechanism, hKey);
}

CK_RV kk_api_C_Encrypt(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR in,
                       CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
    return cipher(app, hSession, KK_OP_ENCRYPT, KK_PHASE_SINGLE, in, in_len, out, out_len);
}

CK_RV kk_api_C_EncryptUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR in,
                             CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
    return cipher(app, hSession, KK_OP_ENCRYPT, KK_PHASE_UPDATE, in, in_len, out, out_len);
}

CK_RV kk_api_C_EncryptFinal(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR out,
                            CK_ULONG_PTR out_len)
{
    return cipher(app, hSession, KK_OP_ENCRYPT, KK_PHASE_FINAL, NULL, 0, out, out_len);
}

CK_RV kk_api_C_DecryptInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                           CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_DECRYPT, pMechanism, hKey);
}

CK_RV kk_api_C_Decrypt(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR in,
                       CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
    return cipher(app, hSession, KK_OP_DECRYPT, KK_PHASE_SINGLE, in, in_len, out, out_len);
}

CK_RV kk_api_C_DecryptUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR in,
                             CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
    return cipher(app, hSession, KK_OP_DECRYPT, KK_PHASE_UPDATE, in, in_len, out, out_len);
}

CK_RV kk_api_C_DecryptFinal(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR out,
                            CK_ULONG_PTR out_len)
{
    return cipher(app, hSession, KK_OP_DECRYPT, KK_PHASE_FINAL, NULL, 0, out, out_len);
}

CK_RV kk_api_C_DigestInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                          CK_MECHANISM_PTR pMechanism)
{
    return start(app, hSession, KK_OP_DIGEST, pMechanism, CK_INVALID_HANDLE);
}

CK_RV kk_api_C_Digest(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData,
                      CK_ULONG ulDataLen, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
    return result(app, hSession, KK_OP_DIGEST, KK_PHASE_SINGLE, pData, ulDataLen, out, out_len);
}

CK_RV kk_api_C_DigestUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart,
                            CK_ULONG ulPartLen)
{
    return feed(app, hSession, KK_OP_DIGEST, pPart, ulPartLen);
}

CK_RV kk_api_C_DigestFinal(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR out,
                           CK_ULONG_PTR out_len)
{
    return result(app, hSession, KK_OP_DIGEST, KK_PHASE_FINAL, NULL, 0, out, out_len);
}

CK_RV kk_api_C_SignInit(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism,
                        CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_SIGN, pMechanism, hKey);
}

CK_RV kk_api_C_Sign(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData,
                    CK_ULONG ulDataLen, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
    return result(app, hSession, KK_OP_SIGN, KK_PHASE_SINGLE, pData, ulDataLen, out, out_len);
}

CK_RV kk_api_C_SignUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart,
                          CK_ULONG ulPartLen)
{
    return feed(app, hSession, KK_OP_SIGN, pPart, ulPartLen);
}

CK_RV kk_api_C_SignFinal(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR out,
                         CK_ULONG_PTR out_len)
{
    return result(app, hSession, KK_OP_SIGN, KK_PHASE_FINAL, NULL, 0, out, out_len);
}

CK_RV kk_api_C_DigestKey(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin_on(app, hSession, KK_CANCEL_OPERATION(KK_OP_DIGEST), &call));
    return kk_operation_digest_key(&call, hKey);
}

CK_RV kk_api_C_SignRecoverInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                               CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_SIGN_RECOVER, pMechanism, hKey);
}

CK_RV kk_api_C_SignRecover(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData,
                           CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG_PTR pulSignatureLen)
{
    return result(app, hSession, KK_OP_SIGN_RECOVER, KK_PHASE_SINGLE, pData, ulDataLen, pSignature,
                  pulSignatureLen);
}

CK_RV kk_api_C_VerifyInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                          CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_VERIFY, pMechanism, hKey);
}

CK_RV kk_api_C_Verify(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData,
                      CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
    return verify(app, hSession, KK_PHASE_SINGLE, pData, ulDataLen, pSignature, ulSignatureLen);
}

CK_RV kk_api_C_VerifyUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart,
                            CK_ULONG ulPartLen)
{
    return feed(app, hSession, KK_OP_VERIFY, pPart, ulPartLen);
}

CK_RV kk_api_C_VerifyFinal(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSignature,
                           CK_ULONG ulSignatureLen)
{
    return verify(app, hSession, KK_PHASE_FINAL, NULL, 0, pSignature, ulSignatureLen);
}

CK_RV kk_api_C_VerifyRecoverInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                 CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_VERIFY_RECOVER, pMechanism, hKey);
}

CK_RV kk_api_C_VerifyRecover(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSignature,
                             CK_ULONG ulSignatureLen, CK_BYTE_PTR pData, CK_ULONG_PTR pulDataLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span given;
    KK_TRY(kk_call_begin_on(app, hSession, KK_CANCEL_OPERATION(KK_OP_VERIFY_RECOVER), &call));
    if (pulDataLen == NULL || kk_arg_span(pSignature, ulSignatureLen, &given) != CKR_OK) {
        return kk_operation_fail(&call, KK_OP_VERIFY_RECOVER, CKR_ARGUMENTS_BAD);
    }
    return kk_operation_verify_recover(&call, given, &(struct kk_output){pData, pulDataLen});
}

/*= pkcs11-3.2 C_VerifySignatureInit: a NULL mechanism cancels the active operation */
CK_RV kk_api_C_VerifySignatureInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                   CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey,
                                   CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    const struct kk_mechanism *row = NULL;
    struct kk_span given;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    if (pMechanism == NULL) {
        return kk_operation_cancel(&call, KK_OP_VERIFY_SIGNATURE);
    }
    KK_ENSURE(pSignature != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pSignature, ulSignatureLen, &given));
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    return kk_operation_verify_signature_init(&call, row, &param, hKey, given);
}

static CK_RV verify_given(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_phase phase,
                          const void *data, CK_ULONG len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span in;
    KK_TRY(kk_call_begin_on(app, session, KK_CANCEL_OPERATION(KK_OP_VERIFY_SIGNATURE), &call));
    if (kk_arg_span(data, len, &in) != CKR_OK) {
        return kk_operation_fail(&call, KK_OP_VERIFY_SIGNATURE, CKR_ARGUMENTS_BAD);
    }
    return kk_operation_verify_signature(&call, phase, in);
}

CK_RV kk_api_C_VerifySignature(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData,
                               CK_ULONG ulDataLen)
{
    return verify_given(app, hSession, KK_PHASE_SINGLE, pData, ulDataLen);
}

CK_RV kk_api_C_VerifySignatureUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                     CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
    return feed(app, hSession, KK_OP_VERIFY_SIGNATURE, pPart, ulPartLen);
}

CK_RV kk_api_C_VerifySignatureFinal(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    return verify_given(app, hSession, KK_PHASE_FINAL, NULL, 0);
}
