/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64: RFC 4648's own examples, every byte, and everything that is not Base64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/base64.h"

static CK_RV decode(const char *text, struct kk_secret **ret_bytes)
{
    return kk_base64_decode(KK_SPAN(text, strlen(text)), ret_bytes);
}

static void assert_decodes(const char *text, struct kk_span expected)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    assert_int_equal(decode(text, &bytes), CKR_OK);
    assert_true(kk_span_equal(kk_secret_span(bytes), expected));
}

static void test_the_rfc_s_examples(void **state)
{
    (void)state;
    assert_decodes("", KK_SPAN_TEXT(""));
    assert_decodes("Zg==", KK_SPAN_TEXT("f"));
    assert_decodes("Zm8=", KK_SPAN_TEXT("fo"));
    assert_decodes("Zm9v", KK_SPAN_TEXT("foo"));
    assert_decodes("Zm9vYg==", KK_SPAN_TEXT("foob"));
    assert_decodes("Zm9vYmE=", KK_SPAN_TEXT("fooba"));
    assert_decodes("Zm9vYmFy", KK_SPAN_TEXT("foobar"));
    assert_decodes(" Zm 9v\tYmFy ", KK_SPAN_TEXT("foobar"));
    assert_decodes("+/+/", KK_SPAN_TEXT("\xfb\xff\xbf"));
}

static void test_every_digit(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint8_t i = 0; i < 64; i++) {
        const char text[] = {'A', digits[i], 'A', 'A', '\0'};
        const uint8_t expected[] = {(uint8_t)(i >> 4), (uint8_t)(i << 4), 0};
        assert_decodes(text, KK_SPAN_ARRAY(expected));
    }
}

static void test_what_is_not_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",        "Zg",    "Zg=",      "Zm8",      "=",
                                      "==",       "====",  "Z===",     "Zg===",    "Zm9v=",
                                      "Zm9vZg=",  "Zh==",  "Zm9=",     "Zg==Zg==", "Zg==Z",
                                      "Zm8=Zm8=", "Zm9-",  "Zm_v",     "Zm\nv",    "Zm9v!",
                                      "Zm9v\x80", "Zg=\t", "Zm9vYmF=="};
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        struct kk_secret *bytes = NULL;
        assert_int_equal(decode(bad[i], &bytes), CKR_DATA_INVALID);
        assert_null(bytes);
    }
}

static void test_every_byte_in_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < 4; place++) {
            uint8_t text[] = {'A', 'A', 'A', 'A'};
            KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
            text[place] = (uint8_t)byte;
            bool is_digit = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                            (byte >= '0' && byte <= '9') || byte == '+' || byte == '/';
            bool is_padding = byte == '=' && place == 3;
            CK_RV rv = kk_base64_decode(KK_SPAN_ARRAY(text), &bytes);
            assert_int_equal(rv, is_digit || is_padding ? CKR_OK : CKR_DATA_INVALID);
        }
    }
}

static void assert_url(const char *text, struct kk_span bytes)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *decoded = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *encoded = NULL;
    assert_int_equal(kk_base64url_decode(KK_SPAN(text, strlen(text)), &decoded), CKR_OK);
    assert_true(kk_span_equal(kk_secret_span(decoded), bytes));
    assert_int_equal(kk_base64url_encode(bytes, &encoded), CKR_OK);
    assert_true(kk_span_equal(kk_secret_span(encoded), KK_SPAN(text, strlen(text))));
}

static void test_url_both_ways(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_url("", KK_SPAN_TEXT(""));
    assert_url("Zg", KK_SPAN_TEXT("f"));
    assert_url("Zm8", KK_SPAN_TEXT("fo"));
    assert_url("Zm9v", KK_SPAN_TEXT("foo"));
    assert_url("Zm9vYg", KK_SPAN_TEXT("foob"));
    assert_url("-_-_", KK_SPAN_TEXT("\xfb\xff\xbf"));
    for (uint8_t i = 0; i < 64; i++) {
        const char text[] = {'A', digits[i], 'A', 'A', '\0'};
        const uint8_t expected[] = {(uint8_t)(i >> 4), (uint8_t)(i << 4), 0};
        assert_url(text, KK_SPAN_ARRAY(expected));
    }
}

static void test_what_is_not_base64url(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg==", "Zm8=",   "Zh",   "Zm9",  "Zm9vY", "Zm9+",
                                      "Zm9/", "Zm 9", "Zm9v\n", "Zm9!", "====", "=",     "Zm9\x80"};
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        struct kk_secret *bytes = NULL;
        assert_int_equal(kk_base64url_decode(KK_SPAN(bad[i], strlen(bad[i])), &bytes),
                         CKR_DATA_INVALID);
        assert_null(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rfc_s_examples),
        cmocka_unit_test(test_every_digit),
        cmocka_unit_test(test_what_is_not_base64),
        cmocka_unit_test(test_url_both_ways),
        cmocka_unit_test(test_what_is_not_base64url),
        cmocka_unit_test(test_every_byte_in_every_place),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
