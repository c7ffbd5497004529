/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of softhsm2-util. One table row per action and per option; getopt's table and
 * the help are made from these rows.
 */
#include "cli/util.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/report.h"

#include "base/banned.h"

/* The version of SoftHSM whose interface this is: what scripts compare. */
#define COMPATIBLE_VERSION "2.6.1"

enum row_kind {
    ROW_ACTION,  /* an action; its value, if it has one, is a text */
    ROW_HELP,    /* prints, and that is all */
    ROW_VERSION, /* the same */
    ROW_TEXT,    /* an option with a text */
    ROW_PIN,     /* an option with a text that is wiped from the command line */
    ROW_FLAG
};

struct row {
    const char *name;
    const char *value; /* what the help calls its value; NULL: it has none */
    enum row_kind kind;
    size_t member; /* of struct kk_util_options; NO_MEMBER: none */
    struct kk_util_action action;
    const char *help; /* lines separated by \n */
};

#define NO_MEMBER SIZE_MAX
#define MEMBER(name) offsetof(struct kk_util_options, name)
#define NO_ACTION {NULL, false}

/* clang-format off */
static const struct row rows[] = {
    {"delete-token", NULL, ROW_ACTION, NO_MEMBER, {kk_util_delete_token, true},
     "Delete a token and everything in it. Asks for no PIN.\n"
     "Choose it by --serial, --token or both."},
    {"help", NULL, ROW_HELP, NO_MEMBER, NO_ACTION,
     "Print this text."},
    {"import", "<path>", ROW_ACTION, MEMBER(import_path), {kk_util_import, true},
     "Import the file as --import-type says.\n"
     "Needs --label and --id, a PIN, and --slot, --serial\n"
     "or --token. See also --file-pin, --force and\n"
     "--no-public-key."},
    {"init-token", NULL, ROW_ACTION, NO_MEMBER, {kk_util_init_token, true},
     "Initialize a token and set its PINs.\n"
     "Needs --label, both PINs, and --slot, --free,\n"
     "--serial or --token.\n"
     "WARNING: what an initialized token holds is erased."},
    {"show-config", "<key>", ROW_ACTION, MEMBER(config_key), {kk_util_show_config, false},
     "Print a setting of this program. The one key is\n"
     "default-pkcs11-lib."},
    {"show-slots", NULL, ROW_ACTION, NO_MEMBER, {kk_util_show_slots, true},
     "Print all slots and the tokens in them."},
    {"version", NULL, ROW_VERSION, NO_MEMBER, NO_ACTION,
     "Print the version of SoftHSM that this is like."},

    {"aes", NULL, ROW_FLAG, MEMBER(aes), NO_ACTION,
     "Older way to say --import-type aes."},
    {"file-pin", "<PIN>", ROW_PIN, MEMBER(file_pin), NO_ACTION,
     "The PIN that the imported file is encrypted with."},
    {"force", NULL, ROW_FLAG, MEMBER(force), NO_ACTION,
     "Import a key pair though its ID is in use."},
    {"free", NULL, ROW_FLAG, MEMBER(free), NO_ACTION,
     "Take the first uninitialized token."},
    {"id", "<hex>", ROW_TEXT, MEMBER(id), NO_ACTION,
     "The ID of the imported object, in hexadecimal."},
    {"import-type", "<type>", ROW_TEXT, MEMBER(import_type), NO_ACTION,
     "What the imported file holds:\n"
     "keypair  a private key: PKCS#8 or the traditional\n"
     "         forms, PEM or DER (the default)\n"
     "aes      16, 24 or 32 bytes that are the key\n"
     "cert     an X.509 certificate, PEM or DER"},
    {"label", "<text>", ROW_TEXT, MEMBER(label), NO_ACTION,
     "The label of the new token or object."},
    {"module", "<path>", ROW_TEXT, MEMBER(module), NO_ACTION,
     "Use this PKCS#11 module instead of the default."},
    {"no-public-key", NULL, ROW_FLAG, MEMBER(no_public_key), NO_ACTION,
     "Import the private key only."},
    {"pin", "<PIN>", ROW_PIN, MEMBER(pin.value), NO_ACTION,
     "The PIN of the user."},
    {"pin-env", "<name>", ROW_TEXT, MEMBER(pin.env), NO_ACTION,
     "Take the user's PIN from an environment variable."},
    {"pin-file", "<path>", ROW_TEXT, MEMBER(pin.file), NO_ACTION,
     "Take the user's PIN from a file's first line."},
    {"serial", "<number>", ROW_TEXT, MEMBER(serial), NO_ACTION,
     "Choose the token with this serial number."},
    {"slot", "<number>", ROW_TEXT, MEMBER(slot), NO_ACTION,
     "Choose the token in this slot."},
    {"so-pin", "<PIN>", ROW_PIN, MEMBER(so_pin.value), NO_ACTION,
     "The PIN of the Security Officer (SO)."},
    {"so-pin-env", "<name>", ROW_TEXT, MEMBER(so_pin.env), NO_ACTION,
     "Take the SO's PIN from an environment variable."},
    {"so-pin-file", "<path>", ROW_TEXT, MEMBER(so_pin.file), NO_ACTION,
     "Take the SO's PIN from a file's first line."},
    {"token", "<label>", ROW_TEXT, MEMBER(token), NO_ACTION,
     "Choose the token with this label."},
};
/* clang-format on */

