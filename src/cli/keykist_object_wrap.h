/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object export: a sensitive key that may be extracted, got out as the standard allows it.
 */
#pragma once

#include "cli/keykist_object.h"

/* The key wrapped under an AES key of this session, and unwrapped here: a private key's PKCS#8, a
 * secret key's value. The module decides whether it may be wrapped. What is wrong is said. */
KK_RV kk_object_unwrapped(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                          const struct kk_keyfiles *files, struct kk_secret **ret_plain);
