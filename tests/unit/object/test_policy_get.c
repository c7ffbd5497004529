/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_GetAttributeValue for one attribute: the five cases, arrays, nested templates.
 */
#include "object_test.h"

#include "object/policy_rules.h"

#define UNAVAILABLE CK_UNAVAILABLE_INFORMATION

static struct kk_attrs *secret_key(CK_BBOOL sensitive, CK_BBOOL extractable)
{
    return create(TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY),
                           ULONG_ATTR(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
                           TEXT_ATTR(CKA_VALUE, "0123456789"), TEXT_ATTR(CKA_LABEL, "label"),
                           BOOL_ATTR(CKA_SENSITIVE, sensitive),
                           BOOL_ATTR(CKA_EXTRACTABLE, extractable)));
}

/*= pkcs11-3.2 C_GetAttributeValue: case 1 */
static void test_a_closed_value_is_not_given_nor_its_length(void **state)
{
    (void)state;
    static const struct {
        CK_BBOOL sensitive, extractable;
        CK_RV rv;
    } cases[] = {
        {CK_FALSE, CK_TRUE, CKR_OK},
        {CK_TRUE, CK_TRUE, CKR_ATTRIBUTE_SENSITIVE},
        {CK_FALSE, CK_FALSE, CKR_ATTRIBUTE_SENSITIVE},
        {CK_TRUE, CK_FALSE, CKR_ATTRIBUTE_SENSITIVE},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_attrs *key = secret_key(cases[i].sensitive, cases[i].extractable);
        char buffer[16] = "";
        CK_ATTRIBUTE with = {CKA_VALUE, buffer, sizeof buffer};
        CK_ATTRIBUTE without = {CKA_VALUE, NULL, 0};
        assert_int_equal(kk_policy_get(key, &with), cases[i].rv);
        assert_int_equal(kk_policy_get(key, &without), cases[i].rv);
        CK_ULONG len = cases[i].rv == CKR_OK ? 10 : UNAVAILABLE;
        assert_true(with.ulValueLen == len && without.ulValueLen == len);
        assert_string_equal(buffer, cases[i].rv == CKR_OK ? "0123456789" : "");
        kk_attrs_free(key);
    }
}

/* Footnote 7 hides what an object does not have as well. */
static void test_a_closed_attribute_is_sensitive_even_if_absent(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_TRUE, CK_FALSE);
    CK_ATTRIBUTE attribute = {CKA_VALUE, NULL, 0};
    kk_attrs_remove(key, CKA_VALUE);
    assert_int_equal(kk_policy_get(key, &attribute), CKR_ATTRIBUTE_SENSITIVE);
    kk_attrs_remove(key, CKA_SENSITIVE);
    kk_attrs_remove(key, CKA_EXTRACTABLE);
    assert_int_equal(kk_policy_get(key, &attribute), CKR_ATTRIBUTE_SENSITIVE);
    kk_attrs_free(key);
}

/*= pkcs11-3.2 C_GetAttributeValue: case 2 */
static void test_an_attribute_that_is_not_there(void **state)
{
    (void)state;
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_MODULUS, CKA_WRAP_TEMPLATE, 0x7777, UNAVAILABLE};
    struct kk_attrs *key = secret_key(CK_FALSE, CK_TRUE);
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        CK_ATTRIBUTE attribute = {types[i], NULL, 0};
        assert_int_equal(kk_policy_get(key, &attribute), CKR_ATTRIBUTE_TYPE_INVALID);
        assert_true(attribute.ulValueLen == UNAVAILABLE);
    }
    kk_attrs_free(key);
}

/* A key without a list allows all; what is no key has none. */
static void test_no_list_of_mechanisms(void **state)
{
    (void)state;
    CK_MECHANISM_TYPE got = 5;
    struct kk_attrs *key = secret_key(CK_FALSE, CK_TRUE);
    CK_ATTRIBUTE attribute = {CKA_ALLOWED_MECHANISMS, &got, sizeof got};
    assert_ok(kk_policy_get(key, &attribute));
    assert_int_equal(attribute.ulValueLen, 0);
    assert_int_equal(got, 5);
    assert_ok(kk_attrs_set_number(key, CKA_CLASS, CKO_DATA));
    assert_int_equal(kk_policy_get(key, &attribute), CKR_ATTRIBUTE_TYPE_INVALID);
    kk_attrs_free(key);
}

