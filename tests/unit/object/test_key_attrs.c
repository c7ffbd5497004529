/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes to parts and back, for every kind of key.
 */
#include "object_test.h"

#include "base/memory.h"
#include "object/object.h"

/* Numbers without leading zeros, so that every form keeps them as they are. */
#define SAMPLE(n) {(CKA_##n), #n " value"}

struct sample {
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE key_type;
    enum kk_key_kind kind;
    bool has_set;
    struct {
        CK_ATTRIBUTE_TYPE type;
        const char *value;
    } attrs[9];
};

static const struct sample samples[] = {
    {CKO_SECRET_KEY, CKK_AES, KK_KEY_SECRET, false, {SAMPLE(VALUE)}},
    {CKO_PUBLIC_KEY, CKK_RSA, KK_KEY_RSA, false, {SAMPLE(MODULUS), SAMPLE(PUBLIC_EXPONENT)}},
    {CKO_PRIVATE_KEY,
     CKK_RSA,
     KK_KEY_RSA,
     false,
     {SAMPLE(MODULUS), SAMPLE(PUBLIC_EXPONENT), SAMPLE(PRIVATE_EXPONENT), SAMPLE(PRIME_1),
      SAMPLE(PRIME_2), SAMPLE(EXPONENT_1), SAMPLE(EXPONENT_2), SAMPLE(COEFFICIENT)}},
    {CKO_PUBLIC_KEY,
     CKK_DSA,
     KK_KEY_DSA,
     false,
     {SAMPLE(PRIME), SAMPLE(SUBPRIME), SAMPLE(BASE), SAMPLE(VALUE)}},
    {CKO_PRIVATE_KEY,
     CKK_DSA,
     KK_KEY_DSA,
     false,
     {SAMPLE(PRIME), SAMPLE(SUBPRIME), SAMPLE(BASE), SAMPLE(VALUE)}},
    {CKO_DOMAIN_PARAMETERS,
     CKK_DSA,
     KK_KEY_DSA,
     false,
     {SAMPLE(PRIME), SAMPLE(SUBPRIME), SAMPLE(BASE)}},
    {CKO_PUBLIC_KEY, CKK_DH, KK_KEY_DH, false, {SAMPLE(PRIME), SAMPLE(BASE), SAMPLE(VALUE)}},
    {CKO_PRIVATE_KEY, CKK_DH, KK_KEY_DH, false, {SAMPLE(PRIME), SAMPLE(BASE), SAMPLE(VALUE)}},
    {CKO_PRIVATE_KEY,
     CKK_X9_42_DH,
     KK_KEY_X942_DH,
     false,
     {SAMPLE(PRIME), SAMPLE(SUBPRIME), SAMPLE(BASE), SAMPLE(VALUE)}},
    {CKO_PUBLIC_KEY, CKK_ML_DSA, KK_KEY_ML_DSA, true, {SAMPLE(VALUE)}},
    {CKO_PRIVATE_KEY, CKK_ML_DSA, KK_KEY_ML_DSA, true, {SAMPLE(VALUE), SAMPLE(SEED)}},
    {CKO_PRIVATE_KEY, CKK_ML_KEM, KK_KEY_ML_KEM, true, {SAMPLE(VALUE), SAMPLE(SEED)}},
    {CKO_PUBLIC_KEY, CKK_SLH_DSA, KK_KEY_SLH_DSA, true, {SAMPLE(VALUE)}},
    {CKO_PRIVATE_KEY, CKK_SLH_DSA, KK_KEY_SLH_DSA, true, {SAMPLE(VALUE)}},
};

static struct kk_attrs *class_and_type(CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type)
{
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, object_class));
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_TYPE, key_type));
    return attrs;
}

static struct kk_attrs *attrs_of(const struct sample *sample)
{
    struct kk_attrs *attrs = class_and_type(sample->object_class, sample->key_type);
    for (size_t i = 0; sample->attrs[i].value != NULL; i++) {
        struct kk_span value = KK_SPAN(sample->attrs[i].value, strlen(sample->attrs[i].value));
        assert_ok(kk_attrs_set_bytes(attrs, sample->attrs[i].type, value));
    }
    if (sample->has_set) {
        assert_ok(kk_attrs_set_number(attrs, CKA_PARAMETER_SET, 2));
    }
    return attrs;
}

static void test_every_kind_goes_to_parts_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(samples); i++) {
        const struct sample *sample = &samples[i];
        KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
        struct kk_attrs *attrs = attrs_of(sample);
        struct kk_attrs *back = class_and_type(sample->object_class, sample->key_type);
        assert_ok(kk_key_parts_of(crypto, attrs, &parts));
        assert_int_equal(parts.kind, sample->kind);
        assert_int_equal(parts.is_private, sample->object_class == CKO_PRIVATE_KEY);
        assert_int_equal(parts.parameter_set, sample->has_set ? 2 : 0);
        assert_ok(kk_key_parts_to(crypto, &parts, sample->object_class, back));
        assert_int_equal(back->count, attrs->count);
        assert_true(kk_attrs_match(back, attrs));
        kk_attrs_free(back);
        kk_attrs_free(attrs);
    }
}

