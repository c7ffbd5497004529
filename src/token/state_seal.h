/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seal on states of operations that applications keep (docs/design/operation-state.md): with a
 * login under a key of the token's, so that another process with that login can open it; without
 * one, and where the token has no keys of its own, under one of the process.
 */
#pragma once

#include "token/token.h"

#define KK_STATE_PRINT 32

struct kk_state_seal;

/* For who holds `unlock` (NULL: nobody), in a session of this state (CKS_). */
KK_RV kk_state_seal_new(struct kk_token *token, struct kk_unlock *unlock, CK_STATE session_state,
                        struct kk_state_seal **ret_seal);
void kk_state_seal_free(struct kk_state_seal *seal);
KK_DEFINE_CLEANUP(struct kk_state_seal *, kk_state_seal_free);

/* What sealing adds to the length. */
size_t kk_state_seal_overhead(void);

/* `out` has room for plain.len bytes and the overhead. */
KK_RV kk_state_seal_close(const struct kk_state_seal *seal, struct kk_span plain, uint8_t *out);

/* CKR_SAVED_STATE_INVALID: made by somebody else, for another session state, or changed. */
KK_RV kk_state_seal_open(const struct kk_state_seal *seal, struct kk_span state,
                         struct kk_secret **ret_plain);

/* A keyed hash of a key's value, by which it is known again. */
KK_RV kk_state_seal_print(const struct kk_state_seal *seal, struct kk_span value,
                          uint8_t ret_print[KK_STATE_PRINT]);
