/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DES keys: parity, generation, and the keys that block ciphers take.
 */
#include "fixture.h"

#include "mechanism/operation.h"

static const struct {
    CK_MECHANISM_TYPE type;
    size_t len;
} generators[] = {{CKM_DES_KEY_GEN, 8}, {CKM_DES2_KEY_GEN, 16}, {CKM_DES3_KEY_GEN, 24}};

static CK_RV generate(const struct kk_mechanism *row, CK_ULONG bits, struct kk_key_parts *parts)
{
    struct kk_param none = {0};
    memset(parts, 0, sizeof *parts);
    parts->kind = KK_KEY_SECRET;
    parts->bits = bits;
    return row->generate->generate(crypto, row, &none, parts);
}

static void expect_odd(struct kk_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        assert_int_equal(__builtin_parity(value.data[i]), 1);
    }
}

static void test_generated_keys_have_odd_parity_and_different_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(generators); i++) {
        const struct kk_mechanism *row = kk_registry_find(registry, generators[i].type);
        for (int n = 0; row != NULL && n < 20; n++) {
            struct kk_key_parts parts;
            assert_ok(generate(row, generators[i].len * 8, &parts));
            struct kk_span value = kk_key_parts_get(&parts, KK_PART_VALUE);
            assert_int_equal(value.len, generators[i].len);
            expect_odd(value);
            assert_true(value.len < 16 || memcmp(value.data, value.data + 8, 8) != 0);
            kk_key_parts_clear(&parts);
        }
    }
    assert_non_null(kk_registry_find(registry, CKM_DES3_KEY_GEN));
}

static void test_other_lengths_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(generators); i++) {
        const struct kk_mechanism *row = kk_registry_find(registry, generators[i].type);
        for (CK_ULONG bits = 0; row != NULL && bits <= 256; bits += 8) {
            struct kk_key_parts parts;
            bool fits = bits == generators[i].len * 8;
            assert_rv(generate(row, bits, &parts), fits ? CKR_OK : CKR_KEY_SIZE_RANGE);
            kk_key_parts_clear(&parts);
        }
    }
}

static void expect_settled(CK_KEY_TYPE key_type, const char *from, const char *to)
{
    struct kk_secret *secret = NULL;
    assert_ok(kk_secret_from(hex(from), &secret));
    kk_key_value_settle(key_type, secret);
    assert_true(kk_span_equal(kk_secret_span(secret), hex(to)));
    kk_secret_free(secret);
}

static void test_new_values_of_des_keys_get_parity(void **state)
{
    (void)state;
    expect_settled(CKK_DES, "00010203fefff07f", "01010202fefef17f");
    expect_settled(CKK_DES2, "00010203fefff07f00010203fefff07f",
                   "01010202fefef17f01010202fefef17f");
    expect_settled(CKK_DES3, "00010203fefff07f00010203fefff07f0000000000000000",
                   "01010202fefef17f01010202fefef17f0101010101010101");
    expect_settled(CKK_AES, "00010203fefff07f00010203fefff07f", "00010203fefff07f00010203fefff07f");
    kk_key_value_settle(CKK_DES3, NULL);
}

static void expect_cipher_key(CK_MECHANISM_TYPE type, const char *value, CK_RV rv, const char *to)
{
    const struct kk_mechanism *row = kk_registry_find(registry, type);
    struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    uint8_t room[KK_BLOCK_KEY_ROOM];
    struct kk_span got = {0};
    struct kk_key *key = NULL;
    if (row == NULL) {
        assert_int_not_equal(row == NULL, type == CKM_DES3_ECB);
        return;
    }
    assert_ok(kk_key_parts_set(&parts, KK_PART_VALUE, hex(value)));
    assert_ok(kk_key_new(crypto, &parts, &key));
    assert_rv(kk_block_key_of(row, key, room, &got), rv);
    if (rv == CKR_OK) {
        assert_true(kk_span_equal(got, hex(to)));
    }
    kk_key_unref(key);
    kk_key_parts_clear(&parts);
}

#define A "0123456789abcdef"
#define B "23456789abcdef01"
#define C "456789abcdef0123"

static void test_a_double_key_is_a_triple_one(void **state)
{
    (void)state;
    expect_cipher_key(CKM_DES3_ECB, A B, CKR_OK, A B A);
    expect_cipher_key(CKM_DES3_ECB, A B C, CKR_OK, A B C);
    expect_cipher_key(CKM_DES3_ECB, A, CKR_KEY_SIZE_RANGE, NULL);
    expect_cipher_key(CKM_DES3_ECB, A B C A, CKR_KEY_SIZE_RANGE, NULL);
    expect_cipher_key(CKM_DES_ECB, A, CKR_OK, A);
    expect_cipher_key(CKM_DES_ECB, A B, CKR_KEY_SIZE_RANGE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_keys_have_odd_parity_and_different_parts),
        cmocka_unit_test(test_other_lengths_are_refused),
        cmocka_unit_test(test_new_values_of_des_keys_get_parity),
        cmocka_unit_test(test_a_double_key_is_a_triple_one),
    };
    return cmocka_run_group_tests_name("des", tests, set_up, tear_down);
}
