/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MACs and digests as operations: contexts used again, lengths, keys. Known answers stand in
 * tests/vectors.
 */
#include "fixture.h"

#define KEY "0123456789abcdef"

static const CK_MECHANISM_TYPE macs[] = {CKM_SHA256_HMAC, CKM_SHA3_512_HMAC, CKM_MD5_HMAC,
                                         CKM_AES_CMAC};

static void test_the_same_key_again_allocates_nothing_and_agrees(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(macs); m++) {
        struct kk_op op;
        uint8_t first[64];
        uint8_t out[64];
        size_t len = 0;
        op_begin(&op, macs[m], KK_OP_SIGN, key, NULL, 0);
        const struct kk_sign_ops *ops = op.mechanism->sign;
        assert_ok(ops->init(&op));
        assert_int_equal(ops->length(&op), op.mechanism->detail);
        assert_ok(ops->single(&op, KK_SPAN_TEXT("data"), first, &len));
        assert_int_equal(len, op.mechanism->detail);
        unsigned long before = kk_alloc_count();
        for (int i = 0; i < 5; i++) {
            assert_ok(ops->init(&op));
            assert_ok(ops->update(&op, KK_SPAN_TEXT("da")));
            assert_ok(ops->update(&op, KK_SPAN(NULL, 0)));
            assert_ok(ops->update(&op, KK_SPAN_TEXT("ta")));
            assert_ok(ops->final(&op, out, &len));
            assert_memory_equal(out, first, len);
        }
        assert_int_equal(kk_alloc_count(), before);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_an_operation_that_was_dropped_leaves_no_trace(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(macs); m++) {
        struct kk_op op;
        uint8_t first[64];
        uint8_t out[64];
        size_t len = 0;
        op_begin(&op, macs[m], KK_OP_VERIFY, key, NULL, 0);
        const struct kk_sign_ops *ops = op.mechanism->sign;
        assert_ok(ops->init(&op));
        assert_ok(ops->single(&op, KK_SPAN_TEXT("data"), first, &len));
        assert_ok(ops->init(&op));
        assert_ok(ops->update(&op, KK_SPAN_TEXT("something else that is longer than a block")));
        assert_ok(ops->init(&op));
        assert_ok(ops->single(&op, KK_SPAN_TEXT("data"), out, &len));
        assert_memory_equal(out, first, len);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_another_key_makes_another_mac(void **state)
{
    struct kk_op op;
    struct kk_key *a = secret_key(KK_SPAN_TEXT(KEY));
    struct kk_key *b = secret_key(KK_SPAN_TEXT("fedcba9876543210"));
    uint8_t out[3][32];
    size_t len = 0;
    (void)state;
    op_begin(&op, CKM_SHA256_HMAC, KK_OP_SIGN, a, NULL, 0);
    struct kk_key *order[] = {a, b, a};
    for (size_t i = 0; i < 3; i++) {
        op.key = order[i];
        assert_ok(op.mechanism->sign->init(&op));
        assert_ok(op.mechanism->sign->single(&op, KK_SPAN_TEXT("data"), out[i], &len));
    }
    assert_memory_not_equal(out[0], out[1], 32);
    assert_memory_equal(out[0], out[2], 32);
    op_end(&op);
    kk_key_unref(a);
    kk_key_unref(b);
}

static void test_general_lengths_change_on_one_context(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t full[64];
    uint8_t out[64];
    size_t len = 0;
    CK_ULONG wanted = 32;
    (void)state;
    op_begin(&op, CKM_SHA256_HMAC_GENERAL, KK_OP_SIGN, key, &wanted, sizeof wanted);
    const struct kk_sign_ops *ops = op.mechanism->sign;
    assert_ok(ops->init(&op));
    assert_ok(ops->single(&op, KK_SPAN_TEXT("data"), full, &len));
    for (wanted = 1; wanted <= 32; wanted++) {
        memset(out, 0xcc, sizeof out);
        op_param(&op, &wanted, sizeof wanted);
        assert_ok(ops->init(&op));
        assert_int_equal(ops->length(&op), wanted);
        assert_ok(ops->single(&op, KK_SPAN_TEXT("data"), out, &len));
        assert_int_equal(len, wanted);
        assert_memory_equal(out, full, wanted);
        assert_int_equal(out[wanted], 0xcc);
    }
    wanted = 33;
    op_param(&op, &wanted, sizeof wanted);
    assert_rv(ops->init(&op), CKR_MECHANISM_PARAM_INVALID);
    op_param(&op, NULL, 0);
    assert_rv(ops->init(&op), CKR_MECHANISM_PARAM_INVALID);
    op_end(&op);
    kk_key_unref(key);
}

static void test_keys_of_any_length_but_none(void **state)
{
    struct kk_op op;
    uint8_t bytes[300] = {1};
    uint8_t out[64];
    size_t len = 0;
    (void)state;
    for (size_t n = 1; n <= sizeof bytes; n += 13) {
        struct kk_key *key = secret_key(KK_SPAN(bytes, n));
        op_begin(&op, CKM_SHA512_HMAC, KK_OP_SIGN, key, NULL, 0);
        assert_ok(op.mechanism->sign->init(&op));
        assert_ok(op.mechanism->sign->single(&op, KK_SPAN_TEXT("data"), out, &len));
        op_end(&op);
        op_begin(&op, CKM_AES_CMAC, KK_OP_SIGN, key, NULL, 0);
        assert_rv(op.mechanism->sign->init(&op), CKR_KEY_SIZE_RANGE);
        assert_null(op.context);
        op_end(&op);
        kk_key_unref(key);
    }
}

static void test_digests_are_used_again(void **state)
{
    struct kk_op op;
    uint8_t first[64];
    uint8_t out[64];
    size_t len = 0;
    (void)state;
    op_begin(&op, CKM_SHA256, KK_OP_DIGEST, NULL, NULL, 0);
    const struct kk_digest_ops *ops = op.mechanism->digest;
    assert_ok(ops->init(&op));
    assert_int_equal(ops->length(&op), 32);
    assert_ok(ops->single(&op, KK_SPAN_TEXT("data"), first, &len));
    unsigned long before = kk_alloc_count();
    assert_ok(ops->init(&op));
    assert_ok(ops->update(&op, KK_SPAN_TEXT("something that is dropped")));
    assert_ok(ops->init(&op));
    assert_ok(ops->update(&op, KK_SPAN_TEXT("data")));
    assert_ok(ops->final(&op, out, &len));
    assert_memory_equal(out, first, 32);
    assert_int_equal(kk_alloc_count(), before);
    op_end(&op);
}

static void test_no_memory_is_said(void **state)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_SHA256_HMAC, CKM_AES_CMAC};
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        struct kk_op op;
        unsigned long n = 1;
        op_begin(&op, types[i], KK_OP_SIGN, key, NULL, 0);
        for (;; n++) {
            kk_alloc_fail_at(n);
            CK_RV rv = op.mechanism->sign->init(&op);
            kk_alloc_fail_at(0);
            if (rv == CKR_OK) {
                break;
            }
            assert_rv(rv, CKR_HOST_MEMORY);
            assert_null(op.context);
        }
        assert_true(n > 2);
        op_end(&op);
    }
    kk_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_key_again_allocates_nothing_and_agrees),
        cmocka_unit_test(test_an_operation_that_was_dropped_leaves_no_trace),
        cmocka_unit_test(test_another_key_makes_another_mac),
        cmocka_unit_test(test_general_lengths_change_on_one_context),
        cmocka_unit_test(test_keys_of_any_length_but_none),
        cmocka_unit_test(test_digests_are_used_again),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests_name("mac", tests, set_up, tear_down);
}
