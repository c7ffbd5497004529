/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of slot events, of objects that a token makes itself, of asynchronous calls, and of named
 * users.
 */
#include <string.h>

#include "mutant.h"

/* ---- removal ---- */

static CK_RV list_without_tokens(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
    (void)present;
    return REAL->C_GetSlotList(CK_FALSE, list, count);
}

static void spoil_present_only(void)
{
    USED->C_GetSlotList = list_without_tokens;
}

static CK_RV slot_never_empty(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetSlotInfo(slot, info);
    if (rv == CKR_OK)
        info->flags |= CKF_TOKEN_PRESENT;
    return rv;
}

static void spoil_present_flag(void)
{
    USED->C_GetSlotInfo = slot_never_empty;
}

/* Counts what was open once. */
static CK_RV token_counts_all(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK)
        info->ulSessionCount++;
    return rv;
}

static void spoil_session_count(void)
{
    USED->C_GetTokenInfo = token_counts_all;
}

/* ---- events ---- */

static CK_RV event_again(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    /* The last event is told a second time. */
    static CK_SLOT_ID last;
    static int left;
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    if (rv == CKR_OK) {
        last = *slot;
        left = 1;
    } else if (rv == CKR_NO_EVENT && left > 0) {
        left--;
        *slot = last;
        rv = CKR_OK;
    }
    return rv;
}

static void spoil_event_flag(void)
{
    USED->C_WaitForSlotEvent = event_again;
}

static CK_RV event_elsewhere(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    if (rv == CKR_OK)
        *slot ^= 1;
    return rv;
}

static void spoil_event_slot(void)
{
    USED->C_WaitForSlotEvent = event_elsewhere;
}

static CK_RV event_only_one(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    /* One event told clears all. */
    CK_SLOT_ID other;
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    while (rv == CKR_OK && REAL->C_WaitForSlotEvent(CKF_DONT_BLOCK, &other, NULL) == CKR_OK) {
    }
    return rv;
}

static void spoil_event_others(void)
{
    USED->C_WaitForSlotEvent = event_only_one;
}

static CK_RV event_never_waits(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    return REAL->C_WaitForSlotEvent(flags | CKF_DONT_BLOCK, slot, reserved);
}

static void spoil_event_wait(void)
{
    USED->C_WaitForSlotEvent = event_never_waits;
}

static CK_RV event_lists(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    /* The list of slots changes with the event. */
    CK_ULONG count = 0;
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    if (rv == CKR_OK)
        REAL->C_GetSlotList(CK_FALSE, NULL, &count);
    return rv;
}

static void spoil_event_list(void)
{
    USED->C_WaitForSlotEvent = event_lists;
}

/* ---- objects that the token makes ---- */

static CK_ULONG number_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG number = CK_UNAVAILABLE_INFORMATION;
    CK_ATTRIBUTE attribute = {type, &number, sizeof number};
    REAL->C_GetAttributeValue(session, object, &attribute, 1);
    return number;
}

static CK_RV value_stuck(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    /* What a hardware feature said first it says for ever. */
    static CK_BYTE first[4][64];
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        CK_ULONG feature = number_of(session, object, CKA_HW_FEATURE_TYPE);
        if (template[i].type != CKA_VALUE || template[i].pValue == NULL || feature >= 4 ||
            template[i].ulValueLen > 64)
            continue;
        if (first[feature][0] == 0)
            memcpy(first[feature] + 1, template[i].pValue, template[i].ulValueLen);
        first[feature][0] = 1;
        memcpy(template[i].pValue, first[feature] + 1, template[i].ulValueLen);
    }
    return rv;
}

static void spoil_feature_value(void)
{
    USED->C_GetAttributeValue = value_stuck;
}

/* A number one higher than it is. */
static CK_ATTRIBUTE_TYPE raised_type;

static CK_RV number_raised(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        if (template[i].type == raised_type && template[i].pValue != NULL)
            *(CK_ULONG *)template[i].pValue += 0x10000;
    }
    return rv;
}

static void spoil_mechanism_type(void)
{
    raised_type = CKA_MECHANISM_TYPE;
    USED->C_GetAttributeValue = number_raised;
}

static void spoil_profile_id(void)
{
    raised_type = CKA_PROFILE_ID;
    USED->C_GetAttributeValue = number_raised;
}

static void spoil_otp_format(void)
{
    raised_type = CKA_OTP_FORMAT;
    USED->C_GetAttributeValue = number_raised;
}

