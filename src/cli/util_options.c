/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of softhsm2-util: one table row per action and per option.
 */
#include "cli/util.h"

#include <stddef.h>
#include <stdio.h>

#include "cli/option_rows.h"

#include "base/banned.h"

#define MEMBER(name) offsetof(struct kk_util_options, name)
#define NO_ACTION NULL
#define ACTION(run, needs_module)                                                                  \
    &(const struct kk_util_action)                                                                 \
    {                                                                                              \
        run, needs_module                                                                          \
    }

/* clang-format off */
static const struct kk_cli_row rows[] = {
    {"delete-token", NULL, KK_CLI_ROW_ACTION, KK_CLI_NO_MEMBER, ACTION(kk_util_delete_token, true),
     "Delete a token and everything in it. Asks for no PIN.\n"
     "Choose it by --serial, --token or both."},
    KK_CLI_HELP_ROW,
    {"import", "<path>", KK_CLI_ROW_ACTION, MEMBER(import_path), ACTION(kk_util_import, true),
     "Import the file as --import-type says.\n"
     "Needs --label and --id, a PIN, and --slot, --serial\n"
     "or --token. See also --file-pin, --force and\n"
     "--no-public-key."},
    {"init-token", NULL, KK_CLI_ROW_ACTION, KK_CLI_NO_MEMBER, ACTION(kk_util_init_token, true),
     "Initialize a token and set its PINs.\n"
     "Needs --label, both PINs, and --slot, --free,\n"
     "--serial or --token.\n"
     "WARNING: what an initialized token holds is erased."},
    {"show-config", "<key>", KK_CLI_ROW_ACTION, MEMBER(config_key), ACTION(kk_util_show_config, false),
     "Print a setting of this program. The one key is\n"
     "default-pkcs11-lib."},
    {"show-slots", NULL, KK_CLI_ROW_ACTION, KK_CLI_NO_MEMBER, ACTION(kk_util_show_slots, true),
     "Print all slots and the tokens in them."},
    KK_CLI_VERSION_ROW,

    {"aes", NULL, KK_CLI_ROW_FLAG, MEMBER(aes), NO_ACTION,
     "Older way to say --import-type aes."},
    {"file-pin", "<PIN>", KK_CLI_ROW_PIN, MEMBER(file_pin), NO_ACTION,
     "The PIN that the imported file is encrypted with."},
    {"force", NULL, KK_CLI_ROW_FLAG, MEMBER(force), NO_ACTION,
     "Import a key pair though its ID is in use."},
    {"free", NULL, KK_CLI_ROW_FLAG, MEMBER(choice.free), NO_ACTION,
     "Take the first uninitialized token."},
    {"id", "<hex>", KK_CLI_ROW_TEXT, MEMBER(id), NO_ACTION,
     "The ID of the imported object, in hexadecimal."},
    {"import-type", "<type>", KK_CLI_ROW_TEXT, MEMBER(import_type), NO_ACTION,
     "What the imported file holds:\n"
     "keypair  a private key: PKCS#8 or the traditional\n"
     "         forms, PEM or DER (the default)\n"
     "aes      16, 24 or 32 bytes that are the key\n"
     "cert     an X.509 certificate, PEM or DER"},
    {"label", "<text>", KK_CLI_ROW_TEXT, MEMBER(label), NO_ACTION,
     "The label of the new token or object."},
    KK_CLI_MODULE_ROW(MEMBER(module)),
    {"no-public-key", NULL, KK_CLI_ROW_FLAG, MEMBER(no_public_key), NO_ACTION,
     "Import the private key only."},
    KK_CLI_USER_PIN_ROWS(MEMBER(pin)),
    KK_CLI_SLOT_ROWS(MEMBER(choice)),
    KK_CLI_PIN_ROWS("so-pin", MEMBER(so_pin), "The PIN of the Security Officer (SO).", "the SO's PIN"),
    KK_CLI_TOKEN_ROW(MEMBER(choice)),
};
/* clang-format on */

static const struct kk_cli_program program = {
    .title = "Support tool for PKCS#11",
    .usage = "softhsm2-util [ACTION] [OPTIONS]",
    .rows = rows,
    .row_count = KK_ARRAY_LEN(rows),
    .bare_status = 1,
};

void kk_util_parse(int argc, char **argv, struct kk_util_options *options,
                   const struct kk_util_action **ret_action, int *ret_status)
{
    const void *action = NULL;
    (void)kk_cli_options_parse(&program, argc, argv, options, &action, ret_status);
    *ret_action = action;
}

void kk_util_options_clear(struct kk_util_options *options)
{
    kk_secret_free(options->pin.value);
    kk_secret_free(options->so_pin.value);
    kk_secret_free(options->file_pin);
    *options = (struct kk_util_options){0};
}
