/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --delete-token, by the interface "Vendor Keykist": PKCS#11 itself cannot delete a token.
 */
#include "cli/util.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"

#include "base/banned.h"

struct match {
    CK_SLOT_ID slot;
    CK_ULONG count;
    char *path;
};

static void match_clear(struct match *match)
{
    kk_free(match->path);
    match->path = NULL;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static KK_RV find_token(const struct kk_util *util, const struct kk_cli_wanted *wanted,
                        struct match *match)
{
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_TRY(kk_slot_list_get(&util->module, CK_TRUE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_TOKEN_INFO info = {0};
        KK_TRY(kk_token_info(&util->module, slots.ids[i], &info));
        if ((info.flags & CKF_TOKEN_INITIALIZED) == 0 || !kk_cli_is_wanted(wanted, &info)) {
            continue;
        }
        match_clear(match);
        KK_TRY(kk_cli_token_path(&util->module, slots.ids[i], &match->path));
        printf("Found token (%s) with matching %s.\n", last_part(match->path),
               kk_cli_wanted_text(wanted));
        match->slot = slots.ids[i];
        match->count++;
    }
    if (match->count > 1) {
        return kk_cli_error("ERROR: Found multiple matching tokens.");
    }
    return match->count == 1
               ? CKR_OK
               : kk_cli_error("ERROR: Could not find a token using --serial or --token.");
}

KK_RV kk_util_delete_token(struct kk_util *util)
{
    const struct kk_cli_choice *choice = &util->options.choice;
    struct kk_cli_wanted wanted = {0};
    KK_CLEANUP(match_clear) struct match match = {0};
    if (choice->serial == NULL && choice->token == NULL) {
        return kk_cli_error("ERROR: A token must be supplied. Use --serial <serial> or "
                            "--token <label>");
    }
    KK_TRY(kk_cli_wanted(choice->serial, choice->token, &wanted));
    if (util->module.vendor == NULL) {
        return kk_cli_error("ERROR: The module cannot delete tokens: %s", util->module.path);
    }
    KK_TRY(find_token(util, &wanted, &match));
    CK_RV rv = util->module.vendor->delete_token(match.slot);
    if (rv != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not delete the directory: %s", match.path);
        return kk_cli_error("ERROR rv=0x%08lX: Could not delete the token.", rv);
    }
    printf("The token (%s) has been deleted.\n", match.path);
    return CKR_OK;
}