/*= pkcs11-3.2 C_GetAttributeValue: cases 3 to 5 */
static void test_length_value_and_too_small(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_FALSE, CK_TRUE);
    for (CK_ULONG room = 0; room < 8; room++) {
        char buffer[8] = "########";
        CK_ATTRIBUTE attribute = {CKA_LABEL, buffer, room};
        CK_RV wanted = room < 5 ? CKR_BUFFER_TOO_SMALL : CKR_OK;
        assert_int_equal(kk_policy_get(key, &attribute), wanted);
        assert_true(attribute.ulValueLen == (room < 5 ? UNAVAILABLE : 5));
        assert_memory_equal(buffer, room < 5 ? "########" : "label###", 8);
    }
    char buffer[8];
    CK_ATTRIBUTE length = {CKA_LABEL, NULL, 77};
    CK_ATTRIBUTE lost = {CKA_LABEL, buffer, UNAVAILABLE};
    CK_ATTRIBUTE empty = {CKA_ID, buffer, 0};
    assert_ok(kk_policy_get(key, &length));
    assert_int_equal(length.ulValueLen, 5);
    assert_int_equal(kk_policy_get(key, &lost), CKR_BUFFER_TOO_SMALL);
    assert_ok(kk_policy_get(key, &empty));
    assert_int_equal(empty.ulValueLen, 0);
    kk_attrs_free(key);
}

static void test_numbers_and_flags_have_their_c_types(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_FALSE, CK_TRUE);
    uint8_t unaligned[sizeof(CK_ULONG) + 1];
    CK_ULONG number = 0;
    CK_BBOOL flag = 2;
    CK_ATTRIBUTE class = {CKA_CLASS, unaligned + 1, sizeof(CK_ULONG)};
    CK_ATTRIBUTE mechanism = {CKA_KEY_GEN_MECHANISM, &number, sizeof number};
    CK_ATTRIBUTE extractable = {CKA_EXTRACTABLE, &flag, sizeof flag};
    assert_ok(kk_policy_get(key, &class));
    memcpy(&number, unaligned + 1, sizeof number);
    assert_int_equal(number, CKO_SECRET_KEY);
    assert_ok(kk_policy_get(key, &mechanism));
    assert_true(number == UNAVAILABLE);
    assert_ok(kk_policy_get(key, &extractable));
    assert_int_equal(flag, CK_TRUE);
    kk_attrs_free(key);
}

static void test_a_mechanism_list_is_an_array_of_ulong(void **state)
{
    (void)state;
    static const uint64_t mechanisms[] = {0x1087, 3};
    struct kk_attrs *key = secret_key(CK_FALSE, CK_TRUE);
    CK_MECHANISM_TYPE got[2] = {0};
    CK_ATTRIBUTE attribute = {CKA_ALLOWED_MECHANISMS, got, sizeof got};
    assert_ok(kk_attrs_set_mechanisms(key, CKA_ALLOWED_MECHANISMS, mechanisms, 2));
    assert_ok(kk_policy_get(key, &attribute));
    assert_int_equal(attribute.ulValueLen, sizeof got);
    assert_true(got[0] == 0x1087 && got[1] == 3);
    attribute.ulValueLen = sizeof got - 1;
    assert_int_equal(kk_policy_get(key, &attribute), CKR_BUFFER_TOO_SMALL);
    kk_attrs_free(key);
}

static void test_a_public_value_is_open(void **state)
{
    (void)state;
    struct kk_attrs *data = create(
        TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_DATA), TEXT_ATTR(CKA_VALUE, "open")));
    CK_ATTRIBUTE attribute = {CKA_VALUE, NULL, 0};
    assert_ok(kk_policy_get(data, &attribute));
    assert_int_equal(attribute.ulValueLen, 4);
    kk_attrs_free(data);
}

