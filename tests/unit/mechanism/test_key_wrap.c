/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AES key wraps as mechanisms: every length there and back, lengths foretold, zeros behind KW's
 * keys. Known answers stand in tests/vectors.
 */
#include "fixture.h"

#define KEY "0123456789abcdef"

static const CK_MECHANISM_TYPE all[] = {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD,
                                        CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PKCS7};

static uint8_t plain[200];

static int set_up_data(void **state)
{
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = (uint8_t)(i + 1);
    }
    return set_up(state);
}

/* The shortest key that each can wrap: KW needs two half-blocks. */
static size_t least(CK_MECHANISM_TYPE type)
{
    if (type == CKM_AES_KEY_WRAP) {
        return 9;
    }
    return type == CKM_AES_KEY_WRAP_PKCS7 ? 8 : 1;
}

static void test_keys_of_every_length_there_and_back(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    struct kk_param none = {0};
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        const struct kk_mechanism *row = kk_registry_find(registry, all[m]);
        for (size_t len = 1; len <= sizeof plain; len++) {
            uint8_t wrapped[sizeof plain + 24];
            struct kk_secret *back = NULL;
            size_t want = 0;
            size_t got = 0;
            if (len < least(all[m])) {
                assert_rv(row->wrap->length(row, key, &none, len, &want), CKR_KEY_SIZE_RANGE);
                assert_rv(
                    row->wrap->wrap(crypto, row, key, &none, KK_SPAN(plain, len), wrapped, &got),
                    CKR_KEY_SIZE_RANGE);
                continue;
            }
            assert_ok(row->wrap->length(row, key, &none, len, &want));
            assert_ok(row->wrap->wrap(crypto, row, key, &none, KK_SPAN(plain, len), wrapped, &got));
            assert_int_equal(got, want);
            assert_ok(row->wrap->unwrap(crypto, row, key, &none, KK_SPAN(wrapped, got), &back));
            struct kk_span bytes = kk_secret_span(back);
            assert_int_equal(bytes.len, all[m] == CKM_AES_KEY_WRAP ? (len + 7) / 8 * 8 : len);
            assert_memory_equal(bytes.data, plain, len);
            for (size_t i = len; i < bytes.len; i++) {
                assert_int_equal(bytes.data[i], 0);
            }
            kk_secret_free(back);
        }
        assert_true(row->wrap->private_keys);
    }
    kk_key_unref(key);
}

static void test_data_there_and_back_with_lengths_foretold(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        for (size_t len = 16; len <= 64; len++) {
            struct kk_op to;
            struct kk_op from;
            uint8_t wrapped[96];
            uint8_t back[96];
            size_t got = 0;
            size_t back_len = 0;
            op_begin(&to, all[m], KK_OP_ENCRYPT, key, NULL, 0);
            op_begin(&from, all[m], KK_OP_DECRYPT, key, NULL, 0);
            const struct kk_cipher_ops *ops = to.mechanism->cipher;
            assert_null(ops->update);
            assert_ok(ops->init(&to));
            assert_ok(ops->init(&from));
            size_t bound = ops->bound(&to, KK_PHASE_SINGLE, len);
            if (all[m] == CKM_AES_KEY_WRAP && len % 8 != 0) {
                assert_int_equal(bound, 0);
                assert_rv(ops->single(&to, KK_SPAN(plain, len), wrapped, &got), CKR_DATA_LEN_RANGE);
            } else {
                assert_ok(ops->single(&to, KK_SPAN(plain, len), wrapped, &got));
                assert_int_equal(got, bound);
                bound = ops->bound(&from, KK_PHASE_SINGLE, got);
                assert_ok(ops->single(&from, KK_SPAN(wrapped, got), back, &back_len));
                assert_true(ops->exact ? back_len == bound : back_len <= bound);
                assert_int_equal(back_len, len);
                assert_memory_equal(back, plain, len);
            }
            op_end(&to);
            op_end(&from);
        }
    }
    kk_key_unref(key);
}

static void test_lengths_beyond_reason_are_refused(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    struct kk_param none = {0};
    size_t len = 0;
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        const struct kk_mechanism *row = kk_registry_find(registry, all[m]);
        struct kk_op op;
        assert_rv(row->wrap->length(row, key, &none, 0, &len), CKR_KEY_SIZE_RANGE);
        assert_rv(row->wrap->length(row, key, &none, SIZE_MAX, &len), CKR_KEY_SIZE_RANGE);
        assert_rv(row->wrap->length(row, key, &none, SIZE_MAX - 7, &len), CKR_KEY_SIZE_RANGE);
        op_begin(&op, all[m], KK_OP_ENCRYPT, key, NULL, 0);
        assert_int_equal(row->cipher->bound(&op, KK_PHASE_SINGLE, SIZE_MAX), 0);
        assert_int_equal(row->cipher->bound(&op, KK_PHASE_SINGLE, SIZE_MAX - 7), 0);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_keys_of_a_wrong_size(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT("short"));
    struct kk_param none = {0};
    uint8_t out[48];
    struct kk_secret *back = NULL;
    size_t len = 0;
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        const struct kk_mechanism *row = kk_registry_find(registry, all[m]);
        struct kk_op op;
        op_begin(&op, all[m], KK_OP_ENCRYPT, key, NULL, 0);
        assert_rv(row->cipher->init(&op), CKR_KEY_SIZE_RANGE);
        assert_rv(row->wrap->wrap(crypto, row, key, &none, KK_SPAN(plain, 16), out, &len),
                  CKR_KEY_SIZE_RANGE);
        assert_rv(row->wrap->unwrap(crypto, row, key, &none, KK_SPAN(plain, 24), &back),
                  CKR_KEY_SIZE_RANGE);
        op_end(&op);
    }
    kk_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_every_length_there_and_back),
        cmocka_unit_test(test_data_there_and_back_with_lengths_foretold),
        cmocka_unit_test(test_lengths_beyond_reason_are_refused),
        cmocka_unit_test(test_keys_of_a_wrong_size),
    };
    return cmocka_run_group_tests_name("key_wrap", tests, set_up_data, tear_down);
}
