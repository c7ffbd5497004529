/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates of callers, copied and typed.
 */
#include "object_test.h"

static CK_RV copy_code(const CK_ATTRIBUTE *attributes, CK_ULONG count, enum kk_verb verb)
{
    struct kk_attrs *attrs = NULL;
    CK_RV rv = kk_template_copy(attributes, count, verb, &attrs);
    kk_attrs_free(attrs);
    return rv;
}

#define COPY_CODE(verb, ...)                                                                       \
    copy_code((CK_ATTRIBUTE[]){__VA_ARGS__},                                                       \
              sizeof((CK_ATTRIBUTE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE), (verb))

static void test_each_type_gets_its_kind(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE mechanisms[] = {1, 2, 3};
    CK_ATTRIBUTE inner[] = {BOOL_ATTR(CKA_SENSITIVE, CK_TRUE)};
    struct kk_attrs *attrs = TEMPLATE(
        KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY), BOOL_ATTR(CKA_TOKEN, CK_TRUE),
        TEXT_ATTR(CKA_LABEL, "label"), TEXT_ATTR(CKA_VALUE, "secret"),
        ARRAY_ATTR(CKA_ALLOWED_MECHANISMS, mechanisms), ARRAY_ATTR(CKA_WRAP_TEMPLATE, inner));
    assert_int_equal(kk_attrs_find(attrs, CKA_CLASS)->kind, KK_ATTR_ULONG);
    assert_int_equal(kk_attrs_find(attrs, CKA_TOKEN)->kind, KK_ATTR_BOOL);
    assert_false(kk_attrs_find(attrs, CKA_LABEL)->is_secret);
    assert_true(kk_attrs_find(attrs, CKA_VALUE)->is_secret);
    assert_int_equal(kk_attrs_find(attrs, CKA_ALLOWED_MECHANISMS)->len, 3);
    assert_true(
        kk_attrs_flag(kk_attrs_find(attrs, CKA_WRAP_TEMPLATE)->value.nested, CKA_SENSITIVE, false));
    kk_attrs_free(attrs);
}

static void test_a_public_value_stays_out_of_secret_memory(void **state)
{
    (void)state;
    struct kk_attrs *attrs =
        TEMPLATE(KK_VERB_CREATE, TEXT_ATTR(CKA_VALUE, "certificate"),
                 TEXT_ATTR(CKA_LABEL, "behind"), ULONG_ATTR(CKA_CLASS, CKO_CERTIFICATE));
    assert_false(kk_attrs_find(attrs, CKA_VALUE)->is_secret);
    kk_attrs_free(attrs);
}

