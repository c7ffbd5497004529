/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --show-slots and --show-config.
 *
 * The layout of --show-slots is read by scripts, by column: fields are printed as the module gives
 * them, with the blanks they are padded with.
 */
#include "cli/util.h"

#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "paths.h"

#include "base/banned.h"

#define FIELD(text) (int)sizeof(text), (const char *)(text)

static const char *yes_no(CK_FLAGS flags, CK_FLAGS flag)
{
    return (flags & flag) != 0 ? "yes" : "no";
}

static void show_slot(const CK_SLOT_INFO *info)
{
    printf("    Slot info:\n");
    printf("        Description:      %.*s\n", FIELD(info->slotDescription));
    printf("        Manufacturer ID:  %.*s\n", FIELD(info->manufacturerID));
    printf("        Hardware version: %i.%i\n", info->hardwareVersion.major,
           info->hardwareVersion.minor);
    printf("        Firmware version: %i.%i\n", info->firmwareVersion.major,
           info->firmwareVersion.minor);
    printf("        Token present:    %s\n", yes_no(info->flags, CKF_TOKEN_PRESENT));
}

static void show_token(const CK_TOKEN_INFO *info)
{
    printf("    Token info:\n");
    printf("        Manufacturer ID:  %.*s\n", FIELD(info->manufacturerID));
    printf("        Model:            %.*s\n", FIELD(info->model));
    printf("        Hardware version: %i.%i\n", info->hardwareVersion.major,
           info->hardwareVersion.minor);
    printf("        Firmware version: %i.%i\n", info->firmwareVersion.major,
           info->firmwareVersion.minor);
    printf("        Serial number:    %.*s\n", FIELD(info->serialNumber));
    printf("        Initialized:      %s\n", yes_no(info->flags, CKF_TOKEN_INITIALIZED));
    printf("        User PIN init.:   %s\n", yes_no(info->flags, CKF_USER_PIN_INITIALIZED));
    printf("        Label:            %.*s\n", FIELD(info->label));
}

KK_RV kk_util_show_slots(struct kk_util *util)
{
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_TRY(kk_slot_list_get(&util->module, CK_FALSE, &slots));
    printf("Available slots:\n");
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_SLOT_INFO slot = {0};
        CK_TOKEN_INFO token = {0};
        KK_TRY(kk_slot_info(&util->module, slots.ids[i], &slot));
        printf("Slot %lu\n", slots.ids[i]);
        show_slot(&slot);
        if ((slot.flags & CKF_TOKEN_PRESENT) != 0) {
            KK_TRY(kk_token_info(&util->module, slots.ids[i], &token));
            show_token(&token);
        }
    }
    return CKR_OK;
}

KK_RV kk_util_show_config(struct kk_util *util)
{
    if (strcmp(util->options.config_key, "default-pkcs11-lib") != 0) {
        return kk_cli_error("ERROR: Invalid configuration key '%s'", util->options.config_key);
    }
    printf("%s\n", KK_DEFAULT_MODULE);
    return CKR_OK;
}
