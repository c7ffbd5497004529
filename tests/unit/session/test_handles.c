/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of handles: one per object, never given out twice.
 */
#include "support.h"

#include "session/handles.h"

static struct world world;
static struct kk_slot *slot;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    slot = world.app->slots[0];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static struct kk_uuid uuid_of(unsigned int number)
{
    struct kk_uuid uuid = {{0}};
    kk_store_u32(uuid.bytes + 4, number);
    return uuid;
}

static struct kk_object *new_object(unsigned int number, bool is_token, bool is_private)
{
    struct kk_attrs *attrs = NULL;
    struct kk_object *object = NULL;
    struct kk_uuid uuid = uuid_of(number);
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_DATA));
    assert_ok(kk_attrs_set_flag(attrs, CKA_TOKEN, is_token));
    assert_ok(kk_attrs_set_flag(attrs, CKA_PRIVATE, is_private));
    assert_ok(kk_object_new(&uuid, 0, attrs, &object));
    return object;
}

static struct kk_object *object_of(unsigned int number, bool is_private)
{
    return new_object(number, false, is_private);
}

static struct kk_object *token_object_of(unsigned int number)
{
    return new_object(number, true, false);
}

/* A session object of nobody's in index and table. */
static CK_OBJECT_HANDLE give(unsigned int number, bool is_private)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = object_of(number, is_private);
    CK_OBJECT_HANDLE handle = 0;
    KK_LOCK_SCOPE(&world.app->state_lock);
    assert_ok(kk_index_add(slot->session_objects, object));
    assert_ok(kk_handles_give(world.app, slot, NULL, object, 0, &handle));
    return handle;
}

static bool is_there(CK_OBJECT_HANDLE handle)
{
    KK_LOCK_SCOPE(&world.app->state_lock);
    return kk_handles_find(world.app, handle) != NULL;
}

static void test_an_object_has_one_handle(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE first = give(1, false);
    CK_OBJECT_HANDLE other = give(2, false);
    assert_int_not_equal(first, 0);
    assert_int_not_equal(first, other);
    assert_int_equal(give(1, false), first);
    KK_LOCK_SCOPE(&world.app->state_lock);
    assert_int_equal(kk_index_count(slot->session_objects), 2);
}

/* Each with a handle of its own; how many of their objects the application holds. */
static size_t held_of_token_objects(unsigned int first, unsigned int count)
{
    size_t held = 0;
    KK_LOCK_SCOPE(&world.app->state_lock);
    for (unsigned int i = first; i < first + count; i++) {
        struct kk_uuid uuid = uuid_of(i);
        struct kk_handle *entry = kk_handles_find_uuid(world.app, &uuid);
        assert_non_null(entry);
        held += entry->object != NULL;
    }
    return held;
}

static void give_token_object(unsigned int number)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = token_object_of(number);
    CK_OBJECT_HANDLE handle = 0;
    KK_LOCK_SCOPE(&world.app->state_lock);
    assert_ok(kk_handles_give(world.app, slot, NULL, object, 1, &handle));
}

static void test_objects_held_by_handles_are_bounded(void **state)
{
    (void)state;
    world.engine->config->cache_objects = 20;
    for (unsigned int i = 1; i <= 100; i++) {
        give_token_object(i);
    }
    assert_int_equal(held_of_token_objects(1, 80), 0);
    assert_int_equal(held_of_token_objects(81, 20), 20);
    /* Who has a place keeps it; who comes again takes that of the first; who goes leaves his. */
    give_token_object(90);
    assert_int_equal(held_of_token_objects(81, 20), 20);
    give_token_object(1);
    assert_int_equal(held_of_token_objects(1, 1), 1);
    assert_int_equal(held_of_token_objects(81, 20), 19);
    struct kk_uuid uuid = uuid_of(90);
    KK_LOCK_SCOPE(&world.app->state_lock);
    kk_handles_forget(world.app, kk_handles_find_uuid(world.app, &uuid));
}

/* A session object's only other place is the index: its handle never lets go of it. */
static void test_session_objects_are_always_held(void **state)
{
    (void)state;
    world.engine->config->cache_objects = 16;
    CK_OBJECT_HANDLE handle = give(1, false);
    for (unsigned int i = 2; i <= 100; i++) {
        give(i, false);
    }
    KK_LOCK_SCOPE(&world.app->state_lock);
    assert_non_null(kk_handles_find(world.app, handle)->object);
}

static void test_a_number_is_never_given_out_again(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE last = 0;
    for (unsigned int i = 0; i < 100; i++) {
        CK_OBJECT_HANDLE handle = give(1, false);
        assert_true(handle > last);
        last = handle;
        KK_LOCK_SCOPE(&world.app->state_lock);
        kk_handles_forget(world.app, kk_handles_find(world.app, handle));
    }
    assert_false(is_there(last));
}

static void test_forgetting_the_private_ones_leaves_the_others(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[64];
    for (unsigned int i = 0; i < KK_ARRAY_LEN(handles); i++) {
        handles[i] = give(i + 1, i % 3 == 0);
    }
    KK_WITH_LOCK(&world.app->state_lock)
    {
        kk_handles_forget_private(world.app, slot);
    }
    for (unsigned int i = 0; i < KK_ARRAY_LEN(handles); i++) {
        assert_int_equal(is_there(handles[i]), i % 3 != 0);
    }
    KK_LOCK_SCOPE(&world.app->state_lock);
    assert_int_equal(kk_index_count(slot->session_objects), 42);
    kk_handles_forget_slot(world.app, slot);
    assert_int_equal(kk_index_count(slot->session_objects), 0);
}

static void test_a_forgotten_session_object_is_destroyed(void **state)
{
    (void)state;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = object_of(7, false);
    CK_OBJECT_HANDLE handle = 0;
    KK_LOCK_SCOPE(&world.app->state_lock);
    assert_ok(kk_handles_give(world.app, slot, NULL, object, 0, &handle));
    kk_handles_forget(world.app, kk_handles_find(world.app, handle));
    assert_true(atomic_load(&object->destroyed));
    assert_null(kk_handles_find_uuid(world.app, &object->uuid));
}

static void test_without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = object_of(9, false);
    CK_RV rv = CKR_HOST_MEMORY;
    KK_LOCK_SCOPE(&world.app->state_lock);
    for (unsigned long n = 1; rv != CKR_OK; n++) {
        CK_OBJECT_HANDLE handle = 0;
        kk_alloc_fail_at(n);
        rv = kk_handles_give(world.app, slot, NULL, object, 0, &handle);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        assert_int_equal(kk_handles_find_uuid(world.app, &object->uuid) != NULL, rv == CKR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_an_object_has_one_handle),
        TEST(test_objects_held_by_handles_are_bounded),
        TEST(test_session_objects_are_always_held),
        TEST(test_a_number_is_never_given_out_again),
        TEST(test_forgetting_the_private_ones_leaves_the_others),
        TEST(test_a_forgotten_session_object_is_destroyed),
        TEST(test_without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
