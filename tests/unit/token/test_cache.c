/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/cache.c: snapshots, answers to queries, parsed keys.
 */
#include "sealed_test.h"

#include "token/cache.h"

static struct kk_cache *cache_new(size_t objects, size_t keys)
{
    struct kk_cache *cache = NULL;
    assert_ok(kk_cache_new(objects, keys, &cache));
    return cache;
}

static struct kk_object *key_object(bool is_private)
{
    struct kk_attrs *attrs = data_attrs(is_private, "l", "x");
    struct kk_object *object = NULL;
    struct kk_uuid uuid = new_uuid();
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_SECRET_KEY));
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_TYPE, CKK_AES));
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, text_span("0123456789abcdef")));
    assert_ok(kk_object_new(&uuid, 1, attrs, &object));
    return object;
}

static void parse(struct kk_cache *cache, struct kk_object *object)
{
    struct kk_key *key = NULL;
    assert_ok(kk_object_key(object, crypto, &key));
    kk_key_unref(key);
    kk_cache_key_parsed(cache, object);
}

static bool knows(struct kk_cache *cache, const struct kk_object *object)
{
    uint64_t epoch = 0;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *got =
        kk_cache_object(cache, &object->uuid, &epoch);
    return got == object;
}

static void test_a_snapshot_comes_back_with_its_epoch(void **state)
{
    (void)state;
    struct kk_cache *cache = cache_new(100, 100);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = key_object(true);
    uint64_t epoch = 0;
    assert_null(kk_cache_object(cache, &object->uuid, &epoch));
    kk_cache_put(cache, object, 5);
    kk_cache_put(cache, object, 6);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *got =
        kk_cache_object(cache, &object->uuid, &epoch);
    assert_ptr_equal(got, object);
    assert_int_equal(epoch, 6);
    kk_cache_remove(cache, &object->uuid);
    kk_cache_remove(cache, &object->uuid);
    assert_false(knows(cache, object));
    kk_cache_free(cache);
    assert_int_equal(object->refs, 2);
}

static void test_a_full_cache_forgets(void **state)
{
    (void)state;
    struct kk_cache *cache = cache_new(16, 16);
    struct kk_object *objects[50];
    size_t known = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        objects[i] = key_object(false);
        kk_cache_put(cache, objects[i], 1);
        assert_true(knows(cache, objects[i]));
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        known += knows(cache, objects[i]);
    }
    assert_true(known > 0 && known <= 16);
    kk_cache_free(cache);
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        assert_int_equal(objects[i]->refs, 1);
        kk_object_unref(objects[i]);
    }
}

static void test_logging_out_forgets_what_is_private(void **state)
{
    (void)state;
    struct kk_cache *cache = cache_new(100, 100);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *mine = key_object(true);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *open = key_object(false);
    kk_cache_put(cache, mine, 1);
    kk_cache_put(cache, open, 1);
    parse(cache, mine);
    parse(cache, open);
    kk_cache_forget_private(cache);
    assert_false(knows(cache, mine));
    assert_true(knows(cache, open));
    assert_null(mine->key);
    assert_non_null(open->key);
    kk_cache_forget(cache);
    assert_false(knows(cache, open));
    assert_null(open->key);
    assert_int_equal(open->refs, 1);
    assert_int_equal(mine->refs, 1);
    kk_cache_free(cache);
}

/* Also one that the cache of snapshots has forgotten, or never had. */
static void test_logging_out_drops_keys_that_somebody_holds(void **state)
{
    (void)state;
    struct kk_cache *cache = cache_new(100, 100);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *mine = key_object(true);
    parse(cache, mine);
    kk_cache_forget_private(cache);
    assert_null(mine->key);
    kk_cache_free(cache);
}

static void test_an_old_version_loses_its_key(void **state)
{
    (void)state;
    struct kk_cache *cache = cache_new(100, 100);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *first = key_object(true);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *second = NULL;
    struct kk_attrs *copy = NULL;
    assert_ok(kk_attrs_dup(first->attrs, &copy));
    assert_ok(kk_object_new(&first->uuid, 2, copy, &second));
    kk_cache_put(cache, first, 1);
    parse(cache, first);
    kk_cache_put(cache, second, 2);
    assert_null(first->key);
    assert_int_equal(first->refs, 1);
    parse(cache, second);
    kk_cache_remove(cache, &second->uuid);
    assert_null(second->key);
    assert_int_equal(second->refs, 1);
    kk_cache_free(cache);
}

static void test_keys_stay_under_their_limit_and_used_ones_stay(void **state)
{
    (void)state;
    struct kk_cache *cache = cache_new(1000, 64);
    struct kk_object *objects[300];
    size_t parsed = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        objects[i] = key_object(true);
        parse(cache, objects[i]);
        atomic_store(&objects[0]->key_touched, true); /* in use all the time */
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        parsed += objects[i]->key != NULL;
    }
    assert_int_equal(parsed, 64);
    assert_non_null(objects[0]->key);
    assert_non_null(objects[299]->key);
    kk_cache_free(cache);
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        kk_object_unref(objects[i]);
    }
}

static void test_answers_hold_for_their_epoch_and_template(void **state)
{
    (void)state;
    struct kk_cache *cache = cache_new(100, 100);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *one = data_attrs(true, "one", "x");
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *two = data_attrs(true, "two", "x");
    struct kk_uuid uuids[3] = {new_uuid(), new_uuid(), new_uuid()};
    KK_CLEANUP(kk_uuid_list_clear) struct kk_uuid_list list = {0};
    assert_false(kk_cache_query(cache, one, true, 1, &list));
    kk_cache_query_put(cache, one, true, 1, uuids, 3);
    assert_true(kk_cache_query(cache, one, true, 1, &list));
    assert_int_equal(list.count, 3);
    assert_memory_equal(list.uuids, uuids, sizeof uuids);
    assert_false(kk_cache_query(cache, one, true, 2, &list));
    assert_false(kk_cache_query(cache, one, false, 1, &list));
    assert_false(kk_cache_query(cache, two, true, 1, &list));
    kk_cache_query_put(cache, two, true, 1, NULL, 0);
    assert_true(kk_cache_query(cache, two, true, 1, &list));
    assert_int_equal(list.count, 0);
    kk_cache_queries_clear(cache);
    assert_false(kk_cache_query(cache, one, true, 1, &list));
    kk_cache_free(cache);
    kk_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_snapshot_comes_back_with_its_epoch),
        cmocka_unit_test(test_a_full_cache_forgets),
        cmocka_unit_test(test_logging_out_forgets_what_is_private),
        cmocka_unit_test(test_logging_out_drops_keys_that_somebody_holds),
        cmocka_unit_test(test_an_old_version_loses_its_key),
        cmocka_unit_test(test_keys_stay_under_their_limit_and_used_ones_stay),
        cmocka_unit_test(test_answers_hold_for_their_epoch_and_template),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
