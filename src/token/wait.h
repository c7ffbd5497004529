/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for tokens that come or go, in this process or another. Several threads may wait at once.
 */
#pragma once

#include "store/watch.h"
#include "token/engine.h"

/* One wait, the caller's. Begin, look at the tokens, wait, look again; what happens after the
 * beginning ends the wait. */
struct kk_wait {
    struct kk_engine *engine; /* NULL: not begun */
    struct kk_watch *watch;
    struct kk_wait *next;
    int pause_ms; /* until the next look at something that is on its way */
};

/* Codes of kk_watch_new(). */
KK_RV kk_wait_begin(struct kk_engine *engine, struct kk_wait *ret_wait);
void kk_wait_end(struct kk_wait *wait);

/* Until the tokens may be others than at the last look. It may return early. */
void kk_wait_next(struct kk_wait *wait);

/* Every wait on this engine looks again. The second one with the engine's lock held. */
void kk_wait_wake(struct kk_engine *engine);
void kk_wait_wake_held(struct kk_engine *engine);
