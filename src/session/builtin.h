/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that the token makes itself: hardware features, mechanism and profile objects. They are
 * found by searches that name their class, or their CKA_UNIQUE_ID; can be read by everybody; and
 * nobody changes, copies or destroys them (CKR_ACTION_PROHIBITED).
 *
 * A validation object there is only with mechanisms.policy = fips and a certificate that the
 * configuration names: nothing else says that the provider at hand is a validated one.
 */
#pragma once

#include "session/session.h"

struct kk_builtins;

/* The bit of the one validation in sessions' flags. */
#define KK_VALIDATION_FLAG ((CK_FLAGS)1)

/* Whether there is a validation object. */
bool kk_builtin_is_validated(const struct kk_app *app);

void kk_builtins_free(struct kk_builtins *builtins);

/* Visits those that match. A code other than CKR_OK ends it and is returned. */
KK_RV kk_builtins_find(struct kk_call *call, const struct kk_attrs *tmpl,
                       CK_RV (*visit)(struct kk_object *object, void *context), void *context);

/* The one with this uuid, with a reference; false: it is none of these. */
bool kk_builtins_get(struct kk_call *call, const struct kk_uuid *uuid,
                     struct kk_object **ret_object);

/* Before *object is read: when it is a clock or a counter whose value is asked for, another
 * snapshot with the present value takes its place. Codes of kk_token_counter(). */
KK_RV kk_builtin_measure(struct kk_call *call, const CK_ATTRIBUTE *wanted, CK_ULONG count,
                         struct kk_object **object);

/* The time as CK_TOKEN_INFO and clock objects say it: YYYYMMDDhhmmss00. */
void kk_builtin_clock(CK_CHAR ret_time[16]);