static void test_a_public_value_is_the_public_part(void **state)
{
    (void)state;
    struct kk_attrs *attrs = attrs_of(&samples[3]);
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts public = {0};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts private = {0};
    assert_ok(kk_key_parts_of(crypto, attrs, &public));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_PRIVATE_KEY));
    assert_ok(kk_key_parts_of(crypto, attrs, &private));
    assert_non_null(public.part[KK_PART_PUBLIC]);
    assert_null(public.part[KK_PART_VALUE]);
    assert_null(private.part[KK_PART_PUBLIC]);
    assert_non_null(private.part[KK_PART_VALUE]);
    kk_attrs_free(attrs);
}

static void test_class_and_type_must_go_together(void **state)
{
    (void)state;
    static const struct {
        CK_OBJECT_CLASS object_class;
        CK_KEY_TYPE key_type;
    } cases[] = {{CKO_SECRET_KEY, CKK_RSA},
                 {CKO_PRIVATE_KEY, CKK_AES},
                 {CKO_DATA, CKK_AES},
                 {CKO_CERTIFICATE, CKK_RSA},
                 {CKO_PUBLIC_KEY, CKK_VENDOR_DEFINED},
                 {CKO_VENDOR_DEFINED, CKK_RSA}};
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_key_parts parts = {0};
        struct kk_attrs *attrs = class_and_type(cases[i].object_class, cases[i].key_type);
        assert_int_equal(kk_key_parts_of(crypto, attrs, &parts), CKR_KEY_TYPE_INCONSISTENT);
        kk_attrs_free(attrs);
    }
}

static void test_leading_zeros_of_numbers_go(void **state)
{
    (void)state;
    struct kk_attrs *attrs = class_and_type(CKO_PUBLIC_KEY, CKK_DH);
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    assert_ok(kk_attrs_set_bytes(attrs, CKA_VALUE, KK_SPAN_TEXT("\0\0\5")));
    assert_ok(kk_key_parts_of(crypto, attrs, &parts));
    assert_true(kk_span_equal(kk_key_parts_get(&parts, KK_PART_PUBLIC), KK_SPAN_TEXT("\5")));
    kk_attrs_free(attrs);
}

static const uint8_t p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};

static void test_an_ec_scalar_is_as_long_as_the_order(void **state)
{
    (void)state;
    struct kk_attrs *attrs = class_and_type(CKO_PRIVATE_KEY, CKK_EC);
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    assert_ok(kk_attrs_set_bytes(attrs, CKA_EC_PARAMS, KK_SPAN_ARRAY(p521)));
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, KK_SPAN_TEXT("\1\2")));
    assert_ok(kk_key_parts_of(crypto, attrs, &parts));
    struct kk_span value = kk_key_parts_get(&parts, KK_PART_VALUE);
    assert_int_equal(value.len, 66);
    assert_true(value.data[63] == 0 && value.data[64] == 1 && value.data[65] == 2);
    kk_attrs_free(attrs);
}

static void test_a_point_needs_its_curve(void **state)
{
    (void)state;
    struct kk_attrs *attrs = class_and_type(CKO_PUBLIC_KEY, CKK_EC);
    struct kk_key_parts parts = {0};
    assert_ok(kk_attrs_set_bytes(attrs, CKA_EC_POINT, KK_SPAN_TEXT("\4\1\2")));
    assert_int_equal(kk_key_parts_of(crypto, attrs, &parts), CKR_TEMPLATE_INCOMPLETE);
    kk_attrs_free(attrs);
}

/* Creating a key when memory ends at the n-th allocation, for every n. */
static void test_running_out_of_memory_is_told_and_leaks_nothing(void **state)
{
    (void)state;
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long nth = 1; rv != CKR_OK; nth++) {
        struct kk_attrs *attrs = NULL;
        CK_ATTRIBUTE template[] = {ULONG_ATTR(CKA_CLASS, CKO_PRIVATE_KEY),
                                   ULONG_ATTR(CKA_KEY_TYPE, CKK_EC),
                                   ARRAY_ATTR(CKA_EC_PARAMS, p521), TEXT_ATTR(CKA_VALUE, "\1\2")};
        struct kk_attrs *tmpl = NULL;
        kk_alloc_fail_at(nth);
        rv = kk_template_copy(template, KK_ARRAY_LEN(template), KK_VERB_CREATE, &tmpl);
        if (rv == CKR_OK) {
            rv = create_as(&user, tmpl, &attrs);
        }
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        assert_true((attrs != NULL) == (rv == CKR_OK));
        kk_attrs_free(attrs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_goes_to_parts_and_back),
        cmocka_unit_test(test_a_public_value_is_the_public_part),
        cmocka_unit_test(test_class_and_type_must_go_together),
        cmocka_unit_test(test_leading_zeros_of_numbers_go),
        cmocka_unit_test(test_an_ec_scalar_is_as_long_as_the_order),
        cmocka_unit_test(test_a_point_needs_its_curve),
        cmocka_unit_test(test_running_out_of_memory_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
