/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_counter.c: every value is higher than all before it, whoever asks.
 */
#include "sealed_test.h"

static uint64_t next(struct kk_repository *repo, uint64_t least)
{
    uint64_t value = 0;
    assert_ok(repo->ops->counter(repo, least, &value));
    return value;
}

static void test_values_rise_and_are_at_least_what_is_asked(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(next(rig->repo, 1), 1);
    assert_int_equal(next(rig->repo, 1), 2);
    assert_int_equal(next(rig->repo, 1000), 1000);
    assert_int_equal(next(rig->repo, 5), 1001);
}

static void test_another_opening_goes_on_where_this_one_is(void **state)
{
    struct rig *rig = *state;
    struct kk_repository *other = rig_open(rig);
    assert_int_equal(next(rig->repo, 70), 70);
    assert_int_equal(next(other, 1), 71);
    assert_int_equal(next(rig->repo, 1), 72);
    other->ops->close(other);
    rig_reopen(rig);
    assert_int_equal(next(rig->repo, 1), 73);
}

static void test_a_new_token_in_its_place_goes_on(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "new                             ";
    assert_int_equal(next(rig->repo, 500), 500);
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
    assert_int_equal(next(rig->repo, 1), 501);
}

static void test_a_damaged_counter_gives_no_value(void **state)
{
    struct rig *rig = *state;
    uint64_t value = 4711;
    static const uint8_t full[10] = {0, 1, 255, 255, 255, 255, 255, 255, 255, 255};
    assert_int_equal(next(rig->repo, 1), 1);
    struct kk_store_row row = {.table = KK_TABLE_COUNTER, .generation = 1};
    row.blob = text_span("short");
    raw_row_put(rig, &row);
    assert_rv(rig->repo->ops->counter(rig->repo, 1, &value), CKR_DEVICE_ERROR);
    row.blob = KK_SPAN_ARRAY(full);
    raw_row_put(rig, &row);
    assert_rv(rig->repo->ops->counter(rig->repo, 1, &value), CKR_DEVICE_ERROR);
    assert_int_equal(value, 4711);
    assert_true(rig_log_has(rig, "monotonic counter is damaged"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ENGINES(test_values_rise_and_are_at_least_what_is_asked),
        ON_ENGINES(test_another_opening_goes_on_where_this_one_is),
        ON_ENGINES(test_a_new_token_in_its_place_goes_on),
        ON_ENGINES(test_a_damaged_counter_gives_no_value),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
