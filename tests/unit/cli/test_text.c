/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/text.c: bytes made fit for a terminal, and words that are nearly right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/text.h"

/* The characters of `text`, with a bar behind each. */
static void assert_characters(const char *text, const char *want)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer got = {0};
    struct kk_span rest = KK_SPAN(text, strlen(text));
    while (rest.len > 0) {
        kk_buffer_put_span(&got, kk_text_next(&rest));
        kk_buffer_put_u8(&got, '|');
    }
    kk_buffer_put_u8(&got, 0);
    assert_string_equal((const char *)got.data, want);
}

#define BAD "\xef\xbf\xbd|"

static void test_characters(void **state)
{
    (void)state;
    assert_characters("", "");
    assert_characters("a", "a|");
    assert_characters("\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91",
                      "\xc3\xa4|\xe2\x82\xac|\xf0\x9f\x94\x91|");
    assert_characters("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf|");
}

static void test_what_is_no_character(void **state)
{
    (void)state;
    assert_characters("\x80", BAD);
    assert_characters("a\xff"
                      "b",
                      "a|" BAD "b|");
    assert_characters("\xc3", BAD);                         /* cut off */
    assert_characters("\xc3(", BAD "(|");                   /* not continued */
    assert_characters("\xe2\x82", BAD BAD);                 /* cut off */
    assert_characters("\xc0\xaf", BAD BAD);                 /* overlong */
    assert_characters("\xe0\x80\xaf", BAD BAD BAD);         /* overlong */
    assert_characters("\xed\xa0\x80", BAD BAD BAD);         /* a surrogate */
    assert_characters("\xf4\x90\x80\x80", BAD BAD BAD BAD); /* beyond the last */
    assert_characters("\xf8\x88\x80\x80\x80", BAD BAD BAD BAD BAD);
}

static void test_a_terminal_sees_no_control_characters(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer got = {0};
    assert_int_equal(kk_text_put(&got, KK_SPAN_TEXT("a\x1b[2J\n\x7f\xc2\x9b\xc3\xa4\xff\0b")), 12);
    kk_buffer_put_u8(&got, 0);
    assert_string_equal((const char *)got.data, "a?[2J???\xc3\xa4\xef\xbf\xbd?b");
}

static void test_padding(void **state)
{
    (void)state;
    assert_int_equal(kk_text_trim(KK_SPAN_TEXT(" a b  \0 ")).len, 4);
    assert_int_equal(kk_text_trim(KK_SPAN_TEXT("    ")).len, 0);
    assert_int_equal(kk_text_trim(KK_SPAN(NULL, 0)).len, 0);
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(kk_text_distance("", ""), 0);
    assert_int_equal(kk_text_distance("list", "list"), 0);
    assert_int_equal(kk_text_distance("list", "lst"), 1);
    assert_int_equal(kk_text_distance("lst", "list"), 1);
    assert_int_equal(kk_text_distance("lsit", "list"), 2);
    assert_int_equal(kk_text_distance("", "list"), 4);
    assert_int_equal(kk_text_distance("kitten", "sitting"), 3);
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(kk_text_distance(longer, "list") > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_what_is_no_character),
        cmocka_unit_test(test_a_terminal_sees_no_control_characters),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests_name("cli_text", tests, NULL, NULL);
}
