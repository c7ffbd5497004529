/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flag that a thread's long computations look at.
 */
#include "crypto/stop.h"

#include "base/banned.h"

static __thread const atomic_bool *stop_flag;

void kk_crypto_stop_on(const atomic_bool *stop)
{
    stop_flag = stop;
}

bool kk_crypto_is_stopped(void)
{
    return stop_flag != NULL && atomic_load(stop_flag);
}
