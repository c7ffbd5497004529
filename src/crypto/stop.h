/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ending a long computation early.
 */
#pragma once

#include <stdatomic.h>

#include "base/macros.h"

/* In this thread, from now on: the generation of a key that takes long ends with
 * CKR_FUNCTION_CANCELED soon after *stop is true. NULL: nothing ends it. */
void kk_crypto_stop_on(const atomic_bool *stop);

bool kk_crypto_is_stopped(void);
