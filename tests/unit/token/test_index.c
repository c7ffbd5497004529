/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/index.c: objects in memory, found by what they are.
 */
#include "sealed_test.h"

#include "token/index.h"

static struct kk_object *object_of(const struct kk_uuid *uuid, const char *label, const char *id)
{
    struct kk_attrs *attrs = data_attrs(false, label, "x");
    struct kk_object *object = NULL;
    assert_ok(kk_attrs_set_bytes(attrs, CKA_ID, text_span(id)));
    assert_ok(kk_object_new(uuid, 1, attrs, &object));
    return object;
}

/* The index keeps the only reference. */
static struct kk_uuid add(struct kk_index *index, const char *label, const char *id)
{
    struct kk_uuid uuid = new_uuid();
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = object_of(&uuid, label, id);
    assert_ok(kk_index_add(index, object));
    return uuid;
}

struct found {
    struct kk_uuid uuids[64];
    size_t count;
    CK_RV rv;
};

static CK_RV collect(struct kk_object *object, void *context)
{
    struct found *found = context;
    found->uuids[found->count++] = object->uuid;
    return found->rv;
}

static size_t find(struct kk_index *index, const char *label, const char *id, struct found *found)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    *found = (struct found){.rv = CKR_OK};
    assert_ok(kk_attrs_new(&tmpl));
    if (label != NULL) {
        assert_ok(kk_attrs_set_bytes(tmpl, CKA_LABEL, text_span(label)));
    }
    if (id != NULL) {
        assert_ok(kk_attrs_set_bytes(tmpl, CKA_ID, text_span(id)));
    }
    assert_ok(kk_index_find(index, tmpl, collect, found));
    return found->count;
}

static void test_objects_are_found_in_the_order_of_arrival(void **state)
{
    (void)state;
    KK_CLEANUP(kk_index_freep) struct kk_index *index = NULL;
    struct kk_uuid uuids[30];
    struct found found;
    assert_ok(kk_index_new(&index));
    for (size_t i = 0; i < KK_ARRAY_LEN(uuids); i++) {
        uuids[i] = add(index, i % 2 == 0 ? "even" : "odd", i % 3 == 0 ? "three" : "other");
    }
    assert_int_equal(kk_index_count(index), 30);
    assert_int_equal(find(index, NULL, NULL, &found), 30);
    for (size_t i = 0; i < 30; i++) {
        assert_true(kk_uuid_equal(&found.uuids[i], &uuids[i]));
    }
    assert_int_equal(find(index, "even", NULL, &found), 15);
    assert_int_equal(find(index, NULL, "three", &found), 10);
    assert_int_equal(find(index, "even", "three", &found), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(kk_uuid_equal(&found.uuids[i], &uuids[6 * i]));
    }
    assert_int_equal(find(index, "neither", NULL, &found), 0);
}

static void test_removed_objects_are_not_found(void **state)
{
    (void)state;
    KK_CLEANUP(kk_index_freep) struct kk_index *index = NULL;
    struct kk_uuid uuids[10];
    struct found found;
    assert_ok(kk_index_new(&index));
    for (size_t i = 0; i < KK_ARRAY_LEN(uuids); i++) {
        uuids[i] = add(index, "same", "id");
    }
    assert_true(kk_index_remove(index, &uuids[0]));
    assert_true(kk_index_remove(index, &uuids[9]));
    assert_true(kk_index_remove(index, &uuids[5]));
    assert_false(kk_index_remove(index, &uuids[5]));
    assert_null(kk_index_get(index, &uuids[5]));
    assert_non_null(kk_index_get(index, &uuids[6]));
    assert_int_equal(find(index, "same", NULL, &found), 7);
    assert_int_equal(find(index, NULL, NULL, &found), 7);
    assert_true(kk_uuid_equal(&found.uuids[0], &uuids[1]));
    assert_true(kk_uuid_equal(&found.uuids[6], &uuids[8]));
}

