/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of what keys say about the keys that they make, and about their own use.
 */
#include <string.h>

#include "mutant.h"

/* The attribute is not stored. */
static CK_ATTRIBUTE_TYPE lost;

static CK_RV create_without(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                            CK_OBJECT_HANDLE_PTR ret_object)
{
    struct mutant_template less = mutant_without(template, count, lost);
    return REAL->C_CreateObject(session, template == NULL ? NULL : less.attributes,
                                template == NULL ? count : less.count, ret_object);
}

static void lose(CK_ATTRIBUTE_TYPE type)
{
    lost = type;
    USED->C_CreateObject = create_without;
}

static void spoil_derive_template(void)
{
    lose(CKA_DERIVE_TEMPLATE);
}

static void spoil_wrap_template(void)
{
    lose(CKA_WRAP_TEMPLATE);
}

static void spoil_unwrap_template(void)
{
    lose(CKA_UNWRAP_TEMPLATE);
}

static void spoil_guard(void)
{
    lose(CKA_ALWAYS_AUTHENTICATE);
}

/* A check value in a template is passed over. */
static CK_RV unwrap_unchecked(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length,
                              CK_ATTRIBUTE_PTR template, CK_ULONG count,
                              CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template less = mutant_without(template, count, CKA_CHECK_VALUE);
    return REAL->C_UnwrapKey(session, mechanism, by, wrapped, length,
                             template == NULL ? NULL : less.attributes,
                             template == NULL ? count : less.count, ret_key);
}

static void spoil_check_value(void)
{
    USED->C_UnwrapKey = unwrap_unchecked;
}

/* A key does nothing before its day. */
static CK_RV sign_init_dated(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                             CK_OBJECT_HANDLE key)
{
    CK_DATE date;
    CK_ATTRIBUTE start = {CKA_START_DATE, &date, sizeof date};
    if (REAL->C_GetAttributeValue(session, key, &start, 1) == CKR_OK && start.ulValueLen != 0 &&
        memcmp(&date, "2026", 4) > 0)
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    return REAL->C_SignInit(session, mechanism, key);
}

static void spoil_dates(void)
{
    USED->C_SignInit = sign_init_dated;
}

/* One login is good for ever. */
static CK_RV derive_for_ever(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                             CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                             CK_OBJECT_HANDLE_PTR ret_key)
{
    static CK_OBJECT_HANDLE kept;
    CK_RV rv = REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    if (rv == CKR_OK)
        kept = *ret_key;
    if (rv == CKR_USER_NOT_LOGGED_IN && kept != 0) {
        *ret_key = kept;
        return CKR_OK;
    }
    return rv;
}

static void spoil_one_use(void)
{
    USED->C_DeriveKey = derive_for_ever;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    CODE_FAULT("derive-conflict-hidden", "templates", C_DeriveKey, CKR_TEMPLATE_INCONSISTENT, CKR_OK),
    CODE_FAULT("unwrap-guard-hidden", "templates", C_UnwrapKey, CKR_USER_NOT_LOGGED_IN, CKR_OK),
    CODE_FAULT("derive-guard-hidden", "templates", C_DeriveKey, CKR_USER_NOT_LOGGED_IN, CKR_OK),
    CODE_FAULT("decapsulate-guard-hidden", "templates", C_DecapsulateKey, CKR_USER_NOT_LOGGED_IN, CKR_OK),
    HOOK_FAULT("derive-template-lost", "templates", spoil_derive_template),
    HOOK_FAULT("wrap-template-lost", "templates,wrap", spoil_wrap_template),
    HOOK_FAULT("unwrap-template-lost", "templates,wrap", spoil_unwrap_template),
    HOOK_FAULT("always-authenticate-lost", "templates,login", spoil_guard),
    HOOK_FAULT("unwrap-check-value-ignored", "templates", spoil_check_value),
    HOOK_FAULT("start-date-binds", "templates", spoil_dates),
    HOOK_FAULT("guard-login-lasts", "templates", spoil_one_use),
};
/* clang-format on */

const struct mutant_table mutant_templates = {faults, sizeof faults / sizeof faults[0]};
