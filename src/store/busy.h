/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a write transaction waits for the others' before it gives up with CKR_FUNCTION_FAILED.
 */
#pragma once

#include "base/macros.h"

#include <stdatomic.h>

#define KK_STORE_BUSY_MS 30000

/* A variable for the tests alone, which cannot wait that long. */
extern _Atomic long kk_store_busy_ms;
