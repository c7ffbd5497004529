/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing the slot. --slot wins over everything; then --free; then --serial and --token, which
 * must both match when both are given.
 */
#include "cli/choose.h"

#include <stdio.h>

#include "cli/report.h"
#include "cli/select.h"

#include "base/banned.h"

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
        return kk_cli_parse_slot(choice->slot, ret_slot);
    }
    if (!want_free && choice->serial == NULL && choice->token == NULL) {
        return kk_cli_error("ERROR: A slot/token must be supplied. Use --slot <number>, "
                            "--serial <serial>, %s",
                            takes_free ? "--token <label>, or --free" : "or --token <label>");
    }
    struct kk_cli_wanted wanted = {0};
    if (!want_free) {
        KK_TRY(kk_cli_wanted(choice->serial, choice->token, &wanted));
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
