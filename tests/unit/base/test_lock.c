/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/lock.h"

#include "child.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static struct kk_mutex session = KK_MUTEX_INITIALIZER(KK_RANK_SESSION);
static struct kk_mutex token = KK_MUTEX_INITIALIZER(KK_RANK_TOKEN);

static void test_scopes_release(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        KK_LOCK_SCOPE(&session);
        KK_LOCK_SCOPE(&token);
        KK_ASSERT_HELD(&session);
        KK_ASSERT_HELD(&token);
    }
    int times = 0;
    KK_WITH_LOCK(&token)
    {
        times++;
        assert_int_equal(pthread_mutex_trylock(&token.mutex), EBUSY);
    }
    assert_int_equal(times, 1);
    assert_int_equal(pthread_mutex_trylock(&token.mutex), 0);
    assert_int_equal(pthread_mutex_unlock(&token.mutex), 0);
}

static int leave_early(void)
{
    KK_WITH_LOCK(&token)
    {
        return 5;
    }
    return 6;
}

static void test_a_return_from_within_releases(void **state)
{
    (void)state;
    assert_int_equal(leave_early(), 5);
    assert_int_equal(leave_early(), 5);
}

static void test_release_in_any_order(void **state)
{
    (void)state;
    kk_mutex_lock(&session);
    kk_mutex_lock(&token);
    kk_mutex_unlock(&session);
    kk_mutex_unlock(&token);
    kk_mutex_lock(&session);
    kk_mutex_unlock(&session);
}

static void *try_token(void *context)
{
    (void)context;
    bool is_taken = kk_mutex_trylock(&token);
    if (is_taken) {
        kk_mutex_unlock(&token);
    }
    return is_taken ? &token : NULL;
}

static void *try_in_a_thread(void)
{
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, try_token, NULL), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    return result;
}

static void test_trying_never_waits(void **state)
{
    (void)state;
    assert_true(kk_mutex_trylock(&token));
    assert_false(kk_mutex_trylock(&token));
    assert_true(kk_mutex_is_held(&token));
    assert_null(try_in_a_thread());
    kk_mutex_unlock(&token);
    assert_non_null(try_in_a_thread());
}

static void test_trying_takes_any_rank(void **state)
{
    (void)state;
    kk_mutex_lock(&token);
    assert_true(kk_mutex_trylock(&session));
    kk_mutex_unlock(&token);
    kk_mutex_lock(&token);
    kk_mutex_unlock(&session);
    kk_mutex_unlock(&token);
}

#ifdef KK_DEBUG_LOCKS /* release builds keep no count */
static struct kk_mutex other_token = KK_MUTEX_INITIALIZER(KK_RANK_TOKEN);

static void test_is_held_knows_this_thread(void **state)
{
    (void)state;
    assert_false(kk_mutex_is_held(&token));
    kk_mutex_lock(&token);
    assert_true(kk_mutex_is_held(&token));
    assert_false(kk_mutex_is_held(&session));
    kk_mutex_unlock(&token);
    assert_false(kk_mutex_is_held(&token));
}

static int take_downwards(void *context)
{
    (void)context;
    kk_mutex_lock(&token);
    kk_mutex_lock(&session);
    return 0;
}

static int take_two_of_a_rank(void *context)
{
    (void)context;
    kk_mutex_lock(&token);
    kk_mutex_lock(&other_token);
    return 0;
}

static int take_again(void *context)
{
    (void)context;
    kk_mutex_lock(&token);
    kk_mutex_lock(&token);
    return 0;
}

static int release_unheld(void *context)
{
    (void)context;
    kk_mutex_unlock(&token);
    return 0;
}

static void test_broken_order_ends_the_process(void **state)
{
    (void)state;
    assert_true(child_dies_by(SIGABRT, take_downwards, NULL));
    assert_true(child_dies_by(SIGABRT, take_two_of_a_rank, NULL));
    assert_true(child_dies_by(SIGABRT, take_again, NULL));
    assert_true(child_dies_by(SIGABRT, release_unheld, NULL));
}

