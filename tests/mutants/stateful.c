/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of keys that change with each signature.
 */
#include <string.h>

#include "mutant.h"

/* The key that an operation in progress signs with: the runner has one at a time. */
static CK_MECHANISM_TYPE signing;

static CK_RV init_noted(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
    signing = mechanism != NULL ? mechanism->mechanism : 0;
    return REAL->C_SignInit(session, mechanism, key);
}

/* Every other signature is the one before: its leaf, its password once more. */
static CK_RV sign_twice(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_length,
                        CK_BYTE_PTR signature, CK_ULONG_PTR length)
{
    static CK_BYTE kept[16384];
    static CK_ULONG kept_length, count;
    CK_RV rv = REAL->C_Sign(session, data, data_length, signature, length);
    if (rv != CKR_OK || signature == NULL || signing != CKM_HSS || *length > sizeof kept)
        return rv;
    if (count++ % 2 == 1 && kept_length == *length)
        memcpy(signature, kept, *length);
    memcpy(kept, signature, *length);
    kept_length = *length;
    return rv;
}

static void spoil_leaf(void)
{
    USED->C_SignInit = init_noted;
    USED->C_Sign = sign_twice;
}

/* One more, or one less, than there are. */
static CK_RV get_off_by_one(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        CK_ULONG number = 0;
        if (template[i].type == CKA_HSS_KEYS_REMAINING && template[i].pValue != NULL) {
            memcpy(&number, template[i].pValue, sizeof number);
            number += number < 32;
            memcpy(template[i].pValue, &number, sizeof number);
        }
        if (template[i].type == CKA_OTP_COUNTER && template[i].pValue != NULL &&
            template[i].ulValueLen == 8)
            ((CK_BYTE_PTR) template[i].pValue)[7]--;
    }
    return rv;
}

static void spoil_numbers(void)
{
    USED->C_GetAttributeValue = get_off_by_one;
}

/* Asking for the length already signs. */
static CK_RV sign_query_takes(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_length,
                              CK_BYTE_PTR signature, CK_ULONG_PTR length)
{
    static CK_BYTE thrown_away[16384];
    CK_RV rv = REAL->C_Sign(session, data, data_length, signature, length);
    if (rv != CKR_OK || signature != NULL || (signing != CKM_HSS && signing != CKM_HOTP))
        return rv;
    CK_ULONG room = sizeof thrown_away;
    (void)REAL->C_Sign(session, data, data_length, thrown_away, &room);
    return rv;
}

static void spoil_query(void)
{
    USED->C_SignInit = init_noted;
    USED->C_Sign = sign_query_takes;
}

/* The result points into memory of the module. */
static CK_RV sign_elsewhere(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_length,
                            CK_BYTE_PTR signature, CK_ULONG_PTR length)
{
    static CK_BYTE own[1024];
    CK_OTP_SIGNATURE_INFO info;
    CK_RV rv = REAL->C_Sign(session, data, data_length, signature, length);
    if (rv != CKR_OK || signature == NULL || signing != CKM_HOTP || *length > sizeof own)
        return rv;
    memcpy(&info, signature, sizeof info);
    memcpy(own, signature, *length);
    for (CK_ULONG i = 0; i < info.ulCount; i++) {
        CK_OTP_PARAM param;
        CK_BYTE_PTR at = (CK_BYTE_PTR)info.pParams + i * sizeof param;
        memcpy(&param, at, sizeof param);
        param.pValue = own + ((CK_BYTE_PTR)param.pValue - signature);
        memcpy(at, &param, sizeof param);
    }
    return rv;
}

static void spoil_place(void)
{
    USED->C_SignInit = init_noted;
    USED->C_Sign = sign_elsewhere;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    CODE_FAULT("hss-exhausted-code", "hss", C_Sign, CKR_KEY_EXHAUSTED, CKR_FUNCTION_FAILED),
    CODE_FAULT("hss-copy-code", "hss", C_CopyObject, CKR_ACTION_PROHIBITED, CKR_OK),
    CODE_FAULT("hss-types-hidden", "hss", C_GenerateKeyPair, CKR_TEMPLATE_INCONSISTENT, CKR_OK),
    CODE_FAULT("hss-signature-length-code", "hss", C_Verify, CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID),
    HOOK_FAULT("hss-leaf-twice", "hss", spoil_leaf),
    HOOK_FAULT("hss-remaining-off-by-one", "hss", spoil_numbers),
    HOOK_FAULT("hss-query-takes-a-leaf", "hss", spoil_query),
    CODE_FAULT("otp-parameters-hidden", "otp", C_SignInit, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
    CODE_FAULT("otp-no-counter-hidden", "otp", C_VerifyInit, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
    CODE_FAULT("otp-wrong-password-taken", "otp", C_Verify, CKR_SIGNATURE_INVALID, CKR_OK),
    HOOK_FAULT("otp-counter-off-by-one", "otp", spoil_numbers),
    HOOK_FAULT("otp-query-takes-a-password", "otp", spoil_query),
    HOOK_FAULT("otp-result-elsewhere", "otp", spoil_place),
};
/* clang-format on */

const struct mutant_table mutant_stateful = {faults, sizeof faults / sizeof faults[0]};
