/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --init-token: C_InitToken, then the user PIN, then where the token went.
 */
#include "cli/util.h"

#include <stdio.h>

#include "cli/report.h"

#include "base/banned.h"

static CK_ULONG pin_len(const struct kk_secret *pin)
{
    return (CK_ULONG)kk_secret_len(pin);
}

static KK_RV explain_init(CK_RV rv, CK_SLOT_ID slot)
{
    switch (rv) {
    case CKR_OK:
        return CKR_OK;
    case CKR_SLOT_ID_INVALID:
        return kk_cli_error("CKR_SLOT_ID_INVALID: Slot %lu does not exist.", slot);
    case CKR_PIN_INCORRECT:
        return kk_cli_error("CKR_PIN_INCORRECT: The given SO PIN does not match the one in the "
                            "token. Needed when reinitializing the token.");
    case CKR_TOKEN_NOT_PRESENT:
        return kk_cli_error("CKR_TOKEN_NOT_PRESENT: The token is not present. Please read the HSM "
                            "manual for further assistance.");
    default:
        (void)kk_cli_error("ERROR rv=0x%08lX: Could not initialize the token.", rv);
        kk_cli_explain(rv);
        return kk_cli_error("Please check log files for additional information.");
    }
}

static KK_RV init_user_pin(CK_FUNCTION_LIST_PTR p11, CK_SLOT_ID slot, struct kk_secret *so_pin,
                           struct kk_secret *user_pin)
{
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    if (p11->C_OpenSession(slot, flags, NULL, NULL, &session) != CKR_OK) {
        return kk_cli_error("ERROR: Could not open a session with the library.");
    }
    if (p11->C_Login(session, CKU_SO, kk_secret_data(so_pin), pin_len(so_pin)) != CKR_OK) {
        return kk_cli_error("ERROR: Could not log in on the token.");
    }
    CK_RV rv = p11->C_InitPIN(session, kk_secret_data(user_pin), pin_len(user_pin));
    if (rv != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not initialize the user PIN.");
        kk_cli_explain(rv);
        return rv;
    }
    (void)p11->C_CloseSession(session);
    return CKR_OK;
}

/* A token's slot number follows from its serial from the next start of the module on. */
static KK_RV report_slot(struct kk_util *util, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO token = {0};
    CK_SLOT_ID new_slot = slot;
    if (util->module.p11->C_GetTokenInfo(slot, &token) != CKR_OK) {
        return kk_cli_error("ERROR: Could not get info about the initialized token in slot %lu.",
                            slot);
    }
    kk_module_finalize(&util->module);
    if (kk_module_initialize(&util->module) != CKR_OK) {
        return kk_cli_error("ERROR: Could not initialize the library.");
    }
    KK_TRY(kk_cli_find_again(&util->module, slot, &token, &new_slot));
    if (new_slot == slot) {
        printf("The token has been initialized on slot %lu\n", slot);
    } else {
        printf("The token has been initialized and is reassigned to slot %lu\n", new_slot);
    }
    return CKR_OK;
}

KK_RV kk_util_init_token(struct kk_util *util)
{
    const struct kk_util_options *options = &util->options;
    CK_SLOT_ID slot = 0;
    CK_UTF8CHAR label[32];
    KK_CLEANUP(kk_secret_freep) struct kk_secret *so_pin = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *user_pin = NULL;
    KK_TRY(kk_cli_choose_slot(&util->module, &options->choice, true, &slot));
    if (options->label == NULL) {
        return kk_cli_error("ERROR: A label for the token must be supplied. Use --label <text>");
    }
    if (!kk_cli_pad(options->label, label, sizeof label)) {
        return kk_cli_error("ERROR: The token label must not have a length greater than 32 chars.");
    }
    KK_TRY(kk_cli_pin_get(&options->so_pin, KK_CLI_PIN_SO, &so_pin));
    KK_TRY(kk_cli_pin_get(&options->pin, KK_CLI_PIN_USER, &user_pin));
    CK_RV rv = util->module.p11->C_InitToken(slot, kk_secret_data(so_pin), pin_len(so_pin), label);
    KK_TRY(explain_init(rv, slot));
    KK_TRY(init_user_pin(util->module.p11, slot, so_pin, user_pin));
    return report_slot(util, slot);
}
