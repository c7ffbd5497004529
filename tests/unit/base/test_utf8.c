/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/base/utf8.c.
 */
#include "unit.h"

#include <string.h>

#include "base/utf8.h"

static void test_every_character_comes_back(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        uint8_t bytes[KK_UTF8_MAX];
        uint32_t read = 0;
        size_t len = kk_utf8_encode(point, bytes);
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        assert_int_equal(kk_utf8_decode(KK_SPAN(bytes, len), &read), surrogate ? 0 : len);
        assert_int_equal(read, surrogate ? 0 : point);
        assert_int_equal(kk_utf8_decode(KK_SPAN(bytes, len - 1), &read), 0);
    }
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",         "\xc0\x80",     "\xc1\xbf",
                                      "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xff",         "\xc3("};
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        uint32_t point = 0;
        assert_int_equal(kk_utf8_decode(KK_SPAN(bad[i], strlen(bad[i])), &point), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character_comes_back),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
