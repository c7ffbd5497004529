/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DER writer and reader: lengths in their shortest form, numbers without sign, and whatever is
 * not DER refused.
 */
#include "fixture.h"

#include "crypto/der.h"

static void test_lengths_are_written_shortest(void **state)
{
    static const struct {
        size_t content;
        const char *head;
    } cases[] = {
        {0, "0400"},         {0x7f, "047f"},       {0x80, "048180"},       {0xff, "0481ff"},
        {0x100, "04820100"}, {0xffff, "0482ffff"}, {0x10000, "0483010000"}};
    static uint8_t bytes[0x10000];
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_buffer der = {0};
        struct kk_span head = hex(cases[i].head);
        kk_der_put(&der, KK_DER_OCTET_STRING, KK_SPAN(bytes, cases[i].content));
        assert_rv(kk_buffer_check(&der), CKR_OK);
        assert_int_equal(der.len, head.len + cases[i].content);
        assert_memory_equal(der.data, head.data, head.len);
        struct kk_reader reader = kk_reader_new(kk_buffer_span(&der));
        assert_int_equal(kk_der_take(&reader, KK_DER_OCTET_STRING).len, cases[i].content);
        assert_true(kk_reader_done(&reader));
        kk_buffer_clear(&der);
    }
}

static void test_numbers_have_no_sign_and_no_needless_zeros(void **state)
{
    static const struct {
        const char *number;
        const char *der;
    } cases[] = {{"", "020100"},   {"00", "020100"},   {"01", "020101"},
                 {"7f", "02017f"}, {"80", "02020080"}, {"0000ff00", "020300ff00"}};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_buffer der = {0};
        kk_der_put_integer(&der, hex(cases[i].number));
        assert_hex(der.data, der.len, cases[i].der);
        struct kk_reader reader = kk_reader_new(kk_buffer_span(&der));
        struct kk_span back = kk_der_take_integer(&reader);
        assert_true(kk_span_equal(back, kk_strip_zeros(hex(cases[i].number))));
        assert_true(kk_reader_done(&reader));
        kk_buffer_clear(&der);
    }
}

static void test_what_is_opened_is_closed_around_its_content(void **state)
{
    struct kk_buffer der = {0};
    (void)state;
    size_t outer = kk_der_begin(&der, KK_DER_SEQUENCE);
    size_t inner = kk_der_begin(&der, KK_DER_CONTEXT(0));
    kk_der_put(&der, KK_DER_NULL, KK_SPAN(NULL, 0));
    kk_der_end(&der, inner);
    kk_der_put_bits(&der, hex("abcd"));
    kk_der_end(&der, outer);
    assert_hex(der.data, der.len, "3009a0020500030300abcd");

    struct kk_reader reader = kk_reader_new(kk_buffer_span(&der));
    struct kk_reader in = kk_der_enter(&reader, KK_DER_SEQUENCE);
    assert_true(kk_der_next_is(&in, 0xa0));
    assert_int_equal(kk_der_take_any(&in).len, 4);
    assert_hex(kk_reader_new(kk_der_take_bits(&in)).rest.data, 2, "abcd");
    assert_true(kk_reader_done(&in) && kk_reader_done(&reader));
    kk_buffer_clear(&der);
}

static void test_what_is_not_der_is_refused(void **state)
{
    static const char *const cases[] = {
        "",                 /* nothing */
        "02",               /* no length */
        "0201",             /* no content */
        "020201",           /* too little content */
        "0200",             /* no number */
        "020180",           /* negative */
        "02020001",         /* a zero that the number does not need */
        "02020000",         /* the same */
        "0203000080",       /* one of two that it does not */
        "028101 00",        /* length not in its shortest form */
        "02820001 00",      /* the same */
        "0280 00",          /* indefinite */
        "02850000000001 00" /* too long a length */
    };
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        char text[64] = {0};
        for (size_t from = 0, to = 0; cases[i][from] != '\0'; from++) {
            if (cases[i][from] != ' ') {
                text[to++] = cases[i][from];
            }
        }
        struct kk_reader reader = kk_reader_new(hex(text));
        assert_int_equal(kk_der_take_integer(&reader).len, 0);
        assert_true(reader.failed);
        assert_int_equal(kk_der_take_any(&reader).len, 0);
        assert_false(kk_der_next_is(&reader, 0x02));
    }
}

static void test_bit_strings_have_whole_bytes(void **state)
{
    (void)state;
    struct kk_reader partial = kk_reader_new(hex("03020480"));
    assert_int_equal(kk_der_take_bits(&partial).len, 0);
    assert_true(partial.failed);
    struct kk_reader empty = kk_reader_new(hex("0300"));
    assert_int_equal(kk_der_take_bits(&empty).len, 0);
    assert_true(empty.failed);
}

static void test_a_failure_stays(void **state)
{
    (void)state;
    struct kk_reader reader = kk_reader_new(hex("30030201050201"));
    struct kk_reader wrong = kk_der_enter(&reader, KK_DER_OCTET_STRING);
    assert_true(reader.failed && wrong.failed);
    struct kk_reader after = kk_der_enter(&reader, KK_DER_SEQUENCE);
    assert_true(after.failed);
    assert_false(kk_reader_done(&after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_are_written_shortest),
        cmocka_unit_test(test_numbers_have_no_sign_and_no_needless_zeros),
        cmocka_unit_test(test_what_is_opened_is_closed_around_its_content),
        cmocka_unit_test(test_what_is_not_der_is_refused),
        cmocka_unit_test(test_bit_strings_have_whole_bytes),
        cmocka_unit_test(test_a_failure_stays),
    };
    return cmocka_run_group_tests(tests, make_crypto, free_crypto);
}
