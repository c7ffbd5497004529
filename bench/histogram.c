/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log-linear buckets: the exponent of a value picks 32 buckets, its next five bits one of them.
 */
#include "histogram.h"

enum {
    LINEAR = 64,     /* values below it have a bucket of their own */
    LINEAR_BITS = 6, /* log2 of it */
    STEPS = 32,      /* buckets per power of two */
    STEP_BITS = 5    /* log2 of it */
};

static unsigned bucket_of(uint64_t value)
{
    if (value < LINEAR) {
        return (unsigned)value;
    }
    unsigned exponent = 63U - (unsigned)__builtin_clzll(value);
    unsigned step = (unsigned)(value >> (exponent - STEP_BITS)) & (STEPS - 1);
    unsigned index = LINEAR + (exponent - LINEAR_BITS) * STEPS + step;
    return index < KK_BENCH_BUCKETS ? index : KK_BENCH_BUCKETS - 1;
}

static double middle_of(unsigned index)
{
    if (index < LINEAR) {
        return (double)index;
    }
    unsigned exponent = (index - LINEAR) / STEPS + LINEAR_BITS;
    unsigned step = (index - LINEAR) % STEPS;
    uint64_t width = (uint64_t)1 << (exponent - STEP_BITS);
    return (double)((STEPS + step) * width) + (double)(width - 1) / 2;
}

void kk_bench_histogram_add(struct kk_bench_histogram *histogram, uint64_t nanoseconds)
{
    histogram->bucket[bucket_of(nanoseconds)]++;
    histogram->total++;
}

void kk_bench_histogram_merge(struct kk_bench_histogram *into,
                              const struct kk_bench_histogram *other)
{
    for (unsigned i = 0; i < KK_BENCH_BUCKETS; i++) {
        into->bucket[i] += other->bucket[i];
    }
    into->total += other->total;
}

double kk_bench_histogram_quantile(const struct kk_bench_histogram *histogram, double share)
{
    double wanted = share * (double)histogram->total;
    uint64_t seen = 0;
    for (unsigned i = 0; i < KK_BENCH_BUCKETS; i++) {
        seen += histogram->bucket[i];
        if (seen > 0 && (double)seen >= wanted) {
            return middle_of(i);
        }
    }
    return 0;
}
