/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist token check, repair, rekey: a token as a whole, by the interface "Vendor Keykist".
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/keykist_care.h"
#include "cli/report.h"

#include "base/banned.h"

/* ---- check ---- */

static KK_RV check_json(const struct kk_care *care, const CK_KEYKIST_RESULT *result)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_care_json_token(&json, care);
    kk_json_bool(&json, "sound", result->findings == 0);
    kk_json_bool(&json, "private_checked", result->private_checked != CK_FALSE);
    kk_json_number(&json, "private_objects", result->private_objects);
    kk_json_number(&json, "public_objects", result->public_objects);
    kk_table_json(&care->findings, &json, "findings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static KK_RV check_text(const struct kk_care *care, const CK_KEYKIST_RESULT *result)
{
    if (result->findings > 0) {
        KK_TRY(kk_table_print(&care->findings));
    }
    if (result->private_checked != CK_FALSE) {
        printf("%lu private and %lu public objects are sound.\n", result->private_objects,
               result->public_objects);
    } else {
        printf("%lu public objects are sound. Private objects were not opened: that needs %s.\n",
               result->public_objects,
               (care->details.flags & CKF_KEYKIST_SO_RECOVERY) != 0 ? "a PIN" : "the user's PIN");
    }
    return CKR_OK;
}

static KK_RV get_check_pins(const struct kk_keykist *keykist, struct kk_care *care)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool login = ((const struct kk_keykist_check_options *)keykist->own)->login;
    if (kk_keykist_pin_is_given(&options->pin) && kk_keykist_pin_is_given(&options->so_pin)) {
        return kk_cli_error("one PIN is enough: --pin, or --so-pin");
    }
    if (kk_keykist_pin_is_given(&options->so_pin)) {
        return kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, &care->so_pin);
    }
    if (!login && !kk_keykist_pin_is_given(&options->pin)) {
        return CKR_OK;
    }
    return kk_keykist_pin(&options->pin, "--pin", "user PIN", false, &care->pin);
}

CK_RV kk_keykist_token_check(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_care_clear) struct kk_care care = {0};
    CK_KEYKIST_RESULT result = {0};
    KK_TRY(kk_care_begin(keykist, 1, "Checking", &care));
    KK_TRY(get_check_pins(keykist, &care));
    const CK_KEYKIST_REQUEST request = kk_care_request(&care);
    CK_RV rv = care.vendor->check_token(care.slot, &request, &result);
    kk_progress_end(&care.bar);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not check the token");
    }
    KK_TRY(keykist->options.json ? check_json(&care, &result) : check_text(&care, &result));
    if (result.findings > 0) {
        return kk_cli_error("the token is damaged: %lu finding%s", result.findings,
                            result.findings == 1 ? "" : "s");
    }
    return CKR_OK;
}

/* ---- repair ---- */

/* Where the new token is, once the module has looked. */
static KK_RV find_new(struct kk_keykist *keykist, const CK_KEYKIST_RESULT *result,
                      struct kk_care *care)
{
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    kk_module_finalize(&keykist->module);
    CK_RV rv = kk_module_initialize(&keykist->module);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "The token was repaired, but the module does not start again");
    }
    KK_TRY(kk_slot_list_get(&keykist->module, CK_TRUE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_TOKEN_INFO info = {0};
        KK_TRY(kk_token_info(&keykist->module, slots.ids[i], &info));
        if (kk_mem_equal(info.serialNumber, sizeof info.serialNumber, result->serial,
                         sizeof result->serial)) {
            care->slot = slots.ids[i];
            care->info = info;
            return CKR_OK;
        }
    }
    return kk_cli_error("the token was repaired, but the module does not show the new one");
}

static KK_RV say_repaired(const struct kk_keykist *keykist, const struct kk_care *care,
                          const CK_KEYKIST_RESULT *result)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    if (!keykist->options.json) {
        if (result->findings > 0) {
            KK_TRY(kk_table_print(&care->findings));
        }
        printf("%lu private and %lu public objects were taken along.\n", result->private_objects,
               result->public_objects);
        return kk_keykist_say(keykist, &care->info, care->slot, "made of what was sound");
    }
    kk_json_object(&json, NULL);
    kk_care_json_token(&json, care);
    kk_json_number(&json, "private_objects", result->private_objects);
    kk_json_number(&json, "public_objects", result->public_objects);
    kk_table_json(&care->findings, &json, "findings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static KK_RV confirm_replace(const struct kk_keykist *keykist, const struct kk_care *care)
{
    char text[320];
    (void)snprintf(text, sizeof text,
                   "The token \"%s\" will be deleted when the new one is made, with what is "
                   "damaged in it",
                   kk_keykist_name(care->info.label, sizeof care->info.label).text);
    return kk_keykist_confirm(keykist, text);
}

CK_RV kk_keykist_token_repair(struct kk_keykist *keykist)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool replace = ((const struct kk_keykist_repair_options *)keykist->own)->replace;
    KK_CLEANUP(kk_care_clear) struct kk_care care = {0};
    CK_KEYKIST_RESULT result = {0};
    KK_TRY(kk_care_begin(keykist, 1, "Repairing", &care));
    if (replace) {
        KK_TRY(confirm_replace(keykist, &care));
    }
    KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, &care.so_pin));
    if (kk_care_has_user_pin(&care) || kk_keykist_pin_is_given(&options->pin)) {
        KK_TRY(kk_care_maybe_pin(&options->pin, "--pin", "user PIN", &care.pin));
    }
    CK_KEYKIST_REQUEST request = kk_care_request(&care);
    request.flags = replace ? CKF_KEYKIST_REPLACE : 0;
    CK_RV rv = care.vendor->repair_token(care.slot, &request, &result);
    kk_progress_end(&care.bar);
    if (rv == CKR_USER_NOT_LOGGED_IN) {
        return kk_cli_error("the SO cannot open this token's private objects: the user's PIN is "
                            "needed too");
    }
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not repair the token");
    }
    KK_TRY(find_new(keykist, &result, &care));
    return say_repaired(keykist, &care, &result);
}

