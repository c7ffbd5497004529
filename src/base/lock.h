/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes with ranks. A thread takes locks in rising rank only; debug builds keep a stack of the
 * ranks a thread holds and end the process on an inversion. Two locks of one rank are never held
 * together. No lock of rank KK_RANK_TOKEN or above is held across crypto or I/O, but for the
 * journal's; OFD file locks stand outside the ranks (docs/design/locking.md).
 */
#pragma once

#include "base/macros.h"

#include <pthread.h>

enum kk_rank {
    KK_RANK_MODULE = 10,
    KK_RANK_SLOTS = 20,
    KK_RANK_SESSIONS = 30,
    KK_RANK_SESSION = 40,
    KK_RANK_STATE = 45,  /* an application's slots, logins and handles */
    KK_RANK_WORK = 47,   /* the queue of an application's workers */
    KK_RANK_TREE = 48,   /* the trees of an HSS key; held while they are computed */
    KK_RANK_COMMIT = 49, /* the threads that wait for a commit */
    KK_RANK_TOKEN = 50,
    KK_RANK_INDEX = 60,
    KK_RANK_OBJECT = 65,
    KK_RANK_JOURNAL = 67, /* held across the append of an audit entry */
    KK_RANK_STORE = 70,
    KK_RANK_RANDOM = 80,
    KK_RANK_ARENA = 85,
    KK_RANK_LOG = 90
};

struct kk_mutex {
    pthread_mutex_t mutex;
    pthread_t owner; /* meaningful while held; debug builds */
    int rank;
    bool held; /* debug builds */
};

/* glibc's mutex that spins a while before it sleeps; musl has the plain one. */
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
#define KK_PTHREAD_MUTEX_INITIALIZER PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
#else
#define KK_PTHREAD_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER
#endif

#define KK_MUTEX_INITIALIZER(rank_) {.mutex = KK_PTHREAD_MUTEX_INITIALIZER, .rank = (rank_)}

void kk_mutex_init(struct kk_mutex *mutex, enum kk_rank rank);
void kk_mutex_destroy(struct kk_mutex *mutex);
#ifdef KK_DEBUG_LOCKS
void kk_mutex_lock(struct kk_mutex *mutex);
void kk_mutex_unlock(struct kk_mutex *mutex);
#else
static inline void kk_mutex_lock(struct kk_mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->mutex);
}

static inline void kk_mutex_unlock(struct kk_mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->mutex);
}
#endif

/* Takes it if it is free now; any rank, since it never waits. */
bool kk_mutex_trylock(struct kk_mutex *mutex);

/* Whether this thread holds it. Always true in release builds, where nobody keeps count. */
bool kk_mutex_is_held(const struct kk_mutex *mutex);

#ifdef KK_DEBUG_LOCKS
#define KK_ASSERT_HELD(mutex) KK_ASSERT(kk_mutex_is_held(mutex))
#else
#define KK_ASSERT_HELD(mutex) ((void)(mutex))
#endif

/* In a forked child: nobody holds it, and this thread holds nothing. */
void kk_mutex_reset_after_fork(struct kk_mutex *mutex);
void kk_lock_forget_thread(void);

/* Waiting on a condition under a kk_mutex. `timeout_ms` < 0 waits for ever; false on timeout. */
bool kk_cond_wait(pthread_cond_t *condition, struct kk_mutex *mutex, long timeout_ms);

static inline void kk_mutex_unlockp(struct kk_mutex **mutex)
{
    if (*mutex != NULL) {
        kk_mutex_unlock(*mutex);
    }
}

static inline struct kk_mutex *kk_mutex_lock_scope(struct kk_mutex *mutex)
{
    kk_mutex_lock(mutex);
    return mutex;
}

/* Holds the lock to the end of the enclosing scope. */
#define KK_CONCAT_(a, b) a##b
#define KK_CONCAT(a, b) KK_CONCAT_(a, b)
#define KK_LOCK_SCOPE(mutex_)                                                                      \
    KK_CLEANUP(kk_mutex_unlockp) KK_UNUSED struct kk_mutex *KK_CONCAT(kk_scope_, __LINE__) =       \
        kk_mutex_lock_scope(mutex_)

/* Holds the lock for the statement that follows. */
#define KK_WITH_LOCK(mutex_)                                                                       \
    for (struct kk_mutex * kk_with_ KK_CLEANUP(kk_mutex_unlockp) = kk_mutex_lock_scope(mutex_),    \
                                    *kk_once_ = kk_with_;                                          \
         kk_once_ != NULL; kk_once_ = NULL)
