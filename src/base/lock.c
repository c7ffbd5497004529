/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranked mutexes. Debug builds keep, per thread, the locks it holds; release builds are the mutex
 * alone. A rule broken ends the process with a line on stderr that names both locks: it is a
 * programmer's error, and the log has a lock of its own.
 */
#include "base/lock.h"

#include <errno.h>
#include <unistd.h>

#include "base/banned.h"

#ifdef KK_DEBUG_LOCKS
enum { CHECKS_RANKS = 1 };
#else
enum { CHECKS_RANKS = 0 };
#endif

#define HELD_MAX 16

static __thread struct {
    const struct kk_mutex *locks[HELD_MAX];
    size_t count;
} held;

static const char *rank_name(int rank)
{
    static const struct {
        int rank;
        const char *name;
    } names[] = {
        {KK_RANK_STATE, "state"},     {KK_RANK_MODULE, "module"},     {KK_RANK_SLOTS, "slots"},
        {KK_RANK_WORK, "work"},       {KK_RANK_TREE, "tree"},         {KK_RANK_COMMIT, "commit"},
        {KK_RANK_JOURNAL, "journal"}, {KK_RANK_SESSIONS, "sessions"}, {KK_RANK_SESSION, "session"},
        {KK_RANK_TOKEN, "token"},     {KK_RANK_INDEX, "index"},       {KK_RANK_OBJECT, "object"},
        {KK_RANK_STORE, "store"},     {KK_RANK_RANDOM, "random"},     {KK_RANK_ARENA, "arena"},
        {KK_RANK_LOG, "log"},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        if (names[i].rank == rank) {
            return names[i].name;
        }
    }
    return "unknown";
}

static void __attribute__((noreturn, cold)) break_rule(const char *what, int rank, int other)
{
    char line[200];
    int len = snprintf(line, sizeof line, "keykist: lock order: %s %s (%d) while holding %s (%d)\n",
                       what, rank_name(rank), rank, rank_name(other), other);
    ssize_t written = write(STDERR_FILENO, line, (size_t)len);
    (void)written;
    abort();
}

static void KK_UNUSED check_order(const struct kk_mutex *mutex)
{
    for (size_t i = 0; i < held.count; i++) {
        if (held.locks[i] == mutex) {
            break_rule("taking again", mutex->rank, mutex->rank);
        }
        if (held.locks[i]->rank >= mutex->rank) {
            break_rule("taking", mutex->rank, held.locks[i]->rank);
        }
    }
}

static void mark_held(struct kk_mutex *mutex)
{
    if (held.count == HELD_MAX) {
        break_rule("too many locks, taking", mutex->rank, held.locks[HELD_MAX - 1]->rank);
    }
    mutex->owner = pthread_self();
    mutex->held = true;
    held.locks[held.count++] = mutex;
}

static void mark_released(struct kk_mutex *mutex)
{
    for (size_t i = held.count; i-- > 0;) {
        if (held.locks[i] == mutex) {
            memmove(&held.locks[i], &held.locks[i + 1],
                    (held.count - i - 1) * sizeof held.locks[0]);
            held.count--;
            mutex->held = false;
            return;
        }
    }
    break_rule("releasing what is not held:", mutex->rank, mutex->rank);
}

void kk_mutex_init(struct kk_mutex *mutex, enum kk_rank rank)
{
    *mutex = (struct kk_mutex)KK_MUTEX_INITIALIZER((int)rank);
}

void kk_mutex_destroy(struct kk_mutex *mutex)
{
    (void)pthread_mutex_destroy(&mutex->mutex);
}

#ifdef KK_DEBUG_LOCKS
void kk_mutex_lock(struct kk_mutex *mutex)
{
    check_order(mutex);
    (void)pthread_mutex_lock(&mutex->mutex);
    mark_held(mutex);
}

void kk_mutex_unlock(struct kk_mutex *mutex)
{
    mark_released(mutex);
    (void)pthread_mutex_unlock(&mutex->mutex);
}
#endif

bool kk_mutex_trylock(struct kk_mutex *mutex)
{
    if (pthread_mutex_trylock(&mutex->mutex) != 0) {
        return false;
    }
    if (CHECKS_RANKS) {
        mark_held(mutex);
    }
    return true;
}

bool kk_mutex_is_held(const struct kk_mutex *mutex)
{
    if (!CHECKS_RANKS) {
        return true;
    }
    for (size_t i = 0; i < held.count; i++) {
        if (held.locks[i] == mutex) {
            return true;
        }
    }
    return false;
}

void kk_mutex_reset_after_fork(struct kk_mutex *mutex)
{
    kk_mutex_init(mutex, (enum kk_rank)mutex->rank);
}

void kk_lock_forget_thread(void)
{
    held.count = 0;
}

/* musl waits by the wall clock only: setting that one changes the length of a wait there. */
#ifdef __GLIBC__
#define WAIT_CLOCK CLOCK_MONOTONIC
#else
#define WAIT_CLOCK CLOCK_REALTIME
#define pthread_cond_clockwait(condition, mutex, clock, at)                                        \
    pthread_cond_timedwait(condition, mutex, at)
#endif

static struct timespec deadline_in(long timeout_ms)
{
    struct timespec at;
    (void)clock_gettime(WAIT_CLOCK, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += timeout_ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

bool kk_cond_wait(pthread_cond_t *condition, struct kk_mutex *mutex, long timeout_ms)
{
    int error = 0;
    if (CHECKS_RANKS) {
        mark_released(mutex);
    }
    if (timeout_ms < 0) {
        error = pthread_cond_wait(condition, &mutex->mutex);
    } else {
        struct timespec at = deadline_in(timeout_ms);
        error = pthread_cond_clockwait(condition, &mutex->mutex, WAIT_CLOCK, &at);
    }
    if (CHECKS_RANKS) {
        mark_held(mutex);
    }
    return error != ETIMEDOUT;
}
