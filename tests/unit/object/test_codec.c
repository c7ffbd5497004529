/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record codec: what is written comes back, and nothing else is believed.
 */
#include "object_test.h"

#include "object/codec.h"

static struct kk_attrs *new_attrs(void)
{
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    return attrs;
}

/* One row of each kind, a nested set and a kind of the future. */
static struct kk_attrs *sample(void)
{
    struct kk_attrs *attrs = new_attrs();
    struct kk_attrs *nested = new_attrs();
    uint64_t mechanisms[] = {0x1087, UINT64_MAX};
    assert_ok(kk_attrs_set_flag(nested, CKA_SENSITIVE, true));
    assert_ok(kk_attrs_set_secret(nested, CKA_VALUE, KK_SPAN_TEXT("inner")));
    assert_ok(kk_attrs_set_template(attrs, CKA_WRAP_TEMPLATE, nested));
    assert_ok(kk_attrs_set_mechanisms(attrs, CKA_ALLOWED_MECHANISMS, mechanisms, 2));
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, KK_SPAN_TEXT("secret")));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, KK_SPAN(NULL, 0)));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_SECRET_KEY));
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_GEN_MECHANISM, UINT64_MAX));
    assert_ok(kk_attrs_set_flag(attrs, CKA_TOKEN, true));
    assert_ok(kk_attrs_set_raw(attrs, 0xffffffff, 200, KK_SPAN_TEXT("later")));
    kk_attrs_free(nested);
    return attrs;
}

/* A record in ordinary memory, so that tools see a read beyond its end. */
static uint8_t *encode(const struct kk_attrs *attrs, size_t *ret_len)
{
    struct kk_secret *record = NULL;
    assert_ok(kk_record_encode(attrs, &record));
    struct kk_span span = kk_secret_span(record);
    uint8_t *copy = test_malloc(span.len);
    memcpy(copy, span.data, span.len);
    *ret_len = span.len;
    kk_secret_free(record);
    return copy;
}

static void test_a_record_has_the_documented_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0, 1, 0, 0, 0, 0, 0, 3,                                /* version, flags, count */
        0, 0, 0, 0, 2, 0, 0, 0, 8, 0,   0,   0, 0, 0, 0, 0, 4, /* CKA_CLASS */
        0, 0, 0, 1, 1, 0, 0, 0, 1, 1,                          /* CKA_TOKEN */
        0, 0, 0, 3, 3, 0, 0, 0, 2, 'h', 'i',                   /* CKA_LABEL */
    };
    struct kk_attrs *attrs = new_attrs();
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, KK_SPAN_TEXT("hi")));
    assert_ok(kk_attrs_set_flag(attrs, CKA_TOKEN, true));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_SECRET_KEY));
    size_t len = 0;
    uint8_t *record = encode(attrs, &len);
    assert_int_equal(len, sizeof expected);
    assert_int_equal(len, kk_record_size(attrs));
    assert_memory_equal(record, expected, len);
    test_free(record);
    kk_attrs_free(attrs);
}

static void test_what_was_encoded_comes_back(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    struct kk_attrs *back = NULL;
    size_t len = 0;
    uint8_t *record = encode(attrs, &len);
    assert_ok(kk_record_decode(KK_SPAN(record, len), &back));
    assert_int_equal(back->count, attrs->count);
    assert_true(kk_attrs_match(back, attrs));
    assert_true(kk_attrs_find(back, CKA_VALUE)->is_secret);
    assert_int_equal(back->rows[back->count - 1].kind, 200);

    size_t again_len = 0;
    uint8_t *again = encode(back, &again_len);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, record, len);
    test_free(again);
    test_free(record);
    kk_attrs_free(back);
    kk_attrs_free(attrs);
}

static void test_a_certificate_value_is_no_secret(void **state)
{
    (void)state;
    struct kk_attrs *attrs = new_attrs();
    struct kk_attrs *back = NULL;
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_CERTIFICATE));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_VALUE, KK_SPAN_TEXT("certificate")));
    size_t len = 0;
    uint8_t *record = encode(attrs, &len);
    assert_ok(kk_record_decode(KK_SPAN(record, len), &back));
    assert_false(kk_attrs_find(back, CKA_VALUE)->is_secret);
    test_free(record);
    kk_attrs_free(back);
    kk_attrs_free(attrs);
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    size_t len = 0;
    uint8_t *record = encode(attrs, &len);
    for (size_t cut = 0; cut < len; cut++) {
        struct kk_attrs *back = NULL;
        uint8_t *part = test_malloc(cut + 1);
        memcpy(part, record, cut);
        assert_int_equal(kk_record_decode(KK_SPAN(part, cut), &back), CKR_DEVICE_ERROR);
        assert_null(back);
        test_free(part);
    }
    test_free(record);
    kk_attrs_free(attrs);
}

