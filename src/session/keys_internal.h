/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For key management alone: what its calls share. Each goes the same way: check keys and templates,
 * compute outside every lock but the session's, finish the attributes, store all new objects in one
 * transaction.
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

extern const struct kk_key_codes kk_wrapping_codes;
extern const struct kk_key_codes kk_unwrapping_codes;
extern const struct kk_key_codes kk_base_codes;

/* Looks a key up and checks its type, its usage flag, its mechanisms, then parses it. */
KK_RV kk_take_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                  CK_OBJECT_HANDLE handle, enum kk_usage usage, const struct kk_key_codes *codes,
                  struct kk_used_key *ret_used);

/* The template that a key object has as this attribute; NULL: none. */
const struct kk_attrs *kk_template_of(const struct kk_object *object, CK_ATTRIBUTE_TYPE type);

/* The attribute sets that a call makes, until they are stored. */
struct kk_new_sets {
    struct kk_attrs *sets[2];
    struct kk_uuid uuids[2];
};

void kk_new_sets_clear(struct kk_new_sets *made);

KK_RV kk_begin_set(struct kk_call *call, struct kk_begin *begin, const struct kk_attrs *tmpl,
                   struct kk_attrs **ret_set);
KK_RV kk_finish_set(struct kk_call *call, struct kk_finish *finish, struct kk_attrs *set,
                    struct kk_uuid *ret_uuid);

/* The length that template or key type give a new secret key; 0: neither does. */
size_t kk_wanted_length(const struct kk_attrs *set);

/* C_DeriveKey where the row makes KK_DERIVED_PUBLIC (public_key.c). */
KK_RV kk_call_derive_public(struct kk_call *call, const struct kk_mechanism *mechanism,
                            CK_OBJECT_HANDLE private_key, const struct kk_attrs *tmpl,
                            CK_OBJECT_HANDLE *ret_key);
