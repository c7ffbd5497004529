/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of one process that run one row together: each has a task of its own, all start at
 * once, and each measures itself.
 */
#pragma once

#include "bench.h"
#include "histogram.h"

struct kk_bench_crew;

/* What one run of a crew, or of several processes' crews together, gave. */
struct kk_bench_result {
    double rate; /* operations per second, summed over threads */
    uint64_t count;
    struct kk_bench_histogram latency;
};

/* Sets up `threads` tasks for the row on the token (NULL: on raw OpenSSL) and runs them for a
 * moment to warm up. A failure is in *failure. */
CK_RV kk_bench_crew_start(const struct kk_bench_row *row, struct kk_bench_token *token,
                          const char *directory, unsigned threads, struct kk_bench_failure *failure,
                          struct kk_bench_crew **ret_crew);

/* How one round is run. */
struct kk_bench_round {
    unsigned milliseconds;
    unsigned threads; /* the first so many take part */
    bool cpu_time;    /* a second of the rate is one of the thread's own processor time */
};

CK_RV kk_bench_crew_run(struct kk_bench_crew *crew, const struct kk_bench_round *round,
                        struct kk_bench_failure *failure, struct kk_bench_result *ret_result);

/* NULL is fine. */
void kk_bench_crew_stop(struct kk_bench_crew *crew);
