/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/admin/whole.c: check, repair and rekey as a program calls them, with a second application on
 * the same token.
 */
#include <string.h>

#include "admin/admin.h"
#include "support.h"

#define SO_PIN (CK_UTF8CHAR *)"56785678"
#define PIN (CK_UTF8CHAR *)"1234"

struct heard {
    CK_ULONG progress, findings;
    CK_RV answer;
};

static CK_RV progress(CK_VOID_PTR context, CK_ULONG done, CK_ULONG total)
{
    struct heard *heard = context;
    assert_true(done <= total);
    heard->progress++;
    return heard->answer;
}

static void found(CK_VOID_PTR context, const CK_KEYKIST_FINDING *finding)
{
    struct heard *heard = context;
    assert_non_null(finding->what);
    heard->findings++;
}

static CK_KEYKIST_REQUEST request_of(struct heard *heard)
{
    return (CK_KEYKIST_REQUEST){.so_pin = SO_PIN,
                                .so_pin_len = 8,
                                .pin = PIN,
                                .pin_len = 4,
                                .found = found,
                                .progress = progress,
                                .context = heard};
}

static int setup(void **state)
{
    struct world *world = NULL;
    assert_ok(kk_alloc(sizeof *world, &world));
    world_open(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    kk_free(*state);
    return 0;
}

static void end_session(struct world *world)
{
    assert_ok(kk_api_C_CloseSession(world->app, world->session));
}

static void test_arguments(void **state)
{
    struct world *world = *state;
    struct heard heard = {0};
    CK_KEYKIST_RESULT result = {0};
    CK_KEYKIST_REQUEST request = request_of(&heard);
    end_session(world);
    assert_int_equal(kk_admin_check_token(world->app, world->slot, NULL, &result),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_admin_check_token(world->app, world->slot, &request, NULL),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_admin_repair_token(world->app, world->slot, NULL, &result),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_admin_repair_token(world->app, world->slot, &request, NULL),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_admin_rekey_token(world->app, world->slot, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_admin_check_token(world->app, 4711, &request, &result),
                     CKR_SLOT_ID_INVALID);
    request.flags = 0x80;
    assert_int_equal(kk_admin_check_token(world->app, world->slot, &request, &result),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_admin_repair_token(world->app, world->slot, &request, &result),
                     CKR_ARGUMENTS_BAD);
    request.flags = CKF_KEYKIST_RECOVERY_ON | CKF_KEYKIST_RECOVERY_OFF;
    assert_int_equal(kk_admin_rekey_token(world->app, world->slot, &request), CKR_ARGUMENTS_BAD);
    request.flags = 0;
    request.pin_len = 256;
    assert_int_equal(kk_admin_rekey_token(world->app, world->slot, &request), CKR_PIN_LEN_RANGE);
    request.pin_len = (CK_ULONG)-1;
    assert_int_equal(kk_admin_check_token(world->app, world->slot, &request, &result),
                     CKR_PIN_LEN_RANGE);
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(world->app, true, false, &slots, &count));
    request.pin_len = 4;
    assert_int_equal(kk_admin_check_token(world->app, slots[count - 1], &request, &result),
                     CKR_TOKEN_NOT_RECOGNIZED);
    kk_free(slots);
    CK_KEYKIST_TOKEN_INFO info;
    assert_int_equal(kk_admin_token_info(world->app, world->slot, NULL), CKR_ARGUMENTS_BAD);
    assert_ok(kk_admin_token_info(world->app, world->slot, &info));
    assert_memory_equal(info.kind, "sealed          ", sizeof info.kind);
    assert_int_equal(info.flags, CKF_KEYKIST_SO_RECOVERY);
}

static void test_a_session_stands_in_the_way(void **state)
{
    struct world *world = *state;
    struct heard heard = {0};
    CK_KEYKIST_RESULT result = {0};
    CK_KEYKIST_REQUEST request = request_of(&heard);
    (void)make_aes(world, CK_TRUE);
    assert_int_equal(kk_admin_rekey_token(world->app, world->slot, &request), CKR_SESSION_EXISTS);
    assert_ok(kk_admin_check_token(world->app, world->slot, &request, &result));
    assert_int_equal(result.private_objects + result.public_objects, 1);
    assert_int_equal(heard.findings, 0);
    assert_true(heard.progress > 0);
    request.flags = CKF_KEYKIST_REPLACE;
    assert_int_equal(kk_admin_repair_token(world->app, world->slot, &request, &result),
                     CKR_SESSION_EXISTS);
}

/* Keys stay usable; the other application has to log in anew. */
static void test_rekey_ends_other_logins(void **state)
{
    struct world *world = *state;
    struct heard heard = {0};
    struct kk_app *other = NULL;
    CK_KEYKIST_REQUEST request = request_of(&heard);
    (void)make_aes(world, CK_TRUE);
    end_session(world);
    assert_ok(kk_app_new(world->engine, &other));
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(other, true, false, &slots, &count));
    CK_SESSION_HANDLE session = open_session(other, slots[0]);
    assert_ok(login(other, session, CKU_USER, "1234"));
    assert_ok(kk_admin_rekey_token(world->app, world->slot, &request));
    assert_true(heard.progress > 0);
    CK_OBJECT_HANDLE key = 0;
    assert_int_equal(kk_api_C_FindObjectsInit(other, session, NULL, 0), CKR_SESSION_HANDLE_INVALID);
    session = open_session(other, slots[0]);
    assert_ok(login(other, session, CKU_USER, "1234"));
    assert_ok(kk_api_C_FindObjectsInit(other, session, NULL, 0));
    CK_ULONG found_count = 0;
    assert_ok(kk_api_C_FindObjects(other, session, &key, 1, &found_count));
    assert_int_equal(found_count, 1);
    assert_ok(kk_api_C_FindObjectsFinal(other, session));
    assert_ok(sign_init(other, session, key));
    kk_free(slots);
    kk_app_free(other);
}