static void test_an_object_of_no_schema_shows_what_is_no_secret(void **state)
{
    (void)state;
    struct kk_attrs *attrs = NULL;
    CK_ATTRIBUTE value = {CKA_VALUE, NULL, 0};
    CK_ATTRIBUTE label = {CKA_LABEL, NULL, 0};
    CK_ATTRIBUTE later = {CKA_ID, NULL, 0};
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_VENDOR_DEFINED));
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, KK_SPAN_TEXT("otp")));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, KK_SPAN_TEXT("l")));
    assert_ok(kk_attrs_set_raw(attrs, CKA_ID, 77, KK_SPAN_TEXT("later")));
    assert_int_equal(kk_policy_get(attrs, &value), CKR_ATTRIBUTE_SENSITIVE);
    assert_ok(kk_policy_get(attrs, &label));
    assert_int_equal(kk_policy_get(attrs, &later), CKR_ATTRIBUTE_TYPE_INVALID);
    kk_attrs_free(attrs);
}

/* A key with a wrap template of a flag, a label and a nested template. */
static struct kk_attrs *wrapping_key(void)
{
    CK_ATTRIBUTE inner[] = {TEXT_ATTR(CKA_ID, "id")};
    CK_ATTRIBUTE wrap[] = {BOOL_ATTR(CKA_TOKEN, CK_TRUE), TEXT_ATTR(CKA_LABEL, "inside"),
                           ARRAY_ATTR(CKA_UNWRAP_TEMPLATE, inner)};
    return create(TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY),
                           ULONG_ATTR(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
                           TEXT_ATTR(CKA_VALUE, "0123456789"),
                           ARRAY_ATTR(CKA_WRAP_TEMPLATE, wrap)));
}

/*= pkcs11-3.2 Template attributes: discover the types, then the values */
static void test_a_template_is_read_in_steps(void **state)
{
    (void)state;
    static const CK_ATTRIBUTE unknown[] = {{UNAVAILABLE, NULL, 0}, {0, NULL, 0}};
    struct kk_attrs *key = wrapping_key();
    for (size_t way = 0; way < KK_ARRAY_LEN(unknown); way++) {
        CK_ATTRIBUTE elements[3] = {unknown[way], unknown[way], unknown[way]};
        CK_ATTRIBUTE inner = {UNAVAILABLE, NULL, 0};
        CK_ATTRIBUTE attribute = {CKA_WRAP_TEMPLATE, NULL, 0};
        CK_BBOOL flag = CK_FALSE;
        char label[6];
        char id[2];
        assert_ok(kk_policy_get(key, &attribute));
        assert_int_equal(attribute.ulValueLen, sizeof elements);
        attribute.pValue = elements;
        assert_ok(kk_policy_get(key, &attribute));
        assert_true(elements[0].type == CKA_TOKEN && elements[0].ulValueLen == 1);
        assert_true(elements[1].type == CKA_LABEL && elements[1].ulValueLen == 6);
        assert_true(elements[2].type == CKA_UNWRAP_TEMPLATE);
        assert_int_equal(elements[2].ulValueLen, sizeof inner);
        assert_null(elements[1].pValue);

        elements[0].pValue = &flag;
        elements[1].pValue = label;
        elements[2].pValue = &inner;
        assert_ok(kk_policy_get(key, &attribute));
        assert_int_equal(flag, CK_TRUE);
        assert_memory_equal(label, "inside", 6);
        assert_true(inner.type == CKA_ID && inner.ulValueLen == 2);
        inner.pValue = id;
        assert_ok(kk_policy_get(key, &attribute));
        assert_memory_equal(id, "id", 2);
    }
    kk_attrs_free(key);
}

static void test_a_template_with_wrong_types_is_inconsistent(void **state)
{
    (void)state;
    struct kk_attrs *key = wrapping_key();
    CK_ATTRIBUTE cases[][3] = {
        {{CKA_TOKEN, NULL, 0}, {UNAVAILABLE, NULL, 0}, {CKA_LABEL, NULL, 0}},
        {{CKA_TOKEN, NULL, 0}, {CKA_TOKEN, NULL, 0}, {CKA_LABEL, NULL, 0}},
        {{CKA_TOKEN, NULL, 0}, {CKA_ID, NULL, 0}, {CKA_LABEL, NULL, 0}},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        CK_ATTRIBUTE attribute = {CKA_WRAP_TEMPLATE, cases[i], sizeof cases[i]};
        assert_int_equal(kk_policy_get(key, &attribute), CKR_TEMPLATE_INCONSISTENT);
        assert_true(attribute.ulValueLen == UNAVAILABLE);
    }
    kk_attrs_free(key);
}

