/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments of the functions for slots, tokens, PINs and sessions.
 */
#include "support.h"

#include <string.h>

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

static void test_slots_are_listed_by_the_convention(void **state)
{
    (void)state;
    CK_SLOT_ID slots[4] = {0};
    CK_ULONG count = 0;
    assert_int_equal(kk_api_C_GetSlotList(world.app, CK_TRUE, slots, NULL), CKR_ARGUMENTS_BAD);
    assert_ok(kk_api_C_GetSlotList(world.app, CK_TRUE, NULL, &count));
    assert_int_equal(count, 2); /* the token's and the empty one */
    count = 1;
    assert_int_equal(kk_api_C_GetSlotList(world.app, CK_TRUE, slots, &count), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(count, 2);
    count = 4;
    assert_ok(kk_api_C_GetSlotList(world.app, CK_TRUE, slots, &count));
    assert_int_equal(count, 2);
    assert_int_equal(slots[0], world.slot);
}

static void test_unknown_slots_and_missing_places(void **state)
{
    (void)state;
    struct kk_app *app = world.app;
    CK_SLOT_INFO slot_info;
    CK_TOKEN_INFO token_info;
    CK_MECHANISM_INFO mechanism_info;
    CK_SESSION_INFO session_info;
    CK_ULONG count = 0;
    CK_SESSION_HANDLE session = 0;
    assert_int_equal(kk_api_C_GetSlotInfo(app, 99, &slot_info), CKR_SLOT_ID_INVALID);
    assert_int_equal(kk_api_C_GetTokenInfo(app, 99, &token_info), CKR_SLOT_ID_INVALID);
    assert_int_equal(kk_api_C_GetMechanismList(app, 99, NULL, &count), CKR_SLOT_ID_INVALID);
    assert_int_equal(kk_api_C_GetMechanismInfo(app, 99, CKM_AES_CBC, &mechanism_info),
                     CKR_SLOT_ID_INVALID);
    assert_int_equal(kk_api_C_OpenSession(app, 99, CKF_SERIAL_SESSION, NULL, NULL, &session),
                     CKR_SLOT_ID_INVALID);
    assert_int_equal(kk_api_C_CloseAllSessions(app, 99), CKR_SLOT_ID_INVALID);
    assert_int_equal(kk_api_C_GetSlotInfo(app, world.slot, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GetTokenInfo(app, world.slot, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GetMechanismList(app, world.slot, NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GetMechanismInfo(app, world.slot, CKM_AES_CBC, NULL),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GetMechanismInfo(app, world.slot, ~0UL, &mechanism_info),
                     CKR_MECHANISM_INVALID);
    assert_int_equal(kk_api_C_GetSessionInfo(app, world.session, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GetSessionInfo(app, 0, &session_info), CKR_SESSION_HANDLE_INVALID);
}

static void test_what_opening_a_session_refuses(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = 0;
    CK_ULONG count = 0;
    assert_int_equal(
        kk_api_C_OpenSession(world.app, world.slot, CKF_SERIAL_SESSION, NULL, NULL, NULL),
        CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_OpenSession(world.app, world.slot, 0, NULL, NULL, &session),
                     CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    assert_ok(kk_api_C_GetSlotList(world.app, CK_TRUE, NULL, &count));
    assert_int_equal(kk_api_C_OpenSession(world.app, 1, CKF_SERIAL_SESSION, NULL, NULL, &session),
                     CKR_TOKEN_NOT_RECOGNIZED);
}

static void test_what_initialising_a_token_refuses(void **state)
{
    (void)state;
    CK_UTF8CHAR label[32] = {0};
    CK_UTF8CHAR pin[300] = {'1', '2', '3', '4', '5', '6', '7', '8'};
    CK_ULONG count = 0;
    struct kk_app *app = world.app;
    assert_int_equal(kk_api_C_InitToken(app, world.slot, NULL, 8, label), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_InitToken(app, world.slot, pin, 8, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_InitToken(app, 99, pin, 8, label), CKR_SLOT_ID_INVALID);
    assert_ok(kk_api_C_GetSlotList(app, CK_TRUE, NULL, &count));
    assert_int_equal(kk_api_C_InitToken(app, 1, pin, 3, label), CKR_PIN_INCORRECT);
    assert_int_equal(kk_api_C_InitToken(app, world.slot, pin, 0, label), CKR_PIN_INCORRECT);
    assert_int_equal(kk_api_C_InitToken(app, world.slot, pin, 256, label), CKR_PIN_INCORRECT);
    assert_int_equal(kk_api_C_InitToken(app, world.slot, pin, 8, label), CKR_SESSION_EXISTS);
    assert_ok(kk_api_C_CloseAllSessions(app, world.slot));
    assert_int_equal(kk_api_C_InitToken(app, world.slot, pin, 8, label), CKR_PIN_INCORRECT);
}

/* pin.min_length is for PINs that are set, not for those that are there. */
static void test_a_raised_minimum_leaves_old_so_pins_their_use(void **state)
{
    (void)state;
    CK_UTF8CHAR label[32] = {0};
    CK_UTF8CHAR pin[] = "56785678";
    CK_ULONG count = 0;
    assert_ok(kk_api_C_GetSlotList(world.app, CK_TRUE, NULL, &count));
    assert_ok(kk_api_C_CloseAllSessions(world.app, world.slot));
    world.engine->settings.pin_min_length = 9;
    assert_int_equal(kk_api_C_InitToken(world.app, 1, pin, 8, label), CKR_PIN_INCORRECT);
    assert_ok(kk_api_C_InitToken(world.app, world.slot, pin, 8, label));
}

static void test_what_pin_functions_refuse(void **state)
{
    (void)state;
    struct kk_app *app = world.app;
    CK_SESSION_HANDLE session = world.session;
    CK_UTF8CHAR pin[4] = {'1', '2', '3', '4'};
    assert_int_equal(kk_api_C_Login(app, session, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_Login(app, session, CKU_USER, pin, ~0UL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_Login(app, 0, CKU_USER, pin, 4), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(kk_api_C_InitPIN(app, session, NULL, 0), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_InitPIN(app, session, pin, 4), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(kk_api_C_SetPIN(app, session, pin, 4, NULL, 4), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_SetPIN(app, session, NULL, 4, pin, 4), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_SetPIN(app, session, pin, 4, pin, 3), CKR_PIN_LEN_RANGE);
    assert_ok(kk_api_C_SetPIN(app, session, pin, 4, pin, 4));
}

static void test_random_numbers(void **state)
{
    (void)state;
    CK_BYTE bytes[16] = {0};
    CK_BYTE zeros[16] = {0};
    assert_int_equal(kk_api_C_GenerateRandom(world.app, world.session, NULL, 1), CKR_ARGUMENTS_BAD);
    assert_ok(kk_api_C_GenerateRandom(world.app, world.session, bytes, 0));
    assert_memory_equal(bytes, zeros, sizeof bytes);
    assert_ok(kk_api_C_SeedRandom(world.app, world.session, bytes, sizeof bytes));
    assert_ok(kk_api_C_GenerateRandom(world.app, world.session, bytes, sizeof bytes));
    assert_memory_not_equal(bytes, zeros, sizeof bytes);
    assert_int_equal(kk_api_C_GenerateRandom(world.app, 0, bytes, 1), CKR_SESSION_HANDLE_INVALID);
}

static void test_functions_of_old_and_functions_to_come(void **state)
{
    (void)state;
    CK_ULONG len = 0;
    assert_int_equal(kk_api_C_GetFunctionStatus(world.app, world.session),
                     CKR_FUNCTION_NOT_PARALLEL);
    assert_int_equal(kk_api_C_CancelFunction(world.app, world.session), CKR_FUNCTION_NOT_PARALLEL);
    assert_int_equal(kk_api_C_CancelFunction(world.app, 0), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(kk_api_C_GetOperationState(world.app, 0, NULL, &len),
                     CKR_SESSION_HANDLE_INVALID);
    assert_ok(kk_api_C_SessionCancel(world.app, world.session, 0));
    assert_ok(kk_api_C_SessionCancel(world.app, world.session, ~0UL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_slots_are_listed_by_the_convention),
        TEST(test_unknown_slots_and_missing_places),
        TEST(test_what_opening_a_session_refuses),
        TEST(test_what_initialising_a_token_refuses),
        TEST(test_a_raised_minimum_leaves_old_so_pins_their_use),
        TEST(test_what_pin_functions_refuse),
        TEST(test_random_numbers),
        TEST(test_functions_of_old_and_functions_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
