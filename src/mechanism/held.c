/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data that is kept until the end of an operation.
 */
#include "mechanism/held.h"

#include "base/banned.h"

/* What may stay allocated between operations. */
#define KEPT ((size_t)64 << 10)

void kk_held_start(struct kk_buffer *held)
{
    if (held->wipe || held->capacity > KEPT || held->failed) {
        bool wipe = held->wipe;
        kk_buffer_clear(held);
        held->wipe = wipe;
    }
    held->len = 0;
}

KK_RV kk_held_put(struct kk_buffer *held, struct kk_span in, size_t most, CK_RV too_long)
{
    KK_ENSURE(held->len <= most && in.len <= most - held->len, too_long);
    kk_buffer_put_span(held, in);
    return kk_buffer_check(held);
}
