/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands for a whole token share.
 */
#include "cli/keykist_care.h"

#include <unistd.h>

#include "cli/text.h"

#include "base/banned.h"

static const struct kk_column finding_columns[] = {
    {"Object", "uuid"}, {"Label", "label"}, {"Finding", "what"}};

void kk_care_clear(struct kk_care *care)
{
    kk_progress_end(&care->bar);
    kk_secret_free(care->so_pin);
    kk_secret_free(care->pin);
    kk_table_clear(&care->findings);
}

KK_RV kk_care_begin(const struct kk_keykist *keykist, CK_BYTE minor, const char *what,
                    struct kk_care *care)
{
    care->findings.columns = finding_columns;
    care->findings.column_count = KK_ARRAY_LEN(finding_columns);
    care->bar.what = what;
    KK_TRY(kk_keykist_vendor(keykist, minor, &care->vendor));
    KK_TRY(kk_keykist_find_token(keykist, &care->slot, &care->info));
    CK_RV rv = care->vendor->token_info(care->slot, &care->details);
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not look at the token");
}

bool kk_care_has_user_pin(const struct kk_care *care)
{
    return (care->info.flags & CKF_USER_PIN_INITIALIZED) != 0;
}

KK_RV kk_care_maybe_pin(const struct kk_cli_pin_source *source, const char *option,
                        const char *what, struct kk_secret **ret_pin)
{
    if (!kk_keykist_pin_is_given(source) && isatty(STDIN_FILENO) == 0) {
        return CKR_OK;
    }
    return kk_keykist_pin(source, option, what, false, ret_pin);
}

static void add_finding(CK_VOID_PTR context, const CK_KEYKIST_FINDING *finding)
{
    struct kk_table *table = &((struct kk_care *)context)->findings;
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
    return kk_progress_draw(&((struct kk_care *)context)->bar, done, total);
}

CK_KEYKIST_REQUEST kk_care_request(struct kk_care *care)
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

void kk_care_json_token(struct kk_json *json, const struct kk_care *care)
{
    kk_json_object(json, "token");
    kk_json_bytes(json, "label", kk_text_trim(KK_SPAN_ARRAY(care->info.label)));
    kk_json_bytes(json, "serial", kk_text_trim(KK_SPAN_ARRAY(care->info.serialNumber)));
    kk_json_number(json, "slot", care->slot);
    kk_json_end(json);
}
