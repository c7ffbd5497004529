/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist pin: changing one's own PIN, and the user's PIN in the hands of the SO.
 */
#include <stddef.h>
#include <stdio.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"

#include "base/banned.h"

static const struct kk_option change_options[] = {
    {"so", NULL, KK_OPTION_FLAG, offsetof(struct kk_keykist_change_options, so),
     "Change the SO's PIN (--so-pin is the old one)"},
};

static const struct kk_option seal_options[] = {
    KK_KEYKIST_SEAL_OPTIONS,
};

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "change", .help = "Change the user's PIN, or with --so the SO's",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_SO_PIN | KK_TAKES_NEW_PIN,
     .own_size = sizeof(struct kk_keykist_change_options),
     .options = change_options, .option_count = KK_ARRAY_LEN(change_options),
     .run = kk_keykist_pin_change},
    {.name = "init", .help = "Set the first user PIN, as SO",
     .takes = KK_TAKES_TOKEN | KK_TAKES_SO_PIN | KK_TAKES_NEW_PIN,
     .run = kk_keykist_pin_init},
    {.name = "reset", .help = "Replace a user PIN that is locked or forgotten, as SO",
     .more = "On a token that was made with token.so_recovery = off, all private objects are lost.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_SO_PIN | KK_TAKES_NEW_PIN | KK_TAKES_YES,
     .run = kk_keykist_pin_reset},
    {.name = "seal", .help = "Have the TPM seal the user's PIN, for pin.auto",
     .takes = KK_TAKES_PIN,
     .own_size = sizeof(struct kk_keykist_seal_options),
     .options = seal_options, .option_count = KK_ARRAY_LEN(seal_options),
     .alone = true, .run = kk_keykist_pin_seal},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_pin_group = {"pin", "Change and reset PINs", commands,
                                                      KK_ARRAY_LEN(commands)};

CK_RV kk_keykist_pin_change(struct kk_keykist *keykist)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool so = ((const struct kk_keykist_change_options *)keykist->own)->so;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *old = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *new = NULL;
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    if (!so && kk_keykist_pin_is_given(&options->so_pin)) {
        return kk_cli_error("the SO's PIN changes the SO's PIN only: add --so, or see "
                            "\"keykist pin reset --help\"");
    }
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(kk_keykist_pin(so ? &options->so_pin : &options->pin, so ? "--so-pin" : "--pin",
                          so ? "present SO PIN" : "present user PIN", false, &old));
    KK_TRY(kk_keykist_pin(&options->new_pin, "--new-pin", so ? "new SO PIN" : "new user PIN", true,
                          &new));
    KK_TRY(kk_keykist_open(keykist, slot, true, &session));
    KK_TRY(kk_keykist_login(&session, so ? CKU_SO : CKU_USER, old));
    CK_RV rv = session.p11->C_SetPIN(session.handle, kk_secret_data(old), kk_secret_len(old),
                                     kk_secret_data(new), kk_secret_len(new));
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not change the PIN");
    }
    return kk_keykist_say(keykist, &info, slot, so ? "SO PIN changed" : "user PIN changed");
}

/* The SO sets the user's PIN of the token that was found. */
static KK_RV set_user_pin(const struct kk_keykist *keykist, CK_SLOT_ID slot)
{
    const struct kk_keykist_options *options = &keykist->options;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *so = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *new = NULL;
    KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, &so));
    KK_TRY(kk_keykist_pin(&options->new_pin, "--new-pin", "new user PIN", true, &new));
    KK_TRY(kk_keykist_open(keykist, slot, true, &session));
    KK_TRY(kk_keykist_login(&session, CKU_SO, so));
    CK_RV rv = session.p11->C_InitPIN(session.handle, kk_secret_data(new), kk_secret_len(new));
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not set the user PIN");
}

CK_RV kk_keykist_pin_init(struct kk_keykist *keykist)
{
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    if ((info.flags & CKF_USER_PIN_INITIALIZED) != 0) {
        return kk_cli_error("the token has a user PIN already; \"keykist pin reset\" replaces it");
    }
    KK_TRY(set_user_pin(keykist, slot));
    return kk_keykist_say(keykist, &info, slot, "user PIN set");
}

/* Whether the private objects go with the old PIN. */
static KK_RV confirm_reset(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                           const CK_TOKEN_INFO *info)
{
    const CK_KEYKIST_FUNCTIONS *vendor = keykist->module.vendor;
    CK_KEYKIST_TOKEN_INFO details = {0};
    char text[320];
    if (vendor == NULL || vendor->version.minor < 1 ||
        (info->flags & CKF_USER_PIN_INITIALIZED) == 0) {
        return CKR_OK;
    }
    CK_RV rv = vendor->token_info(slot, &details);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not look at the token");
    }
    if ((details.flags & CKF_KEYKIST_SO_RECOVERY) != 0) {
        return CKR_OK;
    }
    (void)snprintf(text, sizeof text,
                   "All private objects of the token \"%s\" will be lost (it was made with "
                   "token.so_recovery = off)",
                   kk_keykist_name(info->label, sizeof info->label).text);
    return kk_keykist_confirm(keykist, text);
}

CK_RV kk_keykist_pin_reset(struct kk_keykist *keykist)
{
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(confirm_reset(keykist, slot, &info));
    KK_TRY(set_user_pin(keykist, slot));
    return kk_keykist_say(keykist, &info, slot, "user PIN reset");
}
