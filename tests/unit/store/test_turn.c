/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * turn.c: one at a time, in order, with limits.
 */
#include "store/turn.h"
#include "store_unit.h"

static struct kk_mutex mutex = KK_MUTEX_INITIALIZER(KK_RANK_STORE);
static struct kk_turn turn;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static char order[16];

static bool take(long limit_ms)
{
    KK_LOCK_SCOPE(&mutex);
    return kk_turn_take(&turn, &mutex, limit_ms);
}

static void give(void)
{
    KK_LOCK_SCOPE(&mutex);
    kk_turn_give(&turn);
}

static void *take_and_sign(void *context)
{
    if (take(-1)) {
        order[strlen(order)] = *(const char *)context;
        give();
    }
    return NULL;
}

/* Until the queue has that many waiters: no order can be told before. */
static void wait_for_queue(size_t length)
{
    for (;;) {
        KK_LOCK_SCOPE(&mutex);
        if (kk_turn_queue_length(&turn) == length) {
            return;
        }
        (void)kk_cond_wait(&never, &mutex, 1);
    }
}

static void test_turns_go_in_the_order_of_arrival(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    assert_true(take(0));
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_sign, (void *)names[i]), 0);
        wait_for_queue(i + 1);
    }
    give();
    assert_true(take(-1)); /* comes last, though it let go only now */
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_string_equal(order, "abcd");
    give();
}

static void test_wait_ends_at_the_limit_and_leaves_the_queue(void **state)
{
    (void)state;
    assert_true(take(0));
    assert_false(take(0));
    assert_false(take(30));
    assert_null(turn.first);
    assert_null(turn.last);
    give();
    assert_true(take(0));
    give();
}

static void *take_shortly(void *context)
{
    *(bool *)context = take(200);
    return NULL;
}

static void test_one_that_gave_up_in_the_middle_is_skipped(void **state)
{
    (void)state;
    pthread_t threads[3];
    bool has_got_it = true;
    memset(order, 0, sizeof order);
    assert_true(take(0));
    assert_int_equal(pthread_create(&threads[0], NULL, take_and_sign, (void *)"x"), 0);
    wait_for_queue(1);
    assert_int_equal(pthread_create(&threads[1], NULL, take_shortly, &has_got_it), 0);
    wait_for_queue(2);
    assert_int_equal(pthread_create(&threads[2], NULL, take_and_sign, (void *)"y"), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    assert_false(has_got_it);
    give();
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[2], NULL), 0);
    assert_string_equal(order, "xy");
    assert_false(turn.is_taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_go_in_the_order_of_arrival),
        cmocka_unit_test(test_wait_ends_at_the_limit_and_leaves_the_queue),
        cmocka_unit_test(test_one_that_gave_up_in_the_middle_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
