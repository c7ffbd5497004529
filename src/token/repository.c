/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all repositories share: the counting of unlocks.
 */
#include "token/repository.h"

#include "base/banned.h"

struct kk_unlock *kk_unlock_ref(struct kk_unlock *unlock)
{
    atomic_fetch_add_explicit(&unlock->refs, 1, memory_order_relaxed);
    return unlock;
}

void kk_unlock_unref(struct kk_unlock *unlock)
{
    if (unlock == NULL) {
        return;
    }
    if (atomic_fetch_sub_explicit(&unlock->refs, 1, memory_order_acq_rel) == 1) {
        unlock->free(unlock);
    }
}
