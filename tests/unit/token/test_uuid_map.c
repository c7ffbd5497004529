/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/uuid_map.c against a plain array.
 */
#include "sealed_test.h"

#include "token/uuid_map.h"

static struct kk_uuid numbered(uint32_t number)
{
    struct kk_uuid uuid = {{0}};
    kk_store_u32(uuid.bytes + 12, number);
    return uuid;
}

static void test_values_come_back_and_are_replaced(void **state)
{
    (void)state;
    struct kk_uuid_map *map = NULL;
    int values[2];
    void *old = values;
    struct kk_uuid uuid = numbered(7);
    assert_ok(kk_uuid_map_new(&map));
    assert_null(kk_uuid_map_get(map, &uuid));
    assert_null(kk_uuid_map_remove(map, &uuid));
    assert_ok(kk_uuid_map_put(map, &uuid, &values[0], &old));
    assert_null(old);
    assert_ok(kk_uuid_map_put(map, &uuid, &values[1], &old));
    assert_ptr_equal(old, &values[0]);
    assert_int_equal(kk_uuid_map_count(map), 1);
    assert_ptr_equal(kk_uuid_map_get(map, &uuid), &values[1]);
    assert_ptr_equal(kk_uuid_map_remove(map, &uuid), &values[1]);
    assert_int_equal(kk_uuid_map_count(map), 0);
    kk_uuid_map_free(map);
    kk_uuid_map_free(NULL);
}

#define NUMBERS 3000u

/* Many rounds of random puts and removals, over few enough uuids that they collide all the time. */
static void test_it_agrees_with_an_array(void **state)
{
    (void)state;
    struct kk_uuid_map *map = NULL;
    static char there[NUMBERS];
    size_t count = 0;
    assert_ok(kk_uuid_map_new(&map));
    memset(there, 0, sizeof there);
    for (uint32_t step = 0; step < 60000; step++) {
        uint32_t number = (uint32_t)((step * UINT64_C(2654435761)) >> 7) % NUMBERS;
        struct kk_uuid uuid = numbered(number);
        if ((step / 8000) % 2 == 0 && step % 5 != 0) {
            assert_ok(kk_uuid_map_put(map, &uuid, &there[number], NULL));
            count += there[number] == 0;
            there[number] = 1;
        } else {
            void *want = there[number] != 0 ? &there[number] : NULL;
            assert_ptr_equal(kk_uuid_map_remove(map, &uuid), want);
            count -= there[number] != 0;
            there[number] = 0;
        }
        assert_int_equal(kk_uuid_map_count(map), count);
    }
    for (uint32_t number = 0; number < NUMBERS; number++) {
        struct kk_uuid uuid = numbered(number);
        assert_ptr_equal(kk_uuid_map_get(map, &uuid), there[number] != 0 ? &there[number] : NULL);
    }
    kk_uuid_map_free(map);
}

static bool keep_marked(const struct kk_uuid *uuid, void *value, void *context)
{
    char *mark = value;
    size_t *visits = context;
    struct kk_uuid want = numbered(kk_load_u32(uuid->bytes + 12));
    assert_true(kk_uuid_equal(uuid, &want));
    ++*visits;
    return *mark == 'k';
}

static void test_visits_may_remove(void **state)
{
    (void)state;
    struct kk_uuid_map *map = NULL;
    static char marks[1000];
    size_t visits = 0;
    assert_ok(kk_uuid_map_new(&map));
    for (uint32_t i = 0; i < sizeof marks; i++) {
        struct kk_uuid uuid = numbered(i);
        marks[i] = i % 3 == 0 ? 'k' : 'r';
        assert_ok(kk_uuid_map_put(map, &uuid, &marks[i], NULL));
    }
    kk_uuid_map_each(map, keep_marked, &visits);
    assert_true(visits >= sizeof marks);
    assert_int_equal(kk_uuid_map_count(map), 334);
    for (uint32_t i = 0; i < sizeof marks; i++) {
        struct kk_uuid uuid = numbered(i);
        assert_ptr_equal(kk_uuid_map_get(map, &uuid), i % 3 == 0 ? &marks[i] : NULL);
    }
    kk_uuid_map_free(map);
}

static void test_no_memory_leaves_it_as_it_was(void **state)
{
    (void)state;
    struct kk_uuid_map *map = NULL;
    int value = 0;
    uint32_t put = 0;
    assert_ok(kk_uuid_map_new(&map));
    kk_alloc_fail_at(1);
    for (;; put++) {
        struct kk_uuid uuid = numbered(put);
        if (kk_uuid_map_put(map, &uuid, &value, NULL) != CKR_OK) {
            break;
        }
    }
    kk_alloc_fail_at(0);
    assert_int_equal(kk_uuid_map_count(map), put);
    for (uint32_t i = 0; i < put + 5; i++) {
        struct kk_uuid uuid = numbered(i);
        assert_ptr_equal(kk_uuid_map_get(map, &uuid), i < put ? &value : NULL);
    }
    kk_uuid_map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back_and_are_replaced),
        cmocka_unit_test(test_it_agrees_with_an_array),
        cmocka_unit_test(test_visits_may_remove),
        cmocka_unit_test(test_no_memory_leaves_it_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
