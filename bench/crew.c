/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measuring. Reading the clock costs tens of nanoseconds, as much as a tenth of the fastest
 * operations; so quick operations run in batches of about 20 us with one of them timed alone, slow
 * ones (a batch of one) are all timed, and the clock's own cost is taken off each latency.
 */
#include "crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH_NANOSECONDS = 20000, BATCH_LIMIT = 1024, WARM_MILLISECONDS = 30 };

struct member {
    struct kk_bench_crew *crew;
    struct kk_bench_task task;
    pthread_t thread;
    unsigned batch;
    uint64_t elapsed;
    uint64_t count;
    CK_RV rv;
    struct kk_bench_histogram latency;
};

struct kk_bench_crew {
    const struct kk_bench_work *work;
    unsigned threads; /* members set up; the first one runs on the caller's thread */
    unsigned started; /* threads of the others */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned number;             /* moves when there is something to do */
    struct kk_bench_round round; /* no milliseconds: end */
    unsigned busy;               /* threads that have not finished it */
    struct member members[];
};

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static uint64_t now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* What two readings of the clock are apart at least. */
static uint64_t clock_cost(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t start = now();
        uint64_t apart = now() - start;
        least = apart < least ? apart : least;
    }
    return least;
}

static unsigned batch_for(uint64_t elapsed, uint64_t count)
{
    uint64_t one = count == 0 ? BATCH_NANOSECONDS : elapsed / count + 1;
    uint64_t batch = BATCH_NANOSECONDS / one;
    return batch < 1 ? 1 : batch > BATCH_LIMIT ? BATCH_LIMIT : (unsigned)batch;
}

static CK_RV run_batches(struct member *member, uint64_t start, uint64_t length)
{
    CK_RV (*op)(struct kk_bench_task *) = member->crew->work->op;
    struct kk_bench_task *task = &member->task;
    const uint64_t cost = clock_cost();
    uint64_t before = start;
    do {
        CK_RV rv = op(task);
        uint64_t after = now();
        kk_bench_histogram_add(&member->latency, after - before > cost ? after - before - cost : 0);
        for (unsigned i = 1; rv == CKR_OK && i < member->batch; i++) {
            rv = op(task);
        }
        if (rv != CKR_OK) {
            return rv;
        }
        member->count += member->batch;
        before = member->batch == 1 ? after : now();
    } while (before - start < length);
    member->elapsed = before - start;
    return CKR_OK;
}

static void run_member(struct member *member, const struct kk_bench_round *round)
{
    member->latency = (struct kk_bench_histogram){0};
    member->count = 0;
    member->elapsed = 0;
    uint64_t worked = read_clock(CLOCK_THREAD_CPUTIME_ID);
    member->rv = run_batches(member, now(), (uint64_t)round->milliseconds * 1000000U);
    if (member->rv == CKR_OK) {
        member->batch = batch_for(member->elapsed, member->count);
    }
    if (round->cpu_time) {
        member->elapsed = read_clock(CLOCK_THREAD_CPUTIME_ID) - worked;
    }
}

/* Waits for the next round. */
static struct kk_bench_round await_round(struct kk_bench_crew *crew, unsigned *seen)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->number == *seen) {
        pthread_cond_wait(&crew->changed, &crew->lock);
    }
    *seen = crew->number;
    struct kk_bench_round round = crew->round;
    pthread_mutex_unlock(&crew->lock);
    return round;
}

