/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session management functions, random numbers and the parallel ones of old (PKCS#11 3.2
 * chapters 5.6, 5.20, 5.21).
 */
#include <string.h>

#include "api/api.h"
#include "api/arguments.h"
#include "session/builtin.h"
#include "session/objects.h"

#include "base/banned.h"

CK_RV kk_api_C_OpenSession(struct kk_app *app, CK_SLOT_ID slotID, CK_FLAGS flags,
                           KK_UNUSED CK_VOID_PTR pApplication, KK_UNUSED CK_NOTIFY Notify,
                           CK_SESSION_HANDLE_PTR phSession)
{
    bool is_serial = (flags & CKF_SERIAL_SESSION) != 0;
    if (phSession == NULL || !is_serial) {
        KK_TRY(kk_arg_slot(app, slotID));
    }
    KK_ENSURE(phSession != NULL, CKR_ARGUMENTS_BAD);
    KK_ENSURE(is_serial, CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    return kk_session_open(
        app, slotID, flags & (CKF_SERIAL_SESSION | CKF_RW_SESSION | CKF_ASYNC_SESSION), phSession);
}

CK_RV kk_api_C_CloseSession(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    return kk_session_close(app, hSession);
}

CK_RV kk_api_C_CloseAllSessions(struct kk_app *app, CK_SLOT_ID slotID)
{
    return kk_session_close_slot(app, slotID);
}

CK_RV kk_api_C_GetSessionInfo(struct kk_app *app, CK_SESSION_HANDLE hSession,
                              CK_SESSION_INFO_PTR pInfo)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_session_living(app, hSession, &session));
    KK_ENSURE(pInfo != NULL, CKR_ARGUMENTS_BAD);
    *pInfo = (CK_SESSION_INFO){.slotID = session->slot->id,
                               .state = kk_session_state(session),
                               .flags = session->flags,
                               .ulDeviceError = 0};
    return CKR_OK;
}

/*= pkcs11-3.2 C_GetSessionValidationFlags: CKS_LAST_VALIDATION_OK is the one kind of flags. They
 * are those of the validation object, which there is only where the provider is OpenSSL's FIPS one
 * and a certificate of it was named; elsewhere no flag is ever set */
CK_RV kk_api_C_GetSessionValidationFlags(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                         CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS_PTR pFlags)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pFlags != NULL && type == CKS_LAST_VALIDATION_OK, CKR_ARGUMENTS_BAD);
    bool is_named = kk_builtin_is_validated(app);
    *pFlags = is_named && call.session->validated ? KK_VALIDATION_FLAG : 0;
    return CKR_OK;
}

/*= pkcs11-3.2 C_SessionCancel: cancels the operations of the kinds named by the flags; kinds that
 * are not active are no error */
CK_RV kk_api_C_SessionCancel(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_FLAGS flags)
{
    static const struct {
        CK_FLAGS flag;
        unsigned int what;
    } kinds[] = {
        {CKF_ENCRYPT, KK_CANCEL_OPERATION(KK_OP_ENCRYPT)},
        {CKF_DECRYPT, KK_CANCEL_OPERATION(KK_OP_DECRYPT)},
        {CKF_DIGEST, KK_CANCEL_OPERATION(KK_OP_DIGEST)},
        {CKF_SIGN, KK_CANCEL_OPERATION(KK_OP_SIGN)},
        {CKF_SIGN_RECOVER, KK_CANCEL_OPERATION(KK_OP_SIGN_RECOVER)},
        {CKF_VERIFY,
         KK_CANCEL_OPERATION(KK_OP_VERIFY) | KK_CANCEL_OPERATION(KK_OP_VERIFY_SIGNATURE)},
        {CKF_VERIFY_RECOVER, KK_CANCEL_OPERATION(KK_OP_VERIFY_RECOVER)},
        {CKF_MESSAGE_ENCRYPT, KK_CANCEL_OPERATION(KK_OP_MESSAGE_ENCRYPT)},
        {CKF_MESSAGE_DECRYPT, KK_CANCEL_OPERATION(KK_OP_MESSAGE_DECRYPT)},
        {CKF_MESSAGE_SIGN, KK_CANCEL_OPERATION(KK_OP_MESSAGE_SIGN)},
        {CKF_MESSAGE_VERIFY, KK_CANCEL_OPERATION(KK_OP_MESSAGE_VERIFY)},
        {CKF_FIND_OBJECTS, KK_CANCEL_FIND},
    };
    unsigned int what = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        what |= (flags & kinds[i].flag) != 0 ? kinds[i].what : 0;
    }
    return kk_session_cancel(app, hSession, flags, what);
}

static CK_RV login(struct kk_app *app, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                   const CK_UTF8CHAR *pin, CK_ULONG pin_len, const CK_UTF8CHAR *name,
                   CK_ULONG name_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span given;
    struct kk_span user_name;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_arg_span(name, name_len, &user_name));
    /*= pkcs11-3.2 C_Login: pPin is NULL_PTR where the token has a protected authentication path */
    if (pin == NULL) {
        return kk_session_login_auto(&call, user, user_name);
    }
    KK_TRY(kk_arg_span(pin, pin_len, &given));
    return kk_session_login(&call, user, user_name, given);
}

CK_RV kk_api_C_GetOperationState(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                 CK_BYTE_PTR pOperationState, CK_ULONG_PTR pulOperationStateLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pulOperationStateLen != NULL, CKR_ARGUMENTS_BAD);
    return kk_call_save_state(&call, &(struct kk_output){pOperationState, pulOperationStateLen});
}

CK_RV kk_api_C_SetOperationState(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                 CK_BYTE_PTR pOperationState, CK_ULONG ulOperationStateLen,
                                 CK_OBJECT_HANDLE hEncryptionKey,
                                 CK_OBJECT_HANDLE hAuthenticationKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span state;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pOperationState != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pOperationState, ulOperationStateLen, &state));
    return kk_call_restore_state(&call, state, hEncryptionKey, hAuthenticationKey);
}

CK_RV kk_api_C_Login(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_USER_TYPE userType,
                     CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen)
{
    return login(app, hSession, userType, pPin, ulPinLen, NULL, 0);
}

/*= pkcs11-3.2 C_LoginUser: as C_Login, for the user of that name; without one the unnamed user */
CK_RV kk_api_C_LoginUser(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_USER_TYPE userType,
                         CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen, CK_UTF8CHAR_PTR pUsername,
                         CK_ULONG ulUsernameLen)
{
    return login(app, hSession, userType, pPin, ulPinLen, pUsername, ulUsernameLen);
}

CK_RV kk_api_C_Logout(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    return kk_session_logout(app, hSession);
}

CK_RV kk_api_C_SeedRandom(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSeed,
                          CK_ULONG ulSeedLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span seed;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_TRY(kk_arg_span(pSeed, ulSeedLen, &seed));
    return kk_crypto_seed(app->engine->crypto, seed);
}

CK_RV kk_api_C_GenerateRandom(struct kk_app *app, CK_SESSION_HANDLE hSession,
                              CK_BYTE_PTR RandomData, CK_ULONG ulRandomLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span room;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_TRY(kk_arg_span(RandomData, ulRandomLen, &room));
    return kk_crypto_random(app->engine->crypto, RandomData, room.len);
}

CK_RV kk_api_C_GetFunctionStatus(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, hSession, &call));
    return CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV kk_api_C_CancelFunction(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, hSession, &call));
    return CKR_FUNCTION_NOT_PARALLEL;
}
