/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which profiles of "PKCS #11 Profiles" a token may claim by a profile object (PKCS#11 3.2, Profile
 * objects). Most follow from the mechanisms that the configuration leaves; the one for public
 * certificates also from what lies on the token at the moment.
 */
#pragma once

#include "session/session.h"

/* Every profile that a token of ours may claim at some time. */
extern const CK_PROFILE_ID kk_profiles[];
extern const size_t kk_profiles_count;

/* Whether the session's token may claim it now. Codes of kk_token_find() and kk_token_get(). */
KK_RV kk_profile_holds(struct kk_call *call, CK_PROFILE_ID profile, bool *ret_holds);