static void spoil_trust_default(void)
{
    raised_type = CKA_TRUST_SERVER_AUTH;
    USED->C_GetAttributeValue = number_raised;
}

static CK_RV flags_claimed(CK_SESSION_HANDLE session, CK_SESSION_VALIDATION_FLAGS_TYPE type,
                           CK_FLAGS_PTR flags)
{
    CK_RV rv = REAL->C_GetSessionValidationFlags(session, type, flags);
    if (rv == CKR_OK)
        *flags |= 1;
    return rv;
}

static void spoil_validation(void)
{
    USED->C_GetSessionValidationFlags = flags_claimed;
}

/* ---- asynchronous calls ---- */

static CK_RV complete_blind(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function,
                            CK_ASYNC_DATA_PTR result)
{
    /* Whatever is pending is taken for what was asked for. */
    static const char *const names[] = {"C_GenerateKey", "C_GenerateKeyPair", "C_Sign",
                                        "C_SignFinal"};
    CK_RV rv = REAL->C_AsyncComplete(session, function, result);
    for (int i = 0; i < 4 && rv == CKR_OPERATION_NOT_INITIALIZED; i++)
        rv = REAL->C_AsyncComplete(session, (CK_UTF8CHAR_PTR)names[i], result);
    return rv;
}

static void spoil_async_name(void)
{
    USED->C_AsyncComplete = complete_blind;
}

static CK_RV complete_swapped(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function,
                              CK_ASYNC_DATA_PTR result)
{
    CK_RV rv = REAL->C_AsyncComplete(session, function, result);
    if (rv == CKR_OK && result->hAdditionalObject != 0) {
        CK_OBJECT_HANDLE first = result->hObject;
        result->hObject = result->hAdditionalObject;
        result->hAdditionalObject = first;
    }
    return rv;
}

static void spoil_async_handles(void)
{
    USED->C_AsyncComplete = complete_swapped;
}

static CK_RV complete_elsewhere(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function,
                                CK_ASYNC_DATA_PTR result)
{
    static CK_BYTE own[1024];
    CK_RV rv = REAL->C_AsyncComplete(session, function, result);
    if (rv != CKR_PENDING && result != NULL && result->pValue != NULL)
        result->pValue = own;
    return rv;
}

static void spoil_async_buffer(void)
{
    USED->C_AsyncComplete = complete_elsewhere;
}

static CK_RV complete_touches(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function,
                              CK_ASYNC_DATA_PTR result)
{
    CK_RV rv = REAL->C_AsyncComplete(session, function, result);
    if (rv == CKR_PENDING)
        result->ulValue = 0;
    return rv;
}

static void spoil_async_pending(void)
{
    USED->C_AsyncComplete = complete_touches;
}

static CK_RV cancel_nothing(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
    return REAL->C_SessionCancel(session, flags & ~(CK_FLAGS)CKF_GENERATE_KEY_PAIR);
}

static void spoil_async_cancel(void)
{
    USED->C_SessionCancel = cancel_nothing;
}

static CK_RV cancel_all(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
    return REAL->C_SessionCancel(session, flags | CKF_GENERATE_KEY_PAIR);
}

static void spoil_async_cancel_flags(void)
{
    USED->C_SessionCancel = cancel_all;
}

/* ---- named users ---- */

static CK_RV login_nameless(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                            CK_ULONG length, CK_UTF8CHAR_PTR name, CK_ULONG name_length)
{
    /* Whoever it says it is, it is the user. */
    (void)name;
    (void)name_length;
    return REAL->C_LoginUser(session, user, pin, length, NULL, 0);
}

static void spoil_user_name(void)
{
    USED->C_LoginUser = login_nameless;
}

static CK_RV login_swapped(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                           CK_ULONG length, CK_UTF8CHAR_PTR name, CK_ULONG name_length)
{
    /* An empty name is taken for a name. */
    static CK_UTF8CHAR none[] = "none";
    return name != NULL && name_length == 0
               ? REAL->C_LoginUser(session, user, pin, length, none, 4)
               : REAL->C_LoginUser(session, user, pin, length, name, name_length);
}

