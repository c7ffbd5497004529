/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guarded.c: a key with CKA_ALWAYS_AUTHENTICATE wants its login for each use, in its session, for
 * itself alone.
 */
#include "session/guarded.h"
#include "support.h"

static struct kk_app app;
static struct kk_slot slot;
static struct kk_session session;
static struct kk_session other;
static struct kk_call call;

static int set_up(KK_UNUSED void **state)
{
    slot = (struct kk_slot){.id = 1};
    session = (struct kk_session){.app = &app, .slot = &slot};
    other = session;
    call = (struct kk_call){.app = &app, .session = &session};
    return 0;
}

static struct kk_object key_of(uint8_t number, bool always)
{
    return (struct kk_object){.uuid = {.bytes = {number}}, .always_authenticate = always};
}

static void test_other_keys_always_pass(KK_UNUSED void **state)
{
    const struct kk_object key = key_of(1, false);
    assert_ok(kk_call_guard(&call, &key));
    assert_ok(kk_call_guard(&call, &key));
    assert_false(kk_guard_wants_login(&session));
}

static void test_each_use_wants_a_login_of_its_own(KK_UNUSED void **state)
{
    const struct kk_object key = key_of(1, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
        assert_true(kk_guard_wants_login(&session));
        kk_guard_grant_login(&session);
        assert_false(kk_guard_wants_login(&session));
        assert_ok(kk_call_guard(&call, &key));
    }
    assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
}

/* Nobody can log in for a use that was not asked for. */
static void test_a_login_beforehand_is_for_nothing(KK_UNUSED void **state)
{
    const struct kk_object key = key_of(1, true);
    assert_false(kk_guard_wants_login(&session));
    kk_guard_grant_login(&session);
    assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
}

static void test_a_login_is_for_the_key_that_asked(KK_UNUSED void **state)
{
    const struct kk_object one = key_of(1, true);
    const struct kk_object two = key_of(2, true);
    assert_int_equal(kk_call_guard(&call, &one), CKR_USER_NOT_LOGGED_IN);
    kk_guard_grant_login(&session);
    assert_int_equal(kk_call_guard(&call, &two), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(kk_call_guard(&call, &one), CKR_USER_NOT_LOGGED_IN); /* and it is gone */
    kk_guard_grant_login(&session);
    assert_ok(kk_call_guard(&call, &one));
}

static void test_keys_that_need_none_leave_it_alone(KK_UNUSED void **state)
{
    const struct kk_object key = key_of(1, true);
    const struct kk_object plain = key_of(2, false);
    assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
    assert_ok(kk_call_guard(&call, &plain));
    assert_true(kk_guard_wants_login(&session));
    kk_guard_grant_login(&session);
    assert_ok(kk_call_guard(&call, &plain));
    assert_ok(kk_call_guard(&call, &key));
}

static void test_a_login_is_for_the_session_that_asked(KK_UNUSED void **state)
{
    const struct kk_object key = key_of(1, true);
    struct kk_call others = {.app = &app, .session = &other};
    assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
    assert_false(kk_guard_wants_login(&other));
    kk_guard_grant_login(&other);
    kk_guard_grant_login(&session);
    assert_int_equal(kk_call_guard(&others, &key), CKR_USER_NOT_LOGGED_IN);
    assert_ok(kk_call_guard(&call, &key));
}

/* What was asked or granted in one login is not there in the next. */
static void test_a_logout_ends_it(KK_UNUSED void **state)
{
    const struct kk_object key = key_of(1, true);
    assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
    atomic_fetch_add(&session.login_round, 1);
    assert_false(kk_guard_wants_login(&session));
    kk_guard_grant_login(&session);
    assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
    kk_guard_grant_login(&session);
    atomic_fetch_add(&session.login_round, 1);
    assert_int_equal(kk_call_guard(&call, &key), CKR_USER_NOT_LOGGED_IN);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_other_keys_always_pass),
        TEST(test_each_use_wants_a_login_of_its_own),
        TEST(test_a_login_beforehand_is_for_nothing),
        TEST(test_a_login_is_for_the_key_that_asked),
        TEST(test_keys_that_need_none_leave_it_alone),
        TEST(test_a_login_is_for_the_session_that_asked),
        TEST(test_a_logout_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
