/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing a slot by what the command line says about it.
 */
#pragma once

#include "cli/module.h"

/* --slot, --serial, --token, --free. What was not given is NULL or false. */
struct kk_cli_choice {
    const char *slot;
    const char *serial;
    const char *token;
    bool free;
};

/* The one slot that is chosen; `takes_free` tells whether the program has --free. Says which slot
 * it found, or why none. */
KK_RV kk_cli_choose_slot(const struct kk_module *module, const struct kk_cli_choice *choice,
                         bool takes_free, CK_SLOT_ID *ret_slot);

/* What --serial and --token ask for. */
struct kk_cli_wanted {
    bool by_serial;
    bool by_label;
    CK_CHAR serial[16];
    CK_UTF8CHAR label[32];
};

/* Fails, and says so, when one of them is too long. */
KK_RV kk_cli_wanted(const struct kk_cli_choice *choice, struct kk_cli_wanted *ret_wanted);
bool kk_cli_is_wanted(const struct kk_cli_wanted *wanted, const CK_TOKEN_INFO *info);

/* "serial", "token label" or "serial and token label". */
const char *kk_cli_wanted_text(const struct kk_cli_wanted *wanted);

/* Fills `len` bytes with `text` and blanks; false when it is longer. */
bool kk_cli_pad(const char *text, CK_UTF8CHAR *out, size_t len);