/* The message goes to the stderr of the child, which is a pipe here. */
static int take_downwards_into_pipe(void *context)
{
    (void)dup2(*(int *)context, STDERR_FILENO);
    return take_downwards(NULL);
}

static void test_the_message_names_both_ranks(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(child_dies_by(SIGABRT, take_downwards_into_pipe, &ends[1]));
    char text[300] = {0};
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "taking session (40) while holding token (50)"));
    (void)close(ends[0]);
    (void)close(ends[1]);
}
#endif

static int reset_and_take(void *context)
{
    struct kk_mutex *mutex = context;
    kk_mutex_reset_after_fork(mutex);
    kk_lock_forget_thread();
    kk_mutex_lock(mutex);
    kk_mutex_unlock(mutex);
    return 3;
}

static void test_a_child_resets_what_was_held(void **state)
{
    (void)state;
    kk_mutex_lock(&token);
    int code = child_exit(reset_and_take, &token);
    kk_mutex_unlock(&token);
    assert_int_equal(code, 3);
}

static void *count_up(void *context)
{
    for (int i = 0; i < 20000; i++) {
        KK_LOCK_SCOPE(&token);
        ++*(long *)context;
    }
    return NULL;
}

static void test_threads_exclude_each_other(void **state)
{
    (void)state;
    long count = 0;
    pthread_t threads[4];
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &count), 0);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(count, 80000);
}

static long now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_a_wait_times_out(void **state)
{
    (void)state;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    KK_LOCK_SCOPE(&token);
    long before = now_ms();
    while (kk_cond_wait(&condition, &token, 30)) {
        /* woken for no reason */
    }
    assert_true(now_ms() - before >= 29);
    assert_true(kk_mutex_is_held(&token));
}

struct signalling {
    pthread_cond_t condition;
    bool is_set;
};

static void *set_it(void *context)
{
    struct signalling *signalling = context;
    KK_LOCK_SCOPE(&token);
    signalling->is_set = true;
    (void)pthread_cond_broadcast(&signalling->condition);
    return NULL;
}

static void wait_for_thread(long timeout_ms)
{
    struct signalling signalling = {PTHREAD_COND_INITIALIZER, false};
    pthread_t thread;
    kk_mutex_lock(&token);
    assert_int_equal(pthread_create(&thread, NULL, set_it, &signalling), 0);
    while (!signalling.is_set) {
        assert_true(kk_cond_wait(&signalling.condition, &token, timeout_ms));
    }
    kk_mutex_unlock(&token);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_a_wait_is_woken(void **state)
{
    (void)state;
    wait_for_thread(-1);
    wait_for_thread(60000);
}

static void test_init_and_destroy(void **state)
{
    (void)state;
    struct kk_mutex mutex;
    kk_mutex_init(&mutex, KK_RANK_STORE);
    assert_int_equal(mutex.rank, KK_RANK_STORE);
    kk_mutex_lock(&mutex);
    kk_mutex_unlock(&mutex);
    kk_mutex_destroy(&mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scopes_release),
        cmocka_unit_test(test_a_return_from_within_releases),
        cmocka_unit_test(test_release_in_any_order),
        cmocka_unit_test(test_trying_never_waits),
        cmocka_unit_test(test_trying_takes_any_rank),
#ifdef KK_DEBUG_LOCKS
        cmocka_unit_test(test_is_held_knows_this_thread),
        cmocka_unit_test(test_broken_order_ends_the_process),
        cmocka_unit_test(test_the_message_names_both_ranks),
#endif
        cmocka_unit_test(test_a_child_resets_what_was_held),
        cmocka_unit_test(test_threads_exclude_each_other),
        cmocka_unit_test(test_a_wait_times_out),
        cmocka_unit_test(test_a_wait_is_woken),
        cmocka_unit_test(test_init_and_destroy),
    };
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