static void test_null_templates_and_values(void **state)
{
    (void)state;
    CK_ATTRIBUTE null_value = {CKA_LABEL, NULL, 3};
    CK_ATTRIBUTE empty_value = {CKA_LABEL, NULL, 0};
    CK_ATTRIBUTE huge = {CKA_LABEL, &empty_value, CK_UNAVAILABLE_INFORMATION};
    assert_int_equal(copy_code(NULL, 0, KK_VERB_CREATE), CKR_OK);
    assert_int_equal(copy_code(NULL, 1, KK_VERB_CREATE), CKR_ARGUMENTS_BAD);
    assert_int_equal(copy_code(&null_value, 1, KK_VERB_CREATE), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(copy_code(&empty_value, 1, KK_VERB_CREATE), CKR_OK);
    assert_int_equal(copy_code(&huge, 1, KK_VERB_CREATE), CKR_ATTRIBUTE_VALUE_INVALID);
    huge.ulValueLen = KK_RECORD_MAX + 1;
    assert_int_equal(copy_code(&huge, 1, KK_VERB_CREATE), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_lengths_must_fit_the_type(void **state)
{
    (void)state;
    static const uint8_t bytes[64] = {0};
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        CK_ULONG len;
        CK_RV rv;
    } cases[] = {
        {CKA_TOKEN, 0, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_TOKEN, 1, CKR_OK},
        {CKA_TOKEN, 2, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_CLASS, sizeof(CK_ULONG) - 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_CLASS, sizeof(CK_ULONG), CKR_OK},
        {CKA_CLASS, sizeof(CK_ULONG) + 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_START_DATE, 0, CKR_OK},
        {CKA_START_DATE, 7, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_START_DATE, 8, CKR_OK},
        {CKA_START_DATE, 9, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_ALLOWED_MECHANISMS, sizeof(CK_ULONG) + 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_ALLOWED_MECHANISMS, 2 * sizeof(CK_ULONG), CKR_OK},
        {CKA_WRAP_TEMPLATE, sizeof(CK_ATTRIBUTE) - 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKA_WRAP_TEMPLATE, 0, CKR_OK},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        CK_ATTRIBUTE attribute = {cases[i].type, (void *)(uintptr_t)bytes, cases[i].len};
        assert_int_equal(copy_code(&attribute, 1, KK_VERB_CREATE), cases[i].rv);
        assert_int_equal(copy_code(&attribute, 1, KK_VERB_FIND), cases[i].rv);
    }
}

static void test_any_byte_but_zero_is_true(void **state)
{
    (void)state;
    struct kk_attrs *attrs =
        TEMPLATE(KK_VERB_CREATE, BOOL_ATTR(CKA_TOKEN, 0xff), BOOL_ATTR(CKA_PRIVATE, 0));
    assert_true(kk_attrs_flag(attrs, CKA_TOKEN, false));
    assert_false(kk_attrs_flag(attrs, CKA_PRIVATE, true));
    kk_attrs_free(attrs);
}

static void test_an_unknown_type_is_refused_but_may_be_searched_for(void **state)
{
    (void)state;
    assert_int_equal(COPY_CODE(KK_VERB_CREATE, TEXT_ATTR(0x80001234UL, "x")),
                     CKR_ATTRIBUTE_TYPE_INVALID);
    assert_int_equal(COPY_CODE(KK_VERB_SET, TEXT_ATTR(0x7777, "x")), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_int_equal(COPY_CODE(KK_VERB_FIND, TEXT_ATTR(0x80001234UL, "x")), CKR_OK);
}

/*= pkcs11-3.2 Creating objects: the same value twice, two different values */
static void test_one_attribute_twice_counts_once_if_equal(void **state)
{
    (void)state;
    assert_int_equal(
        COPY_CODE(KK_VERB_CREATE, TEXT_ATTR(CKA_LABEL, "a"), TEXT_ATTR(CKA_LABEL, "a")), CKR_OK);
    assert_int_equal(
        COPY_CODE(KK_VERB_CREATE, TEXT_ATTR(CKA_LABEL, "a"), TEXT_ATTR(CKA_LABEL, "b")),
        CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(
        COPY_CODE(KK_VERB_CREATE, BOOL_ATTR(CKA_TOKEN, CK_TRUE), BOOL_ATTR(CKA_TOKEN, CK_FALSE)),
        CKR_TEMPLATE_INCONSISTENT);
}

static void test_unavailable_information_is_the_same_at_every_width(void **state)
{
    (void)state;
    struct kk_attrs *attrs =
        TEMPLATE(KK_VERB_FIND, ULONG_ATTR(CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION));
    assert_true(kk_attrs_number(attrs, CKA_KEY_GEN_MECHANISM, 0) == UINT64_MAX);
    kk_attrs_free(attrs);
}

static void test_big_integers_lose_leading_zeros(void **state)
{
    (void)state;
    static const uint8_t modulus[] = {0, 0, 0x80, 1};
    struct kk_attrs *attrs =
        TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_PUBLIC_KEY),
                 ARRAY_ATTR(CKA_MODULUS, modulus), ARRAY_ATTR(CKA_VALUE, modulus));
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_MODULUS), KK_SPAN(modulus + 2, 2)));
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_VALUE), KK_SPAN_ARRAY(modulus)));
    kk_attrs_free(attrs);
}

