/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * General purpose, and slot and token management functions (PKCS#11 3.2 chapters 5.4 and 5.5), but
 * those of the module itself.
 */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/arguments.h"
#include "base/memory.h"
#include "session/builtin.h"
#include "token/unattended.h"

#include "base/banned.h"

/* What the library says it is: SoftHSM's words, which URIs and work-arounds in the field go by, or
 * our own (token.identity). */
struct identity {
    const char *library_manufacturer;
    const char *library_description;
    const char *manufacturer;
    const char *model;
    const char *slot_format;
    CK_VERSION version;
};

static const struct identity identities[] = {
    [KK_IDENTITY_SOFTHSM] = {"SoftHSM",
                             "Implementation of PKCS11",
                             "SoftHSM project",
                             "SoftHSM v2",
                             "SoftHSM slot ID 0x%lx",
                             {2, 6}},
    [KK_IDENTITY_KEYKIST] = {"Keykist",
                             "Keykist software token",
                             "Keykist",
                             "Keykist",
                             "Keykist slot ID 0x%lx",
                             {0, 1}},
};

static const struct identity *identity_of(const struct kk_app *app)
{
    return &identities[app->engine->config->identity];
}

CK_RV kk_api_get_info(struct kk_app *app, CK_VERSION version, CK_INFO *info)
{
    KK_ENSURE(info != NULL, CKR_ARGUMENTS_BAD);
    const struct identity *identity = identity_of(app);
    memset(info, 0, sizeof *info);
    info->cryptokiVersion = version;
    kk_arg_pad(info->manufacturerID, sizeof info->manufacturerID, identity->library_manufacturer);
    kk_arg_pad(info->libraryDescription, sizeof info->libraryDescription,
               identity->library_description);
    info->libraryVersion = identity->version;
    return CKR_OK;
}

/*= pkcs11-3.2 C_GetSlotList: the set of slots is looked at anew when pSlotList is NULL; with
 * tokenPresent only slots with a token are listed */
CK_RV kk_api_C_GetSlotList(struct kk_app *app, CK_BBOOL tokenPresent, CK_SLOT_ID_PTR pSlotList,
                           CK_ULONG_PTR pulCount)
{
    KK_CLEANUP(kk_freep) CK_SLOT_ID *ids = NULL;
    size_t count = 0;
    KK_ENSURE(pulCount != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_app_slots(app, pSlotList == NULL, tokenPresent != CK_FALSE, &ids, &count));
    return kk_arg_list(ids, count, pSlotList, pulCount);
}

CK_RV kk_api_C_GetSlotInfo(struct kk_app *app, CK_SLOT_ID slotID, CK_SLOT_INFO_PTR pInfo)
{
    bool present = false;
    char description[65];
    KK_ENSURE(pInfo != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_app_slot_is_present(app, slotID, &present));
    const struct identity *identity = identity_of(app);
    memset(pInfo, 0, sizeof *pInfo);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(description, sizeof description, identity->slot_format, slotID);
#pragma GCC diagnostic pop
    kk_arg_pad(pInfo->slotDescription, sizeof pInfo->slotDescription, description);
    kk_arg_pad(pInfo->manufacturerID, sizeof pInfo->manufacturerID, identity->manufacturer);
    /*= pkcs11-3.2 CK_SLOT_INFO: CKF_TOKEN_PRESENT is always set for slots that are not removable */
    pInfo->flags = present ? CKF_TOKEN_PRESENT : CKF_REMOVABLE_DEVICE;
    if (app->engine->config->slots_removable) {
        pInfo->flags |= CKF_REMOVABLE_DEVICE;
    }
    pInfo->hardwareVersion = identity->version;
    pInfo->firmwareVersion = identity->version;
    return CKR_OK;
}

/* The flags that follow from the counters of wrong PINs. */
static CK_FLAGS pin_flags(const struct kk_app *app, const struct kk_token_state *state)
{
    unsigned long max = app->engine->settings.pin_max_tries;
    CK_FLAGS flags = state->user_pin_set ? CKF_USER_PIN_INITIALIZED : 0;
    flags |= state->user_failed > 0 ? CKF_USER_PIN_COUNT_LOW : 0;
    flags |= max > 0 && state->user_failed + 1 == max ? CKF_USER_PIN_FINAL_TRY : 0;
    flags |= state->user_locked ? CKF_USER_PIN_LOCKED : 0;
    flags |= state->so_failed > 0 ? CKF_SO_PIN_COUNT_LOW : 0;
    return flags;
}

static KK_RV token_flags(struct kk_app *app, struct kk_token *token, CK_TOKEN_INFO *info)
{
    if (token == NULL) {
        info->flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_RESTORE_KEY_NOT_NEEDED |
                      CKF_SO_PIN_LOCKED | CKF_SO_PIN_TO_BE_CHANGED;
        memset(info->label, ' ', sizeof info->label);
        memset(info->serialNumber, ' ', sizeof info->serialNumber);
        return CKR_OK;
    }
    struct kk_token_state state;
    KK_TRY(kk_token_state(token, &state));
    memcpy(info->label, state.label, sizeof info->label);
    memcpy(info->serialNumber, state.serial, sizeof info->serialNumber);
    info->flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_RESTORE_KEY_NOT_NEEDED |
                  CKF_TOKEN_INITIALIZED | CKF_ASYNC_SESSION_SUPPORTED | pin_flags(app, &state);
    info->flags |= state.read_only ? CKF_WRITE_PROTECTED : 0;
    info->flags |= kk_engine_has_auto_pin(app->engine) ? CKF_PROTECTED_AUTHENTICATION_PATH : 0;
    return CKR_OK;
}

CK_RV kk_api_C_GetTokenInfo(struct kk_app *app, CK_SLOT_ID slotID, CK_TOKEN_INFO_PTR pInfo)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    CK_TOKEN_INFO info;
    size_t sessions = 0;
    size_t rw_sessions = 0;
    KK_TRY(kk_arg_slot(app, slotID));
    KK_ENSURE(pInfo != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_app_slot_token(app, slotID, &token));
    const struct identity *identity = identity_of(app);
    memset(&info, 0, sizeof info);
    KK_TRY(token_flags(app, token, &info));
    KK_TRY(kk_app_slot_sessions(app, slotID, &sessions, &rw_sessions));
    kk_arg_pad(info.manufacturerID, sizeof info.manufacturerID, identity->manufacturer);
    kk_arg_pad(info.model, sizeof info.model, identity->model);
    info.ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
    info.ulSessionCount = sessions;
    info.ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
    info.ulRwSessionCount = rw_sessions;
    info.ulMaxPinLen = KK_PIN_MAX;
    info.ulMinPinLen = app->engine->settings.pin_min_length;
    info.ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION;
    info.ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    info.ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION;
    info.ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
    info.hardwareVersion = identity->version;
    info.firmwareVersion = identity->version;
    kk_builtin_clock(info.utcTime);
    *pInfo = info;
    return CKR_OK;
}

