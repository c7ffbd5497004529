/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public key inside a certificate.
 */
#include "object_test.h"

#include "crypto/der.h"
#include "object/computed.h"

/* A certificate of empty parts around `spki`, as RFC 5280, 4.1 nests them. */
static struct kk_buffer certificate_around(struct kk_span spki, bool has_version)
{
    struct kk_buffer der = {0};
    size_t outer = kk_der_begin(&der, KK_DER_SEQUENCE);
    size_t inner = kk_der_begin(&der, KK_DER_SEQUENCE);
    if (has_version) {
        size_t version = kk_der_begin(&der, KK_DER_CONTEXT(0));
        kk_der_put_integer(&der, KK_SPAN_TEXT("\2"));
        kk_der_end(&der, version);
    }
    kk_der_put_integer(&der, KK_SPAN_TEXT("\1"));
    for (int i = 0; i < 4; i++) {
        kk_der_put(&der, KK_DER_SEQUENCE, KK_SPAN(NULL, 0));
    }
    kk_buffer_put_span(&der, spki);
    kk_der_put(&der, KK_DER_CONTEXT(3), KK_SPAN_TEXT("extensions"));
    kk_der_end(&der, inner);
    kk_der_put(&der, KK_DER_SEQUENCE, KK_SPAN(NULL, 0));
    kk_der_put_bits(&der, KK_SPAN_TEXT("signature"));
    kk_der_end(&der, outer);
    assert_ok(kk_buffer_check(&der));
    return der;
}

static const uint8_t spki[] = {0x30, 0x03, 0x02, 0x01, 0x05};

static void test_the_key_is_found_with_and_without_a_version(void **state)
{
    (void)state;
    for (int has_version = 0; has_version < 2; has_version++) {
        struct kk_buffer der = certificate_around(KK_SPAN_ARRAY(spki), has_version == 1);
        struct kk_span found = kk_certificate_spki(kk_buffer_span(&der));
        assert_true(kk_span_equal(found, KK_SPAN_ARRAY(spki)));
        kk_buffer_clear(&der);
    }
}

static void test_a_cut_certificate_has_no_key(void **state)
{
    (void)state;
    struct kk_buffer der = certificate_around(KK_SPAN_ARRAY(spki), true);
    for (size_t cut = 0; cut < der.len; cut++) {
        uint8_t *part = test_malloc(cut + 1);
        memcpy(part, der.data, cut);
        assert_int_equal(kk_certificate_spki(KK_SPAN(part, cut)).len, 0);
        test_free(part);
    }
    kk_buffer_clear(&der);
}

static void test_what_is_no_sequence_is_no_key(void **state)
{
    (void)state;
    static const uint8_t other[] = {0x04, 0x03, 0x02, 0x01, 0x05};
    struct kk_buffer der = certificate_around(KK_SPAN_ARRAY(other), true);
    assert_int_equal(kk_certificate_spki(kk_buffer_span(&der)).len, 0);
    assert_int_equal(kk_certificate_spki(KK_SPAN_TEXT("no certificate")).len, 0);
    kk_buffer_clear(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_key_is_found_with_and_without_a_version),
        cmocka_unit_test(test_a_cut_certificate_has_no_key),
        cmocka_unit_test(test_what_is_no_sequence_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