/* ---- rekey ---- */

static KK_RV recovery_flags(const char *text, CK_FLAGS *ret_flags)
{
    if (text == NULL) {
        return CKR_OK;
    }
    if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0) {
        return kk_cli_error("--so-recovery is \"on\" or \"off\"");
    }
    *ret_flags = strcmp(text, "on") == 0 ? CKF_KEYKIST_RECOVERY_ON : CKF_KEYKIST_RECOVERY_OFF;
    return CKR_OK;
}

/* To begin, both; to go on, one: the SO's when that one was given, else the user's. */
static KK_RV get_rekey_pins(const struct kk_keykist *keykist, bool pending, struct kk_care *care)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool so_given = kk_keykist_pin_is_given(&options->so_pin);
    bool user_given = kk_keykist_pin_is_given(&options->pin);
    if (pending ? so_given || !kk_care_has_user_pin(care) : true) {
        KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, &care->so_pin));
    }
    if (pending ? user_given || (!so_given && kk_care_has_user_pin(care))
                : kk_care_has_user_pin(care)) {
        KK_TRY(kk_keykist_pin(&options->pin, "--pin", "user PIN", false, &care->pin));
    }
    return CKR_OK;
}

static CK_RV rekey_failed(CK_RV rv)
{
    switch (rv) {
    case CKR_USER_NOT_LOGGED_IN:
        return kk_cli_error("the SO cannot open this token's private objects: the user's PIN is "
                            "needed to finish the rekey");
    case CKR_USER_PIN_NOT_INITIALIZED:
        return kk_cli_error("without a user PIN nobody but the SO opens the private objects: "
                            "so-recovery cannot be taken away");
    case CKR_DEVICE_ERROR:
        return kk_cli_error("the token keeps the keys it has: it is damaged (\"keykist token "
                            "check\"), or a TPM or pepper is not there; the log says more");
    default:
        return kk_keykist_failed(rv, "Could not give the token new keys");
    }
}

/* With the named users that went. */
static KK_RV say_rekeyed(const struct kk_keykist *keykist, const struct kk_care *care,
                         const char *what)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    if (!keykist->options.json) {
        return kk_keykist_say(keykist, &care->info, care->slot, what);
    }
    kk_json_object(&json, NULL);
    kk_care_json_token(&json, care);
    kk_json_text(&json, "result", what);
    kk_table_json(&care->findings, &json, "findings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

CK_RV kk_keykist_token_rekey(struct kk_keykist *keykist)
{
    const struct kk_keykist_rekey_options *own = keykist->own;
    KK_CLEANUP(kk_care_clear) struct kk_care care = {0};
    CK_FLAGS flags = 0;
    KK_TRY(recovery_flags(own->so_recovery, &flags));
    KK_TRY(kk_care_begin(keykist, 1, "Sealing anew", &care));
    bool pending = (care.details.flags & CKF_KEYKIST_REKEY_PENDING) != 0;
    if (pending && flags != 0) {
        return kk_cli_error("a rekey was begun and is not finished: finish it first, without "
                            "--so-recovery");
    }
    KK_TRY(get_rekey_pins(keykist, pending, &care));
    CK_KEYKIST_REQUEST request = kk_care_request(&care);
    request.flags = flags;
    CK_RV rv = care.vendor->rekey_token(care.slot, &request);
    kk_progress_end(&care.bar);
    if (rv != CKR_OK) {
        return rekey_failed(rv);
    }
    if (care.findings.count > 0 && !keykist->options.json) {
        KK_TRY(kk_table_print(&care.findings));
    }
    return say_rekeyed(keykist, &care,
                       pending ? "the rekey that was begun is finished"
                               : "it has new keys, and all objects are sealed with them");
}