CK_RV kk_api_C_GetMechanismList(struct kk_app *app, CK_SLOT_ID slotID,
                                CK_MECHANISM_TYPE_PTR pMechanismList, CK_ULONG_PTR pulCount)
{
    KK_CLEANUP(kk_freep) CK_MECHANISM_TYPE *types = NULL;
    const struct kk_registry *registry = app->engine->registry;
    size_t count = kk_registry_count(registry);
    KK_TRY(kk_arg_slot(app, slotID));
    KK_ENSURE(pulCount != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_alloc_array(count, sizeof *types, &types));
    for (size_t i = 0; i < count; i++) {
        types[i] = kk_registry_at(registry, i)->type;
    }
    return kk_arg_list(types, count, pMechanismList, pulCount);
}

CK_RV kk_api_C_GetMechanismInfo(struct kk_app *app, CK_SLOT_ID slotID, CK_MECHANISM_TYPE type,
                                CK_MECHANISM_INFO_PTR pInfo)
{
    KK_TRY(kk_arg_slot(app, slotID));
    KK_ENSURE(pInfo != NULL, CKR_ARGUMENTS_BAD);
    const struct kk_mechanism *row = kk_registry_find(app->engine->registry, type);
    KK_ENSURE(row != NULL, CKR_MECHANISM_INVALID);
    pInfo->ulMinKeySize = row->min_key;
    pInfo->ulMaxKeySize = row->max_key;
    pInfo->flags = kk_mechanism_flags(row);
    return CKR_OK;
}

/*= pkcs11-3.2 C_InitToken: CKR_PIN_INCORRECT is the code for a PIN that cannot be the SO's; the
 * label is 32 bytes, blank-padded, not terminated */
CK_RV kk_api_C_InitToken(struct kk_app *app, CK_SLOT_ID slotID, CK_UTF8CHAR_PTR pPin,
                         CK_ULONG ulPinLen, CK_UTF8CHAR_PTR pLabel)
{
    struct kk_span pin;
    char label[32];
    KK_TRY(kk_arg_slot(app, slotID));
    KK_ENSURE(pPin != NULL && pLabel != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pPin, ulPinLen, &pin));
    memcpy(label, pLabel, sizeof label);
    KK_ENSURE(pin.len > 0 && pin.len <= KK_PIN_MAX, CKR_PIN_INCORRECT);
    return kk_app_init_token(app, slotID, pin, label);
}

CK_RV kk_api_C_InitPIN(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pPin,
                       CK_ULONG ulPinLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span pin;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pPin != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pPin, ulPinLen, &pin));
    return kk_session_init_pin(&call, pin);
}

CK_RV kk_api_C_SetPIN(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pOldPin,
                      CK_ULONG ulOldLen, CK_UTF8CHAR_PTR pNewPin, CK_ULONG ulNewLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span old_pin;
    struct kk_span new_pin;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pOldPin != NULL && pNewPin != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pOldPin, ulOldLen, &old_pin));
    KK_TRY(kk_arg_span(pNewPin, ulNewLen, &new_pin));
    return kk_session_set_pin(&call, old_pin, new_pin);
}

/*= pkcs11-3.2 C_WaitForSlotEvent: pReserved is NULL_PTR; CKF_DONT_BLOCK is the only flag */
CK_RV kk_api_C_WaitForSlotEvent(struct kk_app *app, CK_FLAGS flags, CK_SLOT_ID_PTR pSlot,
                                CK_VOID_PTR pRserved)
{
    CK_SLOT_ID slot = 0;
    KK_ENSURE(pSlot != NULL && pRserved == NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_app_slot_event(app, (flags & CKF_DONT_BLOCK) == 0, &slot));
    *pSlot = slot;
    return CKR_OK;
}
