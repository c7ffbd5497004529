/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks among processes and threads: an open file description lock on a description of its own for
 * each holder.
 *
 * The descriptions are closed in a forked child by the fork handler (gate.h). A child made in a way
 * that runs no handlers (clone(), vfork()) keeps them until it executes a program or ends; the
 * holder's unlock is explicit and ends the lock all the same.
 */
#pragma once

#include "base/macros.h"

struct kk_ofd_lock;

/* Takes the lock on the file at `path`, which is made when it is missing. `limit_ms` < 0 waits for
 * ever; else CKR_FUNCTION_FAILED, with a log line, when it is not free in time. The file that is
 * locked is the one that has the name now. CKR_DEVICE_REMOVED: its directory is gone. */
KK_RV kk_ofd_lock_take(const char *path, unsigned int mode, long limit_ms,
                       struct kk_ofd_lock **ret_lock);

/* The same without waiting: *ret_lock is NULL when it is not free. */
KK_RV kk_ofd_lock_try(const char *path, unsigned int mode, struct kk_ofd_lock **ret_lock);

/* NULL is fine. */
void kk_ofd_lock_release(struct kk_ofd_lock *lock);
KK_DEFINE_CLEANUP(struct kk_ofd_lock *, kk_ofd_lock_release);

/* In a forked child: these locks are the parent's. */
void kk_ofd_lock_close_all(void);
