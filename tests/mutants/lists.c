/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of function lists, slots, tokens and mechanisms as they are described.
 */
#include <string.h>

#include "mutant.h"

/* ---- function lists ---- */

static void spoil_list_version(void)
{
    mutant_list_2_40.version = (CK_VERSION){3, 2};
}

static void spoil_list_entry(void)
{
    mutant_list_2_40.C_DigestKey = NULL;
}

static CK_RV interface_any(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version,
                           CK_INTERFACE_PTR_PTR ret_interface, CK_FLAGS flags)
{
    static CK_UTF8CHAR standard[] = "PKCS 11";
    static CK_INTERFACE any = {standard, &mutant_list_2_40, 0};
    (void)name;
    (void)version;
    (void)flags;
    if (ret_interface == NULL)
        return CKR_ARGUMENTS_BAD;
    *ret_interface = &any;
    return CKR_OK;
}

static void spoil_interface(void)
{
    USED->C_GetInterface = interface_any;
}

/* ---- C_Initialize ---- */

static CK_RV initialize_lax(CK_VOID_PTR arguments)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    return REAL->C_Initialize(arguments == NULL ? NULL : &args);
}

static void spoil_initialize(void)
{
    USED->C_Initialize = initialize_lax;
}

static CK_RV finalize_nothing(CK_VOID_PTR reserved)
{
    CK_INFO info;
    if (reserved != NULL)
        return CKR_ARGUMENTS_BAD;
    return REAL->C_GetInfo(&info);
}

static void spoil_finalize(void)
{
    USED->C_Finalize = finalize_nothing;
}

/* ---- slots ---- */

static CK_RV slot_list_one_more(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
    CK_RV rv = REAL->C_GetSlotList(present, list, count);
    if (rv == CKR_OK && list == NULL)
        ++*count;
    return rv;
}

static void spoil_slot_count(void)
{
    USED->C_GetSlotList = slot_list_one_more;
}

static CK_RV slot_list_overrun(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
    CK_ULONG room = count == NULL ? 0 : *count;
    CK_RV rv = REAL->C_GetSlotList(present, list, count);
    if (rv == CKR_OK && list != NULL && *count < room)
        list[*count] = 0;
    return rv;
}

static void spoil_slot_list(void)
{
    USED->C_GetSlotList = slot_list_overrun;
}

static CK_RV slot_info_terminated(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetSlotInfo(slot, info);
    if (rv == CKR_OK)
        info->manufacturerID[31] = '\0';
    return rv;
}

static void spoil_slot_info(void)
{
    USED->C_GetSlotInfo = slot_info_terminated;
}

/* ---- tokens ---- */

static CK_FLAGS flags_set, flags_cleared;

static CK_RV token_info_flags(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK)
        info->flags = (info->flags | flags_set) & ~flags_cleared;
    return rv;
}

static void spoil_user_pin_flag(void)
{
    flags_cleared = CKF_USER_PIN_INITIALIZED;
    USED->C_GetTokenInfo = token_info_flags;
}

static void spoil_rng_flag(void)
{
    flags_cleared = CKF_RNG;
    USED->C_GetTokenInfo = token_info_flags;
}

static void spoil_count_flag(void)
{
    flags_set = CKF_USER_PIN_COUNT_LOW;
    USED->C_GetTokenInfo = token_info_flags;
}

static CK_RV token_info_label(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK)
        memset(info->model, 0, sizeof info->model);
    return rv;
}

static void spoil_token_model(void)
{
    USED->C_GetTokenInfo = token_info_label;
}

/* ---- mechanisms ---- */

static CK_RV mechanism_list_double(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count)
{
    CK_RV rv = REAL->C_GetMechanismList(slot, list, count);
    if (rv == CKR_OK && list != NULL && *count > 1)
        list[0] = list[1];
    return rv;
}

static void spoil_mechanism_list(void)
{
    USED->C_GetMechanismList = mechanism_list_double;
}

static CK_RV mechanism_info_flags(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                                  CK_MECHANISM_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetMechanismInfo(slot, type, info);
    if (rv == CKR_OK && type == CKM_SHA256_HMAC)
        info->flags |= CKF_DIGEST;
    return rv;
}

static void spoil_mechanism_flags(void)
{
    USED->C_GetMechanismInfo = mechanism_info_flags;
}

static CK_RV mechanism_info_sizes(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                                  CK_MECHANISM_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetMechanismInfo(slot, type, info);
    if (rv == CKR_OK && type == CKM_AES_KEY_GEN) {
        info->ulMinKeySize *= 8;
        info->ulMaxKeySize *= 8;
    }
    return rv;
}

static void spoil_mechanism_sizes(void)
{
    USED->C_GetMechanismInfo = mechanism_info_sizes;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("list-version", "general", spoil_list_version),
    HOOK_FAULT("list-entry-null", "general", spoil_list_entry),
    HOOK_FAULT("interface-version-ignored", "general", spoil_interface),
    HOOK_FAULT("initialize-arguments-ignored", "general", spoil_initialize),
    HOOK_FAULT("finalize-does-nothing", "general", spoil_finalize),
    HOOK_FAULT("slot-count-off-by-one", "slots", spoil_slot_count),
    HOOK_FAULT("slot-list-overrun", "slots", spoil_slot_list),
    HOOK_FAULT("slot-info-terminated", "slots", spoil_slot_info),
    HOOK_FAULT("token-user-pin-flag-missing", "slots", spoil_user_pin_flag),
    HOOK_FAULT("token-rng-flag-missing", "slots", spoil_rng_flag),
    HOOK_FAULT("token-count-flag-stuck", "slots,tokens", spoil_count_flag),
    HOOK_FAULT("token-model-not-padded", "slots", spoil_token_model),
    HOOK_FAULT("mechanism-twice", "mechanisms", spoil_mechanism_list),
    HOOK_FAULT("mechanism-flag-too-many", "mechanisms", spoil_mechanism_flags),
    HOOK_FAULT("mechanism-sizes-in-bits", "mechanisms", spoil_mechanism_sizes),
};
/* clang-format on */

const struct mutant_table mutant_lists = {faults, sizeof faults / sizeof faults[0]};
