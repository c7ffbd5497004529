/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commits put together.
 *
 * Whoever finds no transaction under way leads one: it takes all that waits, and those who come
 * while it is under way wait for the next. Where several threads wrote of late, a leader waits a
 * little for the others, a quarter of what a commit takes: else those who were just served would
 * always miss it.
 */
#include "token/group.h"

#include <time.h>

#include "base/lock.h"
#include "base/memory.h"

#include "base/banned.h"

#define CHANGES_MAX 1024 /* of one transaction of several */

/* What one thread waits for; on its stack. */
struct request {
    struct request *next;
    struct kk_unlock *unlock;
    const struct kk_stored_change *changes;
    size_t count;
    struct kk_object **ret_objects;
    CK_RV rv;
    bool done;
};

struct kk_group {
    struct kk_mutex lock; /* KK_RANK_COMMIT; not held while a transaction is under way */
    pthread_cond_t moved; /* a transaction ended, or one more waits */
    struct request *first, **last;
    size_t waiting;
    bool busy;        /* somebody leads */
    size_t served[2]; /* how many the last transactions were for */
    long cost_ms;     /* how long the last one took */
};

KK_RV kk_group_new(struct kk_group **ret_group)
{
    struct kk_group *group = NULL;
    KK_TRY(kk_alloc(sizeof *group, &group));
    kk_mutex_init(&group->lock, KK_RANK_COMMIT);
    (void)pthread_cond_init(&group->moved, NULL);
    group->last = &group->first;
    *ret_group = group;
    return CKR_OK;
}

void kk_group_free(struct kk_group *group)
{
    if (group != NULL) {
        (void)pthread_cond_destroy(&group->moved);
        kk_mutex_destroy(&group->lock);
        kk_free(group);
    }
}

static long now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void enqueue(struct kk_group *group, struct request *request)
{
    *group->last = request;
    group->last = &request->next;
    group->waiting++;
}

/* As many as of late are awaited, but not for long. Caller holds the lock and leads. */
static void await_others(struct kk_group *group)
{
    size_t expected = KK_MAX(group->served[0], group->served[1]);
    long end = now_ms() + (group->cost_ms + 3) / 4;
    long left = end - now_ms();
    while (group->waiting < expected && left > 0) {
        (void)kk_cond_wait(&group->moved, &group->lock, left);
        left = end - now_ms();
    }
}

/* Takes the leader's request out of the queue and those that fit to it. */
static struct request *take(struct kk_group *group, const struct request *leader, size_t *ret_count)
{
    struct request *taken = NULL;
    struct request **last = &taken;
    struct request **at = &group->first;
    size_t changes = leader->count;
    *ret_count = 0;
    while (*at != NULL) {
        struct request *request = *at;
        bool fits = request->unlock == leader->unlock && request->count <= CHANGES_MAX - changes;
        if (request != leader && (changes > CHANGES_MAX || !fits)) {
            at = &request->next;
            continue;
        }
        changes += request != leader ? request->count : 0;
        *at = request->next;
        request->next = NULL;
        *last = request;
        last = &request->next;
        ++*ret_count;
    }
    group->last = at;
    group->waiting -= *ret_count;
    return taken;
}

static void run_each(struct kk_repository *repository, struct request *batch)
{
    for (struct request *request = batch; request != NULL; request = request->next) {
        request->rv = repository->ops->change(repository, request->unlock, request->changes,
                                              request->count, request->ret_objects);
    }
}

/* The snapshots that came back, to whom they belong. */
static void hand_out(struct request *batch, struct kk_object **objects)
{
    for (struct request *request = batch; request != NULL; request = request->next) {
        for (size_t i = 0; i < request->count; i++, objects++) {
            if (request->ret_objects != NULL) {
                request->ret_objects[i] = *objects;
            } else {
                kk_object_unref(*objects);
            }
        }
        request->rv = CKR_OK;
    }
}

static KK_RV run_together(struct kk_repository *repository, struct request *batch)
{
    size_t count = 0;
    KK_CLEANUP(kk_freep) struct kk_stored_change *changes = NULL;
    KK_CLEANUP(kk_freep) struct kk_object **objects = NULL;
    for (const struct request *request = batch; request != NULL; request = request->next) {
        count += request->count;
    }
    KK_TRY(kk_alloc_array(count, sizeof *changes, &changes));
    KK_TRY(kk_alloc_array(count, sizeof *objects, &objects));
    count = 0;
    for (const struct request *request = batch; request != NULL; request = request->next) {
        memcpy(changes + count, request->changes, request->count * sizeof *changes);
        count += request->count;
    }
    KK_TRY(repository->ops->change(repository, batch->unlock, changes, count, objects));
    hand_out(batch, objects);
    return CKR_OK;
}

/* One transaction for all that fit. Caller holds the lock. */
static void lead(struct kk_group *group, struct kk_repository *repository, struct request *leader)
{
    size_t count = 0;
    group->busy = true;
    await_others(group);
    struct request *batch = take(group, leader, &count);
    kk_mutex_unlock(&group->lock);
    long begun = now_ms();
    if (count == 1 || run_together(repository, batch) != CKR_OK) {
        run_each(repository, batch);
    }
    long cost = now_ms() - begun;
    kk_mutex_lock(&group->lock);
    group->cost_ms = cost;
    group->served[1] = group->served[0];
    group->served[0] = count;
    group->busy = false;
    for (struct request *next = batch; next != NULL;) {
        struct request *request = next;
        next = request->next; /* the request is its thread's once it is done */
        request->done = true;
    }
    (void)pthread_cond_broadcast(&group->moved);
}

KK_RV kk_group_change(struct kk_group *group, struct kk_repository *repository,
                      struct kk_unlock *unlock, const struct kk_stored_change *changes,
                      size_t count, struct kk_object **ret_objects)
{
    struct request request = {
        .unlock = unlock, .changes = changes, .count = count, .ret_objects = ret_objects};
    KK_LOCK_SCOPE(&group->lock);
    enqueue(group, &request);
    if (group->busy) {
        (void)pthread_cond_broadcast(&group->moved); /* the leader may be waiting for others */
    }
    while (!request.done && group->busy) {
        (void)kk_cond_wait(&group->moved, &group->lock, -1);
    }
    if (!request.done) {
        lead(group, repository, &request);
    }
    return request.rv;
}
