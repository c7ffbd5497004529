/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of our own, for asynchronous sessions. They come when there is work for them, a few at
 * most, and end with kk_workers_end(). A forked child has none and can have new ones after its own
 * C_Initialize.
 */
#pragma once

#include "base/lock.h"

struct kk_workers;

/* Something to be done, at the beginning of a structure of the caller's. */
struct kk_work {
    void (*run)(struct kk_work *work);
    struct kk_work *next;
};

KK_RV kk_workers_new(struct kk_workers **ret_workers);

/* Hands it to a thread. False: there is no thread to be had, and nothing was done. */
bool kk_workers_give(struct kk_workers *workers, struct kk_work *work);

/* Takes no more, lets what was given run, and waits for the threads' end. Once more is fine. */
void kk_workers_end(struct kk_workers *workers);

/* After kk_workers_end(). NULL is fine. */
void kk_workers_free(struct kk_workers *workers);
