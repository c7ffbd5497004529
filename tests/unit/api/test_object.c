/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments and lengths of the functions for objects and keys.
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

static void test_null_and_nonsense_are_refused(void **state)
{
    (void)state;
    struct kk_app *app = world.app;
    CK_SESSION_HANDLE session = world.session;
    CK_OBJECT_HANDLE handle = 0;
    CK_ULONG count = 0;
    CK_MECHANISM generate = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE bad = {CKA_LABEL, NULL, 4};
    assert_int_equal(kk_api_C_CreateObject(app, session, NULL, 1, &handle), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_CreateObject(app, session, &bad, 1, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_CreateObject(app, session, NULL, 0, &handle),
                     CKR_TEMPLATE_INCOMPLETE);
    assert_int_equal(kk_api_C_CreateObject(app, session, &bad, 1, &handle),
                     CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(kk_api_C_CreateObject(app, session, &bad, ~0UL, &handle),
                     CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(kk_api_C_GetObjectSize(app, session, 1, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GetAttributeValue(app, session, 1, NULL, 1), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_FindObjectsInit(app, session, NULL, 1), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_FindObjects(app, session, NULL, 1, &count), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_FindObjects(app, session, &handle, 1, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GenerateKey(app, session, &generate, NULL, 0, NULL),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_GenerateKey(app, session, NULL, NULL, 0, &handle), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_UnwrapKey(app, session, &generate, 1, NULL, 4, NULL, 0, &handle),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_WrapKey(app, session, &generate, 1, 1, NULL, NULL),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_api_C_DestroyObject(app, session, 0), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(kk_api_C_DestroyObject(app, 0, 0), CKR_SESSION_HANDLE_INVALID);
}

static void test_every_attribute_of_a_template_is_answered(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = make_aes(&world, CK_FALSE);
    CK_BYTE value[16];
    CK_ULONG number = 0;
    CK_ATTRIBUTE attributes[] = {
        {CKA_VALUE_LEN, &number, sizeof number},
        {CKA_MODULUS, value, sizeof value}, /* no such attribute of an AES key */
        {CKA_VALUE, value, 15},             /* too small */
        {CKA_VALUE, NULL, 0},               /* how long? */
        {CKA_VALUE, value, sizeof value},
    };
    CK_RV rv = kk_api_C_GetAttributeValue(world.app, world.session, key, attributes,
                                          KK_ARRAY_LEN(attributes));
    assert_true(rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL);
    assert_int_equal(number, 16);
    assert_int_equal(attributes[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(attributes[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(attributes[3].ulValueLen, 16);
    assert_int_equal(attributes[4].ulValueLen, 16);
}

static void test_a_pair_of_which_one_template_is_wrong_is_not_made(void **state)
{
    (void)state;
    static CK_BYTE ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    CK_MECHANISM mechanism = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE curve = {CKA_EC_PARAMS, ed25519, sizeof ed25519};
    CK_ATTRIBUTE wrong = {CKA_MODULUS_BITS, ed25519, 1};
    CK_OBJECT_HANDLE keys[2] = {0};
    CK_ULONG count = 0;
    assert_int_not_equal(kk_api_C_GenerateKeyPair(world.app, world.session, &mechanism, &curve, 1,
                                                  &wrong, 1, &keys[0], &keys[1]),
                         CKR_OK);
    assert_int_equal(kk_api_C_GenerateKeyPair(world.app, world.session, &mechanism, &curve, 1, NULL,
                                              0, &keys[0], NULL),
                     CKR_ARGUMENTS_BAD);
    assert_ok(kk_api_C_FindObjectsInit(world.app, world.session, NULL, 0));
    assert_ok(kk_api_C_FindObjects(world.app, world.session, keys, 2, &count));
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_null_and_nonsense_are_refused),
        TEST(test_every_attribute_of_a_template_is_answered),
        TEST(test_a_pair_of_which_one_template_is_wrong_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