#define ROW_COUNT KK_ARRAY_LEN(rows)
#define LONG_OPTION 0x100 /* the value of row 0; below are short options */

static bool is_action(const struct row *row)
{
    return row->kind == ROW_ACTION || row->kind == ROW_HELP || row->kind == ROW_VERSION;
}

#define HELP_COLUMN 20

static void print_row(const char *dashes, const char *name, const char *value, const char *help)
{
    int width =
        printf("  %s%s%s%s", dashes, name, value != NULL ? " " : "", value != NULL ? value : "");
    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    while (help != NULL) {
        const char *end = strchr(help, '\n');
        int len = end != NULL ? (int)(end - help) : (int)strlen(help);
        printf("%*s%.*s\n", HELP_COLUMN - width, "", len, help);
        help = end != NULL ? end + 1 : NULL;
        width = 0;
    }
}

static void print_rows(bool actions)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (is_action(row) != actions) {
            continue;
        }
        if (row->kind == ROW_HELP || row->kind == ROW_VERSION) {
            const char letter[] = {row->name[0], '\0'};
            print_row("-", letter, NULL, row->help);
        }
        print_row("--", row->name, row->value, row->help);
    }
}

static void print_usage(void)
{
    printf("Support tool for PKCS#11\n");
    printf("Usage: softhsm2-util [ACTION] [OPTIONS]\n");
    printf("Action:\n");
    print_rows(true);
    printf("Options:\n");
    print_rows(false);
}

static void make_long_options(struct option *long_options)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        long_options[i].name = rows[i].name;
        long_options[i].has_arg = rows[i].value != NULL ? required_argument : no_argument;
        long_options[i].flag = NULL;
        long_options[i].val = LONG_OPTION + (int)i;
    }
    long_options[ROW_COUNT] = (struct option){0};
}

/* NULL for what getopt_long() has complained about. */
static const struct row *find_row(int code)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool has_letter = rows[i].kind == ROW_HELP || rows[i].kind == ROW_VERSION;
        if (code == LONG_OPTION + (int)i || (has_letter && code == rows[i].name[0])) {
            return &rows[i];
        }
    }
    return NULL;
}

static KK_RV store(struct kk_util_options *options, const struct row *row, char *value)
{
    if (row->member == NO_MEMBER) {
        return CKR_OK;
    }
    void *member = (char *)options + row->member;
    if (row->kind == ROW_FLAG) {
        *(bool *)member = true;
        return CKR_OK;
    }
    if (row->kind == ROW_PIN) {
        return kk_cli_pin_take(value, member);
    }
    *(const char **)member = value;
    return CKR_OK;
}

/* One option. False: the program ends with *ret_status. */
static bool take_option(int code, struct kk_util_options *options, const struct row **action,
                        int *action_count, int *ret_status)
{
    const struct row *row = find_row(code);
    *ret_status = 1;
    if (row == NULL) {
        print_usage();
        return false;
    }
    if (row->kind == ROW_HELP || row->kind == ROW_VERSION) {
        if (row->kind == ROW_HELP) {
            print_usage();
        } else {
            printf("%s\n", COMPATIBLE_VERSION);
        }
        *ret_status = 0;
        return false;
    }
    if (store(options, row, optarg) != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not allocate memory.");
        return false;
    }
    if (row->kind == ROW_ACTION) {
        *action = row;
        (*action_count)++;
    }
    return true;
}

void kk_util_parse(int argc, char **argv, struct kk_util_options *options,
                   const struct kk_util_action **ret_action, int *ret_status)
{
    struct option long_options[ROW_COUNT + 1];
    const struct row *action = NULL;
    int action_count = 0;
    int code = 0;
    make_long_options(long_options);
    *ret_action = NULL;
    while ((code = getopt_long(argc, argv, "hv", long_options, NULL)) != -1) {
        if (!take_option(code, options, &action, &action_count, ret_status)) {
            return;
        }
    }
    if (action_count != 1) {
        print_usage();
        *ret_status = 1;
        return;
    }
    *ret_action = &action->action;
}

void kk_util_options_clear(struct kk_util_options *options)
{
    kk_secret_free(options->pin.value);
    kk_secret_free(options->so_pin.value);
    kk_secret_free(options->file_pin);
    *options = (struct kk_util_options){0};
}
