/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the C_ functions share in looking at their arguments.
 */
#include "support.h"

#include <string.h>

#include "api/arguments.h"

static void test_spans(void **state)
{
    (void)state;
    struct kk_span span = {0};
    assert_ok(kk_arg_span("abc", 3, &span));
    assert_int_equal(span.len, 3);
    assert_ok(kk_arg_span(NULL, 0, &span));
    assert_int_equal(span.len, 0);
    assert_int_equal(kk_arg_span(NULL, 1, &span), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_arg_span("abc", CK_UNAVAILABLE_INFORMATION, &span), CKR_ARGUMENTS_BAD);
    assert_int_equal(kk_arg_span("abc", ~(~0UL >> 1), &span), CKR_ARGUMENTS_BAD);
}

static CK_RV mechanism_of(struct kk_app *app, const CK_MECHANISM *mechanism)
{
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    const struct kk_mechanism *row = NULL;
    kk_param_init(&param);
    CK_RV rv = kk_arg_mechanism(app, mechanism, &row, &param);
    assert_true(rv != CKR_OK || row->type == mechanism->mechanism);
    return rv;
}

static void test_mechanisms(void **state)
{
    (void)state;
    struct world world;
    uint8_t iv[16] = {0};
    world_open(&world);
    assert_int_equal(mechanism_of(world.app, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(mechanism_of(world.app, &(CK_MECHANISM){CKM_VENDOR_DEFINED, NULL, 0}),
                     CKR_MECHANISM_INVALID);
    assert_int_equal(mechanism_of(world.app, &(CK_MECHANISM){~0UL, NULL, 0}),
                     CKR_MECHANISM_INVALID);
    assert_ok(mechanism_of(world.app, &(CK_MECHANISM){CKM_AES_CBC, iv, sizeof iv}));
    assert_int_equal(mechanism_of(world.app, &(CK_MECHANISM){CKM_AES_CBC, NULL, 0}),
                     CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(mechanism_of(world.app, &(CK_MECHANISM){CKM_AES_CBC, NULL, 16}),
                     CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(mechanism_of(world.app, &(CK_MECHANISM){CKM_AES_CBC, iv, ~0UL}),
                     CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(mechanism_of(world.app, &(CK_MECHANISM){CKM_AES_GCM, iv, sizeof iv}),
                     CKR_MECHANISM_PARAM_INVALID);
    world_close(&world);
}

static void test_padded_fields(void **state)
{
    (void)state;
    CK_UTF8CHAR field[4];
    kk_arg_pad(field, sizeof field, "ab");
    assert_memory_equal(field, "ab  ", 4);
    kk_arg_pad(field, sizeof field, "abcdef");
    assert_memory_equal(field, "abcd", 4);
    kk_arg_pad(field, sizeof field, "");
    assert_memory_equal(field, "    ", 4);
}

static void test_lists(void **state)
{
    (void)state;
    static const CK_ULONG values[] = {7, 8, 9};
    CK_ULONG list[4] = {0};
    CK_ULONG count = 0;
    assert_ok(kk_arg_list(values, 3, NULL, &count));
    assert_int_equal(count, 3);
    count = 2;
    assert_int_equal(kk_arg_list(values, 3, list, &count), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(count, 3);
    assert_int_equal(list[0], 0);
    count = 4;
    assert_ok(kk_arg_list(values, 3, list, &count));
    assert_int_equal(count, 3);
    assert_memory_equal(list, values, sizeof values);
    assert_int_equal(list[3], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_mechanisms),
        cmocka_unit_test(test_padded_fields),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
