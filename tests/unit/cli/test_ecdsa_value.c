/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/ecdsa_value.c: signatures from raw to DER and back, where leading zeros come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/ecdsa_value.h"

static void assert_pair(struct kk_span raw, struct kk_span der)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer got = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer back = {0};
    assert_int_equal(kk_ecdsa_to_der(raw, &got), CKR_OK);
    assert_true(kk_span_equal(kk_buffer_span(&got), der));
    assert_int_equal(kk_ecdsa_from_der(der, raw.len / 2, &back), CKR_OK);
    assert_true(kk_span_equal(kk_buffer_span(&back), raw));
}

static void test_there_and_back(void **state)
{
    (void)state;
    assert_pair(KK_SPAN_TEXT("\x01\x02"), KK_SPAN_TEXT("\x30\x06\x02\x01\x01\x02\x01\x02"));
    /* The highest bit set wants a zero before it in DER; leading zeros go there. */
    assert_pair(KK_SPAN_TEXT("\x80\x01\x00\x7f"),
                KK_SPAN_TEXT("\x30\x08\x02\x03\x00\x80\x01\x02\x01\x7f"));
    assert_pair(KK_SPAN_TEXT("\x00\x80\x00\x00"),
                KK_SPAN_TEXT("\x30\x07\x02\x02\x00\x80\x02\x01\x00"));
}

static void assert_refused(struct kk_span der)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer raw = {0};
    assert_int_equal(kk_ecdsa_from_der(der, 1, &raw), CKR_SIGNATURE_LEN_RANGE);
}

static void test_what_is_no_signature(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    assert_int_equal(kk_ecdsa_to_der(KK_SPAN_TEXT("abc"), &der), CKR_SIGNATURE_LEN_RANGE);
    assert_int_equal(kk_ecdsa_to_der(KK_SPAN_TEXT(""), &der), CKR_SIGNATURE_LEN_RANGE);
    assert_refused(KK_SPAN_TEXT(""));
    assert_refused(KK_SPAN_TEXT("\x30\x06\x02\x01\x01\x02\x01"));         /* cut off */
    assert_refused(KK_SPAN_TEXT("\x30\x06\x02\x01\x01\x02\x01\x02\x00")); /* more behind */
    assert_refused(KK_SPAN_TEXT("\x30\x07\x02\x01\x01\x02\x01\x02\x00")); /* more inside */
    assert_refused(KK_SPAN_TEXT("\x30\x07\x02\x02\x01\x00\x02\x01\x02")); /* too large */
    assert_refused(KK_SPAN_TEXT("\x30\x07\x02\x02\x00\x01\x02\x01\x02")); /* not the shortest */
    assert_refused(KK_SPAN_TEXT("\x30\x06\x02\x01\x81\x02\x01\x02"));     /* below zero */
    assert_refused(KK_SPAN_TEXT("\x30\x06\x04\x01\x01\x02\x01\x02"));     /* no INTEGER */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_is_no_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
