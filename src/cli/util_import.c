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

static KK_RV open_session(CK_FUNCTION_LIST_PTR p11, CK_SLOT_ID slot, CK_SESSION_HANDLE *ret_session)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_RV rv = p11->C_OpenSession(slot, flags, NULL, NULL, ret_session);
    if (rv == CKR_SLOT_ID_INVALID) {
        return kk_cli_error("ERROR: The given slot does not exist.");
    }
    return rv == CKR_OK ? rv : kk_cli_error("ERROR: Could not open a session on the given slot.");
}

static KK_RV log_in(CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, struct kk_secret *pin)
{
    CK_RV rv = p11->C_Login(session, CKU_USER, kk_secret_data(pin), (CK_ULONG)kk_secret_len(pin));
    if (rv == CKR_PIN_INCORRECT) {
        return kk_cli_error("ERROR: The given user PIN does not match the one in the token.");
    }
    if (rv != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not log in on the token.");
        kk_cli_explain(rv);
    }
    return rv;
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
    KK_TRY(kk_util_find_slot(util, false, &slot));
    if (options->label == NULL) {
        return kk_cli_error("ERROR: A label for the object must be supplied. Use --label <text>");
    }
    if (options->id == NULL) {
        return kk_cli_error("ERROR: An ID for the object must be supplied. Use --id <hex>");
    }
    target.label = options->label;
    KK_TRY(parse_id(options->id, &target.id, &target.id_len));
    KK_TRY(open_session(target.p11, slot, &target.session));
    KK_TRY(kk_cli_pin_get(&options->pin, KK_CLI_PIN_USER, &pin));
    KK_TRY(log_in(target.p11, target.session, pin));
    return type->run(util, &target);
}