static void spoil_empty_name(void)
{
    USED->C_LoginUser = login_swapped;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("removed-listed", "removal", spoil_present_only),
    HOOK_FAULT("removed-present", "removal", spoil_present_flag),
    HOOK_FAULT("removed-sessions-counted", "removal", spoil_session_count),
    CODE_FAULT("removed-session-lives", "removal", C_GetSessionInfo, CKR_SESSION_HANDLE_INVALID, CKR_OK),
    CODE_FAULT("removed-code", "removal", C_OpenSession, CKR_TOKEN_NOT_PRESENT, CKR_SLOT_ID_INVALID),
    CODE_FAULT("removed-info-code", "removal", C_GetTokenInfo, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED),
    CODE_FAULT("event-arguments-code", "events", C_WaitForSlotEvent, CKR_ARGUMENTS_BAD, CKR_NO_EVENT),
    CODE_FAULT("event-end-code", "events", C_WaitForSlotEvent, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_FUNCTION_FAILED),
    HOOK_FAULT("event-told-twice", "events", spoil_event_flag),
    HOOK_FAULT("event-of-another-slot", "events", spoil_event_slot),
    HOOK_FAULT("event-clears-others", "events", spoil_event_others),
    HOOK_FAULT("event-never-waits", "events", spoil_event_wait),
    HOOK_FAULT("event-changes-list", "events", spoil_event_list),
    CODE_FAULT("own-object-destroyed", "features", C_DestroyObject, CKR_ACTION_PROHIBITED, CKR_OK),
    CODE_FAULT("own-object-copied", "features", C_CopyObject, CKR_ACTION_PROHIBITED, CKR_OK),
    CODE_FAULT("own-object-changed", "features", C_SetAttributeValue, CKR_ACTION_PROHIBITED, CKR_OK),
    CODE_FAULT("validation-arguments-code", "features", C_GetSessionValidationFlags, CKR_ARGUMENTS_BAD, CKR_OK),
    HOOK_FAULT("validation-claimed", "features", spoil_validation),
    HOOK_FAULT("feature-value-stuck", "features", spoil_feature_value),
    HOOK_FAULT("own-mechanism-unknown", "features", spoil_mechanism_type),
    HOOK_FAULT("own-profile-unknown", "features", spoil_profile_id),
    HOOK_FAULT("own-otp-format", "features", spoil_otp_format),
    HOOK_FAULT("own-trust-default", "features", spoil_trust_default),
    CODE_FAULT("login-user-pin-accepted", "loginuser", C_LoginUser, CKR_PIN_INCORRECT, CKR_OK),
    CODE_FAULT("login-user-unknown-accepted", "loginuser", C_LoginUser, CKR_USER_PIN_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("login-user-twice-accepted", "loginuser", C_LoginUser, CKR_USER_ALREADY_LOGGED_IN, CKR_OK),
    CODE_FAULT("login-user-type-code", "loginuser", C_LoginUser, CKR_USER_TYPE_INVALID, CKR_ARGUMENTS_BAD),
    HOOK_FAULT("login-user-name-ignored", "loginuser", spoil_user_name),
    HOOK_FAULT("login-user-empty-name", "loginuser", spoil_empty_name),
    CODE_FAULT("async-not-pending-code", "async", C_AsyncComplete, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("async-id-code", "async", C_AsyncGetID, CKR_OPERATION_NOT_INITIALIZED, CKR_OK),
    CODE_FAULT("async-unsaveable-code", "async", C_AsyncGetID, CKR_STATE_UNSAVEABLE, CKR_DEVICE_ERROR),
    CODE_FAULT("async-join-accepted", "async", C_AsyncJoin, CKR_SAVED_STATE_INVALID, CKR_OK),
    CODE_FAULT("async-busy-hidden", "async", C_FindObjectsInit, CKR_OPERATION_ACTIVE, CKR_OK),
    CODE_FAULT("async-too-small-pends", "async", C_Sign, CKR_BUFFER_TOO_SMALL, CKR_PENDING),
    HOOK_FAULT("async-name-ignored", "async", spoil_async_name),
    HOOK_FAULT("async-handles-swapped", "async", spoil_async_handles),
    HOOK_FAULT("async-buffer-elsewhere", "async", spoil_async_buffer),
    HOOK_FAULT("async-pending-touches-result", "async", spoil_async_pending),
    HOOK_FAULT("async-cancel-ignored", "async", spoil_async_cancel),
    HOOK_FAULT("async-cancel-all", "async", spoil_async_cancel_flags),
};
/* clang-format on */

const struct mutant_table mutant_tokens = {faults, sizeof faults / sizeof faults[0]};
