/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions that end, are cancelled or log out while a call is under way in them.
 */
#include "support.h"

#include "store_fault.h"

static struct world world;
static CK_SESSION_HANDLE session;
static const CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void test_unknown_and_closed_handles_are_invalid(void **state)
{
    (void)state;
    struct kk_call call = {0};
    assert_int_equal(kk_call_begin(world.app, 0, &call), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(kk_call_begin(world.app, session + 1000, &call), CKR_SESSION_HANDLE_INVALID);
    assert_ok(kk_session_close(world.app, session));
    assert_int_equal(kk_call_begin(world.app, session, &call), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(kk_session_close(world.app, session), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(kk_session_logout(world.app, session), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(kk_session_cancel(world.app, session, 0, 1), CKR_SESSION_HANDLE_INVALID);
    kk_call_end(&call);
}

static void test_closing_does_not_wait_for_a_call_under_way(void **state)
{
    (void)state;
    struct kk_call call = {0};
    struct kk_call next = {0};
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(apart(kk_session_close, world.app, session));
    assert_true(atomic_load(&call.session->dead));
    kk_call_end(&call);
    assert_int_equal(kk_call_begin(world.app, session, &next), CKR_SESSION_HANDLE_INVALID);
}

static void test_a_logout_does_not_wait_and_the_call_cleans_up(void **state)
{
    (void)state;
    struct kk_call call = {0};
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, true);
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(apart(kk_session_logout, world.app, session));
    assert_true(call.session->operations[KK_OP_SIGN]->active);
    struct kk_session *held = kk_session_ref(call.session);
    kk_call_end(&call);
    assert_false(held->operations[KK_OP_SIGN]->active);
    assert_null(held->operations[KK_OP_SIGN]->op.key);
    kk_session_unref(held);
}

static void test_a_logout_empties_idle_sessions_at_once(void **state)
{
    (void)state;
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, true);
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, true);
    uint8_t mac[16];
    CK_ULONG len = sizeof mac;
    struct kk_call call = {0};
    assert_ok(op_init(world.app, second, KK_OP_SIGN, &cmac, key));
    assert_ok(op_result(world.app, second, KK_OP_SIGN, KK_PHASE_SINGLE, PIN, mac, &len));
    assert_ok(kk_call_begin(world.app, second, &call));
    struct kk_session *held = kk_session_ref(call.session);
    kk_call_end(&call);
    assert_non_null(held->operations[KK_OP_SIGN]->op.context);
    assert_ok(kk_session_logout(world.app, session));
    assert_null(held->operations[KK_OP_SIGN]->op.context);
    assert_null(held->operations[KK_OP_SIGN]->op.key);
    kk_session_unref(held);
}

static CK_RV cancel_sign(struct kk_app *app, CK_SESSION_HANDLE handle)
{
    return kk_session_cancel(app, handle, 0, KK_CANCEL_OPERATION(KK_OP_SIGN));
}

static void test_a_cancel_does_not_wait_and_ends_what_it_names(void **state)
{
    (void)state;
    struct kk_call call = {0};
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_ok(op_init(world.app, session, KK_OP_VERIFY, &cmac, key));
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(apart(cancel_sign, world.app, session));
    kk_call_end(&call);
    assert_int_equal(op_update(world.app, session, KK_OP_SIGN, PIN), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_update(world.app, session, KK_OP_VERIFY, PIN));
    assert_ok(kk_session_cancel(world.app, session, 0, KK_CANCEL_OPERATION(KK_OP_VERIFY)));
    assert_int_equal(op_update(world.app, session, KK_OP_VERIFY, PIN),
                     CKR_OPERATION_NOT_INITIALIZED);
}

static void test_a_cancel_ends_the_search(void **state)
{
    (void)state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    assert_ok(kk_template_copy(NULL, 0, KK_VERB_FIND, &tmpl));
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world.app, session, &call));
        assert_ok(kk_call_find_init(&call, tmpl));
        assert_int_equal(kk_call_find_init(&call, tmpl), CKR_OPERATION_ACTIVE);
    }
    assert_ok(kk_session_cancel(world.app, session, 0, KK_CANCEL_FIND));
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_int_equal(kk_call_find_final(&call), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_sessions_are_counted(void **state)
{
    (void)state;
    size_t sessions = 0;
    size_t rw_sessions = 0;
    (void)session_open(world.app, world.slot, false);
    assert_ok(kk_app_slot_sessions(world.app, world.slot, &sessions, &rw_sessions));
    assert_int_equal(sessions, 2);
    assert_int_equal(rw_sessions, 1);
    assert_ok(kk_session_close_slot(world.app, world.slot));
    assert_ok(kk_app_slot_sessions(world.app, world.slot, &sessions, &rw_sessions));
    assert_int_equal(sessions + rw_sessions, 0);
}

static void test_a_store_that_fails_keeps_nobody_from_logging_out(void **state)
{
    (void)state;
    struct world failing;
    struct kk_call call = {0};
    world_open_on(&failing, kk_store_fault(&kk_store_memory), NULL);
    CK_SESSION_HANDLE handle = session_open(failing.app, failing.slot, true);
    assert_ok(session_login(failing.app, handle, CKU_USER, PIN));
    kk_store_fault_from("fresh", 1, CKR_DEVICE_ERROR);
    assert_int_equal(kk_call_begin(failing.app, handle, &call), CKR_DEVICE_ERROR);
    assert_ok(kk_session_cancel(failing.app, handle, 0, KK_CANCEL_FIND));
    assert_ok(kk_session_logout(failing.app, handle));
    assert_ok(kk_session_close(failing.app, handle));
    kk_store_fault_at(NULL, 0, CKR_OK);
    world_close(&failing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_unknown_and_closed_handles_are_invalid),
        TEST(test_closing_does_not_wait_for_a_call_under_way),
        TEST(test_a_logout_does_not_wait_and_the_call_cleans_up),
        TEST(test_a_logout_empties_idle_sessions_at_once),
        TEST(test_a_cancel_does_not_wait_and_ends_what_it_names),
        TEST(test_a_cancel_ends_the_search),
        TEST(test_sessions_are_counted),
        TEST(test_a_store_that_fails_keeps_nobody_from_logging_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
