/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing the slot. --slot wins over everything; then --free; then --serial and --token, which
 * must both match when both are given.
 */
#include "cli/choose.h"

#include <errno.h>
#include <stdio.h>
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

KK_RV kk_cli_wanted(const struct kk_cli_choice *choice, struct kk_cli_wanted *ret_wanted)
{
    struct kk_cli_wanted wanted = {.by_serial = choice->serial != NULL,
                                   .by_label = choice->token != NULL};
    if (wanted.by_serial && !kk_cli_pad(choice->serial, wanted.serial, sizeof wanted.serial)) {
        return kk_cli_error("ERROR: --serial is too long.");
    }
    if (wanted.by_label && !kk_cli_pad(choice->token, wanted.label, sizeof wanted.label)) {
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

/* The number of --slot. Blanks round it are taken: scripts cut it out of our own output. */
static KK_RV parse_slot(const char *text, CK_SLOT_ID *ret_slot)
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

static bool is_free(const CK_TOKEN_INFO *info)
{
    return (info->flags & CKF_TOKEN_INITIALIZED) == 0;
}

/* The first free slot, or every slot that is wanted. CKR_SLOT_ID_INVALID, not said: none. */
static KK_RV search(const struct kk_module *module, const struct kk_cli_wanted *wanted,
                    bool want_free, CK_SLOT_ID *ret_slot)
{
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_TRY(kk_slot_list_get(module, CK_TRUE, &slots));
    CK_ULONG found = 0;
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_TOKEN_INFO info = {0};
        KK_TRY(kk_token_info(module, slots.ids[i], &info));
        if (want_free && is_free(&info)) {
            printf("Slot %lu has a free/uninitialized token.\n", slots.ids[i]);
            *ret_slot = slots.ids[i];
            return CKR_OK;
        }
        if (!want_free && kk_cli_is_wanted(wanted, &info)) {
            printf("Found slot %lu with matching %s.\n", slots.ids[i], kk_cli_wanted_text(wanted));
            *ret_slot = slots.ids[i];
            found++;
        }
    }
    if (found > 1) {
        return kk_cli_error("ERROR: Found multiple matching slots/tokens.");
    }
    return found == 1 ? CKR_OK : CKR_SLOT_ID_INVALID;
}

KK_RV kk_cli_choose_slot(const struct kk_module *module, const struct kk_cli_choice *choice,
                         bool takes_free, CK_SLOT_ID *ret_slot)
{
    bool want_free = takes_free && choice->free;
    if (choice->slot != NULL) {
        return parse_slot(choice->slot, ret_slot);
    }
    if (!want_free && choice->serial == NULL && choice->token == NULL) {
        return kk_cli_error("ERROR: A slot/token must be supplied. Use --slot <number>, "
                            "--serial <serial>, %s",
                            takes_free ? "--token <label>, or --free" : "or --token <label>");
    }
    struct kk_cli_wanted wanted = {0};
    if (!want_free) {
        KK_TRY(kk_cli_wanted(choice, &wanted));
    }
    CK_RV rv = search(module, &wanted, want_free, ret_slot);
    if (rv == CKR_SLOT_ID_INVALID) {
        return kk_cli_error(takes_free ? "ERROR: Could not find a slot/token using --serial, "
                                         "--token, or --free."
                                       : "ERROR: Could not find a slot/token using --serial, or "
                                         "--token");
    }
    return rv;
}
