/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attribute sets.
 */
#include "object_test.h"

#include "base/memory.h"

static struct kk_attrs *new_attrs(void)
{
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    return attrs;
}

static struct kk_attrs *sample(void)
{
    struct kk_attrs *attrs = new_attrs();
    struct kk_attrs *nested = new_attrs();
    uint64_t mechanisms[] = {1, UINT64_MAX};
    assert_ok(kk_attrs_set_flag(nested, CKA_SENSITIVE, true));
    assert_ok(kk_attrs_set_template(attrs, CKA_WRAP_TEMPLATE, nested));
    assert_ok(kk_attrs_set_mechanisms(attrs, CKA_ALLOWED_MECHANISMS, mechanisms, 2));
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, KK_SPAN_TEXT("secret")));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, KK_SPAN_TEXT("label")));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_SECRET_KEY));
    assert_ok(kk_attrs_set_flag(attrs, CKA_TOKEN, true));
    assert_ok(kk_attrs_set_raw(attrs, 0x80000001, 99, KK_SPAN_TEXT("later")));
    kk_attrs_free(nested);
    return attrs;
}

static void test_rows_are_sorted_whatever_the_order_they_come_in(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    assert_int_equal(attrs->count, 7);
    for (size_t i = 1; i < attrs->count; i++) {
        assert_true(attrs->rows[i - 1].type < attrs->rows[i].type);
    }
    kk_attrs_free(attrs);
}

static void test_find_gives_what_was_set_and_null_for_the_rest(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    assert_true(kk_attrs_flag(attrs, CKA_TOKEN, false));
    assert_int_equal(kk_attrs_number(attrs, CKA_CLASS, 77), CKO_SECRET_KEY);
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_LABEL), KK_SPAN_TEXT("label")));
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_VALUE), KK_SPAN_TEXT("secret")));
    assert_null(kk_attrs_find(attrs, CKA_ID));
    assert_null(kk_attrs_find(NULL, CKA_ID));
    assert_false(kk_attrs_has(attrs, CKA_ID));
    kk_attrs_free(attrs);
}

static void test_an_absent_or_mistyped_value_counts_as_told(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    assert_true(kk_attrs_flag(attrs, CKA_PRIVATE, true));
    assert_false(kk_attrs_flag(attrs, CKA_LABEL, false));
    assert_int_equal(kk_attrs_number(attrs, CKA_TOKEN, 77), 77);
    assert_int_equal(kk_attrs_bytes(attrs, CKA_TOKEN).len, 0);
    kk_attrs_free(attrs);
}

static void test_setting_again_replaces(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    size_t count = attrs->count;
    assert_ok(kk_attrs_set_bytes(attrs, CKA_VALUE, KK_SPAN_TEXT("open")));
    assert_ok(kk_attrs_set_flag(attrs, CKA_LABEL, true));
    assert_int_equal(attrs->count, count);
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_VALUE), KK_SPAN_TEXT("open")));
    assert_false(kk_attrs_find(attrs, CKA_VALUE)->is_secret);
    assert_true(kk_attrs_flag(attrs, CKA_LABEL, false));
    kk_attrs_free(attrs);
}

static void test_remove_takes_one_row_out(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    kk_attrs_remove(attrs, CKA_VALUE);
    kk_attrs_remove(attrs, CKA_VALUE);
    assert_int_equal(attrs->count, 6);
    assert_false(kk_attrs_has(attrs, CKA_VALUE));
    assert_true(kk_attrs_has(attrs, CKA_WRAP_TEMPLATE));
    kk_attrs_free(attrs);
}

static void test_a_duplicate_is_equal_and_its_own(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    struct kk_attrs *copy = NULL;
    assert_ok(kk_attrs_dup(attrs, &copy));
    assert_int_equal(copy->count, attrs->count);
    assert_true(kk_attrs_match(copy, attrs) && kk_attrs_match(attrs, copy));
    assert_true(kk_attrs_find(copy, CKA_VALUE)->is_secret);
    assert_ok(kk_attrs_set_flag(copy->rows[copy->count - 3].value.nested, CKA_SENSITIVE, false));
    kk_attrs_free(attrs);
    assert_true(kk_span_equal(kk_attrs_bytes(copy, CKA_LABEL), KK_SPAN_TEXT("label")));
    kk_attrs_free(copy);
}