static void announce_round(struct kk_bench_crew *crew, const struct kk_bench_round *round)
{
    pthread_mutex_lock(&crew->lock);
    crew->number++;
    crew->round = *round;
    crew->busy = crew->started;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

static void finish_round(struct kk_bench_crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->busy--;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

static void await_finish(struct kk_bench_crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->busy > 0) {
        pthread_cond_wait(&crew->changed, &crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
}

static void *thread_main(void *argument)
{
    struct member *member = argument;
    unsigned seen = 0;
    struct kk_bench_round round;
    while ((round = await_round(member->crew, &seen)).milliseconds != 0) {
        if (member->task.thread < round.threads) {
            run_member(member, &round);
        }
        finish_round(member->crew);
    }
    return NULL;
}

static CK_RV set_up(struct kk_bench_crew *crew, const struct kk_bench_task *model, unsigned threads,
                    struct kk_bench_failure *failure)
{
    for (unsigned i = 0; i < threads; i++) {
        struct member *member = &crew->members[i];
        member->crew = crew;
        member->task = *model;
        member->task.thread = i;
        member->batch = 1;
        crew->threads = i + 1;
        CK_RV rv = crew->work->setup(&member->task);
        if (rv != CKR_OK) {
            *failure = member->task.failure;
            return rv;
        }
    }
    return CKR_OK;
}

static CK_RV start_threads(struct kk_bench_crew *crew, struct kk_bench_failure *failure)
{
    for (unsigned i = 1; i < crew->threads; i++) {
        struct member *member = &crew->members[i];
        if (pthread_create(&member->thread, NULL, thread_main, member) != 0) {
            return kk_bench_fail(failure, "pthread_create", CKR_HOST_MEMORY);
        }
        crew->started++;
    }
    return CKR_OK;
}

void kk_bench_crew_stop(struct kk_bench_crew *crew)
{
    if (crew == NULL) {
        return;
    }
    announce_round(crew, &(struct kk_bench_round){0});
    for (unsigned i = 1; i <= crew->started; i++) {
        pthread_join(crew->members[i].thread, NULL);
    }
    for (unsigned i = 0; i < crew->threads; i++) {
        crew->work->teardown(&crew->members[i].task);
    }
    pthread_cond_destroy(&crew->changed);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

CK_RV kk_bench_crew_run(struct kk_bench_crew *crew, const struct kk_bench_round *round,
                        struct kk_bench_failure *failure, struct kk_bench_result *ret_result)
{
    unsigned active = round->threads < crew->threads ? round->threads : crew->threads;
    announce_round(crew, round);
    run_member(&crew->members[0], round);
    await_finish(crew);
    *ret_result = (struct kk_bench_result){0};
    for (unsigned i = 0; i < active; i++) {
        const struct member *member = &crew->members[i];
        if (member->rv != CKR_OK) {
            *failure = member->task.failure;
            return member->rv;
        }
        ret_result->count += member->count;
        ret_result->rate += (double)member->count * 1e9 / (double)member->elapsed;
        kk_bench_histogram_merge(&ret_result->latency, &member->latency);
    }
    return CKR_OK;
}

CK_RV kk_bench_crew_start(const struct kk_bench_row *row, struct kk_bench_token *token,
                          const char *directory, unsigned threads, struct kk_bench_failure *failure,
                          struct kk_bench_crew **ret_crew)
{
    const struct kk_bench_work *work = token != NULL ? row->module : row->raw;
    if (work == NULL) {
        return kk_bench_fail(failure, "looking for a raw counterpart", CKR_FUNCTION_NOT_SUPPORTED);
    }
    struct kk_bench_crew *crew = calloc(1, sizeof(*crew) + threads * sizeof(crew->members[0]));
    if (crew == NULL) {
        return kk_bench_fail(failure, "calloc", CKR_HOST_MEMORY);
    }
    crew->work = work;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->changed, NULL);
    struct kk_bench_task model = {.row = row, .token = token, .directory = directory};
    const struct kk_bench_round warm_up = {WARM_MILLISECONDS, threads, false};
    struct kk_bench_result warm;
    CK_RV rv = set_up(crew, &model, threads, failure);
    rv = rv != CKR_OK ? rv : start_threads(crew, failure);
    rv = rv != CKR_OK ? rv : kk_bench_crew_run(crew, &warm_up, failure, &warm);
    if (rv != CKR_OK) {
        kk_bench_crew_stop(crew);
        return rv;
    }
    *ret_crew = crew;
    return CKR_OK;
}
