/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/base/json_line.c: one object has one form, and nothing else is taken for one.
 */
#include "unit.h"

#include <string.h>

#include "base/json_line.h"
#include "base/memory.h"

static struct kk_span text_span(const char *text)
{
    return KK_SPAN(text, strlen(text));
}

static void test_an_object_is_written(void **state)
{
    (void)state;
    char text[200];
    static const uint8_t bytes[] = {0x00, 0xab};
    struct kk_json_line line = kk_json_line_new(text, sizeof text);
    kk_json_line_number(&line, "n", 0);
    kk_json_line_number(&line, "big", UINT64_MAX);
    kk_json_line_text(&line, "t", text_span("a\"\\\n\x7f/\xc3\xbc\xf0\x9f\x94\x91\xff"));
    kk_json_line_hex(&line, "h", KK_SPAN_ARRAY(bytes));
    kk_json_line_end(&line);
    static const char want[] =
        "{\"n\":0,\"big\":18446744073709551615,\"t\":\"a\\\"\\\\\\u000a\\u007f/"
        "\\u00fc\\ud83d\\udd11\\ufffd\",\"h\":\"00ab\"}";
    assert_false(line.failed);
    assert_int_equal(line.len, sizeof want - 1);
    assert_memory_equal(line.text, want, line.len);
}

static void test_what_does_not_fit_fails(void **state)
{
    (void)state;
    for (size_t room = 0; room < 12; room++) {
        char text[12];
        struct kk_json_line line = kk_json_line_new(text, room);
        kk_json_line_text(&line, "a", text_span("wxyz"));
        kk_json_line_end(&line);
        assert_true(line.failed); /* {"a":"wxyz"} has 12 bytes */
    }
}

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    char text[100];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer value = {0};
    struct kk_json_member member = {0};
    static const char original[] = "\x01 \"\xc3\xbc\xf0\x9f\x94\x91";
    struct kk_json_line line = kk_json_line_new(text, sizeof text);
    kk_json_line_number(&line, "seq", 17);
    kk_json_line_text(&line, "label", text_span(original));
    kk_json_line_end(&line);
    struct kk_json_line_reader reader = kk_json_line_reader_new(KK_SPAN(line.text, line.len));
    assert_true(kk_json_line_next(&reader, &member));
    assert_true(kk_json_member_is(&member, "seq"));
    assert_false(member.is_text);
    assert_int_equal(member.number, 17);
    assert_true(kk_json_line_next(&reader, &member));
    assert_true(kk_json_member_is(&member, "label"));
    kk_json_member_put(&member, &value);
    assert_int_equal(value.len, sizeof original - 1);
    assert_memory_equal(value.data, original, value.len);
    assert_false(kk_json_line_next(&reader, &member));
    assert_true(reader.ended);
}

static bool is_read(const char *text)
{
    struct kk_json_line_reader reader = kk_json_line_reader_new(text_span(text));
    struct kk_json_member member = {0};
    while (kk_json_line_next(&reader, &member)) {
    }
    assert_true(reader.ended != reader.failed);
    return reader.ended;
}

static void test_other_forms_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{}x",
        "{\"a\":1",
        "{\"a\":1}x",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{ \"a\":1}",
        "{\"a\": 1}",
        "{\"A\":1}",
        "{\"\":1}",
        "{\"a\":01}",
        "{\"a\":-1}",
        "{\"a\":18446744073709551616}",
        "{\"a\":}",
        "{\"a\":\"}",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\\n\"}",
        "{\"a\":\"\\u00E4\"}",
        "{\"a\":\"\\u0041\"}",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\ud83d\\u0041\"}",
        "{\"a\":\"\\udd11\"}",
        "{\"a\":\"\xc3\xbc\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":{}}",
        "{\"a\":null}",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        assert_false(is_read(bad[i]));
    }
    assert_true(is_read("{\"a\":0,\"b_c\":\"\"}"));
}

static void test_bytes_are_hex_of_that_length(void **state)
{
    (void)state;
    uint8_t bytes[2] = {0};
    static const char *const texts[] = {"0aff", "0AFF", "0af", "0aff0", "0a f"};
    for (size_t i = 0; i < KK_ARRAY_LEN(texts); i++) {
        struct kk_json_member member = {.is_text = true, .value = text_span(texts[i])};
        assert_int_equal(kk_json_member_bytes(&member, bytes, sizeof bytes), i == 0);
    }
    assert_int_equal(bytes[0], 0x0a);
    assert_int_equal(bytes[1], 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object_is_written),
        cmocka_unit_test(test_what_does_not_fit_fails),
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_other_forms_are_refused),
        cmocka_unit_test(test_bytes_are_hex_of_that_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
