/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate and the fork handlers. These variables are global because fork handlers are: there is
 * one set of them in a process, whatever number of engines it runs.
 *
 * The mutex is not held while the process forks, so that handlers of other layers may take locks of
 * any rank; the flag keeps everybody out instead. In the child the mutex may look taken (by a
 * thread that was about to read the flag and exists no more), so it begins anew there.
 */
#include "store/gate.h"

#include "store/journal.h"
#include "store/ofd_lock.h"
#include "store/pool.h"
#include "store/watch.h"

#include "base/banned.h"

struct kk_mutex kk_gate_mutex = KK_MUTEX_INITIALIZER(KK_RANK_STORE);

static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_forking;
static unsigned int inside;
static __thread unsigned int inside_of_mine;

void kk_gate_enter(void)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    while (is_forking && inside_of_mine == 0) {
        (void)kk_cond_wait(&changed, &kk_gate_mutex, -1);
    }
    inside++;
    inside_of_mine++;
}

void kk_gate_leave(void)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    inside--;
    inside_of_mine--;
    if (is_forking) {
        (void)pthread_cond_broadcast(&changed);
    }
}

/* A second thread that forks at once waits for the first. What the forking thread itself is in the
 * middle of cannot be waited for. */
static void before_fork(void)
{
    KK_WITH_LOCK(&kk_gate_mutex)
    {
        while (is_forking) {
            (void)kk_cond_wait(&changed, &kk_gate_mutex, -1);
        }
        is_forking = true;
        while (inside > inside_of_mine) {
            (void)kk_cond_wait(&changed, &kk_gate_mutex, -1);
        }
    }
    kk_pool_close_all();
}

static void after_fork_in_parent(void)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    is_forking = false;
    (void)pthread_cond_broadcast(&changed);
}

static void after_fork_in_child(void)
{
    kk_mutex_reset_after_fork(&kk_gate_mutex);
    (void)pthread_cond_init(&changed, NULL);
    is_forking = false;
    inside = inside_of_mine;
    kk_ofd_lock_close_all();
    kk_journal_close_all();
    kk_watch_close_all();
    kk_pool_begin_child();
}

static void register_handlers(void)
{
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void kk_gate_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, register_handlers);
}
