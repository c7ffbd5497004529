/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of waiters lies on their stacks.
 */
#include "store/turn.h"

#include <time.h>

#include "base/banned.h"

struct kk_turn_waiter {
    struct kk_turn_waiter *next;
    pthread_cond_t given;
    bool has_it;
};

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void append(struct kk_turn *turn, struct kk_turn_waiter *waiter)
{
    if (turn->last == NULL) {
        turn->first = waiter;
    } else {
        turn->last->next = waiter;
    }
    turn->last = waiter;
}

static void unlink_waiter(struct kk_turn *turn, struct kk_turn_waiter *waiter)
{
    struct kk_turn_waiter *previous = NULL;
    struct kk_turn_waiter **at = &turn->first;
    while (*at != waiter) {
        previous = *at;
        at = &previous->next;
    }
    *at = waiter->next;
    if (turn->last == waiter) {
        turn->last = previous;
    }
}

bool kk_turn_take(struct kk_turn *turn, struct kk_mutex *mutex, long limit_ms)
{
    KK_ASSERT_HELD(mutex);
    if (!turn->is_taken) {
        turn->is_taken = true;
        return true;
    }
    struct timespec since;
    (void)clock_gettime(CLOCK_MONOTONIC, &since);
    struct kk_turn_waiter waiter = {.given = PTHREAD_COND_INITIALIZER};
    append(turn, &waiter);
    long left = limit_ms;
    while (!waiter.has_it && (limit_ms < 0 || left > 0)) {
        (void)kk_cond_wait(&waiter.given, mutex, left);
        left = limit_ms < 0 ? limit_ms : limit_ms - elapsed_ms(&since);
    }
    if (!waiter.has_it) {
        unlink_waiter(turn, &waiter);
    }
    (void)pthread_cond_destroy(&waiter.given);
    return waiter.has_it;
}

void kk_turn_give(struct kk_turn *turn)
{
    struct kk_turn_waiter *next = turn->first;
    if (next == NULL) {
        turn->is_taken = false;
        return;
    }
    unlink_waiter(turn, next);
    next->has_it = true;
    (void)pthread_cond_signal(&next->given);
}

size_t kk_turn_queue_length(const struct kk_turn *turn)
{
    size_t length = 0;
    for (const struct kk_turn_waiter *at = turn->first; at != NULL; at = at->next) {
        length++;
    }
    return length;
}
