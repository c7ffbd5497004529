/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Login states, and what may be done to PINs in which of them.
 */
#include <string.h>

#include "support.h"

static struct world world;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static CK_STATE state_of(CK_SESSION_HANDLE session)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    assert_ok(kk_call_begin(world.app, session, &call));
    return kk_session_state(call.session);
}

static CK_RV init_pin(CK_SESSION_HANDLE session, struct kk_span pin)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_session_init_pin(&call, pin);
}

static CK_RV set_pin(CK_SESSION_HANDLE session, struct kk_span old_pin, struct kk_span new_pin)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_session_set_pin(&call, old_pin, new_pin);
}

static void test_states_follow_the_login_in_every_session(void **state)
{
    (void)state;
    CK_SESSION_HANDLE reader = session_open(world.app, world.slot, false);
    CK_SESSION_HANDLE writer = session_open(world.app, world.slot, true);
    assert_int_equal(state_of(reader), CKS_RO_PUBLIC_SESSION);
    assert_int_equal(state_of(writer), CKS_RW_PUBLIC_SESSION);
    assert_ok(session_login(world.app, reader, CKU_USER, PIN));
    assert_int_equal(state_of(reader), CKS_RO_USER_FUNCTIONS);
    assert_int_equal(state_of(writer), CKS_RW_USER_FUNCTIONS);
    assert_ok(session_logout(world.app, writer));
    assert_int_equal(session_logout(world.app, writer), CKR_USER_NOT_LOGGED_IN);
    assert_ok(kk_session_close(world.app, reader));
    assert_ok(session_login(world.app, writer, CKU_SO, SO_PIN));
    assert_int_equal(state_of(writer), CKS_RW_SO_FUNCTIONS);
}

static void test_the_so_and_read_only_sessions_exclude_each_other(void **state)
{
    (void)state;
    CK_SESSION_HANDLE reader = session_open(world.app, world.slot, false);
    CK_SESSION_HANDLE writer = session_open(world.app, world.slot, true);
    CK_SESSION_HANDLE none = 0;
    assert_int_equal(session_login(world.app, writer, CKU_SO, SO_PIN),
                     CKR_SESSION_READ_ONLY_EXISTS);
    assert_ok(kk_session_close(world.app, reader));
    assert_ok(session_login(world.app, writer, CKU_SO, SO_PIN));
    assert_int_equal(kk_session_open(world.app, world.slot, CKF_SERIAL_SESSION, &none),
                     CKR_SESSION_READ_WRITE_SO_EXISTS);
    assert_int_equal(session_login(world.app, writer, CKU_SO, SO_PIN), CKR_USER_ALREADY_LOGGED_IN);
    assert_int_equal(session_login(world.app, writer, CKU_USER, PIN),
                     CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

static void test_wrong_pins_and_wrong_users(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    assert_int_equal(session_login(world.app, session, CKU_USER, SO_PIN), CKR_PIN_INCORRECT);
    assert_int_equal(session_login(world.app, session, CKU_USER, KK_SPAN_TEXT("")),
                     CKR_PIN_INCORRECT);
    assert_int_equal(session_login(world.app, session, 3, PIN), CKR_USER_TYPE_INVALID);
    assert_int_equal(state_of(session), CKS_RW_PUBLIC_SESSION);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
}

static void test_the_last_session_takes_the_login_along(void **state)
{
    (void)state;
    CK_SESSION_HANDLE first = session_open(world.app, world.slot, true);
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, first, CKU_USER, PIN));
    assert_ok(kk_session_close(world.app, first));
    assert_int_equal(state_of(second), CKS_RW_USER_FUNCTIONS);
    assert_ok(kk_session_close_slot(world.app, world.slot));
    assert_int_equal(state_of(session_open(world.app, world.slot, true)), CKS_RW_PUBLIC_SESSION);
}

static void test_only_the_so_initialises_the_pin(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    assert_int_equal(init_pin(session, KK_SPAN_TEXT("9999")), CKR_USER_NOT_LOGGED_IN);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    assert_int_equal(init_pin(session, KK_SPAN_TEXT("9999")), CKR_USER_NOT_LOGGED_IN);
    assert_ok(session_logout(world.app, session));
    assert_ok(session_login(world.app, session, CKU_SO, SO_PIN));
    assert_int_equal(init_pin(session, KK_SPAN_TEXT("999")), CKR_PIN_LEN_RANGE);
    assert_ok(init_pin(session, KK_SPAN_TEXT("9999")));
    assert_ok(session_logout(world.app, session));
    assert_int_equal(session_login(world.app, session, CKU_USER, PIN), CKR_PIN_INCORRECT);
    assert_ok(session_login(world.app, session, CKU_USER, KK_SPAN_TEXT("9999")));
}

static void test_set_pin_changes_the_pin_of_who_is_logged_in(void **state)
{
    (void)state;
    static const uint8_t longest[KK_PIN_MAX + 1] = {'x'};
    CK_SESSION_HANDLE reader = session_open(world.app, world.slot, false);
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    assert_int_equal(set_pin(reader, PIN, SO_PIN), CKR_SESSION_READ_ONLY);
    assert_int_equal(set_pin(session, PIN, KK_SPAN_ARRAY(longest)), CKR_PIN_LEN_RANGE);
    assert_int_equal(set_pin(session, SO_PIN, KK_SPAN_TEXT("4321")), CKR_PIN_INCORRECT);
    assert_ok(set_pin(session, PIN, KK_SPAN_TEXT("4321"))); /* nobody logged in: the user's */
    assert_ok(session_login(world.app, session, CKU_USER, KK_SPAN_TEXT("4321")));
    assert_ok(session_logout(world.app, session));
    assert_ok(kk_session_close(world.app, reader));
    assert_ok(session_login(world.app, session, CKU_SO, SO_PIN));
    assert_ok(set_pin(session, SO_PIN, KK_SPAN_TEXT("87654321")));
    assert_ok(session_logout(world.app, session));
    assert_ok(session_login(world.app, session, CKU_SO, KK_SPAN_TEXT("87654321")));
}

