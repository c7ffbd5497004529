/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flags follow from the operations that a row has.
 */
#include "fixture.h"

static const struct kk_cipher_ops cipher_ops;
static const struct kk_message_ops message_ops;
static const struct kk_sign_ops sign_ops;
static const struct kk_digest_ops digest_ops;
static const struct kk_generate_ops generate_ops;
static const struct kk_generate_ops pair_ops = {.pair = true};
static const struct kk_derive_ops derive_ops;
static const struct kk_wrap_ops wrap_ops;
static const struct kk_kem_ops kem_ops;

static CK_RV recover(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    (void)op;
    (void)in;
    (void)out;
    (void)ret_len;
    return CKR_FUNCTION_FAILED;
}

static const struct kk_sign_ops once_ops = {.one_time = true};
static const struct kk_sign_ops recover_ops = {.recover = recover};

#define SIGNS (CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)

static const struct {
    struct kk_mechanism row;
    CK_FLAGS want;
} cases[] = {
    {{.cipher = &cipher_ops}, CKF_ENCRYPT | CKF_DECRYPT},
    {{.message = &message_ops}, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE},
    {{.sign = &sign_ops}, SIGNS},
    {{.sign = &once_ops}, CKF_SIGN | CKF_VERIFY},
    {{.sign = &recover_ops}, SIGNS | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER},
    {{.digest = &digest_ops}, CKF_DIGEST},
    {{.generate = &generate_ops}, CKF_GENERATE},
    {{.generate = &pair_ops}, CKF_GENERATE_KEY_PAIR},
    {{.derive = &derive_ops}, CKF_DERIVE},
    {{.wrap = &wrap_ops}, CKF_WRAP | CKF_UNWRAP},
    {{.kem = &kem_ops}, CKF_ENCAPSULATE | CKF_DECAPSULATE},
    {{.extra_flags = CKF_EC_OID}, CKF_EC_OID},
    {{.cipher = &cipher_ops, .wrap = &wrap_ops, .extra_flags = CKF_EC_F_P},
     CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP | CKF_EC_F_P},
    {{.type = CKM_MD5}, 0},
};

static void test_flags_are_those_of_the_operations(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        assert_int_equal(kk_mechanism_flags(&cases[i].row), cases[i].want);
    }
}

static void test_takes_its_two_key_types_and_no_other(void **state)
{
    const struct kk_mechanism row = {.key_type = CKK_GENERIC_SECRET, .key_type2 = CKK_SHA256_HMAC};
    const struct kk_mechanism none = {.key_type = KK_NO_KEY_TYPE, .key_type2 = KK_NO_KEY_TYPE};
    (void)state;
    assert_true(kk_mechanism_takes(&row, CKK_GENERIC_SECRET));
    assert_true(kk_mechanism_takes(&row, CKK_SHA256_HMAC));
    assert_false(kk_mechanism_takes(&row, CKK_SHA384_HMAC));
    assert_false(kk_mechanism_takes(&row, CKK_RSA));
    assert_false(kk_mechanism_takes(&none, CKK_RSA));
    assert_false(kk_mechanism_takes(&none, KK_NO_KEY_TYPE));
}

static void test_takes_what_a_second_type_stands_for(void **state)
{
    static const struct {
        CK_KEY_TYPE type;
        bool secret, pair, des;
    } types[] = {
        {CKK_AES, true, false, false},     {CKK_GENERIC_SECRET, true, false, false},
        {CKK_DES, true, false, true},      {CKK_DES2, true, false, true},
        {CKK_DES3, true, false, true},     {CKK_RSA, false, true, false},
        {CKK_EC, false, true, false},      {CKK_EC_MONTGOMERY, false, true, false},
        {CKK_DH, false, true, false},      {CKK_ML_KEM, false, true, false},
        {CKK_XMSS, false, false, false},   {KK_NO_KEY_TYPE, false, false, false},
        {KK_ANY_DES, false, false, false}, {KK_ANY_PAIR, false, false, false},
        {KK_ANY_KEY, false, false, false},
    };
    const struct kk_mechanism secret = {.key_type = CKK_HKDF, .key_type2 = KK_ANY_SECRET};
    const struct kk_mechanism pair = {.key_type = CKK_DSA, .key_type2 = KK_ANY_PAIR};
    const struct kk_mechanism des = {.key_type = CKK_DES, .key_type2 = KK_ANY_DES};
    const struct kk_mechanism all = {.key_type = CKK_AES, .key_type2 = KK_ANY_KEY};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        assert_int_equal(kk_mechanism_takes(&secret, types[i].type), types[i].secret);
        assert_int_equal(kk_mechanism_takes(&pair, types[i].type), types[i].pair);
        assert_int_equal(kk_mechanism_takes(&des, types[i].type), types[i].des);
        assert_int_equal(kk_mechanism_takes(&all, types[i].type), types[i].secret || types[i].pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_are_those_of_the_operations),
        cmocka_unit_test(test_takes_its_two_key_types_and_no_other),
        cmocka_unit_test(test_takes_what_a_second_type_stands_for),
    };
    return cmocka_run_group_tests_name("flags", tests, set_up, tear_down);
}
