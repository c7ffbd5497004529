/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching the tokens' directory: a thread waits until something in it comes, goes or is renamed,
 * or until another thread wakes it; or a token's directory, where it is asked what happened. No
 * thread of our own takes part. Where the kernel has no more
 * watches to give, the waiter looks by itself now and then.
 */
#pragma once

#include "base/macros.h"

struct kk_watch;

/* Watches from now on: what happens between this and a wait ends the wait. `directory` may be NULL:
 * then only kk_watch_wake() does. CKR_FUNCTION_FAILED, with a log line: no file descriptor left. */
KK_RV kk_watch_new(const char *directory, struct kk_watch **ret_watch);
void kk_watch_free(struct kk_watch *watch);
KK_DEFINE_CLEANUP(struct kk_watch *, kk_watch_free);

/*
 * Watches the files in a directory, for kk_watch_take() alone: what anybody does to one of them is
 * there to be taken before the call that did it returns. CKR_FUNCTION_NOT_SUPPORTED where that is
 * not so (a file system that other machines write to as well) or no watch is to be had.
 */
KK_RV kk_watch_new_files(int directory, struct kk_watch **ret_watch);

typedef void kk_watch_visit(const char *name, void *context);

/* The names of the files that something happened to since, without waiting. False: more may have
 * happened than can be told. */
bool kk_watch_take(struct kk_watch *watch, kk_watch_visit *visit, void *context);

/* Ends the wait under way, or the next one. From any thread. */
void kk_watch_wake(struct kk_watch *watch);

/* Waits at most `limit_ms` (below 0: for ever); it may return early. Whether something came. */
bool kk_watch_wait(struct kk_watch *watch, int limit_ms);

/* In the child of a fork: closes what it inherited (store/gate.c). */
void kk_watch_close_all(void);
