/* SPDX-License-Identifier: BSD-2-Clause */
#include "../histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct kk_bench_histogram histogram;
static struct kk_bench_histogram other;

static int empty(void **state)
{
    (void)state;
    histogram = (struct kk_bench_histogram){0};
    other = (struct kk_bench_histogram){0};
    return 0;
}

static void assert_near(double value, double wanted, double share)
{
    double low = wanted * (1 - share);
    double high = wanted * (1 + share);
    if (value < low || value > high) {
        fail_msg("%f is not within %f and %f", value, low, high);
    }
}

static void test_an_empty_histogram_gives_zero(void **state)
{
    (void)state;
    assert_true(kk_bench_histogram_quantile(&histogram, 0.5) == 0);
}

static void test_small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 64; i++) {
        empty(NULL);
        kk_bench_histogram_add(&histogram, i);
        assert_true(kk_bench_histogram_quantile(&histogram, 0.5) == (double)i);
    }
}

static void test_every_value_is_found_within_two_percent(void **state)
{
    (void)state;
    for (uint64_t value = 64; value < (uint64_t)1 << 40; value = value * 33 / 32 + 1) {
        empty(NULL);
        kk_bench_histogram_add(&histogram, value);
        assert_near(kk_bench_histogram_quantile(&histogram, 0.99), (double)value, 0.02);
    }
}

static void test_quantiles_of_a_thousand_even_values(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 1000; i++) {
        kk_bench_histogram_add(&histogram, i * 1000);
    }
    assert_near(kk_bench_histogram_quantile(&histogram, 0.5), 500000, 0.03);
    assert_near(kk_bench_histogram_quantile(&histogram, 0.99), 990000, 0.03);
    assert_near(kk_bench_histogram_quantile(&histogram, 0), 1000, 0.03);
    assert_near(kk_bench_histogram_quantile(&histogram, 1), 1000000, 0.03);
}

static void test_what_is_too_long_counts_in_the_last_bucket(void **state)
{
    (void)state;
    kk_bench_histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(histogram.total, 1);
    assert_int_equal(histogram.bucket[KK_BENCH_BUCKETS - 1], 1);
}

static void test_merging_adds(void **state)
{
    (void)state;
    kk_bench_histogram_add(&histogram, 100);
    kk_bench_histogram_add(&other, 100000);
    kk_bench_histogram_add(&other, 100000);
    kk_bench_histogram_merge(&histogram, &other);
    assert_int_equal(histogram.total, 3);
    assert_near(kk_bench_histogram_quantile(&histogram, 0.2), 100, 0.02);
    assert_near(kk_bench_histogram_quantile(&histogram, 0.5), 100000, 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_empty_histogram_gives_zero, empty),
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_every_value_is_found_within_two_percent),
        cmocka_unit_test_setup(test_quantiles_of_a_thousand_even_values, empty),
        cmocka_unit_test_setup(test_what_is_too_long_counts_in_the_last_bucket, empty),
        cmocka_unit_test_setup(test_merging_adds, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
