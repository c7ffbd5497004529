/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generation of secret keys.
 */
#include "fixture.h"

#include "mechanism/operation.h"

static CK_RV generate(CK_MECHANISM_TYPE type, CK_ULONG bits, struct kk_key_parts *parts)
{
    const struct kk_mechanism *row = kk_registry_find(registry, type);
    struct kk_param none = {0};
    assert_non_null(row);
    memset(parts, 0, sizeof *parts);
    parts->kind = KK_KEY_SECRET;
    parts->bits = bits;
    return row->generate->generate(crypto, row, &none, parts);
}

static void test_every_row_makes_keys_of_the_length_asked_for(void **state)
{
    size_t rows = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        struct kk_key_parts a;
        struct kk_key_parts b;
        if (row->generate != &kk_generate_secret_ops) {
            continue;
        }
        rows++;
        size_t len = KK_MIN((size_t)row->max_key, (size_t)32);
        assert_ok(generate(row->type, len * 8, &a));
        assert_ok(generate(row->type, len * 8, &b));
        struct kk_span value = kk_key_parts_get(&a, KK_PART_VALUE);
        assert_int_equal(value.len, len);
        assert_memory_not_equal(value.data, kk_key_parts_get(&b, KK_PART_VALUE).data, len);
        kk_key_parts_clear(&a);
        kk_key_parts_clear(&b);
    }
    assert_true(rows >= 16);
}

static void expect_range(CK_MECHANISM_TYPE type, CK_ULONG bits)
{
    struct kk_key_parts parts;
    assert_rv(generate(type, bits, &parts), CKR_KEY_SIZE_RANGE);
    kk_key_parts_clear(&parts);
}

static void test_aes_keys_have_three_sizes(void **state)
{
    (void)state;
    for (CK_ULONG bytes = 0; bytes <= 64; bytes++) {
        struct kk_key_parts parts;
        bool fits = bytes == 16 || bytes == 24 || bytes == 32;
        assert_rv(generate(CKM_AES_KEY_GEN, bytes * 8, &parts), fits ? CKR_OK : CKR_KEY_SIZE_RANGE);
        kk_key_parts_clear(&parts);
    }
    expect_range(CKM_AES_KEY_GEN, 129);
}

static void test_generic_secrets_have_one_byte_and_more(void **state)
{
    static const CK_ULONG bytes[] = {1, 2, 17, 255, 4096, 100000};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(bytes); i++) {
        struct kk_key_parts parts;
        assert_ok(generate(CKM_GENERIC_SECRET_KEY_GEN, bytes[i] * 8, &parts));
        assert_int_equal(kk_key_parts_get(&parts, KK_PART_VALUE).len, bytes[i]);
        kk_key_parts_clear(&parts);
    }
    expect_range(CKM_GENERIC_SECRET_KEY_GEN, 0);
    expect_range(CKM_GENERIC_SECRET_KEY_GEN, 7);
    expect_range(CKM_GENERIC_SECRET_KEY_GEN, 134217729UL * 8);
    expect_range(CKM_GENERIC_SECRET_KEY_GEN, CK_UNAVAILABLE_INFORMATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_makes_keys_of_the_length_asked_for),
        cmocka_unit_test(test_aes_keys_have_three_sizes),
        cmocka_unit_test(test_generic_secrets_have_one_byte_and_more),
    };
    return cmocka_run_group_tests_name("table_secret", tests, set_up, tear_down);
}
