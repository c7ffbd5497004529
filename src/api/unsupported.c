/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that are not built yet (docs/status.md lists them): each says so. A function moves out
 * of here when it is built; this file goes when the list is empty.
 */
#include "api/api.h"
#include "session/session.h"

#include "base/banned.h"

/* A valid session first: a caller with a wrong handle hears of that. */
static CK_RV not_built(struct kk_app *app, CK_SESSION_HANDLE session)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return CKR_FUNCTION_NOT_SUPPORTED;
}

/* clang-format off */
CK_RV kk_api_C_LoginUser(struct kk_app *app, CK_SESSION_HANDLE hSession, KK_UNUSED CK_USER_TYPE userType, KK_UNUSED CK_UTF8CHAR_PTR pPin, KK_UNUSED CK_ULONG ulPinLen, KK_UNUSED CK_UTF8CHAR_PTR pUsername, KK_UNUSED CK_ULONG ulUsernameLen) { return not_built(app, hSession); }
CK_RV kk_api_C_AsyncComplete(struct kk_app *app, CK_SESSION_HANDLE hSession, KK_UNUSED CK_UTF8CHAR_PTR pFunctionName, KK_UNUSED CK_ASYNC_DATA_PTR pResult) { return not_built(app, hSession); }
CK_RV kk_api_C_AsyncGetID(struct kk_app *app, CK_SESSION_HANDLE hSession, KK_UNUSED CK_UTF8CHAR_PTR pFunctionName, KK_UNUSED CK_ULONG_PTR pulID) { return not_built(app, hSession); }
CK_RV kk_api_C_AsyncJoin(struct kk_app *app, CK_SESSION_HANDLE hSession, KK_UNUSED CK_UTF8CHAR_PTR pFunctionName, KK_UNUSED CK_ULONG ulID, KK_UNUSED CK_BYTE_PTR pData, KK_UNUSED CK_ULONG ulData) { return not_built(app, hSession); }
CK_RV kk_api_C_WrapKeyAuthenticated(struct kk_app *app, CK_SESSION_HANDLE hSession, KK_UNUSED CK_MECHANISM_PTR pMechanism, KK_UNUSED CK_OBJECT_HANDLE hWrappingKey, KK_UNUSED CK_OBJECT_HANDLE hKey, KK_UNUSED CK_BYTE_PTR pAssociatedData, KK_UNUSED CK_ULONG ulAssociatedDataLen, KK_UNUSED CK_BYTE_PTR pWrappedKey, KK_UNUSED CK_ULONG_PTR pulWrappedKeyLen) { return not_built(app, hSession); }
CK_RV kk_api_C_UnwrapKeyAuthenticated(struct kk_app *app, CK_SESSION_HANDLE hSession, KK_UNUSED CK_MECHANISM_PTR pMechanism, KK_UNUSED CK_OBJECT_HANDLE hUnwrappingKey, KK_UNUSED CK_BYTE_PTR pWrappedKey, KK_UNUSED CK_ULONG ulWrappedKeyLen, KK_UNUSED CK_ATTRIBUTE_PTR pTemplate, KK_UNUSED CK_ULONG ulAttributeCount, KK_UNUSED CK_BYTE_PTR pAssociatedData, KK_UNUSED CK_ULONG ulAssociatedDataLen, KK_UNUSED CK_OBJECT_HANDLE_PTR phKey) { return not_built(app, hSession); }
/* clang-format on */
