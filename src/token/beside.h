/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new token that is to take the place of an old one, with its serial number: beside it until all
 * is done.
 *
 * Its directory's name follows closely on the old one's in the alphabet, so that of the two tokens
 * with one serial number everybody goes on using the old one (engine.c: the first wins) until that
 * is gone. What an interrupted try left lies under such a name, and is out of the way at the next.
 */
#pragma once

#include "token/kinds.h"

/* A name for the new one. CKR_FUNCTION_FAILED: the old one's has none behind it. */
KK_RV kk_beside_name(struct kk_crypto *crypto, const char *old, char ret_name[KK_UUID_TEXT]);

/* Whether kk_beside_name() may have made `name` of `old`. */
bool kk_beside_is_near(const char *old, const char *name);

/* Puts aside (store/aside.h) what earlier tries left beside `old`: tokens of this kind, of this
 * serial number. */
KK_RV kk_beside_clear(struct kk_engine *engine, const struct kk_repository_kind *kind,
                      const char *old, const char serial[16]);