static void test_a_new_version_takes_the_place_of_the_old(void **state)
{
    (void)state;
    KK_CLEANUP(kk_index_freep) struct kk_index *index = NULL;
    struct found found;
    assert_ok(kk_index_new(&index));
    struct kk_uuid uuid = add(index, "old", "id");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *changed = object_of(&uuid, "new", "id");
    assert_ok(kk_index_add(index, changed));
    assert_int_equal(kk_index_count(index), 1);
    assert_ptr_equal(kk_index_get(index, &uuid), changed);
    assert_int_equal(find(index, "old", NULL, &found), 0);
    assert_int_equal(find(index, "new", "id", &found), 1);
    assert_int_equal(find(index, NULL, NULL, &found), 1);
}

static void add_without_memory(size_t count)
{
    struct found found;
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long n = 1; rv != CKR_OK; n++) {
        KK_CLEANUP(kk_index_freep) struct kk_index *index = NULL;
        assert_ok(kk_index_new(&index));
        for (size_t i = 1; i < count; i++) {
            (void)add(index, "other", "id");
        }
        struct kk_uuid uuid = add(index, "old", "id");
        KK_CLEANUP(kk_object_unrefp) struct kk_object *changed = object_of(&uuid, "new", "id");
        kk_alloc_fail_at(n);
        rv = kk_index_add(index, changed);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        assert_int_equal(kk_index_count(index), count);
        assert_int_equal(find(index, rv == CKR_OK ? "new" : "old", NULL, &found), 1);
        assert_int_equal(find(index, "other", NULL, &found), count - 1);
        assert_true(n < 50);
    }
}

static void test_no_memory_loses_nothing(void **state)
{
    (void)state;
    add_without_memory(12); /* of 16: the next one grows the map */
    add_without_memory(16); /* the next one grows the lists */
}

static void test_many_are_found_in_the_order_of_arrival(void **state)
{
    (void)state;
    KK_CLEANUP(kk_index_freep) struct kk_index *index = NULL;
    struct kk_uuid first[40];
    struct found found;
    char label[16];
    assert_ok(kk_index_new(&index));
    for (unsigned i = 0; i < 2000; i++) {
        (void)snprintf(label, sizeof label, "%u", i % 50);
        struct kk_uuid uuid = add(index, label, "id");
        if (i % 50 == 7) {
            first[i / 50] = uuid;
        }
    }
    assert_int_equal(find(index, "7", "id", &found), 40);
    for (size_t i = 0; i < 40; i++) {
        assert_true(kk_uuid_equal(&found.uuids[i], &first[i]));
        assert_true(kk_index_remove(index, &first[i]));
    }
    assert_int_equal(find(index, "7", NULL, &found), 0);
    assert_int_equal(find(index, "8", NULL, &found), 40);
}

static void test_a_visit_may_end_the_search(void **state)
{
    (void)state;
    KK_CLEANUP(kk_index_freep) struct kk_index *index = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    struct found found = {.rv = CKR_HOST_MEMORY};
    assert_ok(kk_index_new(&index));
    (void)add(index, "a", "b");
    (void)add(index, "a", "b");
    assert_ok(kk_attrs_new(&tmpl));
    assert_rv(kk_index_find(index, tmpl, collect, &found), CKR_HOST_MEMORY);
    assert_int_equal(found.count, 1);
}

/* A label of a kind that no column is made of is compared, not refused. */
static void test_odd_kinds_are_compared(void **state)
{
    (void)state;
    KK_CLEANUP(kk_index_freep) struct kk_index *index = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    struct kk_uuid uuid = new_uuid();
    struct kk_attrs *attrs = data_attrs(false, "x", "x");
    struct found found;
    assert_ok(kk_attrs_set_raw(attrs, CKA_LABEL, 77, text_span("from the future")));
    assert_ok(kk_object_new(&uuid, 1, attrs, &object));
    assert_ok(kk_index_new(&index));
    assert_ok(kk_index_add(index, object));
    assert_int_equal(find(index, "from the future", NULL, &found), 0);
    assert_int_equal(find(index, NULL, NULL, &found), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_are_found_in_the_order_of_arrival),
        cmocka_unit_test(test_many_are_found_in_the_order_of_arrival),
        cmocka_unit_test(test_removed_objects_are_not_found),
        cmocka_unit_test(test_a_new_version_takes_the_place_of_the_old),
        cmocka_unit_test(test_no_memory_loses_nothing),
        cmocka_unit_test(test_a_visit_may_end_the_search),
        cmocka_unit_test(test_odd_kinds_are_compared),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