static void test_equal_looks_at_kind_and_value(void **state)
{
    (void)state;
    struct kk_attrs *a = sample();
    struct kk_attrs *b = sample();
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            assert_int_equal(kk_attr_equal(&a->rows[i], &b->rows[j]), i == j);
        }
    }
    assert_ok(kk_attrs_set_bytes(b, CKA_VALUE, KK_SPAN_TEXT("secret")));
    assert_true(kk_attrs_match(a, b));
    assert_ok(kk_attrs_set_bytes(b, CKA_VALUE, KK_SPAN_TEXT("secreT")));
    assert_false(kk_attrs_match(a, b));
    kk_attrs_free(a);
    kk_attrs_free(b);
}

static void test_nested_sets_are_equal_only_with_the_same_rows(void **state)
{
    (void)state;
    struct kk_attrs *a = sample();
    struct kk_attrs *b = sample();
    struct kk_attrs *nested = new_attrs();
    assert_ok(kk_attrs_set_template(b, CKA_WRAP_TEMPLATE, nested));
    assert_false(kk_attrs_match(a, b));
    assert_false(kk_attrs_match(b, a));
    kk_attrs_free(nested);
    kk_attrs_free(a);
    kk_attrs_free(b);
}

static void test_a_match_wants_every_row(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    struct kk_attrs *wanted = new_attrs();
    assert_true(kk_attrs_match(attrs, wanted));
    assert_ok(kk_attrs_set_flag(wanted, CKA_TOKEN, true));
    assert_true(kk_attrs_match(attrs, wanted));
    assert_ok(kk_attrs_set_bytes(wanted, CKA_ID, KK_SPAN(NULL, 0)));
    assert_false(kk_attrs_match(attrs, wanted));
    kk_attrs_free(attrs);
    kk_attrs_free(wanted);
}

static void test_a_set_has_a_limit(void **state)
{
    (void)state;
    struct kk_attrs *attrs = new_attrs();
    for (CK_ULONG i = 0; i < KK_ATTRS_COUNT_MAX; i++) {
        assert_ok(kk_attrs_set_number(attrs, 2 * i, i));
    }
    assert_int_equal(kk_attrs_set_number(attrs, 1, 1), CKR_DEVICE_MEMORY);
    assert_int_equal(kk_attrs_set_bytes(attrs, 1, KK_SPAN_TEXT("x")), CKR_DEVICE_MEMORY);
    assert_ok(kk_attrs_set_bytes(attrs, 2, KK_SPAN_TEXT("x")));
    kk_attrs_free(attrs);
}

static void test_running_out_of_memory_leaves_the_set_whole(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long nth = 1; rv != CKR_OK; nth++) {
        struct kk_attrs *copy = NULL;
        kk_alloc_fail_at(nth);
        rv = kk_attrs_dup(attrs, &copy);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        assert_true((copy != NULL) == (rv == CKR_OK));
        kk_attrs_free(copy);
    }
    kk_attrs_free(attrs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_sorted_whatever_the_order_they_come_in),
        cmocka_unit_test(test_find_gives_what_was_set_and_null_for_the_rest),
        cmocka_unit_test(test_an_absent_or_mistyped_value_counts_as_told),
        cmocka_unit_test(test_setting_again_replaces),
        cmocka_unit_test(test_remove_takes_one_row_out),
        cmocka_unit_test(test_a_duplicate_is_equal_and_its_own),
        cmocka_unit_test(test_equal_looks_at_kind_and_value),
        cmocka_unit_test(test_nested_sets_are_equal_only_with_the_same_rows),
        cmocka_unit_test(test_a_match_wants_every_row),
        cmocka_unit_test(test_a_set_has_a_limit),
        cmocka_unit_test(test_running_out_of_memory_leaves_the_set_whole),
    };
    return cmocka_run_group_tests(tests, NULL, no_secret_is_left);
}
