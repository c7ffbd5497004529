/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/macros.h"
#include "base/uuid.h"

#include <string.h>

static const struct kk_uuid sample = {{0x0e, 0x56, 0xc4, 0x0f, 0xbf, 0x31, 0xc4, 0x85, 0x73, 0xb8,
                                       0x77, 0x80, 0xcf, 0x2f, 0x0c, 0x90}};
static const char sample_text[] = "0e56c40f-bf31-c485-73b8-7780cf2f0c90";

static void test_format_is_lower_case(void **state)
{
    (void)state;
    char text[KK_UUID_TEXT];
    kk_uuid_format(&sample, text);
    assert_string_equal(text, sample_text);
}

static void test_parse_takes_either_case(void **state)
{
    (void)state;
    struct kk_uuid uuid = {{0}};
    assert_true(kk_uuid_parse(sample_text, &uuid));
    assert_true(kk_uuid_equal(&uuid, &sample));
    memset(&uuid, 0, sizeof uuid);
    assert_true(kk_uuid_parse("0E56C40F-BF31-C485-73B8-7780CF2F0C90", &uuid));
    assert_true(kk_uuid_equal(&uuid, &sample));
}

static void test_parse_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "0e56c40f",
        "0e56c40f-bf31-c485-73b8-7780cf2f0c9",
        "0e56c40f-bf31-c485-73b8-7780cf2f0c901",
        "0e56c40fbf31-c485-73b8-7780cf2f0c90-",
        "0e56c40f-bf31-c485-73b8-7780cf2f0c9g",
        "0e56c40f-bf31-c485-73b8-7780cf2f0c9 ",
        "0e56c40f_bf31-c485-73b8-7780cf2f0c90",
        "-e56c40f-bf31-c485-73b8-7780cf2f0c90",
        "{0e56c40f-bf31-c485-73b8-7780cf2f0c9}",
        "0e56c40f-bf31-c485-73b8-7780cf2f0c9\xc3",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        struct kk_uuid uuid = sample;
        assert_false(kk_uuid_parse(bad[i], &uuid));
        assert_true(kk_uuid_equal(&uuid, &sample));
    }
}

static void test_order_is_that_of_the_bytes(void **state)
{
    (void)state;
    struct kk_uuid greater = sample;
    greater.bytes[15]++;
    assert_true(kk_uuid_compare(&sample, &greater) < 0);
    assert_true(kk_uuid_compare(&greater, &sample) > 0);
    assert_int_equal(kk_uuid_compare(&sample, &sample), 0);
    greater = sample;
    greater.bytes[0] = 0xff;
    assert_true(kk_uuid_compare(&sample, &greater) < 0);
    assert_false(kk_uuid_equal(&sample, &greater));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_is_lower_case),
        cmocka_unit_test(test_parse_takes_either_case),
        cmocka_unit_test(test_parse_refuses_everything_else),
        cmocka_unit_test(test_order_is_that_of_the_bytes),
    };
    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
