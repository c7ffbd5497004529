/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data of an operation in parts that is kept until its end: ciphertext whose tag has not been
 * checked, messages of ciphers that work on whole messages only.
 */
#pragma once

#include "base/bytes.h"

/* The most that is kept. */
#define KK_HELD_MAX ((size_t)64 << 20)

/* Forgets what was kept; a large buffer is given back. */
void kk_held_start(struct kk_buffer *held);

/* `too_long` when more than `most` bytes come together; CKR_HOST_MEMORY. */
KK_RV kk_held_put(struct kk_buffer *held, struct kk_span in, size_t most, CK_RV too_long);
