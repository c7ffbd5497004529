/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of slot events and of objects that a token makes itself.
 */
#include <string.h>

#include "mutant.h"

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

/* clang-format off */
static const struct mutant_fault faults[] = {
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
};
/* clang-format on */

const struct mutant_table mutant_tokens = {faults, sizeof faults / sizeof faults[0]};
