/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing a slot by what the command line says about it, in SoftHSM's words.
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
