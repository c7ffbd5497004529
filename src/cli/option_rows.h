/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of command lines (options.h) that several of SoftHSM's programs have. A member is given by
 * its place in the program's options.
 */
#pragma once

#include <stddef.h>

#include "cli/choose.h"
#include "cli/options.h"
#include "cli/pin.h"

/* clang-format off */
#define KK_CLI_HELP_ROW                                                                            \
    {"help", NULL, KK_CLI_ROW_HELP, KK_CLI_NO_MEMBER, NULL,                                        \
     "Print this text."}
#define KK_CLI_VERSION_ROW                                                                         \
    {"version", NULL, KK_CLI_ROW_VERSION, KK_CLI_NO_MEMBER, NULL,                                  \
     "Print the version of SoftHSM that this is like."}
#define KK_CLI_MODULE_ROW(member)                                                                  \
    {"module", "<path>", KK_CLI_ROW_TEXT, member, NULL,                                            \
     "Use this PKCS#11 module instead of the default."}

/* A struct kk_cli_pin_source: --NAME, --NAME-env, --NAME-file. `whose`: "the PIN". */
#define KK_CLI_PIN_ROWS(name, member, help, whose)                                                 \
    {name, "<PIN>", KK_CLI_ROW_PIN, (member) + offsetof(struct kk_cli_pin_source, value), NULL,    \
     help},                                                                                        \
    {name "-env", "<name>", KK_CLI_ROW_TEXT, (member) + offsetof(struct kk_cli_pin_source, env),   \
     NULL, "Take " whose " from an environment variable."},                                        \
    {name "-file", "<path>", KK_CLI_ROW_TEXT, (member) + offsetof(struct kk_cli_pin_source, file), \
     NULL, "Take " whose " from a file's first line."}
#define KK_CLI_USER_PIN_ROWS(member)                                                               \
    KK_CLI_PIN_ROWS("pin", member, "The PIN of the user.", "the user's PIN")

/* A struct kk_cli_choice. Two macros, because rows stand in the order of the alphabet. */
#define KK_CLI_SLOT_ROWS(member)                                                                   \
    {"serial", "<number>", KK_CLI_ROW_TEXT, (member) + offsetof(struct kk_cli_choice, serial),     \
     NULL, "Choose the token with this serial number."},                                           \
    {"slot", "<number>", KK_CLI_ROW_TEXT, (member) + offsetof(struct kk_cli_choice, slot), NULL,   \
     "Choose the token in this slot."}
#define KK_CLI_TOKEN_ROW(member)                                                                   \
    {"token", "<label>", KK_CLI_ROW_TEXT, (member) + offsetof(struct kk_cli_choice, token), NULL,  \
     "Choose the token with this label."}
/* clang-format on */
