/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_Initialize and C_Finalize, the fork rules, and the counting of calls under way.
 */
#include "module/instance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "api/lifecycle.h"
#include "base/lock.h"
#include "base/memory.h"

#include "base/banned.h"

#define STRIPES 64u
#define CACHE_LINE 64u
#define DRAIN_MS 200 /* how long C_Finalize waits for calls of other threads */

struct instance {
    struct kk_app *app;
    struct instance *next; /* retired ones */
};

enum state { DOWN, COMING_UP, UP, GOING_DOWN };

static struct {
    _Atomic(struct instance *) present;
    struct {
        _Alignas(CACHE_LINE) _Atomic int64_t calls;
    } stripes[STRIPES];
    struct kk_mutex lock; /* KK_RANK_MODULE; covers what follows, and is not held while coming up */
    pthread_cond_t changed;
    enum state state;
    pthread_t owner;          /* the thread that is bringing it up */
    struct instance *retired; /* finalized while calls were still under way in them */
    struct instance *left;    /* in a forked child: the parents' */
} module = {.lock = KK_MUTEX_INITIALIZER(KK_RANK_MODULE), .changed = PTHREAD_COND_INITIALIZER};

/* In this thread: C_Initialize lets OpenSSL read its configuration; a C_Initialize out of that has
 * worked. */
static __thread bool preparing;
static __thread bool up_from_within;

static _Atomic unsigned int next_stripe;
static __thread unsigned int my_stripe; /* 0: none yet */

static _Atomic int64_t *stripe(void)
{
    if (KK_UNLIKELY(my_stripe == 0)) {
        my_stripe = atomic_fetch_add(&next_stripe, 1) % STRIPES + 1;
    }
    return &module.stripes[my_stripe - 1].calls;
}

void kk_instance_leave(_Atomic int64_t *place)
{
    atomic_fetch_sub_explicit(place, 1, memory_order_release);
}

/* A call that finds nothing is not counted from the start: threads that go on calling after
 * C_Finalize must not keep it waiting. */
struct kk_app *kk_instance_enter(_Atomic int64_t **ret_place)
{
    if (atomic_load_explicit(&module.present, memory_order_relaxed) == NULL) {
        return NULL;
    }
    _Atomic int64_t *place = stripe();
    atomic_fetch_add(place, 1);
    struct instance *instance = atomic_load(&module.present);
    if (instance == NULL) {
        kk_instance_leave(place);
        return NULL;
    }
    *ret_place = place;
    return instance->app;
}

static int64_t calls_under_way(void)
{
    int64_t sum = 0;
    for (size_t i = 0; i < STRIPES; i++) {
        sum += atomic_load(&module.stripes[i].calls);
    }
    return sum;
}

/* In a forked child: not initialised, and able to be. What the parent had is left alone: its
 * OpenSSL objects and mutexes may be in any state, and its secrets are wiped by the kernel. */
static void forget_in_child(void)
{
    struct instance *left = atomic_exchange(&module.present, NULL);
    kk_lock_forget_thread();
    if (left != NULL) {
        left->next = module.left; /* named, so that a search for leaks does not take it for one */
        module.left = left;
    }
    for (size_t i = 0; i < STRIPES; i++) {
        atomic_store(&module.stripes[i].calls, 0);
    }
    kk_mutex_reset_after_fork(&module.lock);
    module.changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    module.state = DOWN;
    module.retired = NULL;
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forget_in_child);
}

static void instance_free(struct instance *instance)
{
    if (instance != NULL) {
        kk_api_stop(instance->app);
        kk_free(instance);
    }
}
KK_DEFINE_CLEANUP(struct instance *, instance_free);

static KK_RV instance_new(struct instance **ret_instance)
{
    KK_CLEANUP(instance_freep) struct instance *instance = NULL;
    KK_TRY(kk_alloc(sizeof *instance, &instance));
    KK_TRY(kk_api_start(&instance->app));
    *ret_instance = KK_STEAL(instance);
    return CKR_OK;
}

/* Claims the right to bring the module up. A call of the same thread while it does so comes from
 * OpenSSL's configuration, which loads this module: it is answered at once. */
static KK_RV claim(void)
{
    KK_LOCK_SCOPE(&module.lock);
    while (module.state == COMING_UP || module.state == GOING_DOWN) {
        KK_ENSURE(!pthread_equal(module.owner, pthread_self()), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        (void)kk_cond_wait(&module.changed, &module.lock, -1);
    }
    KK_ENSURE(module.state == DOWN, CKR_CRYPTOKI_ALREADY_INITIALIZED);
    module.state = COMING_UP;
    module.owner = pthread_self();
    return CKR_OK;
}

static void settle(struct instance *instance)
{
    KK_LOCK_SCOPE(&module.lock);
    atomic_store(&module.present, instance);
    module.state = instance != NULL ? UP : DOWN;
    (void)pthread_cond_broadcast(&module.changed);
}

/* OpenSSL reads its configuration while nothing is claimed here. When that makes pkcs11-provider
 * bring this very module up, it is up for our caller too: true. */
static bool came_up_from_within(void)
{
    if (preparing) {
        return false; /* this is the call from within */
    }
    preparing = true;
    up_from_within = false;
    kk_api_prepare();
    preparing = false;
    return up_from_within && atomic_load(&module.present) != NULL;
}

KK_RV kk_instance_initialize(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct instance *instance = NULL;
    (void)pthread_once(&once, watch_forks);
    if (came_up_from_within()) {
        return CKR_OK;
    }
    KK_TRY(claim());
    CK_RV rv = instance_new(&instance);
    settle(instance);
    up_from_within = preparing && rv == CKR_OK;
    return rv;
}

/* Waits a little for calls under way in other threads. */
static bool drained(void)
{
    for (int i = 0; i < DRAIN_MS; i++) {
        if (calls_under_way() == 0) {
            return true;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

/* Frees an instance whose calls have ended, and those that were retired before; otherwise retires
 * it: it is freed with the next one. */
static void dispose(struct instance *instance)
{
    struct instance *list = NULL;
    bool all_ended = drained();
    KK_WITH_LOCK(&module.lock)
    {
        instance->next = module.retired;
        module.retired = instance;
        if (all_ended) {
            list = KK_STEAL(module.retired);
        }
    }
    while (list != NULL) {
        struct instance *next = list->next;
        instance_free(list);
        list = next;
    }
}

KK_RV kk_instance_finalize(void)
{
    struct instance *instance = NULL;
    KK_WITH_LOCK(&module.lock)
    {
        KK_ENSURE(module.state == UP, CKR_CRYPTOKI_NOT_INITIALIZED);
        instance = atomic_exchange(&module.present, NULL);
        module.state = GOING_DOWN;
        module.owner = pthread_self();
    }
    kk_api_close_sessions(instance->app);
    dispose(instance);
    settle(NULL);
    return CKR_OK;
}
