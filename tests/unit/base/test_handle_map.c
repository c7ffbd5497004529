/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/handle_map.h"
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>

static char values[1000];

static void test_find_gives_what_was_added(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 0;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *map = NULL;
    assert_int_equal(kk_handle_map_new(&counter, &map), CKR_OK);
    CK_ULONG handles[KK_ARRAY_LEN(values)];
    for (size_t i = 0; i < KK_ARRAY_LEN(values); i++) {
        assert_int_equal(kk_handle_map_add(map, &values[i], &handles[i]), CKR_OK);
        assert_int_not_equal(handles[i], 0);
    }
    assert_int_equal(kk_handle_map_count(map), KK_ARRAY_LEN(values));
    for (size_t i = 0; i < KK_ARRAY_LEN(values); i++) {
        assert_ptr_equal(kk_handle_map_find(map, handles[i]), &values[i]);
    }
    assert_null(kk_handle_map_find(map, 0));
    assert_null(kk_handle_map_find(map, handles[KK_ARRAY_LEN(values) - 1] + 1));
    assert_null(kk_handle_map_find(map, CK_UNAVAILABLE_INFORMATION));
}

static void test_a_removed_handle_is_gone_for_good(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 0;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *map = NULL;
    assert_int_equal(kk_handle_map_new(&counter, &map), CKR_OK);
    CK_ULONG first = 0;
    CK_ULONG second = 0;
    assert_int_equal(kk_handle_map_add(map, &values[0], &first), CKR_OK);
    assert_ptr_equal(kk_handle_map_remove(map, first), &values[0]);
    assert_null(kk_handle_map_remove(map, first));
    assert_null(kk_handle_map_remove(map, 0));
    assert_null(kk_handle_map_find(map, first));
    assert_int_equal(kk_handle_map_count(map), 0);
    assert_int_equal(kk_handle_map_add(map, &values[0], &second), CKR_OK);
    assert_true(second > first);
}

static void test_two_maps_of_one_counter_share_no_handle(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 0;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *sessions = NULL;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *objects = NULL;
    assert_int_equal(kk_handle_map_new(&counter, &sessions), CKR_OK);
    assert_int_equal(kk_handle_map_new(&counter, &objects), CKR_OK);
    for (size_t i = 0; i < 500; i++) {
        CK_ULONG session = 0;
        CK_ULONG object = 0;
        assert_int_equal(kk_handle_map_add(sessions, &values[i], &session), CKR_OK);
        assert_int_equal(kk_handle_map_add(objects, &values[i], &object), CKR_OK);
        assert_null(kk_handle_map_find(objects, session));
        assert_null(kk_handle_map_find(sessions, object));
    }
}

/* Against an array that says which handle maps to what, with additions and removals mixed. */
static void test_a_long_mixed_life(void **state)
{
    (void)state;
    enum { STEPS = 200000 };
    _Atomic uint64_t counter = 0;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *map = NULL;
    KK_CLEANUP(kk_freep) void **model = NULL;
    assert_int_equal(kk_handle_map_new(&counter, &map), CKR_OK);
    assert_int_equal(kk_alloc_array(STEPS + 1, sizeof *model, &model), CKR_OK);
    uint64_t random = 88172645463325252U;
    size_t alive = 0;
    CK_ULONG last = 0;
    for (size_t step = 0; step < STEPS; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        CK_ULONG old = last > 0 ? (CK_ULONG)(random % last) + 1 : 0;
        if (random >> 60 < 9) {
            void *value = &values[step % KK_ARRAY_LEN(values)];
            assert_int_equal(kk_handle_map_add(map, value, &last), CKR_OK);
            model[last] = value;
            alive++;
        } else if (old != 0) {
            alive -= model[old] != NULL;
            assert_ptr_equal(kk_handle_map_remove(map, old), model[old]);
            model[old] = NULL;
        }
        if (old != 0) {
            assert_ptr_equal(kk_handle_map_find(map, old), model[old]);
        }
    }
    assert_int_equal(kk_handle_map_count(map), alive);
    for (CK_ULONG handle = 1; handle <= last; handle++) {
        assert_ptr_equal(kk_handle_map_find(map, handle), model[handle]);
    }
}

/* A million handles come and go while a few stay: memory and probing do not grow. */
static void test_a_million_additions_and_removals(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 0;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *map = NULL;
    assert_int_equal(kk_handle_map_new(&counter, &map), CKR_OK);
    CK_ULONG stays[5];
    for (size_t i = 0; i < KK_ARRAY_LEN(stays); i++) {
        assert_int_equal(kk_handle_map_add(map, &values[i], &stays[i]), CKR_OK);
    }
    CK_ULONG handle = 0;
    kk_alloc_fail_at(~0UL);
    for (size_t i = 0; i < 1000000; i++) {
        CK_RV rv = kk_handle_map_add(map, &values[0], &handle);
        if (rv != CKR_OK || kk_handle_map_remove(map, handle) != &values[0]) {
            fail();
        }
    }
    unsigned long allocations = kk_alloc_count();
    kk_alloc_fail_at(0);
    assert_int_equal(handle, 1000005);
    assert_true(allocations <= 1);
    for (size_t i = 0; i < KK_ARRAY_LEN(stays); i++) {
        assert_ptr_equal(kk_handle_map_find(map, stays[i]), &values[i]);
    }
}

