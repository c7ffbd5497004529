/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dual-function cryptographic functions (PKCS#11 3.2 chapter 5.17).
 */
#include "api/api.h"
#include "api/arguments.h"

#include "base/banned.h"

static CK_RV dual(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind cipher,
                  enum kk_op_kind other, const void *data, CK_ULONG len, CK_BYTE *out,
                  CK_ULONG *out_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span in;
    KK_TRY(kk_call_begin(app, session, &call));
    if (out_len == NULL || kk_arg_span(data, len, &in) != CKR_OK) {
        return kk_operation_fail(&call, cipher, CKR_ARGUMENTS_BAD);
    }
    return kk_operation_dual(&call, cipher, other, in, &(struct kk_output){out, out_len});
}

CK_RV kk_api_C_DigestEncryptUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                   CK_BYTE_PTR pPart, CK_ULONG ulPartLen, CK_BYTE_PTR out,
                                   CK_ULONG_PTR out_len)
{
    return dual(app, hSession, KK_OP_ENCRYPT, KK_OP_DIGEST, pPart, ulPartLen, out, out_len);
}

CK_RV kk_api_C_DecryptDigestUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR in,
                                   CK_ULONG in_len, CK_BYTE_PTR pPart, CK_ULONG_PTR pulPartLen)
{
    return dual(app, hSession, KK_OP_DECRYPT, KK_OP_DIGEST, in, in_len, pPart, pulPartLen);
}

CK_RV kk_api_C_SignEncryptUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart,
                                 CK_ULONG ulPartLen, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
    return dual(app, hSession, KK_OP_ENCRYPT, KK_OP_SIGN, pPart, ulPartLen, out, out_len);
}

CK_RV kk_api_C_DecryptVerifyUpdate(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR in,
                                   CK_ULONG in_len, CK_BYTE_PTR pPart, CK_ULONG_PTR pulPartLen)
{
    return dual(app, hSession, KK_OP_DECRYPT, KK_OP_VERIFY, in, in_len, pPart, pulPartLen);
}
