/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist token check, repair, rekey: a token as a whole, by the interface "Vendor Keykist".
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

/* ---- what the three share ---- */

static const struct kk_column finding_columns[] = {
    {"Object", "uuid"}, {"Label", "label"}, {"Finding", "what"}};

/* A token in the hands of one of them. */
struct care {
    const CK_KEYKIST_FUNCTIONS *vendor;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    CK_KEYKIST_TOKEN_INFO details;
    struct kk_secret *so_pin, *pin; /* NULL: not given */
    struct kk_table findings;
    struct kk_progress_bar bar;
};

static void care_clear(struct care *care)
{
    kk_progress_end(&care->bar);
    kk_secret_free(care->so_pin);
    kk_secret_free(care->pin);
    kk_table_clear(&care->findings);
}

static KK_RV care_begin(const struct kk_keykist *keykist, const char *what, struct care *care)
{
    care->findings.columns = finding_columns;
    care->findings.column_count = KK_ARRAY_LEN(finding_columns);
    care->bar.what = what;
    KK_TRY(kk_keykist_vendor(keykist, 1, &care->vendor));
    KK_TRY(kk_keykist_find_token(keykist, &care->slot, &care->info));
    CK_RV rv = care->vendor->token_info(care->slot, &care->details);
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not look at the token");
}

static bool has_user_pin(const struct care *care)
{
    return (care->info.flags & CKF_USER_PIN_INITIALIZED) != 0;
}

/* A PIN that was given, or that a terminal is there to ask for. */
static KK_RV maybe_pin(const struct kk_cli_pin_source *source, const char *option, const char *what,
                       struct kk_secret **ret_pin)
{
    if (!kk_keykist_pin_is_given(source) && isatty(STDIN_FILENO) == 0) {
        return CKR_OK;
    }
    return kk_keykist_pin(source, option, what, false, ret_pin);
}

static void add_finding(CK_VOID_PTR context, const CK_KEYKIST_FINDING *finding)
{
    struct kk_table *table = &((struct care *)context)->findings;
    if (finding->uuid != NULL) {
        kk_table_bytes(table, KK_SPAN(finding->uuid, 36));
    } else {
        kk_table_none(table);
    }
    if (finding->label_len != CK_UNAVAILABLE_INFORMATION) {
        kk_table_bytes(table, KK_SPAN(finding->label, finding->label_len));
    } else {
        kk_table_none(table);
    }
    kk_table_bytes(table, KK_SPAN(finding->what, finding->what_len));
}

static CK_RV show_progress(CK_VOID_PTR context, CK_ULONG done, CK_ULONG total)
{
    return kk_progress_draw(&((struct care *)context)->bar, done, total);
}

static CK_KEYKIST_REQUEST request_of(struct care *care)
{
    CK_KEYKIST_REQUEST request = {.found = add_finding, .progress = show_progress, .context = care};
    if (care->so_pin != NULL) {
        request.so_pin = kk_secret_data(care->so_pin);
        request.so_pin_len = (CK_ULONG)kk_secret_len(care->so_pin);
    }
    if (care->pin != NULL) {
        request.pin = kk_secret_data(care->pin);
        request.pin_len = (CK_ULONG)kk_secret_len(care->pin);
    }
    return request;
}

static void json_token(struct kk_json *json, const struct care *care)
{
    kk_json_object(json, "token");
    kk_json_bytes(json, "label", kk_text_trim(KK_SPAN_ARRAY(care->info.label)));
    kk_json_bytes(json, "serial", kk_text_trim(KK_SPAN_ARRAY(care->info.serialNumber)));
    kk_json_number(json, "slot", care->slot);
    kk_json_end(json);
}

/* ---- check ---- */

static KK_RV check_json(const struct care *care, const CK_KEYKIST_RESULT *result)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    kk_json_object(&json, NULL);
    json_token(&json, care);
    kk_json_bool(&json, "sound", result->findings == 0);
    kk_json_bool(&json, "private_checked", result->private_checked != CK_FALSE);
    kk_json_number(&json, "private_objects", result->private_objects);
    kk_json_number(&json, "public_objects", result->public_objects);
    kk_table_json(&care->findings, &json, "findings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static KK_RV check_text(const struct care *care, const CK_KEYKIST_RESULT *result)
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

static KK_RV get_check_pins(const struct kk_keykist *keykist, struct care *care)
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
    KK_CLEANUP(care_clear) struct care care = {0};
    CK_KEYKIST_RESULT result = {0};
    KK_TRY(care_begin(keykist, "Checking", &care));
    KK_TRY(get_check_pins(keykist, &care));
    const CK_KEYKIST_REQUEST request = request_of(&care);
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
                      struct care *care)
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

static KK_RV say_repaired(const struct kk_keykist *keykist, const struct care *care,
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
    json_token(&json, care);
    kk_json_number(&json, "private_objects", result->private_objects);
    kk_json_number(&json, "public_objects", result->public_objects);
    kk_table_json(&care->findings, &json, "findings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static KK_RV confirm_replace(const struct kk_keykist *keykist, const struct care *care)
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
    KK_CLEANUP(care_clear) struct care care = {0};
    CK_KEYKIST_RESULT result = {0};
    KK_TRY(care_begin(keykist, "Repairing", &care));
    if (replace) {
        KK_TRY(confirm_replace(keykist, &care));
    }
    KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, &care.so_pin));
    if (has_user_pin(&care) || kk_keykist_pin_is_given(&options->pin)) {
        KK_TRY(maybe_pin(&options->pin, "--pin", "user PIN", &care.pin));
    }
    CK_KEYKIST_REQUEST request = request_of(&care);
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
static KK_RV get_rekey_pins(const struct kk_keykist *keykist, bool pending, struct care *care)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool so_given = kk_keykist_pin_is_given(&options->so_pin);
    bool user_given = kk_keykist_pin_is_given(&options->pin);
    if (pending ? so_given || !has_user_pin(care) : true) {
        KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, &care->so_pin));
    }
    if (pending ? user_given || (!so_given && has_user_pin(care)) : has_user_pin(care)) {
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
        return kk_cli_error("the token is damaged and keeps the keys it has; \"keykist token "
                            "check\" says what is wrong");
    default:
        return kk_keykist_failed(rv, "Could not give the token new keys");
    }
}

CK_RV kk_keykist_token_rekey(struct kk_keykist *keykist)
{
    const struct kk_keykist_rekey_options *own = keykist->own;
    KK_CLEANUP(care_clear) struct care care = {0};
    CK_FLAGS flags = 0;
    KK_TRY(recovery_flags(own->so_recovery, &flags));
    KK_TRY(care_begin(keykist, "Sealing anew", &care));
    bool pending = (care.details.flags & CKF_KEYKIST_REKEY_PENDING) != 0;
    if (pending && flags != 0) {
        return kk_cli_error("a rekey was begun and is not finished: finish it first, without "
                            "--so-recovery");
    }
    KK_TRY(get_rekey_pins(keykist, pending, &care));
    CK_KEYKIST_REQUEST request = request_of(&care);
    request.flags = flags;
    CK_RV rv = care.vendor->rekey_token(care.slot, &request);
    kk_progress_end(&care.bar);
    if (rv != CKR_OK) {
        return rekey_failed(rv);
    }
    return kk_keykist_say(keykist, &care.info, care.slot,
                          pending ? "the rekey that was begun is finished"
                                  : "it has new keys, and all objects are sealed with them");
}