static void test_nested_templates_have_a_limit_and_the_same_rules(void **state)
{
    (void)state;
    CK_ATTRIBUTE levels[KK_ATTRS_DEPTH + 2];
    levels[0] = (CK_ATTRIBUTE)TEXT_ATTR(CKA_LABEL, "deep");
    for (size_t i = 1; i < KK_ARRAY_LEN(levels); i++) {
        levels[i] = (CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, &levels[i - 1], sizeof(CK_ATTRIBUTE)};
    }
    assert_int_equal(copy_code(&levels[KK_ATTRS_DEPTH], 1, KK_VERB_CREATE), CKR_OK);
    assert_int_equal(copy_code(&levels[KK_ATTRS_DEPTH + 1], 1, KK_VERB_CREATE),
                     CKR_TEMPLATE_INCONSISTENT);
    levels[0].type = 0x7777;
    assert_int_equal(copy_code(&levels[1], 1, KK_VERB_CREATE), CKR_ATTRIBUTE_TYPE_INVALID);
    levels[0] = (CK_ATTRIBUTE){CKA_LABEL, NULL, 5};
    assert_int_equal(copy_code(&levels[1], 1, KK_VERB_CREATE), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_values_are_copies(void **state)
{
    (void)state;
    char text[] = "before";
    CK_BBOOL flag = CK_TRUE;
    CK_ATTRIBUTE inner = {CKA_SENSITIVE, &flag, sizeof flag};
    CK_ATTRIBUTE template[] = {{CKA_LABEL, text, 6}, {CKA_WRAP_TEMPLATE, &inner, sizeof inner}};
    struct kk_attrs *attrs = copy_template(template, 2, KK_VERB_CREATE);
    memset(text, 'x', sizeof text);
    memset(&inner, 0x55, sizeof inner);
    flag = CK_FALSE;
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_LABEL), KK_SPAN_TEXT("before")));
    assert_true(
        kk_attrs_flag(kk_attrs_find(attrs, CKA_WRAP_TEMPLATE)->value.nested, CKA_SENSITIVE, false));
    kk_attrs_free(attrs);
}

static void test_too_many_attributes_are_refused(void **state)
{
    (void)state;
    static CK_ATTRIBUTE many[KK_ATTRS_COUNT_MAX + 1];
    for (size_t i = 0; i < KK_ARRAY_LEN(many); i++) {
        many[i] = (CK_ATTRIBUTE){CKA_LABEL, NULL, 0};
    }
    assert_int_equal(copy_code(many, KK_ATTRS_COUNT_MAX, KK_VERB_CREATE), CKR_OK);
    assert_int_equal(copy_code(many, KK_ATTRS_COUNT_MAX + 1, KK_VERB_CREATE),
                     CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(copy_code(many, CK_UNAVAILABLE_INFORMATION, KK_VERB_CREATE),
                     CKR_TEMPLATE_INCONSISTENT);
}

/* Arrays that point at one another: small for the caller, without end for who follows them. */
static void test_a_template_that_grows_by_nesting_is_refused(void **state)
{
    (void)state;
    static CK_ATTRIBUTE inner[512];
    static CK_ATTRIBUTE middle[512];
    static CK_ATTRIBUTE outer[512];
    CK_BBOOL flag = CK_TRUE;
    for (size_t i = 0; i < 512; i++) {
        inner[i] = (CK_ATTRIBUTE){CKA_SIGN, &flag, sizeof flag};
        middle[i] = (CK_ATTRIBUTE){CKA_UNWRAP_TEMPLATE, inner, sizeof inner};
        outer[i] = (CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, middle, sizeof middle};
    }
    assert_int_equal(copy_code(outer, 512, KK_VERB_CREATE), CKR_TEMPLATE_INCONSISTENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_template_that_grows_by_nesting_is_refused),
        cmocka_unit_test(test_each_type_gets_its_kind),
        cmocka_unit_test(test_a_public_value_stays_out_of_secret_memory),
        cmocka_unit_test(test_null_templates_and_values),
        cmocka_unit_test(test_lengths_must_fit_the_type),
        cmocka_unit_test(test_any_byte_but_zero_is_true),
        cmocka_unit_test(test_an_unknown_type_is_refused_but_may_be_searched_for),
        cmocka_unit_test(test_one_attribute_twice_counts_once_if_equal),
        cmocka_unit_test(test_unavailable_information_is_the_same_at_every_width),
        cmocka_unit_test(test_big_integers_lose_leading_zeros),
        cmocka_unit_test(test_nested_templates_have_a_limit_and_the_same_rules),
        cmocka_unit_test(test_values_are_copies),
        cmocka_unit_test(test_too_many_attributes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, no_secret_is_left);
}
