/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/object/stateful.c: each number once, none for keys from elsewhere, none behind the last.
 */
#include "object_test.h"

#include "object/object.h"
#include "object/stateful.h"

static const struct kk_uuid home = {{1, 2, 3}};
static const struct kk_uuid elsewhere = {{1, 2, 4}};
static const struct kk_span nothing = {NULL, 0};

static struct kk_attrs *key_of(CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type)
{
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, object_class));
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_TYPE, key_type));
    return attrs;
}

/* A private key of 32 leaves that is nowhere yet. */
static struct kk_attrs *hss_key(void)
{
    struct kk_key_parts parts = {
        .kind = KK_KEY_HSS, .hss_levels = 1, .hss_lms = {5}, .hss_lmots = {2}};
    struct kk_attrs *attrs = key_of(CKO_PRIVATE_KEY, CKK_HSS);
    assert_ok(kk_key_generate(crypto, &parts));
    assert_ok(kk_key_parts_to(crypto, &parts, CKO_PRIVATE_KEY, attrs));
    kk_key_parts_clear(&parts);
    return attrs;
}

static uint64_t left(const struct kk_attrs *attrs)
{
    return kk_attrs_number(attrs, CKA_HSS_KEYS_REMAINING, UINT64_MAX);
}

/* Takes one; `attrs` is what is left. */
static CK_RV take(struct kk_attrs **attrs, const struct kk_uuid *where, uint64_t *ret_number)
{
    struct kk_attrs *rest = NULL;
    CK_RV rv = kk_stateful_take(*attrs, where, nothing, ret_number, &rest);
    if (rv == CKR_OK) {
        kk_attrs_free(*attrs);
        *attrs = rest;
    }
    return rv;
}

static void test_a_key_gives_each_leaf_once(void **state)
{
    struct kk_attrs *attrs = hss_key();
    uint64_t number = 99;
    (void)state;
    assert_int_equal(left(attrs), 32);
    for (uint64_t i = 0; i < 32; i++) {
        uint64_t next = 99;
        assert_ok(kk_stateful_next(attrs, &next));
        assert_ok(take(&attrs, NULL, &number));
        assert_true(number == i && next == i && left(attrs) == 31 - i);
    }
    assert_int_equal(take(&attrs, NULL, &number), CKR_KEY_EXHAUSTED);
    assert_int_equal(kk_stateful_next(attrs, &number), CKR_KEY_EXHAUSTED);
    assert_int_equal(left(attrs), 0);
    kk_attrs_free(attrs);
}

static void test_a_key_from_elsewhere_gives_none(void **state)
{
    struct kk_attrs *attrs = hss_key();
    uint64_t number = 99;
    (void)state;
    assert_int_equal(take(&attrs, &home, &number), CKR_KEY_EXHAUSTED); /* of a session */
    assert_ok(kk_stateful_settle(attrs, &home));
    assert_ok(take(&attrs, &home, &number));
    assert_int_equal(number, 0);
    assert_int_equal(take(&attrs, &elsewhere, &number), CKR_KEY_EXHAUSTED);
    assert_int_equal(take(&attrs, NULL, &number), CKR_KEY_EXHAUSTED);
    assert_ok(kk_stateful_show(attrs, &home));
    assert_int_equal(left(attrs), 31);
    assert_ok(kk_stateful_show(attrs, &elsewhere));
    assert_int_equal(left(attrs), 0);
    kk_attrs_free(attrs);
}

static void test_what_is_no_state_gives_none(void **state)
{
    struct kk_attrs *attrs = key_of(CKO_PRIVATE_KEY, CKK_HSS);
    uint64_t number = 99;
    (void)state;
    assert_true(kk_stateful_is_one_time(attrs));
    assert_int_equal(take(&attrs, NULL, &number), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, KK_SPAN_TEXT("HSS, but of somebody else")));
    assert_int_equal(take(&attrs, NULL, &number), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(kk_stateful_show(attrs, &home));
    kk_attrs_free(attrs);
}

static void test_other_keys_have_no_numbers(void **state)
{
    static const struct {
        CK_OBJECT_CLASS object_class;
        CK_KEY_TYPE key_type;
    } keys[] = {{CKO_PUBLIC_KEY, CKK_HSS},
                {CKO_PRIVATE_KEY, CKK_RSA},
                {CKO_SECRET_KEY, CKK_HOTP},
                {CKO_OTP_KEY, CKK_SECURID}};
    uint64_t number = 99;
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        struct kk_attrs *attrs = key_of(keys[i].object_class, keys[i].key_type);
        assert_int_equal(take(&attrs, &home, &number), CKR_KEY_TYPE_INCONSISTENT);
        assert_int_equal(kk_stateful_next(attrs, &number), CKR_KEY_TYPE_INCONSISTENT);
        assert_false(kk_stateful_is_one_time(attrs));
        assert_ok(kk_stateful_settle(attrs, &home));
        assert_ok(kk_stateful_begin(attrs));
        assert_int_equal(attrs->count, 2);
        kk_attrs_free(attrs);
    }
}

static void test_an_otp_key_counts_to_its_end(void **state)
{
    static const uint8_t late[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    struct kk_attrs *attrs = key_of(CKO_OTP_KEY, CKK_HOTP);
    uint64_t number = 99;
    (void)state;
    assert_ok(take(&attrs, &home, &number)); /* wherever it is */
    assert_int_equal(number, 0);
    assert_ok(take(&attrs, &elsewhere, &number));
    assert_int_equal(number, 1);
    assert_ok(kk_attrs_set_bytes(attrs, CKA_OTP_COUNTER, KK_SPAN_ARRAY(late)));
    assert_ok(take(&attrs, NULL, &number));
    assert_true(number == UINT64_MAX - 1);
    assert_int_equal(take(&attrs, NULL, &number), CKR_KEY_EXHAUSTED);
    assert_ok(kk_attrs_set_bytes(attrs, CKA_OTP_COUNTER, KK_SPAN(late, 7)));
    assert_int_equal(take(&attrs, NULL, &number), CKR_KEY_TYPE_INCONSISTENT);
    kk_attrs_free(attrs);
}

static void test_a_new_otp_key_begins_at_zero(void **state)
{
    static const uint8_t seven[8] = {0, 0, 0, 0, 0, 0, 0, 7};
    struct kk_attrs *attrs = key_of(CKO_OTP_KEY, CKK_HOTP);
    uint64_t next = 99;
    (void)state;
    assert_ok(kk_stateful_begin(attrs));
    assert_int_equal(kk_attrs_bytes(attrs, CKA_OTP_COUNTER).len, 8);
    assert_ok(kk_stateful_next(attrs, &next));
    assert_int_equal(next, 0);
    assert_ok(kk_attrs_set_bytes(attrs, CKA_OTP_COUNTER, KK_SPAN_ARRAY(seven)));
    assert_ok(kk_stateful_begin(attrs));
    assert_ok(kk_stateful_next(attrs, &next));
    assert_int_equal(next, 7);
    kk_attrs_free(attrs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_gives_each_leaf_once),
        cmocka_unit_test(test_a_key_from_elsewhere_gives_none),
        cmocka_unit_test(test_what_is_no_state_gives_none),
        cmocka_unit_test(test_other_keys_have_no_numbers),
        cmocka_unit_test(test_an_otp_key_counts_to_its_end),
        cmocka_unit_test(test_a_new_otp_key_begins_at_zero),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
