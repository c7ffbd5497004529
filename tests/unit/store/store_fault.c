/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts and fails.
 */
#include "store_fault.h"

#include <stdatomic.h>
#include <string.h>

#include "store_decorator.h"

#include "base/banned.h"

static struct {
    const char *call;
    unsigned long at;
    CK_RV rv;
    bool goes_on;
} plan;
static _Atomic unsigned long counted;
static struct kk_store_ops ops;

static CK_RV before(const char *call)
{
    if (plan.call != NULL && strcmp(plan.call, call) != 0) {
        return CKR_OK;
    }
    unsigned long n = atomic_fetch_add(&counted, 1) + 1;
    bool is_to_fail = plan.at != 0 && (n == plan.at || (plan.goes_on && n > plan.at));
    return is_to_fail ? plan.rv : CKR_OK;
}

static struct kk_store_decorator decorator = {.ops = &ops, .before = before};

static KK_RV env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env)
{
    return kk_store_decorator_env_new(&decorator, location, umask, ret_env);
}

const struct kk_store_ops *kk_store_fault(const struct kk_store_ops *inner)
{
    kk_store_fault_at(NULL, 0, CKR_OK);
    decorator.inner = inner;
    ops = kk_store_decorator_ops;
    ops.name = "fault";
    ops.env_new = env_new;
    return &ops;
}

void kk_store_fault_at(const char *call, unsigned long n, CK_RV rv)
{
    plan.call = call;
    plan.at = n;
    plan.rv = rv;
    plan.goes_on = false;
    atomic_store(&counted, 0);
}

void kk_store_fault_from(const char *call, unsigned long n, CK_RV rv)
{
    kk_store_fault_at(call, n, rv);
    plan.goes_on = true;
}

unsigned long kk_store_fault_count(void)
{
    return atomic_load(&counted);
}