static void test_nested_templates_may_be_left_out_and_nothing_else(void **state)
{
    (void)state;
    struct kk_attrs *key = wrapping_key();
    CK_ATTRIBUTE two[] = {{UNAVAILABLE, NULL, 0}, {UNAVAILABLE, NULL, 0}};
    CK_ATTRIBUTE turned[] = {{CKA_LABEL, NULL, 0}, {CKA_TOKEN, NULL, 0}};
    CK_ATTRIBUTE one[] = {{CKA_LABEL, NULL, 0}};
    CK_ATTRIBUTE attribute = {CKA_WRAP_TEMPLATE, two, sizeof two};
    assert_ok(kk_policy_get(key, &attribute));
    assert_int_equal(attribute.ulValueLen, sizeof two);
    assert_true(two[0].type == CKA_TOKEN && two[1].type == CKA_LABEL);
    attribute = (CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, turned, sizeof turned};
    assert_ok(kk_policy_get(key, &attribute));
    assert_int_equal(turned[0].ulValueLen, 6);
    attribute = (CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, one, sizeof one};
    assert_int_equal(kk_policy_get(key, &attribute), CKR_BUFFER_TOO_SMALL);
    assert_true(attribute.ulValueLen == UNAVAILABLE);
    kk_attrs_free(key);
}

static void test_an_inner_buffer_too_small_is_told(void **state)
{
    (void)state;
    struct kk_attrs *key = wrapping_key();
    CK_BBOOL flag = CK_FALSE;
    char label[6];
    CK_ATTRIBUTE elements[] = {{CKA_LABEL, label, 5}, {CKA_TOKEN, &flag, 1}};
    CK_ATTRIBUTE attribute = {CKA_WRAP_TEMPLATE, elements, sizeof elements};
    assert_int_equal(kk_policy_get(key, &attribute), CKR_BUFFER_TOO_SMALL);
    assert_true(elements[0].ulValueLen == UNAVAILABLE);
    assert_int_equal(flag, CK_TRUE);
    kk_attrs_free(key);
}

static void test_a_search_does_not_guess_closed_values(void **state)
{
    (void)state;
    struct kk_attrs *closed = secret_key(CK_TRUE, CK_FALSE);
    struct kk_attrs *open = secret_key(CK_FALSE, CK_TRUE);
    struct kk_attrs *by_value = TEMPLATE(KK_VERB_FIND, TEXT_ATTR(CKA_VALUE, "0123456789"));
    struct kk_attrs *by_label = TEMPLATE(KK_VERB_FIND, TEXT_ATTR(CKA_LABEL, "label"));
    struct kk_attrs *by_other = TEMPLATE(KK_VERB_FIND, TEXT_ATTR(0x80000001UL, "x"));
    assert_false(kk_policy_matches(closed, by_value));
    assert_true(kk_policy_matches(open, by_value));
    assert_true(kk_policy_matches(closed, by_label));
    assert_false(kk_policy_matches(open, by_other));
    kk_attrs_free(by_value);
    kk_attrs_free(by_label);
    kk_attrs_free(by_other);
    kk_attrs_free(open);
    kk_attrs_free(closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_closed_value_is_not_given_nor_its_length),
        cmocka_unit_test(test_a_closed_attribute_is_sensitive_even_if_absent),
        cmocka_unit_test(test_an_attribute_that_is_not_there),
        cmocka_unit_test(test_no_list_of_mechanisms),
        cmocka_unit_test(test_length_value_and_too_small),
        cmocka_unit_test(test_numbers_and_flags_have_their_c_types),
        cmocka_unit_test(test_a_mechanism_list_is_an_array_of_ulong),
        cmocka_unit_test(test_a_public_value_is_open),
        cmocka_unit_test(test_an_object_of_no_schema_shows_what_is_no_secret),
        cmocka_unit_test(test_a_template_is_read_in_steps),
        cmocka_unit_test(test_a_template_with_wrong_types_is_inconsistent),
        cmocka_unit_test(test_nested_templates_may_be_left_out_and_nothing_else),
        cmocka_unit_test(test_an_inner_buffer_too_small_is_told),
        cmocka_unit_test(test_a_search_does_not_guess_closed_values),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
