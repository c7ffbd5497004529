/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many objects at once: all of them or none, with handles or without, under the rules of
 * C_CreateObject.
 */
#include "support.h"

#include <string.h>

#include "admin/admin.h"

#define COUNT 300

static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE aes = CKK_AES;
static CK_BYTE value[32] = {7};

/* AES keys named by their number. */
struct keys {
    CK_ATTRIBUTE attributes[COUNT][5];
    CK_ULONG numbers[COUNT];
    CK_KEYKIST_TEMPLATE templates[COUNT];
};

static void fill(struct keys *keys)
{
    for (CK_ULONG i = 0; i < COUNT; i++) {
        CK_ATTRIBUTE *attributes = keys->attributes[i];
        keys->numbers[i] = i;
        attributes[0] = (CK_ATTRIBUTE){CKA_CLASS, &secret_class, sizeof secret_class};
        attributes[1] = (CK_ATTRIBUTE){CKA_KEY_TYPE, &aes, sizeof aes};
        attributes[2] = (CK_ATTRIBUTE){CKA_TOKEN, &yes, 1};
        attributes[3] = (CK_ATTRIBUTE){CKA_ID, &keys->numbers[i], sizeof keys->numbers[i]};
        attributes[4] = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof value};
        keys->templates[i] = (CK_KEYKIST_TEMPLATE){attributes, 5};
    }
}

static CK_ULONG count_found(struct world *world, CK_OBJECT_HANDLE *objects, CK_ULONG max)
{
    CK_ULONG count = 0;
    CK_ATTRIBUTE tmpl = {CKA_CLASS, &secret_class, sizeof secret_class};
    assert_ok(kk_api_C_FindObjectsInit(world->app, world->session, &tmpl, 1));
    assert_ok(kk_api_C_FindObjects(world->app, world->session, objects, max, &count));
    assert_ok(kk_api_C_FindObjectsFinal(world->app, world->session));
    return count;
}

static void test_all_are_made(void **state)
{
    (void)state;
    static struct keys keys;
    static CK_OBJECT_HANDLE handles[COUNT];
    struct world world;
    CK_ULONG refused = 0;
    world_open(&world);
    fill(&keys);
    assert_ok(kk_admin_create_objects(world.app, world.session, keys.templates, COUNT, handles,
                                      &refused));
    assert_int_equal(refused, COUNT);
    for (CK_ULONG i = 0; i < COUNT; i++) {
        CK_ULONG id = 0;
        CK_ATTRIBUTE attribute = {CKA_ID, &id, sizeof id};
        assert_ok(kk_api_C_GetAttributeValue(world.app, world.session, handles[i], &attribute, 1));
        assert_int_equal(id, i);
    }
    assert_ok(
        kk_admin_create_objects(world.app, world.session, keys.templates, 100, NULL, &refused));
    static CK_OBJECT_HANDLE found[2 * COUNT];
    assert_int_equal(count_found(&world, found, 2 * COUNT), COUNT + 100);
    assert_ok(kk_admin_create_objects(world.app, world.session, NULL, 0, NULL, &refused));
    world_close(&world);
}

/* The one at `place` is spoilt by `attribute` in place of its ID. */
static void assert_refused(struct world *world, struct keys *keys, CK_ULONG place,
                           CK_ATTRIBUTE attribute, CK_RV expected)
{
    CK_ULONG refused = 0;
    CK_OBJECT_HANDLE found[4];
    fill(keys);
    keys->attributes[place][3] = attribute;
    assert_int_equal(
        kk_admin_create_objects(world->app, world->session, keys->templates, COUNT, NULL, &refused),
        expected);
    assert_int_equal(refused, place);
    assert_int_equal(count_found(world, found, 4), 0);
}

static void test_one_is_refused(void **state)
{
    (void)state;
    static struct keys keys;
    struct world world;
    world_open(&world);
    /* Found when it is copied, and when the rules look at it. */
    assert_refused(&world, &keys, 200, (CK_ATTRIBUTE){CKA_PRIVATE, &yes, 2},
                   CKR_ATTRIBUTE_VALUE_INVALID);
    assert_refused(&world, &keys, 299, (CK_ATTRIBUTE){CKA_LOCAL, &yes, 1}, CKR_ATTRIBUTE_READ_ONLY);
    fill(&keys);
    keys.attributes[0][2].pValue = &no;
    CK_ULONG refused = COUNT;
    assert_int_equal(
        kk_admin_create_objects(world.app, world.session, keys.templates, COUNT, NULL, &refused),
        CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(refused, 0);
    world_close(&world);
}

static void test_who_may(void **state)
{
    (void)state;
    static struct keys keys;
    struct world world;
    CK_ULONG refused = 0;
    world_open(&world);
    fill(&keys);
    assert_int_equal(kk_admin_create_objects(world.app, world.session + 1000, keys.templates, COUNT,
                                             NULL, &refused),
                     CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(
        kk_admin_create_objects(world.app, world.session, keys.templates, COUNT, NULL, NULL),
        CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_admin_create_objects(world.app, world.session, NULL, 1, NULL, &refused),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(
        kk_admin_create_objects(world.app, world.session, keys.templates, 100001, NULL, &refused),
        CKR_ARGUMENTS_BAD);
    CK_SESSION_HANDLE reading = 0;
    assert_ok(
        kk_api_C_OpenSession(world.app, world.slot, CKF_SERIAL_SESSION, NULL, NULL, &reading));
    assert_int_equal(
        kk_admin_create_objects(world.app, reading, keys.templates, COUNT, NULL, &refused),
        CKR_SESSION_READ_ONLY);
    assert_ok(kk_api_C_Logout(world.app, world.session));
    assert_int_equal(
        kk_admin_create_objects(world.app, world.session, keys.templates, COUNT, NULL, &refused),
        CKR_USER_NOT_LOGGED_IN);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_made),
        cmocka_unit_test(test_one_is_refused),
        cmocka_unit_test(test_who_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
