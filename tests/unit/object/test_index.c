/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Index values.
 */
#include "object_test.h"

#include "object/attr_type.h"

static struct kk_buffer value_of(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    struct kk_buffer value = {0};
    assert_ok(kk_index_value(kk_attrs_find(attrs, type), &value));
    return value;
}

static void test_columns_are_known_and_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_INDEX_COLUMNS; i++) {
        const struct kk_attr_type *type = kk_attr_type_find(kk_index_types[i]);
        assert_non_null(type);
        assert_false(type->is_secret);
        for (size_t j = 0; j < i; j++) {
            assert_true(kk_index_types[i] != kk_index_types[j]);
        }
    }
}

static void test_equal_values_index_alike_and_others_do_not(void **state)
{
    (void)state;
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, 3));
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_TYPE, 3));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_ID, KK_SPAN_TEXT("\0\0\0\0\0\0\0\3")));
    assert_ok(kk_attrs_set_secret(attrs, CKA_LABEL, KK_SPAN_TEXT("\0\0\0\0\0\0\0\3")));
    struct kk_buffer a = value_of(attrs, CKA_CLASS);
    struct kk_buffer b = value_of(attrs, CKA_KEY_TYPE);
    struct kk_buffer c = value_of(attrs, CKA_ID);
    struct kk_buffer d = value_of(attrs, CKA_LABEL);
    assert_true(kk_span_equal(kk_buffer_span(&a), kk_buffer_span(&b)));
    assert_false(kk_span_equal(kk_buffer_span(&a), kk_buffer_span(&c)));
    assert_true(kk_span_equal(kk_buffer_span(&c), kk_buffer_span(&d)));
    kk_buffer_clear(&a);
    kk_buffer_clear(&b);
    kk_buffer_clear(&c);
    kk_buffer_clear(&d);
    kk_attrs_free(attrs);
}

static void test_a_template_is_not_indexed(void **state)
{
    (void)state;
    struct kk_attrs *attrs = NULL;
    struct kk_attrs *nested = NULL;
    struct kk_buffer value = {0};
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_new(&nested));
    assert_ok(kk_attrs_set_template(attrs, CKA_WRAP_TEMPLATE, nested));
    assert_int_equal(kk_index_value(&attrs->rows[0], &value), CKR_ATTRIBUTE_TYPE_INVALID);
    kk_buffer_clear(&value);
    kk_attrs_free(nested);
    kk_attrs_free(attrs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_known_and_differ),
        cmocka_unit_test(test_equal_values_index_alike_and_others_do_not),
        cmocka_unit_test(test_a_template_is_not_indexed),
    };
    return cmocka_run_group_tests(tests, NULL, no_secret_is_left);
}
