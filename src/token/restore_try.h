/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PIN that is tried on a backup is tried on the token too, when that one is here: guesses are not
 * to be had for less by way of a backup.
 */
#pragma once

#include "token/engine.h"
#include "token/sealed_internal.h"

/* Zero-initialise. */
struct kk_restore_try {
    struct kk_token *token; /* NULL: it is not here, nothing counts */
    struct kk_attempt attempt;
    struct kk_sealed_try try;
};

/* Waits for its turn, and counts a try that failed, until end() says what became of it.
 * CKR_PIN_LOCKED: the token takes no more tries. A count that cannot be kept, since the token is
 * damaged, say, stands in no restore's way: it is logged. */
KK_RV kk_restore_try_begin(struct kk_engine *engine, const char serial[KK_SERIAL_LEN],
                           enum kk_role role, struct kk_restore_try *ret_try);

/* CKR_PIN_INCORRECT: it was a wrong one; with every other code it was none. A right PIN of the
 * backup resets no count: it may be the token's old one. Gives `rv`, or why that may not be
 * answered. */
KK_RV kk_restore_try_end(struct kk_restore_try *self, CK_RV rv);
void kk_restore_try_clear(struct kk_restore_try *self);
