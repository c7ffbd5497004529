/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key types: kinds, lengths, check values.
 */
#include "fixture.h"

#include "cryptoki/names.h"

/* Types of the standard that are neither secret nor of a kind that we have. */
static const CK_KEY_TYPE without_kind[] = {
    CKK_KEA, CKK_GOSTR3410, CKK_GOSTR3411, CKK_XMSS, CKK_XMSSMT, CKK_VENDOR_DEFINED,
};

static bool is_without_kind(CK_KEY_TYPE type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(without_kind); i++) {
        if (without_kind[i] == type) {
            return true;
        }
    }
    return false;
}

static void test_every_key_type_of_the_standard_has_a_kind(void **state)
{
    size_t count = 0;
    const struct kk_name *names = kk_names_table(KK_NAMES_CKK, &count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        if ((kk_key_kind_of(names[i].value) == 0) != is_without_kind(names[i].value)) {
            fail_msg("%s", names[i].name);
        }
    }
    assert_int_equal(kk_key_kind_of(0x7fffffff), 0);
    assert_int_equal(kk_key_kind_of(CK_UNAVAILABLE_INFORMATION), 0);
}

static void test_lengths_are_for_secrets_and_fit_their_step(void **state)
{
    size_t count = 0;
    const struct kk_name *names = kk_names_table(KK_NAMES_CKK, &count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t min = 0;
        size_t max = 0;
        size_t step = 0;
        bool secret = kk_key_type_lengths(names[i].value, &min, &max, &step);
        assert_int_equal(secret, kk_key_kind_of(names[i].value) == KK_KEY_SECRET);
        assert_int_equal(min == 0, max == 0);
        assert_int_equal(min == 0, step == 0);
        assert_true(min <= max && (step == 0 || (max - min) % step == 0));
    }
}

static void expect_lengths(CK_KEY_TYPE type, size_t min, size_t max, size_t step)
{
    size_t got_min = 9999;
    size_t got_max = 9999;
    size_t got_step = 9999;
    assert_true(kk_key_type_lengths(type, &got_min, &got_max, &got_step));
    assert_int_equal(got_min, min);
    assert_int_equal(got_max, max);
    assert_int_equal(got_step, step);
}

static void test_lengths_of_the_usual_types(void **state)
{
    (void)state;
    expect_lengths(CKK_AES, 16, 32, 8);
    expect_lengths(CKK_DES3, 24, 24, 24);
    expect_lengths(CKK_GENERIC_SECRET, 0, 0, 0);
    expect_lengths(CKK_SHA256_HMAC, 0, 0, 0);
    expect_lengths(CKK_CHACHA20, 32, 32, 32);
}

static void expect_check_value(CK_KEY_TYPE type, struct kk_span value, const char *want)
{
    uint8_t check[3] = {0};
    assert_ok(kk_check_value(crypto, type, value, check));
    assert_memory_equal(check, hex(want).data, 3);
}

/* AES-128 of the zero block is that of FIPS 197's known answers, DES with 0123456789abcdef the
 * usual one; the others were made with Python's cryptography. */
static void test_check_values(void **state)
{
    static const uint8_t zeros[32];
    (void)state;
    expect_check_value(CKK_AES, KK_SPAN(zeros, 16), "66e94b");
    expect_check_value(CKK_AES, KK_SPAN(zeros, 24), "aae069");
    expect_check_value(CKK_AES, KK_SPAN(zeros, 32), "dc95c0");
    expect_check_value(CKK_AES, hex("2b7e151628aed2a6abf7158809cf4f3c"), "7df76b");
    expect_check_value(CKK_DES, hex("0123456789abcdef"), "d5d44f");
    expect_check_value(CKK_DES2, hex("0123456789abcdeffedcba9876543210"), "08d7b4");
    expect_check_value(CKK_DES3, hex("0123456789abcdeffedcba98765432101133557799bbddff"), "5802ba");
    expect_check_value(CKK_GENERIC_SECRET, KK_SPAN_TEXT("secret"), "e5e9fa");
    expect_check_value(CKK_SHA256_HMAC, KK_SPAN_TEXT("secret"), "e5e9fa");
    expect_check_value(CKK_GENERIC_SECRET, KK_SPAN(NULL, 0), "da39a3");
}

static void test_check_values_that_cannot_be(void **state)
{
    uint8_t check[3];
    (void)state;
    assert_rv(kk_check_value(crypto, CKK_AES, KK_SPAN_TEXT("short"), check), CKR_KEY_SIZE_RANGE);
    assert_rv(kk_check_value(crypto, CKK_AES, KK_SPAN(NULL, 0), check), CKR_KEY_SIZE_RANGE);
    assert_rv(kk_check_value(crypto, CKK_DES, KK_SPAN(NULL, 0), check), CKR_KEY_SIZE_RANGE);
    assert_rv(kk_check_value(crypto, CKK_RSA, KK_SPAN_TEXT("x"), check), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(kk_check_value(crypto, 0x7fffffff, KK_SPAN_TEXT("x"), check),
              CKR_KEY_TYPE_INCONSISTENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_type_of_the_standard_has_a_kind),
        cmocka_unit_test(test_lengths_are_for_secrets_and_fit_their_step),
        cmocka_unit_test(test_lengths_of_the_usual_types),
        cmocka_unit_test(test_check_values),
        cmocka_unit_test(test_check_values_that_cannot_be),
    };
    return cmocka_run_group_tests_name("keytype", tests, set_up, tear_down);
}
