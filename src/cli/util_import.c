/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --import: the checks that all types share, a session with the user logged in, then the type's own
 * part.
 */
#include "cli/util.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"
#include "cli/start.h"

#include "base/banned.h"

struct import_type {
    const char *name;
    CK_RV (*run)(const struct kk_util *util, struct kk_util_target *target);
};

static const struct import_type import_types[] = {
    {"keypair", kk_util_import_keypair},
    {"aes", kk_util_import_aes},
    {"cert", kk_util_import_cert},
};

/* --import-type, or --aes, which is how it was said before there was an --import-type. NULL, and
 * said, when that is none. */
static const struct import_type *find_type(const struct kk_util_options *options)
{
    const char *name = options->import_type;
    if (name == NULL) {
        name = options->aes ? "aes" : "keypair";
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(import_types); i++) {
        if (strcmp(import_types[i].name, name) != 0) {
            continue;
        }
        if (options->aes && import_types[i].run != kk_util_import_aes) {
            (void)kk_cli_error("ERROR: --aes and --import-type %s contradict each other.", name);
            return NULL;
        }
        return &import_types[i];
    }
    (void)kk_cli_error("ERROR: Invalid import type '%s'", name);
    return NULL;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

static KK_RV bad_hex(const char *text)
{
    (void)kk_cli_error("%s", text);
    return kk_cli_error("Please edit --id <hex> to correct error.");
}

static KK_RV parse_id(const char *hex, CK_BYTE **ret_id, CK_ULONG *ret_len)
{
    size_t digits = strlen(hex);
    if (digits == 0 || digits % 2 != 0) {
        return bad_hex("ERROR: Invalid length on hex string.");
    }
    KK_CLEANUP(kk_freep) CK_BYTE *id = NULL;
    KK_TRY(kk_alloc_array(digits / 2, 1, &id));
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit(hex[i]);
        if (digit < 0) {
            return bad_hex("ERROR: Invalid character in hex string.");
        }
        id[i / 2] = (CK_BYTE)(id[i / 2] * 16 + digit);
    }
    *ret_id = KK_STEAL(id);
    *ret_len = (CK_ULONG)(digits / 2);
    return CKR_OK;
}

static void target_clear(struct kk_util_target *target)
{
    kk_free(target->id);
    target->id = NULL;
}

KK_RV kk_util_import(struct kk_util *util)
{
    const struct kk_util_options *options = &util->options;
    const struct import_type *type = find_type(options);
    CK_SLOT_ID slot = 0;
    KK_CLEANUP(target_clear) struct kk_util_target target = {.p11 = util->module.p11};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_ENSURE(type != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_cli_choose_slot(&util->module, &options->choice, false, &slot));
    if (options->label == NULL) {
        return kk_cli_error("ERROR: A label for the object must be supplied. Use --label <text>");
    }
    if (options->id == NULL) {
        return kk_cli_error("ERROR: An ID for the object must be supplied. Use --id <hex>");
    }
    target.label = options->label;
    KK_TRY(parse_id(options->id, &target.id, &target.id_len));
    KK_TRY(kk_cli_open_session(target.p11, slot, &target.session));
    KK_TRY(kk_cli_pin_get(&options->pin, KK_CLI_PIN_USER, &pin));
    KK_TRY(kk_cli_log_in(target.p11, target.session, pin));
    return type->run(util, &target);
}
