/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store that fails at its n-th call: the call that meets it says so, no half object is left, and
 * everything works again afterwards.
 */
#include "store_fault.h"
#include "support.h"

#define CALLS_MAX 200

static struct world world;

static int set_up(void **state)
{
    world_open_on(&world, kk_store_fault(&kk_store_memory), NULL);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void create_with_failures(CK_SESSION_HANDLE session, bool is_private)
{
    CK_OBJECT_HANDLE handle = 0;
    CK_RV rv = CKR_DEVICE_MEMORY;
    unsigned long n = 0;
    while (rv != CKR_OK && n < CALLS_MAX) {
        kk_store_fault_at(NULL, ++n, CKR_DEVICE_MEMORY);
        rv = data_create(world.app, session, "one", true, is_private, &handle);
        kk_store_fault_at(NULL, 0, CKR_OK);
        assert_true(rv == CKR_OK || rv == CKR_DEVICE_MEMORY);
        assert_int_equal(find_count(world.app, session, "one", NULL), rv == CKR_OK ? 1 : 0);
    }
    assert_int_equal(rv, CKR_OK);
    assert_true(n > 3); /* the store was asked, and did fail */
}

static void test_a_failing_store_leaves_no_half_public_object(void **state)
{
    (void)state;
    create_with_failures(session_open(world.app, world.slot, true), false);
}

static void test_a_failing_store_leaves_no_half_private_object(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    create_with_failures(session, true);
}

static void test_a_failing_store_destroys_wholly_or_not_at_all(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handle = 0;
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    CK_RV rv = CKR_DEVICE_ERROR;
    assert_ok(data_create(world.app, session, "gone", true, false, &handle));
    for (unsigned long n = 1; rv != CKR_OK && n < CALLS_MAX; n++) {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world.app, session, &call));
        kk_store_fault_at(NULL, n, CKR_DEVICE_ERROR);
        rv = kk_call_destroy_object(&call, handle);
        kk_store_fault_at(NULL, 0, CKR_OK);
        kk_call_end(&call);
        assert_true(rv == CKR_OK || rv == CKR_DEVICE_ERROR);
        assert_int_equal(find_count(world.app, session, "gone", NULL), rv == CKR_OK ? 0 : 1);
    }
    assert_int_equal(rv, CKR_OK);
}

/* A call that ends what it works on ends it, too, when the token cannot be asked. */
static void test_what_a_failing_token_stops_is_over(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    const CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *all = NULL;
    assert_ok(kk_attrs_new(&all));
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
    assert_int_equal(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0), CKR_OPERATION_ACTIVE);
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(kk_call_find_init(&call, all));
    kk_call_end(&call);

    kk_store_fault_from("fresh", 1, CKR_DEVICE_ERROR);
    assert_int_equal(kk_call_begin(world.app, session, &call), CKR_DEVICE_ERROR);
    assert_int_equal(kk_call_begin_on(world.app, session, KK_CANCEL_OPERATION(KK_OP_DIGEST), &call),
                     CKR_DEVICE_ERROR);
    kk_store_fault_at(NULL, 0, CKR_OK);
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_int_equal(kk_call_find_init(&call, all), CKR_OPERATION_ACTIVE); /* it was not named */
    kk_call_end(&call);

    kk_store_fault_from("fresh", 1, CKR_DEVICE_ERROR);
    assert_int_equal(kk_call_begin_on(world.app, session, KK_CANCEL_FIND, &call), CKR_DEVICE_ERROR);
    kk_store_fault_at(NULL, 0, CKR_OK);
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(kk_call_find_init(&call, all));
    kk_call_end(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_failing_store_leaves_no_half_public_object),
        TEST(test_a_failing_store_leaves_no_half_private_object),
        TEST(test_a_failing_store_destroys_wholly_or_not_at_all),
        TEST(test_what_a_failing_token_stops_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
