/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist token init, delete.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"

#include "base/banned.h"

/* The slot that --slot names, or the free one. */
static KK_RV find_slot(const struct kk_keykist *keykist, CK_SLOT_ID *ret_slot,
                       CK_TOKEN_INFO *ret_info)
{
    const struct kk_module *module = &keykist->module;
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    if (keykist->options.slot != NULL) {
        KK_TRY(kk_cli_parse_slot(keykist->options.slot, ret_slot));
        return kk_token_info(module, *ret_slot, ret_info);
    }
    KK_TRY(kk_slot_list_get(module, CK_TRUE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        KK_TRY(kk_token_info(module, slots.ids[i], ret_info));
        if ((ret_info->flags & CKF_TOKEN_INITIALIZED) == 0) {
            *ret_slot = slots.ids[i];
            return CKR_OK;
        }
    }
    return kk_cli_error("the module has no free slot");
}

static KK_RV confirm_loss(const struct kk_keykist *keykist, const CK_TOKEN_INFO *info)
{
    char text[320];
    (void)snprintf(text, sizeof text, "All objects of the token \"%s\" will be lost",
                   kk_keykist_name(info->label, sizeof info->label).text);
    return kk_keykist_confirm(keykist, text);
}

struct pins {
    struct kk_secret *so;
    struct kk_secret *user; /* NULL: none is set */
};

static void pins_clear(struct pins *pins)
{
    kk_secret_free(pins->so);
    kk_secret_free(pins->user);
}

static KK_RV get_pins(const struct kk_keykist *keykist, bool is_new, struct pins *pins)
{
    const struct kk_keykist_options *options = &keykist->options;
    KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", is_new, &pins->so));
    if (!kk_keykist_pin_is_given(&options->pin) && isatty(STDIN_FILENO) == 0) {
        return CKR_OK;
    }
    return kk_keykist_pin(&options->pin, "--pin", "user PIN", true, &pins->user);
}

static KK_RV set_user_pin(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                          const struct pins *pins)
{
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_TRY(kk_keykist_open(keykist, slot, true, &session));
    KK_TRY(kk_keykist_login(&session, CKU_SO, pins->so));
    CK_RV rv = session.p11->C_InitPIN(session.handle, kk_secret_data(pins->user),
                                      kk_secret_len(pins->user));
    return rv == CKR_OK
               ? CKR_OK
               : kk_keykist_failed(rv, "The token was made, but its user PIN could not be set");
}

/* The slot number follows from the serial number from the module's next start on. */
static KK_RV say_made(struct kk_keykist *keykist, CK_SLOT_ID slot, bool has_user_pin)
{
    CK_TOKEN_INFO info = {0};
    KK_TRY(kk_token_info(&keykist->module, slot, &info));
    kk_module_finalize(&keykist->module);
    CK_RV rv = kk_module_initialize(&keykist->module);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "The token was made, but the module does not start again");
    }
    KK_TRY(kk_cli_find_again(&keykist->module, slot, &info, &slot));
    return kk_keykist_say(keykist, &info, slot,
                          has_user_pin ? "initialised" : "initialised, without a user PIN");
}

CK_RV kk_keykist_token_init(struct kk_keykist *keykist)
{
    const struct kk_keykist_init_options *own = keykist->own;
    KK_CLEANUP(pins_clear) struct pins pins = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    CK_UTF8CHAR label[32];
    if (own->label == NULL) {
        return kk_cli_error("the new token needs a label: use --label");
    }
    if (!kk_cli_pad(own->label, label, sizeof label)) {
        return kk_cli_error("the label is longer than 32 bytes");
    }
    KK_TRY(find_slot(keykist, &slot, &info));
    bool is_new = (info.flags & CKF_TOKEN_INITIALIZED) == 0;
    if (!is_new) {
        KK_TRY(confirm_loss(keykist, &info));
    }
    KK_TRY(get_pins(keykist, is_new, &pins));
    CK_RV rv = keykist->module.p11->C_InitToken(slot, kk_secret_data(pins.so),
                                                kk_secret_len(pins.so), label);
    if (rv == CKR_PIN_INCORRECT && is_new) {
        rv = CKR_PIN_LEN_RANGE; /* C_InitToken has no other code for a PIN that it does not take */
    }
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not initialise the token");
    }
    if (pins.user != NULL) {
        KK_TRY(set_user_pin(keykist, slot, &pins));
    }
    return say_made(keykist, slot, pins.user != NULL);
}

CK_RV kk_keykist_token_delete(struct kk_keykist *keykist)
{
    const struct kk_keykist_options *options = &keykist->options;
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    if (options->token == NULL && options->serial == NULL && options->slot == NULL) {
        return kk_cli_error("which token? Use --token, --serial or --slot");
    }
    KK_TRY(kk_keykist_vendor(keykist, 0, &vendor));
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(confirm_loss(keykist, &info));
    CK_RV rv = vendor->delete_token(slot);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not delete the token");
    }
    return kk_keykist_say(keykist, &info, slot, "deleted");
}
