/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist token upgrade, downgrade: a token of SoftHSM's own made into a sealed one, and back.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/keykist_care.h"
#include "cli/report.h"

#include "base/banned.h"

#define VENDOR_MINOR 1

static CK_RV convert_failed(CK_RV rv)
{
    switch (rv) {
    case CKR_FUNCTION_REJECTED:
        return kk_cli_error(
            "another program changed the token meanwhile (stop it and try again), or "
            "there is a second token of its serial number; the log says which");
    case CKR_ATTRIBUTE_VALUE_INVALID:
        return kk_cli_error("SoftHSM's format cannot hold one of the objects, which the log names");
    case CKR_DEVICE_ERROR:
        return kk_cli_error("the token is damaged, or a TPM or pepper is not there; the log says "
                            "more; nothing was changed");
    default:
        return kk_keykist_failed(rv, "Could not convert the token");
    }
}

static KK_RV say_converted(const struct kk_keykist *keykist, const struct kk_care *care,
                           const CK_KEYKIST_RESULT *result, const char *kind)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    if (!keykist->options.json) {
        if (care->findings.count > 0) {
            KK_TRY(kk_table_print(&care->findings));
        }
        printf("%lu private and %lu public objects were copied and compared.\n",
               result->private_objects, result->public_objects);
        printf("What the token was is kept until \"keykist token %s --purge\".\n",
               keykist->command->name);
        char text[64];
        (void)snprintf(text, sizeof text, "is of the kind \"%s\" now", kind);
        return kk_keykist_say(keykist, &care->info, care->slot, text);
    }
    kk_json_object(&json, NULL);
    kk_care_json_token(&json, care);
    kk_json_text(&json, "kind", kind);
    kk_json_number(&json, "private_objects", result->private_objects);
    kk_json_number(&json, "public_objects", result->public_objects);
    kk_table_json(&care->findings, &json, "findings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static KK_RV purge(const struct kk_keykist *keykist, const struct kk_care *care)
{
    char text[320];
    CK_ULONG count = 0;
    (void)snprintf(text, sizeof text,
                   "What the token \"%s\" was before it was converted will be deleted for good",
                   kk_keykist_name(care->info.label, sizeof care->info.label).text);
    KK_TRY(kk_keykist_confirm(keykist, text));
    CK_RV rv = care->vendor->purge_token(care->slot, &count);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not delete what was set aside");
    }
    return kk_keykist_say(keykist, &care->info, care->slot,
                          count > 0 ? "what was set aside is deleted" : "nothing was set aside");
}

static KK_RV convert(struct kk_keykist *keykist, const char *kind)
{
    const struct kk_keykist_convert_options *own = keykist->own;
    const struct kk_keykist_options *options = &keykist->options;
    KK_CLEANUP(kk_care_clear) struct kk_care care = {0};
    CK_KEYKIST_RESULT result = {0};
    CK_UTF8CHAR padded[16];
    KK_TRY(kk_care_begin(keykist, VENDOR_MINOR, "Converting", &care));
    if (own->purge) {
        return purge(keykist, &care);
    }
    KK_ENSURE(kk_cli_pad(kind, padded, sizeof padded), CKR_FUNCTION_FAILED);
    if (kk_mem_equal(care.details.kind, sizeof care.details.kind, padded, sizeof padded)) {
        return kk_cli_error("the token is of the kind \"%s\" already", kind);
    }
    KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, &care.so_pin));
    if (kk_care_has_user_pin(&care)) {
        KK_TRY(kk_keykist_pin(&options->pin, "--pin", "user PIN", false, &care.pin));
    }
    CK_KEYKIST_REQUEST request = kk_care_request(&care);
    request.flags = own->no_trust ? CKF_KEYKIST_NO_TRUST : 0;
    CK_RV rv = care.vendor->convert_token(care.slot, padded, &request, &result);
    kk_progress_end(&care.bar);
    return rv == CKR_OK ? say_converted(keykist, &care, &result, kind) : convert_failed(rv);
}

CK_RV kk_keykist_token_upgrade(struct kk_keykist *keykist)
{
    return convert(keykist, "sealed");
}

CK_RV kk_keykist_token_downgrade(struct kk_keykist *keykist)
{
    return convert(keykist, "softhsm2");
}
