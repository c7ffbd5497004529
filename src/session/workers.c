/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue, and the threads that serve it.
 */
#include "session/workers.h"

#include <signal.h>

#include "base/memory.h"

#include "base/banned.h"

#define THREADS_MAX 4

struct kk_workers {
    struct kk_mutex lock; /* KK_RANK_WORK; covers what follows */
    pthread_cond_t changed;
    struct kk_work *first;
    struct kk_work **last;
    size_t waiting; /* work in the queue */
    size_t idle;    /* threads that wait for some */
    pthread_t threads[THREADS_MAX];
    size_t count;
    bool ending;
};

KK_RV kk_workers_new(struct kk_workers **ret_workers)
{
    struct kk_workers *workers = NULL;
    KK_TRY(kk_alloc(sizeof *workers, &workers));
    kk_mutex_init(&workers->lock, KK_RANK_WORK);
    (void)pthread_cond_init(&workers->changed, NULL);
    workers->last = &workers->first;
    *ret_workers = workers;
    return CKR_OK;
}

/* The next piece of work; NULL: there is none any more. */
static struct kk_work *take(struct kk_workers *workers)
{
    KK_LOCK_SCOPE(&workers->lock);
    while (workers->first == NULL && !workers->ending) {
        workers->idle++;
        (void)kk_cond_wait(&workers->changed, &workers->lock, -1);
        workers->idle--;
    }
    struct kk_work *work = workers->first;
    if (work != NULL) {
        workers->first = work->next;
        workers->last = workers->first == NULL ? &workers->first : workers->last;
        workers->waiting--;
    }
    return work;
}

static void *serve(void *context)
{
    struct kk_work *work = NULL;
    while ((work = take(context)) != NULL) {
        work->run(work);
    }
    return NULL;
}

/* The application's signals are handled in its own threads. Caller holds the lock. */
static void start_thread(struct kk_workers *workers)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&workers->threads[workers->count], NULL, serve, workers) == 0) {
        workers->count++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool kk_workers_give(struct kk_workers *workers, struct kk_work *work)
{
    KK_LOCK_SCOPE(&workers->lock);
    if (workers->ending) {
        return false;
    }
    if (workers->waiting >= workers->idle && workers->count < THREADS_MAX) {
        start_thread(workers);
    }
    if (workers->count == 0) {
        return false;
    }
    work->next = NULL;
    *workers->last = work;
    workers->last = &work->next;
    workers->waiting++;
    (void)pthread_cond_signal(&workers->changed);
    return true;
}

void kk_workers_end(struct kk_workers *workers)
{
    size_t count = 0;
    KK_WITH_LOCK(&workers->lock)
    {
        workers->ending = true;
        count = workers->count;
        workers->count = 0;
        (void)pthread_cond_broadcast(&workers->changed);
    }
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(workers->threads[i], NULL);
    }
}

void kk_workers_free(struct kk_workers *workers)
{
    if (workers != NULL) {
        (void)pthread_cond_destroy(&workers->changed);
        kk_mutex_destroy(&workers->lock);
        kk_free(workers);
    }
}
