/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows from an object's material: the material itself in canonical form, lengths, check
 * values, SubjectPublicKeyInfo. Part of the policy.
 */
#pragma once

#include "object/policy_rules.h"

/* Brings the material in (finish->parts) or checks what the template brought, then fills in what
 * follows; a given value that differs is CKR_ATTRIBUTE_VALUE_INVALID. */
KK_RV kk_computed_fill(struct kk_crypto *crypto, const struct kk_schema *schema,
                       const struct kk_finish *finish, struct kk_attrs *attrs);

/* After a change: the computed values that `tmpl` gives must follow from `attrs`. */
KK_RV kk_computed_verify(struct kk_crypto *crypto, const struct kk_schema *schema,
                         const struct kk_attrs *tmpl, const struct kk_attrs *attrs);

/* Whether what was computed from the material once (its check value, the public half's
 * SubjectPublicKeyInfo) is as long as what it gives now, and other: one of them was damaged. What
 * cannot be computed does not contradict. */
KK_RV kk_computed_contradicts(struct kk_crypto *crypto, const struct kk_schema *schema,
                              const struct kk_attrs *attrs, bool *ret_contradicts);

/* The SubjectPublicKeyInfo inside an X.509 certificate; an empty span when there is none. */
struct kk_span kk_certificate_spki(struct kk_span certificate);

/* Bits of a number in big-endian bytes. */
size_t kk_number_bits(struct kk_span number);

/* Whether a secret key of this type can be so long. */
bool kk_secret_length_fits(CK_KEY_TYPE key_type, size_t len);