static void test_a_watcher_stops_a_rekey_and_it_goes_on(void **state)
{
    struct world *world = *state;
    struct heard heard = {.answer = CKR_FUNCTION_CANCELED};
    CK_KEYKIST_REQUEST request = request_of(&heard);
    CK_KEYKIST_TOKEN_INFO info;
    (void)make_aes(world, CK_TRUE);
    end_session(world);
    assert_int_equal(kk_admin_rekey_token(world->app, world->slot, &request),
                     CKR_FUNCTION_CANCELED);
    assert_ok(kk_admin_token_info(world->app, world->slot, &info));
    assert_int_equal(info.flags, CKF_KEYKIST_SO_RECOVERY | CKF_KEYKIST_REKEY_PENDING);
    heard.answer = CKR_OK;
    request.so_pin = NULL;
    assert_ok(kk_admin_rekey_token(world->app, world->slot, &request));
    assert_ok(kk_admin_token_info(world->app, world->slot, &info));
    assert_int_equal(info.flags, CKF_KEYKIST_SO_RECOVERY);
    assert_int_equal(kk_admin_rekey_token(world->app, world->slot, &request), CKR_ARGUMENTS_BAD);
}

static size_t token_count(struct world *world)
{
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(world->app, true, false, &slots, &count));
    kk_free(slots);
    return count - 1; /* the empty slot */
}

static void test_repair_beside_and_in_place(void **state)
{
    struct world *world = *state;
    struct heard heard = {0};
    CK_KEYKIST_RESULT result = {0};
    CK_KEYKIST_REQUEST request = request_of(&heard);
    CK_TOKEN_INFO info;
    (void)make_aes(world, CK_TRUE);
    end_session(world);
    assert_ok(kk_api_C_GetTokenInfo(world->app, world->slot, &info));
    assert_ok(kk_admin_repair_token(world->app, world->slot, &request, &result));
    assert_int_equal(result.private_objects + result.public_objects, 1);
    assert_memory_not_equal(result.serial, info.serialNumber, sizeof result.serial);
    assert_int_equal(token_count(world), 2);
    request.flags = CKF_KEYKIST_REPLACE;
    assert_ok(kk_admin_repair_token(world->app, world->slot, &request, &result));
    assert_memory_equal(result.serial, info.serialNumber, sizeof result.serial);
    assert_int_equal(token_count(world), 2);
    request.pin_len = 3;
    request.flags = 0;
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(world->app, true, false, &slots, &count));
    assert_int_equal(kk_admin_repair_token(world->app, slots[0], &request, &result),
                     CKR_PIN_INCORRECT);
    kk_free(slots);
    assert_int_equal(token_count(world), 2); /* nothing came of it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_session_stands_in_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rekey_ends_other_logins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_watcher_stops_a_rekey_and_it_goes_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_repair_beside_and_in_place, setup, teardown),
    };
    return cmocka_run_group_tests_name("admin_whole", tests, NULL, NULL);
}
