/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checking, repairing and rekeying a token as a whole. CKR_FUNCTION_NOT_SUPPORTED where its
 * repository has nothing of the kind.
 */
#pragma once

#include "token/token.h"

/* Codes of the repository's check. */
KK_RV kk_token_check(struct kk_token *token, const struct kk_check *check,
                     struct kk_check_result *ret_result);

/* A new token with what is sound in this one, under a directory name and a serial number of its
 * own. With `replace` it gets this one's serial, and this one is deleted when the new one is on the
 * disk: whoever is killed in between leaves both, of which the list of tokens shows one. */
KK_RV kk_token_repair(struct kk_token *token, const struct kk_check *check, bool replace,
                      struct kk_check_result *ret_result, char ret_serial[16]);

/* Codes of the repository's rekey. */
KK_RV kk_token_rekey(struct kk_token *token, const struct kk_rekey *rekey);
