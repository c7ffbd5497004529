/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots: what is in one, and taking a token out of it or putting it back.
 */
#include <string.h>

#include "admin/admin.h"

#include "base/banned.h"

CK_RV kk_admin_slot_info(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_SLOT_INFO *info)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    struct kk_token_state state = {0};
    bool present = false;
    KK_ENSURE(info != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_app_slot_token(app, slot_id, &token));
    KK_TRY(kk_app_slot_is_present(app, slot_id, &present));
    memset(info, 0, sizeof *info);
    memset(info->label, ' ', sizeof info->label);
    memset(info->serial, ' ', sizeof info->serial);
    if (token == NULL) {
        return CKR_OK;
    }
    CK_RV rv = kk_token_describe(token, &state);
    KK_ENSURE(rv != CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT);
    KK_TRY(rv);
    info->flags = CKF_KEYKIST_SLOT_TOKEN | (present ? 0 : CKF_KEYKIST_SLOT_UNPLUGGED);
    memcpy(info->label, state.label, sizeof info->label);
    memcpy(info->serial, state.serial, sizeof info->serial);
    return CKR_OK;
}

CK_RV kk_admin_slot_plug(struct kk_app *app, CK_SLOT_ID slot_id, CK_BBOOL in)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_TRY(kk_app_slot_token(app, slot_id, &token));
    KK_ENSURE(token != NULL, CKR_TOKEN_NOT_RECOGNIZED);
    CK_RV rv = kk_engine_set_plug(app->engine, token, in == CK_FALSE);
    return rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv;
}