struct visits {
    size_t count;
    CK_ULONG remove_multiple_of; /* 0: none, 1: all */
};

static bool visit(CK_ULONG handle, void *value, void *context)
{
    struct visits *visits = context;
    visits->count++;
    assert_non_null(value);
    return visits->remove_multiple_of == 0 || handle % visits->remove_multiple_of != 0;
}

static void test_each_visits_once_and_removes_what_it_is_told_to(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 0;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *map = NULL;
    assert_int_equal(kk_handle_map_new(&counter, &map), CKR_OK);
    CK_ULONG handle = 0;
    for (size_t i = 0; i < 999; i++) {
        assert_int_equal(kk_handle_map_add(map, &values[i], &handle), CKR_OK);
    }
    struct visits visits = {0};
    kk_handle_map_each(map, visit, &visits);
    assert_int_equal(visits.count, 999);
    assert_int_equal(kk_handle_map_count(map), 999);

    visits = (struct visits){.remove_multiple_of = 3};
    kk_handle_map_each(map, visit, &visits);
    assert_int_equal(visits.count, 999);
    assert_int_equal(kk_handle_map_count(map), 666);
    for (CK_ULONG i = 1; i <= 999; i++) {
        assert_ptr_equal(kk_handle_map_find(map, i), i % 3 == 0 ? NULL : &values[i - 1]);
    }

    visits = (struct visits){.remove_multiple_of = 1};
    kk_handle_map_each(map, visit, &visits);
    assert_int_equal(visits.count, 666);
    assert_int_equal(kk_handle_map_count(map), 0);
    kk_handle_map_each(map, visit, &visits);
    assert_int_equal(visits.count, 666);
}

static void test_numbers_run_out_without_reuse(void **state)
{
    (void)state;
    _Atomic uint64_t counter = (uint64_t)CK_UNAVAILABLE_INFORMATION - 2;
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *map = NULL;
    assert_int_equal(kk_handle_map_new(&counter, &map), CKR_OK);
    CK_ULONG handle = 0;
    assert_int_equal(kk_handle_map_add(map, &values[0], &handle), CKR_OK);
    assert_int_equal(handle, CK_UNAVAILABLE_INFORMATION - 1);
    assert_int_equal(kk_handle_map_add(map, &values[1], &handle), CKR_HOST_MEMORY);
    assert_int_equal(kk_handle_map_count(map), 1);
}

static void test_without_memory_nothing_is_lost(void **state)
{
    (void)state;
    _Atomic uint64_t counter = 0;
    struct kk_handle_map *map = NULL;
    for (unsigned long nth = 1; nth <= 2; nth++) {
        kk_alloc_fail_at(nth);
        CK_RV rv = kk_handle_map_new(&counter, &map);
        kk_alloc_fail_at(0);
        assert_int_equal(rv, CKR_HOST_MEMORY);
        assert_null(map);
    }
    assert_int_equal(kk_handle_map_new(&counter, &map), CKR_OK);
    CK_ULONG handle = 0;
    size_t added = 0;
    kk_alloc_fail_at(1);
    CK_RV rv = CKR_OK;
    while (rv == CKR_OK && added < KK_ARRAY_LEN(values)) {
        rv = kk_handle_map_add(map, &values[added], &handle);
        added += rv == CKR_OK;
    }
    kk_alloc_fail_at(0);
    assert_int_equal(rv, CKR_HOST_MEMORY);
    assert_int_equal(kk_handle_map_count(map), added);
    for (CK_ULONG i = 1; i <= added; i++) {
        assert_ptr_equal(kk_handle_map_find(map, i), &values[i - 1]);
    }
    assert_int_equal(kk_handle_map_add(map, &values[0], &handle), CKR_OK);
    kk_handle_map_free(map);
    kk_handle_map_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_gives_what_was_added),
        cmocka_unit_test(test_a_removed_handle_is_gone_for_good),
        cmocka_unit_test(test_two_maps_of_one_counter_share_no_handle),
        cmocka_unit_test(test_a_long_mixed_life),
        cmocka_unit_test(test_a_million_additions_and_removals),
        cmocka_unit_test(test_each_visits_once_and_removes_what_it_is_told_to),
        cmocka_unit_test(test_numbers_run_out_without_reuse),
        cmocka_unit_test(test_without_memory_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("handle_map", tests, NULL, NULL);
}
