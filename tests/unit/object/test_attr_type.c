/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dictionary of attribute types.
 */
#include "object_test.h"

#include "cryptoki/names.h"
#include "object/attr_type.h"
#include "object/policy_rules.h"

static void test_types_are_sorted_and_unique(void **state)
{
    (void)state;
    size_t count = 0;
    const struct kk_attr_type *types = kk_attr_types(&count);
    for (size_t i = 1; i < count; i++) {
        assert_true(types[i - 1].type < types[i].type);
    }
}

static void test_every_attribute_of_the_standard_is_there(void **state)
{
    (void)state;
    size_t count = 0;
    const struct kk_name *names = kk_names_table(KK_NAMES_CKA, &count);
    for (size_t i = 0; i < count; i++) {
        bool is_attribute = names[i].value != CKA_VENDOR_DEFINED;
        const struct kk_attr_type *found = kk_attr_type_find(names[i].value);
        assert_int_equal(found != NULL, is_attribute);
        assert_true(found == NULL || found->type == names[i].value);
    }
    assert_null(kk_attr_type_find(0x7777));
    assert_null(kk_attr_type_find(CK_UNAVAILABLE_INFORMATION));
}

/*= pkcs11-3.2 C_GetAttributeValue: arrays of attributes are known by CKF_ARRAY_ATTRIBUTE. The two
 * that came with 3.2 were numbered without it. */
static void test_array_attributes_have_the_array_bit(void **state)
{
    (void)state;
    size_t count = 0;
    const struct kk_attr_type *types = kk_attr_types(&count);
    for (size_t i = 0; i < count; i++) {
        bool is_late =
            types[i].type == CKA_ENCAPSULATE_TEMPLATE || types[i].type == CKA_DECAPSULATE_TEMPLATE;
        bool has_bit = (types[i].type & CKF_ARRAY_ATTRIBUTE) != 0;
        if (types[i].data == KK_DATA_TEMPLATE) {
            assert_true(has_bit != is_late);
        }
    }
}

static void test_what_footnote_7_closes_is_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_schemas_count; i++) {
        const struct kk_schema *schema = &kk_schemas[i];
        for (size_t j = 0; j < KK_SCHEMA_TABLES && schema->tables[j] != NULL; j++) {
            for (size_t k = 0; k < schema->tables[j]->count; k++) {
                const struct kk_attr_rule *rule = &schema->tables[j]->rows[k];
                bool is_closed = (rule->footnotes & FN(7)) != 0;
                bool is_secret = kk_attr_type_is_secret_of(schema->object_class, rule->type);
                assert_true(!is_closed || is_secret);
            }
        }
    }
}

static void test_secrecy_depends_on_the_class(void **state)
{
    (void)state;
    assert_true(kk_attr_type_is_secret_of(CKO_SECRET_KEY, CKA_VALUE));
    assert_true(kk_attr_type_is_secret_of(CKO_DATA, CKA_VALUE));
    assert_true(kk_attr_type_is_secret_of(CK_UNAVAILABLE_INFORMATION, CKA_VALUE));
    assert_false(kk_attr_type_is_secret_of(CKO_CERTIFICATE, CKA_VALUE));
    assert_false(kk_attr_type_is_secret_of(CKO_PUBLIC_KEY, CKA_VALUE));
    assert_false(kk_attr_type_is_secret_of(CKO_SECRET_KEY, CKA_LABEL));
    assert_true(kk_policy_is_secret(CKA_PRIVATE_EXPONENT));
    assert_false(kk_policy_is_secret(CKA_MODULUS));
    assert_false(kk_policy_is_secret(0x7777));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_are_sorted_and_unique),
        cmocka_unit_test(test_every_attribute_of_the_standard_is_there),
        cmocka_unit_test(test_array_attributes_have_the_array_bit),
        cmocka_unit_test(test_what_footnote_7_closes_is_secret),
        cmocka_unit_test(test_secrecy_depends_on_the_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
