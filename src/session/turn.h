/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking the number of a signature out of a key that changes with each of them (object/stateful.h).
 */
#pragma once

#include "session/operation.h"

/* For a mechanism with kk_turn_ops: sets op.turn to a number that no other signature has, in any
 * thread or process, when the key's object is on the disk without it. Does nothing where the
 * operation needs none. CKR_KEY_EXHAUSTED, CKR_TOKEN_WRITE_PROTECTED, and what storing an object
 * gives. */
KK_RV kk_call_take_turn(struct kk_call *call, struct kk_operation *operation);
