/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit that every engine's write lock heeds.
 */
#include "store/busy.h"

#include "base/banned.h"

_Atomic long kk_store_busy_ms = KK_STORE_BUSY_MS;
