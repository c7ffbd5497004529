/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread at a time, in the order they came: who gives the turn away hands it to the first that
 * waits, so that a thread in a tight loop keeps nobody out.
 *
 * Waits may be long and I/O is done in one's turn, so that this is no mutex and has no rank. Its
 * members are guarded by a mutex of the owner's.
 */
#pragma once

#include "base/lock.h"

struct kk_turn_waiter;

/* Zero-initialise. */
struct kk_turn {
    bool is_taken;
    struct kk_turn_waiter *first;
    struct kk_turn_waiter *last;
};

/* Waits at most `limit_ms` (< 0: for ever); false when it was not given the turn by then. The
 * caller holds `mutex`, which is let go during the wait. */
bool kk_turn_take(struct kk_turn *turn, struct kk_mutex *mutex, long limit_ms);

/* The caller holds the mutex. */
void kk_turn_give(struct kk_turn *turn);

/* How many wait. The caller holds the mutex. */
size_t kk_turn_queue_length(const struct kk_turn *turn);
