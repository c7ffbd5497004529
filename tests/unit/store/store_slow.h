/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slow engine, as one behind a network is: a pause before every callback, and, if asked for,
 * stamps that never allow caching.
 */
#pragma once

#include "store/store.h"

/* For kk_engine_new_on() and the like, with the engine behind it set before. The pointer is the
 * same each time: one slow engine in a process. */
const struct kk_store_ops *kk_store_slow(const struct kk_store_ops *inner, unsigned int pause_us,
                                         bool never_stable);
