/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's only global state: one engine and one application, made by C_Initialize, gone with
 * C_Finalize, forgotten in a forked child.
 *
 * A call takes the application for its duration. It touches nothing but a counter of its own
 * thread's stripe, so that calls on many processors do not share a cache line. C_Finalize takes the
 * application away, lets the calls under way end, and frees.
 */
#pragma once

#include "base/macros.h"

struct kk_app;

/* The application, or NULL when the module is not initialised. A kk_instance_enter() that gave one
 * is followed by kk_instance_leave() with *ret_place, where the call is counted. */
struct kk_app *kk_instance_enter(_Atomic int64_t **ret_place);
void kk_instance_leave(_Atomic int64_t *place);

/* CKR_CRYPTOKI_ALREADY_INITIALIZED, and what reading the configuration and the token directory
 * gives. */
KK_RV kk_instance_initialize(void);

/* CKR_CRYPTOKI_NOT_INITIALIZED. */
KK_RV kk_instance_finalize(void);
