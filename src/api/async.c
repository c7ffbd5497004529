/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous function management (PKCS#11 3.2 chapter 5.21).
 */
#include "session/async.h"

#include "api/api.h"

#include "base/banned.h"

/*= pkcs11-3.2 C_AsyncComplete: CKR_PENDING leaves the result as it is; else the code is that of the
 * function. ulVersion is 0 */
CK_RV kk_api_C_AsyncComplete(struct kk_app *app, CK_SESSION_HANDLE hSession,
                             CK_UTF8CHAR_PTR pFunctionName, CK_ASYNC_DATA_PTR pResult)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_session_living(app, hSession, &session));
    KK_ENSURE(pFunctionName != NULL && pResult != NULL && pResult->ulVersion == 0,
              CKR_ARGUMENTS_BAD);
    return kk_async_complete(app, hSession, (const char *)pFunctionName, pResult);
}

/*= pkcs11-3.2 C_AsyncGetID: CKR_STATE_UNSAVEABLE when the module does not keep the operation past
 * the session's end; CKR_OPERATION_NOT_INITIALIZED when the function is not pending */
CK_RV kk_api_C_AsyncGetID(struct kk_app *app, CK_SESSION_HANDLE hSession,
                          CK_UTF8CHAR_PTR pFunctionName, CK_ULONG_PTR pulID)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_session_living(app, hSession, &session));
    KK_ENSURE(pFunctionName != NULL && pulID != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_async_is_pending(app, hSession, (const char *)pFunctionName));
    return CKR_STATE_UNSAVEABLE;
}

/*= pkcs11-3.2 C_AsyncJoin: ulID is one that C_AsyncGetID gave. It gives none:
 * CKR_SAVED_STATE_INVALID
 */
CK_RV kk_api_C_AsyncJoin(struct kk_app *app, CK_SESSION_HANDLE hSession,
                         CK_UTF8CHAR_PTR pFunctionName, KK_UNUSED CK_ULONG ulID,
                         KK_UNUSED CK_BYTE_PTR pData, KK_UNUSED CK_ULONG ulData)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_session_living(app, hSession, &session));
    KK_ENSURE(pFunctionName != NULL, CKR_ARGUMENTS_BAD);
    return CKR_SAVED_STATE_INVALID;
}
