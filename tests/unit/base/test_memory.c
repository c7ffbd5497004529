/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/memory.h"

#include <limits.h>

static void test_alloc_gives_zeroed_memory(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) uint8_t *bytes = NULL;
    assert_int_equal(kk_alloc(100, &bytes), CKR_OK);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static void test_alloc_of_nothing_gives_a_pointer(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) uint8_t *bytes = NULL;
    assert_int_equal(kk_alloc(0, &bytes), CKR_OK);
    assert_non_null(bytes);
    bytes[0] = 1;
}

static void test_sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    int untouched = 0;
    int *pointer = &untouched;
    assert_int_equal(kk_alloc(SIZE_MAX, &pointer), CKR_HOST_MEMORY);
    assert_int_equal(kk_alloc((size_t)PTRDIFF_MAX + 1, &pointer), CKR_HOST_MEMORY);
    assert_int_equal(kk_alloc_array(SIZE_MAX / 2, 3, &pointer), CKR_HOST_MEMORY);
    assert_int_equal(kk_realloc_array(&pointer, SIZE_MAX / 2, 3), CKR_HOST_MEMORY);
    assert_int_equal(kk_memdup("", SIZE_MAX, &pointer), CKR_HOST_MEMORY);
    assert_ptr_equal(pointer, &untouched);

    size_t sum = 42;
    assert_false(kk_add(SIZE_MAX, 1, &sum));
    assert_false(kk_mul(SIZE_MAX, 2, &sum));
    assert_int_equal(sum, 42);
    assert_true(kk_add(40, 3, &sum));
    assert_int_equal(sum, 43);
    assert_true(kk_mul(6, 7, &sum));
    assert_int_equal(sum, 42);
}

static void test_realloc_keeps_the_contents(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) uint32_t *numbers = NULL;
    assert_int_equal(kk_realloc_array(&numbers, 4, sizeof *numbers), CKR_OK);
    for (uint32_t i = 0; i < 4; i++) {
        numbers[i] = i;
    }
    assert_int_equal(kk_realloc_array(&numbers, 1000, sizeof *numbers), CKR_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(numbers[i], i);
    }
    assert_int_equal(kk_realloc_array(&numbers, 0, sizeof *numbers), CKR_OK);
    assert_non_null(numbers);
}

static void test_copies_end_with_a_zero_byte(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) uint8_t *bytes = NULL;
    KK_CLEANUP(kk_freep) uint8_t *nothing = NULL;
    KK_CLEANUP(kk_freep) char *text = NULL;
    assert_int_equal(kk_memdup("abc", 2, &bytes), CKR_OK);
    assert_memory_equal(bytes, "ab", 3);
    assert_int_equal(kk_memdup(NULL, 0, &nothing), CKR_OK);
    assert_int_equal(nothing[0], 0);
    assert_int_equal(kk_strdup("text", &text), CKR_OK);
    assert_string_equal(text, "text");
}

static void test_the_nth_allocation_fails_and_only_that(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) char *first = NULL;
    KK_CLEANUP(kk_freep) char *second = NULL;
    KK_CLEANUP(kk_freep) char *third = NULL;
    kk_alloc_fail_at(2);
    CK_RV one = kk_strdup("one", &first);
    CK_RV two = kk_strdup("two", &second);
    CK_RV three = kk_alloc(3, &third);
    unsigned long count = kk_alloc_count();
    kk_alloc_fail_at(0);
    assert_int_equal(one, CKR_OK);
    assert_int_equal(two, CKR_HOST_MEMORY);
    assert_int_equal(three, CKR_OK);
    assert_null(second);
    assert_int_equal(count, 3);
}

static void test_a_failed_realloc_leaves_the_old_memory(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) char *text = NULL;
    assert_int_equal(kk_strdup("kept", &text), CKR_OK);
    const char *before = text;
    kk_alloc_fail_at(1);
    CK_RV rv = kk_realloc_array(&text, 1000, 1);
    kk_alloc_fail_at(0);
    assert_int_equal(rv, CKR_HOST_MEMORY);
    assert_ptr_equal(text, before);
    assert_string_equal(text, "kept");
}

static void test_ulongs_that_are_no_size_are_refused(void **state)
{
    (void)state;
    size_t size = 5;
    assert_int_equal(kk_ulong_to_size(CK_UNAVAILABLE_INFORMATION, CKR_DATA_LEN_RANGE, &size),
                     CKR_DATA_LEN_RANGE);
    assert_int_equal(kk_ulong_to_size(PTRDIFF_MAX, CKR_ARGUMENTS_BAD, &size),
                     SIZE_MAX > UINT32_MAX ? CKR_ARGUMENTS_BAD : CKR_OK);
    size = 5;
    assert_int_equal(kk_ulong_to_size((CK_ULONG)KK_MEMORY_MAX + 1, CKR_ARGUMENTS_BAD, &size),
                     CKR_ARGUMENTS_BAD);
    assert_int_equal(size, 5);
    assert_int_equal(kk_ulong_to_size(KK_MEMORY_MAX, CKR_ARGUMENTS_BAD, &size), CKR_OK);
    assert_int_equal(size, KK_MEMORY_MAX);
}

static void test_comparisons(void **state)
{
    (void)state;
    assert_true(kk_ct_equal(NULL, NULL, 0));
    assert_true(kk_ct_equal("abc", "abd", 2));
    assert_false(kk_ct_equal("abc", "abd", 3));
    assert_false(kk_ct_equal("\x80"
                             "bc",
                             "abc", 3));
    assert_true(kk_mem_equal("abc", 3, "abc", 3));
    assert_true(kk_mem_equal(NULL, 0, "", 0));
    assert_false(kk_mem_equal("abc", 3, "abc", 2));
    assert_false(kk_mem_equal("abc", 3, "abd", 3));
}

/* Every single bit of difference counts. */
static void test_ct_equal_sees_each_bit(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(kk_ct_equal(a, b, sizeof a));
        b[bit / 8] = 0;
    }
    assert_true(kk_ct_equal(a, b, sizeof a));
}

static void test_wipe(void **state)
{
    (void)state;
    uint8_t bytes[5] = {1, 2, 3, 4, 5};
    kk_wipe(bytes + 1, 3);
    assert_memory_equal(bytes, "\1\0\0\0\5", 5);
    kk_wipe(NULL, 0);
    kk_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_gives_zeroed_memory),
        cmocka_unit_test(test_alloc_of_nothing_gives_a_pointer),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
        cmocka_unit_test(test_realloc_keeps_the_contents),
        cmocka_unit_test(test_copies_end_with_a_zero_byte),
        cmocka_unit_test(test_the_nth_allocation_fails_and_only_that),
        cmocka_unit_test(test_a_failed_realloc_leaves_the_old_memory),
        cmocka_unit_test(test_ulongs_that_are_no_size_are_refused),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_ct_equal_sees_each_bit),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
