/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing tokens by serial number, label or slot, as all programs here do. What goes wrong has
 * been said.
 */
#pragma once

#include "cli/module.h"

/* Fills `len` bytes with `text` and blanks; false when it is longer. */
bool kk_cli_pad(const char *text, CK_UTF8CHAR *out, size_t len);

/* What --serial and --token ask for; both must match when both are given. */
struct kk_cli_wanted {
    bool by_serial;
    bool by_label;
    CK_CHAR serial[16];
    CK_UTF8CHAR label[32];
};

/* NULL: not given. Says when one is too long. */
KK_RV kk_cli_wanted(const char *serial, const char *label, struct kk_cli_wanted *ret_wanted);
bool kk_cli_is_wanted(const struct kk_cli_wanted *wanted, const CK_TOKEN_INFO *info);

/* "serial", "token label" or "serial and token label". */
const char *kk_cli_wanted_text(const struct kk_cli_wanted *wanted);

/* The number of --slot. Blanks round it are taken: scripts cut it out of our own output. */
KK_RV kk_cli_parse_slot(const char *text, CK_SLOT_ID *ret_slot);

/* The slot that the token has after the module was started anew; the old one when the module does
 * not tell, or gives several tokens the same serial and label. */
KK_RV kk_cli_find_again(const struct kk_module *module, CK_SLOT_ID old_slot,
                        const CK_TOKEN_INFO *token, CK_SLOT_ID *ret_slot);

/* The token's directory as text. The module must be ours. */
KK_RV kk_cli_token_path(const struct kk_module *module, CK_SLOT_ID slot, char **ret_path);