static void test_the_so_sees_no_private_object(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    CK_OBJECT_HANDLE private = 0;
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    assert_ok(data_create(world.app, session, "private", true, true, &private));
    assert_ok(session_logout(world.app, session));
    assert_ok(session_login(world.app, session, CKU_SO, SO_PIN));
    assert_int_equal(find_count(world.app, session, "private", NULL), 0);
    assert_int_equal(object_ask(world.app, session, private), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(data_create(world.app, session, "no", true, true, &private),
                     CKR_USER_NOT_LOGGED_IN);
}

static CK_RV add_user(CK_SESSION_HANDLE session, const char *name, const char *pin)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_session_user_add(&call, KK_SPAN(name, strlen(name)), KK_SPAN(pin, strlen(pin)));
}

static CK_RV login_named(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *name,
                         const char *pin)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_session_login(&call, user, KK_SPAN(name, strlen(name)), KK_SPAN(pin, strlen(pin)));
}

static void test_a_named_user_is_another_user(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    CK_SESSION_HANDLE reader = session_open(world.app, world.slot, false);
    CK_OBJECT_HANDLE handle = 0;
    assert_int_equal(add_user(session, "alice", "alice's"), CKR_USER_NOT_LOGGED_IN);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    assert_int_equal(add_user(session, "alice", "alice's"), CKR_USER_NOT_LOGGED_IN);
    assert_ok(session_logout(world.app, session));
    assert_ok(kk_session_close(world.app, reader));
    assert_ok(session_login(world.app, session, CKU_SO, SO_PIN));
    assert_int_equal(add_user(session, "alice", "a"), CKR_PIN_LEN_RANGE);
    assert_ok(add_user(session, "alice", "alice's"));
    assert_ok(session_logout(world.app, session));

    assert_int_equal(login_named(session, CKU_USER, "alice", "1234"), CKR_PIN_INCORRECT);
    assert_int_equal(login_named(session, CKU_SO, "alice", "56785678"),
                     CKR_USER_PIN_NOT_INITIALIZED);
    assert_ok(login_named(session, CKU_USER, "alice", "alice's"));
    assert_int_equal(state_of(session), CKS_RW_USER_FUNCTIONS);
    assert_int_equal(login_named(session, CKU_USER, "alice", "alice's"),
                     CKR_USER_ALREADY_LOGGED_IN);
    assert_int_equal(session_login(world.app, session, CKU_USER, PIN),
                     CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_ok(data_create(world.app, session, "private", true, true, &handle));
    assert_int_equal(set_pin(session, PIN, KK_SPAN_TEXT("9999")), CKR_PIN_INCORRECT);
    assert_ok(set_pin(session, KK_SPAN_TEXT("alice's"), KK_SPAN_TEXT("new one")));
    assert_ok(session_logout(world.app, session));
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    assert_int_equal(find_count(world.app, session, "private", NULL), 1);
    assert_int_equal(login_named(session, CKU_USER, "alice", "new one"),
                     CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_ok(session_logout(world.app, session));
    assert_ok(login_named(session, CKU_USER, "alice", "new one"));
}

/*= pkcs11-3.2 C_LoginUser: CKU_CONTEXT_SPECIFIC takes the PIN of who is logged in */
static void test_a_named_user_authenticates_a_key_with_their_own_pin(void **state)
{
    (void)state;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC_EDWARDS;
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    static const CK_BYTE oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    static const CK_BYTE value[32] = {1, 2, 3};
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_SIGN, &yes, 1},
        {CKA_PRIVATE, &yes, 1},
        {CKA_ALWAYS_AUTHENTICATE, &yes, 1},
        {CKA_EC_PARAMS, (void *)(uintptr_t)oid, sizeof oid},
        {CKA_VALUE, (void *)(uintptr_t)value, sizeof value},
    };
    CK_SESSION_HANDLE session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_SO, SO_PIN));
    assert_ok(add_user(session, "alice", "alice's"));
    assert_ok(session_logout(world.app, session));
    assert_ok(login_named(session, CKU_USER, "alice", "alice's"));
    assert_ok(object_create(world.app, session, attributes, KK_ARRAY_LEN(attributes), &key));
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &mechanism, key));
    assert_int_equal(login_named(session, CKU_CONTEXT_SPECIFIC, "", "1234"), CKR_PIN_INCORRECT);
    assert_int_equal(login_named(session, CKU_CONTEXT_SPECIFIC, "bob", "alice's"),
                     CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_ok(login_named(session, CKU_CONTEXT_SPECIFIC, "alice", "alice's"));
    uint8_t signature[64];
    CK_ULONG len = sizeof signature;
    assert_ok(op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, PIN, signature, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_states_follow_the_login_in_every_session),
        TEST(test_the_so_and_read_only_sessions_exclude_each_other),
        TEST(test_wrong_pins_and_wrong_users),
        TEST(test_the_last_session_takes_the_login_along),
        TEST(test_only_the_so_initialises_the_pin),
        TEST(test_set_pin_changes_the_pin_of_who_is_logged_in),
        TEST(test_the_so_sees_no_private_object),
        TEST(test_a_named_user_is_another_user),
        TEST(test_a_named_user_authenticates_a_key_with_their_own_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
