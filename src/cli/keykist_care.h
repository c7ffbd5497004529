/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands share that do something to a token as a whole, by the interface "Vendor
 * Keykist": the token, its PINs, what is found, the progress bar.
 */
#pragma once

#include "cli/keykist.h"
#include "cli/progress.h"

/* A token in the hands of one of them. Zero-initialise. */
struct kk_care {
    const CK_KEYKIST_FUNCTIONS *vendor;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    CK_KEYKIST_TOKEN_INFO details;
    struct kk_secret *so_pin, *pin; /* NULL: not given */
    struct kk_table findings;
    struct kk_progress_bar bar;
};

/* Finds the token, with a vendor interface of at least this minor version; `what` stands beside the
 * progress bar. */
KK_RV kk_care_begin(const struct kk_keykist *keykist, CK_BYTE minor, const char *what,
                    struct kk_care *care);
void kk_care_clear(struct kk_care *care);

bool kk_care_has_user_pin(const struct kk_care *care);

/* A PIN that was given, or that a terminal is there to ask for. */
KK_RV kk_care_maybe_pin(const struct kk_cli_pin_source *source, const char *option,
                        const char *what, struct kk_secret **ret_pin);

/* Borrows from `care`. */
CK_KEYKIST_REQUEST kk_care_request(struct kk_care *care);

/* A member "token". */
void kk_care_json_token(struct kk_json *json, const struct kk_care *care);
