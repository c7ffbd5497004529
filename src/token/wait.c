/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits: a watch of the tokens' directory each, on a list of the engine's, which wakes them when
 * this process itself makes or deletes a token.
 */
#include "token/wait.h"

#include "base/banned.h"

/* A token that somebody is still making is looked at again after these pauses; nothing in the
 * tokens' directory tells when its own directory is complete. */
#define PAUSE_FIRST_MS 50
#define PAUSE_LAST_MS 12800

KK_RV kk_wait_begin(struct kk_engine *engine, struct kk_wait *ret_wait)
{
    KK_TRY(kk_watch_new(engine->location, &ret_wait->watch));
    ret_wait->engine = engine;
    ret_wait->pause_ms = PAUSE_FIRST_MS;
    KK_LOCK_SCOPE(&engine->lock);
    ret_wait->next = engine->waits;
    engine->waits = ret_wait;
    return CKR_OK;
}

void kk_wait_end(struct kk_wait *wait)
{
    if (wait->engine == NULL) {
        return;
    }
    KK_WITH_LOCK(&wait->engine->lock)
    {
        struct kk_wait **at = &wait->engine->waits;
        while (*at != wait) {
            at = &(*at)->next;
        }
        *at = wait->next;
    }
    kk_watch_free(KK_STEAL(wait->watch));
    wait->engine = NULL;
}

/* Whether a refresh left something that is to be looked at again. */
static bool is_unfinished(struct kk_engine *engine)
{
    KK_LOCK_SCOPE(&engine->lock);
    return !engine->listed;
}

void kk_wait_next(struct kk_wait *wait)
{
    bool looks_again = is_unfinished(wait->engine) && wait->pause_ms <= PAUSE_LAST_MS;
    if (kk_watch_wait(wait->watch, looks_again ? wait->pause_ms : -1)) {
        wait->pause_ms = PAUSE_FIRST_MS;
    } else if (looks_again) {
        wait->pause_ms *= 2; /* in the end it is no token in the making */
    }
}

void kk_wait_wake_held(struct kk_engine *engine)
{
    KK_ASSERT_HELD(&engine->lock);
    for (struct kk_wait *wait = engine->waits; wait != NULL; wait = wait->next) {
        kk_watch_wake(wait->watch);
    }
}

void kk_wait_wake(struct kk_engine *engine)
{
    KK_LOCK_SCOPE(&engine->lock);
    kk_wait_wake_held(engine);
}
