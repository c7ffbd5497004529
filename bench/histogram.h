/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latencies in nanoseconds, counted in buckets that are at most 3 % wide: of fixed size, so that it
 * travels through a pipe as it is and merges by addition.
 */
#pragma once

#include <stdint.h>

/* Below 64 ns one bucket each; above, 32 buckets per power of two up to 2^41 ns (36 minutes). */
enum { KK_BENCH_BUCKETS = 64 + 35 * 32 };

struct kk_bench_histogram {
    uint64_t total;
    uint64_t bucket[KK_BENCH_BUCKETS];
};

/* What exceeds the last bucket is counted in it. */
void kk_bench_histogram_add(struct kk_bench_histogram *histogram, uint64_t nanoseconds);

void kk_bench_histogram_merge(struct kk_bench_histogram *into,
                              const struct kk_bench_histogram *other);

/* The middle of the bucket below or in which `share` (0 to 1) of the values lie; 0 when empty. */
double kk_bench_histogram_quantile(const struct kk_bench_histogram *histogram, double share);
