/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What --serial, --token and --slot ask for.
 */
#include "cli/select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"

#include "base/banned.h"

bool kk_cli_pad(const char *text, CK_UTF8CHAR *out, size_t len)
{
    size_t text_len = strlen(text);
    if (text_len > len) {
        return false;
    }
    memset(out, ' ', len);
    memcpy(out, text, text_len);
    return true;
}

KK_RV kk_cli_wanted(const char *serial, const char *label, struct kk_cli_wanted *ret_wanted)
{
    struct kk_cli_wanted wanted = {.by_serial = serial != NULL, .by_label = label != NULL};
    if (wanted.by_serial && !kk_cli_pad(serial, wanted.serial, sizeof wanted.serial)) {
        return kk_cli_error("ERROR: --serial is too long.");
    }
    if (wanted.by_label && !kk_cli_pad(label, wanted.label, sizeof wanted.label)) {
        return kk_cli_error("ERROR: --token is too long.");
    }
    *ret_wanted = wanted;
    return CKR_OK;
}

bool kk_cli_is_wanted(const struct kk_cli_wanted *wanted, const CK_TOKEN_INFO *info)
{
    bool serial = kk_mem_equal(wanted->serial, sizeof wanted->serial, info->serialNumber,
                               sizeof info->serialNumber);
    bool label = kk_mem_equal(wanted->label, sizeof wanted->label, info->label, sizeof info->label);
    return (wanted->by_serial || wanted->by_label) && (serial || !wanted->by_serial) &&
           (label || !wanted->by_label);
}

const char *kk_cli_wanted_text(const struct kk_cli_wanted *wanted)
{
    if (wanted->by_serial && wanted->by_label) {
        return "serial and token label";
    }
    return wanted->by_serial ? "serial" : "token label";
}

KK_RV kk_cli_parse_slot(const char *text, CK_SLOT_ID *ret_slot)
{
    const char *start = text + strspn(text, " \t\n");
    bool negative = *start == '-';
    start += negative ? 1 : 0;
    size_t digits = strspn(start, "0123456789");
    if (digits == 0 || start[digits + strspn(start + digits, " \t\n")] != '\0') {
        return kk_cli_error("ERROR: The slot number is not a number: \"%s\".", text);
    }
    if (negative) {
        return kk_cli_error("ERROR: The slot number is negative.");
    }
    errno = 0;
    *ret_slot = strtoul(start, NULL, 10);
    if (errno != 0) {
        return kk_cli_error("ERROR: The slot number is too large: %s", start);
    }
    return CKR_OK;
}

KK_RV kk_cli_find_again(const struct kk_module *module, CK_SLOT_ID old_slot,
                        const CK_TOKEN_INFO *token, CK_SLOT_ID *ret_slot)
{
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_TRY(kk_slot_list_get(module, CK_TRUE, &slots));
    CK_ULONG found = 0;
    *ret_slot = old_slot;
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_TOKEN_INFO info = {0};
        KK_TRY(kk_token_info(module, slots.ids[i], &info));
        if (kk_mem_equal(info.serialNumber, sizeof info.serialNumber, token->serialNumber,
                         sizeof token->serialNumber) &&
            kk_mem_equal(info.label, sizeof info.label, token->label, sizeof token->label)) {
            *ret_slot = found == 0 ? slots.ids[i] : old_slot;
            found++;
        }
    }
    return CKR_OK;
}

KK_RV kk_cli_token_path(const struct kk_module *module, CK_SLOT_ID slot, char **ret_path)
{
    CK_ULONG len = 0;
    KK_CLEANUP(kk_freep) CK_UTF8CHAR *path = NULL;
    CK_RV rv = module->vendor->token_path(slot, NULL, &len);
    if (rv == CKR_OK) {
        KK_TRY(kk_alloc_array(len, 1, &path));
        rv = module->vendor->token_path(slot, path, &len);
    }
    if (rv != CKR_OK) {
        return kk_cli_error("ERROR: Could not find the directory of the token in slot %lu.", slot);
    }
    return kk_memdup(path, len, ret_path);
}
