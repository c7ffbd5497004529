/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys with CKA_ALWAYS_AUTHENTICATE in functions that have no ...Init to log in behind:
 * C_UnwrapKey, C_DeriveKey, C_DecapsulateKey. The first call gives CKR_USER_NOT_LOGGED_IN; then
 * C_Login(CKU_CONTEXT_SPECIFIC) allows one use of that key in that session.
 */
#pragma once

#include "session/objects.h"

/* CKR_OK, once, after the login; otherwise CKR_USER_NOT_LOGGED_IN, and the key waits for it. Keys
 * without the attribute always pass. */
KK_RV kk_call_guard(struct kk_call *call, const struct kk_object *object);

/* Whether a key waits for a login; what C_Login does then. */
bool kk_guard_wants_login(const struct kk_session *session);
void kk_guard_grant_login(struct kk_session *session);
