/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pauses.
 */
#include "store_slow.h"

#include <stdatomic.h>
#include <time.h>

#include "store_decorator.h"

#include "base/banned.h"

static _Atomic unsigned int pause_us;
static _Atomic bool never_stable;
static struct kk_store_ops ops;

static CK_RV before(const char *call)
{
    (void)call;
    unsigned int us = atomic_load(&pause_us);
    struct timespec nap = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L};
    (void)nanosleep(&nap, NULL);
    return CKR_OK;
}

static struct kk_store_decorator decorator = {.ops = &ops, .before = before};

static KK_RV env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env)
{
    return kk_store_decorator_env_new(&decorator, location, umask, ret_env);
}

static KK_RV fresh(struct kk_store *store, struct kk_store_stamp *ret_stamp)
{
    KK_TRY(kk_store_decorator_ops.fresh(store, ret_stamp));
    ret_stamp->stable = ret_stamp->stable && !atomic_load(&never_stable);
    return CKR_OK;
}

const struct kk_store_ops *kk_store_slow(const struct kk_store_ops *inner, unsigned int pause,
                                         bool is_never_stable)
{
    atomic_store(&pause_us, pause);
    atomic_store(&never_stable, is_never_stable);
    decorator.inner = inner;
    ops = kk_store_decorator_ops;
    ops.name = "slow";
    ops.env_new = env_new;
    ops.fresh = fresh;
    return &ops;
}
