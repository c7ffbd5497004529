/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What key management shares among its files; for session/ alone.
 */
#pragma once

#include "session/keys.h"

/* A key object fit for one use, with its parsed key. */
struct kk_used_key {
    struct kk_object *object;
    struct kk_key *key;
};

void kk_used_key_clear(struct kk_used_key *used);

/* The codes that differ between wrapping, unwrapping and deriving. */
struct kk_key_codes {
    CK_RV handle_invalid;
    CK_RV type_inconsistent;
};

/* Looks a key up and checks its type, its usage and its allowed mechanisms. `codes`,
 * CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID. */
KK_RV kk_call_take_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                       CK_OBJECT_HANDLE handle, enum kk_usage usage,
                       const struct kk_key_codes *codes, struct kk_used_key *ret_used);

/* The length that template or key type give a new secret key; 0: neither does. */
size_t kk_wanted_length(const struct kk_attrs *set);
