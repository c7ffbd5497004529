/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that change with each signature: the private keys of HSS, whose one-time keys ("leaves") are
 * numbered, and HOTP keys, which count. docs/design/stateful.md.
 *
 * A number that was taken is out of the object's next version. Whoever is to use it waits until
 * that version is on the disk.
 */
#pragma once

#include "base/uuid.h"
#include "mechanism/mechanism.h"
#include "object/attrs.h"

/* The number that would be taken next. CKR_KEY_TYPE_INCONSISTENT: a key without numbers. */
KK_RV kk_stateful_next(const struct kk_attrs *attrs, uint64_t *ret_next);

/* What the object is when that number was taken. `home` is where the object is (NULL: in this
 * process's memory), `kept` what kk_turn_ops prepared. CKR_KEY_EXHAUSTED: there is none left, or
 * the object came here from another home. */
KK_RV kk_stateful_take(const struct kk_attrs *attrs, const struct kk_uuid *home,
                       struct kk_span kept, uint64_t *ret_number, struct kk_attrs **ret_attrs);

/* A new object of a token gets its home there; others stay as they are. */
KK_RV kk_stateful_settle(struct kk_attrs *attrs, const struct kk_uuid *home);

/* An object as a token at that home shows it: one from elsewhere has CKA_HSS_KEYS_REMAINING 0. */
KK_RV kk_stateful_show(struct kk_attrs *attrs, const struct kk_uuid *home);

/* A new OTP key begins to count. */
KK_RV kk_stateful_begin(struct kk_attrs *attrs);

/* What the attributes say of one-time passwords. */
void kk_otp_rules_of(const struct kk_attrs *attrs, struct kk_otp_rules *ret_rules);

/* A private key that signs each number once. */
bool kk_stateful_is_one_time(const struct kk_attrs *attrs);

/* CKA_HSS_KEYS_REMAINING of a state. */
KK_RV kk_stateful_remaining(struct kk_span state, CK_ULONG *ret_remaining);