static void test_a_byte_too_many_is_refused(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    struct kk_attrs *back = NULL;
    size_t len = 0;
    uint8_t *record = encode(attrs, &len);
    uint8_t *longer = test_malloc(len + 1);
    memcpy(longer, record, len);
    longer[len] = 0;
    assert_int_equal(kk_record_decode(KK_SPAN(longer, len + 1), &back), CKR_DEVICE_ERROR);
    test_free(longer);
    test_free(record);
    kk_attrs_free(attrs);
}

/* What a damaged record decodes to, if it does, is a set like any other: it encodes to the same
 * bytes. */
static void check_damaged(const uint8_t *record, size_t len)
{
    struct kk_attrs *back = NULL;
    CK_RV rv = kk_record_decode(KK_SPAN(record, len), &back);
    if (rv != CKR_OK) {
        assert_int_equal(rv, CKR_DEVICE_ERROR);
        return;
    }
    size_t again_len = 0;
    uint8_t *again = encode(back, &again_len);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, record, len);
    test_free(again);
    kk_attrs_free(back);
}

static void test_every_flipped_bit_is_refused_or_means_what_it_says(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    size_t len = 0;
    uint8_t *record = encode(attrs, &len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_damaged(record, len);
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    test_free(record);
    kk_attrs_free(attrs);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void test_random_damage_is_refused_or_means_what_it_says(void **state)
{
    (void)state;
    struct kk_attrs *attrs = sample();
    size_t len = 0;
    uint8_t *record = encode(attrs, &len);
    uint8_t *damaged = test_malloc(len);
    uint32_t seed = 20260101;
    for (int round = 0; round < 20000; round++) {
        memcpy(damaged, record, len);
        for (uint32_t i = next_random(&seed) % 4 + 1; i > 0; i--) {
            damaged[next_random(&seed) % len] = (uint8_t)next_random(&seed);
        }
        check_damaged(damaged, len);
    }
    test_free(damaged);
    test_free(record);
    kk_attrs_free(attrs);
}

static CK_RV decode_code(const uint8_t *record, size_t len)
{
    struct kk_attrs *back = NULL;
    CK_RV rv = kk_record_decode(KK_SPAN(record, len), &back);
    kk_attrs_free(back);
    return rv;
}

#define ROW_TOKEN 0, 0, 0, 1, 1, 0, 0, 0, 1, 1
#define ROW_PRIVATE 0, 0, 0, 2, 1, 0, 0, 0, 1, 1

static void test_duplicates_and_disorder_are_refused(void **state)
{
    (void)state;
    static const uint8_t good[] = {0, 1, 0, 0, 0, 0, 0, 2, ROW_TOKEN, ROW_PRIVATE};
    static const uint8_t twice[] = {0, 1, 0, 0, 0, 0, 0, 2, ROW_TOKEN, ROW_TOKEN};
    static const uint8_t turned[] = {0, 1, 0, 0, 0, 0, 0, 2, ROW_PRIVATE, ROW_TOKEN};
    assert_int_equal(decode_code(good, sizeof good), CKR_OK);
    assert_int_equal(decode_code(twice, sizeof twice), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(turned, sizeof turned), CKR_DEVICE_ERROR);
}

static void test_other_versions_flags_and_values_are_refused(void **state)
{
    (void)state;
    static const uint8_t version[] = {0, 2, 0, 0, 0, 0, 0, 1, ROW_TOKEN};
    static const uint8_t flags[] = {0, 1, 0, 1, 0, 0, 0, 1, ROW_TOKEN};
    static const uint8_t boolean[] = {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 2};
    static const uint8_t number[] = {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 1, 2};
    static const uint8_t list[] = {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 1, 2};
    static const uint8_t last[] = {0,   1,   0, 0, 0, 0, 0, 2, 255,      255,
                                   255, 255, 1, 0, 0, 0, 1, 1, ROW_TOKEN};
    assert_int_equal(decode_code(version, sizeof version), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(flags, sizeof flags), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(boolean, sizeof boolean), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(number, sizeof number), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(list, sizeof list), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(last, sizeof last), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(NULL, 0), CKR_DEVICE_ERROR);
}

/* A set with `depth` templates inside each other. */
static struct kk_attrs *nest(unsigned int depth)
{
    struct kk_attrs *attrs = new_attrs();
    assert_ok(kk_attrs_set_flag(attrs, CKA_TOKEN, true));
    for (unsigned int i = 0; i < depth; i++) {
        struct kk_attrs *outer = new_attrs();
        assert_ok(kk_attrs_set_template(outer, CKA_WRAP_TEMPLATE, attrs));
        kk_attrs_free(attrs);
        attrs = outer;
    }
    return attrs;
}

static void test_templates_nest_to_the_limit_and_no_deeper(void **state)
{
    (void)state;
    struct kk_attrs *deep = nest(KK_ATTRS_DEPTH);
    struct kk_attrs *deeper = nest(KK_ATTRS_DEPTH + 1);
    struct kk_attrs *back = NULL;
    struct kk_secret *secret = NULL;
    size_t len = 0;
    uint8_t *record = encode(deep, &len);
    assert_ok(kk_record_decode(KK_SPAN(record, len), &back));
    assert_true(kk_attrs_match(back, deep));
    assert_int_equal(kk_record_encode(deeper, &secret), CKR_TEMPLATE_INCONSISTENT);

    /* The same by hand: the whole record of the deepest, wrapped once more. */
    uint8_t *wrapped = test_malloc(len + 17);
    memcpy(wrapped, record, 8);
    wrapped[7] = 1;
    memcpy(wrapped + 8, (const uint8_t[]){0x40, 0, 2, 0x11, 4, 0, 0, 0}, 8);
    wrapped[16] = (uint8_t)(len - 4);
    memcpy(wrapped + 17, record + 4, len - 4);
    assert_int_equal(decode_code(wrapped, len + 13), CKR_DEVICE_ERROR);

    test_free(wrapped);
    test_free(record);
    kk_attrs_free(back);
    kk_attrs_free(deep);
    kk_attrs_free(deeper);
}

static void test_a_set_too_large_for_a_record_is_refused(void **state)
{
    (void)state;
    struct kk_attrs *attrs = new_attrs();
    struct kk_secret *secret = NULL;
    uint8_t *data = test_calloc(1, KK_RECORD_MAX / 2);
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, KK_SPAN(data, KK_RECORD_MAX / 2)));
    assert_ok(kk_record_encode(attrs, &secret));
    kk_secret_free(secret);
    assert_ok(kk_attrs_set_bytes(attrs, CKA_ID, KK_SPAN(data, KK_RECORD_MAX / 2)));
    assert_int_equal(kk_record_encode(attrs, &secret), CKR_DEVICE_MEMORY);
    test_free(data);
    kk_attrs_free(attrs);
}

static void test_a_count_without_rows_is_refused(void **state)
{
    (void)state;
    static const uint8_t many[] = {0, 1, 0, 0, 255, 255, 255, 255};
    static const uint8_t long_value[] = {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 3, 255, 255, 255, 255};
    assert_int_equal(decode_code(many, sizeof many), CKR_DEVICE_ERROR);
    assert_int_equal(decode_code(long_value, sizeof long_value), CKR_DEVICE_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_has_the_documented_bytes),
        cmocka_unit_test(test_what_was_encoded_comes_back),
        cmocka_unit_test(test_a_certificate_value_is_no_secret),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_a_byte_too_many_is_refused),
        cmocka_unit_test(test_every_flipped_bit_is_refused_or_means_what_it_says),
        cmocka_unit_test(test_random_damage_is_refused_or_means_what_it_says),
        cmocka_unit_test(test_duplicates_and_disorder_are_refused),
        cmocka_unit_test(test_other_versions_flags_and_values_are_refused),
        cmocka_unit_test(test_templates_nest_to_the_limit_and_no_deeper),
        cmocka_unit_test(test_a_set_too_large_for_a_record_is_refused),
        cmocka_unit_test(test_a_count_without_rows_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, no_secret_is_left);
}
