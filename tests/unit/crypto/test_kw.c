/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES key wrapping: known answers stand in tests/vectors; here are lengths, refusals and the way
 * there and back for every length.
 */
#include "fixture.h"

#include "crypto/kw.h"

#define KEY "000102030405060708090a0b0c0d0e0f"

static const struct kk_span no_iv = {NULL, 0};

static void test_lengths(void **state)
{
    size_t len = 0;
    (void)state;
    assert_ok(kk_kw_length(KK_KW, 16, &len));
    assert_int_equal(len, 24);
    assert_rv(kk_kw_length(KK_KW, 8, &len), CKR_DATA_LEN_RANGE);
    assert_rv(kk_kw_length(KK_KW, 17, &len), CKR_DATA_LEN_RANGE);
    assert_rv(kk_kw_length(KK_KW, 0, &len), CKR_DATA_LEN_RANGE);
    assert_rv(kk_kw_length(KK_KW, SIZE_MAX, &len), CKR_DATA_LEN_RANGE);
    assert_ok(kk_kw_length(KK_KWP, 1, &len));
    assert_int_equal(len, 16);
    assert_ok(kk_kw_length(KK_KWP, 17, &len));
    assert_int_equal(len, 32);
    assert_rv(kk_kw_length(KK_KWP, 0, &len), CKR_DATA_LEN_RANGE);
    assert_rv(kk_kw_length(KK_KWP, SIZE_MAX, &len), CKR_DATA_LEN_RANGE);
}

static void there_and_back(enum kk_kw kind, size_t len)
{
    uint8_t plain[200];
    uint8_t wrapped[216];
    size_t want = 0;
    size_t got = 0;
    struct kk_secret *back = NULL;
    for (size_t i = 0; i < len; i++) {
        plain[i] = (uint8_t)(i + 1);
    }
    assert_ok(kk_kw_length(kind, len, &want));
    assert_ok(kk_kw_wrap(crypto, kind, hex(KEY), no_iv, KK_SPAN(plain, len), wrapped, &got));
    assert_int_equal(got, want);
    assert_ok(kk_kw_unwrap(crypto, kind, hex(KEY), no_iv, KK_SPAN(wrapped, got), &back));
    assert_int_equal(kk_secret_len(back), len);
    assert_memory_equal(kk_secret_data(back), plain, len);
    kk_secret_free(back);
    for (size_t i = 0; i < got; i++) {
        wrapped[i] ^= 0x10;
        assert_rv(kk_kw_unwrap(crypto, kind, hex(KEY), no_iv, KK_SPAN(wrapped, got), &back),
                  CKR_ENCRYPTED_DATA_INVALID);
        wrapped[i] ^= 0x10;
    }
}

static void test_every_length_comes_back_and_every_changed_byte_is_seen(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 72; len++) {
        there_and_back(KK_KWP, len);
    }
    for (size_t len = 16; len <= 200; len += 8) {
        there_and_back(KK_KW, len);
    }
}

static void test_keys_ivs_and_lengths_that_cannot_be(void **state)
{
    uint8_t bytes[64] = {0};
    uint8_t out[80];
    size_t len = 0;
    struct kk_secret *back = NULL;
    struct kk_span plain = KK_SPAN(bytes, 16);
    (void)state;
    assert_rv(kk_kw_wrap(crypto, KK_KW, hex("00"), no_iv, plain, out, &len), CKR_KEY_SIZE_RANGE);
    assert_rv(kk_kw_wrap(crypto, KK_KW, hex(KEY), KK_SPAN(bytes, 4), plain, out, &len),
              CKR_MECHANISM_PARAM_INVALID);
    assert_rv(kk_kw_wrap(crypto, KK_KWP, hex(KEY), KK_SPAN(bytes, 8), plain, out, &len),
              CKR_MECHANISM_PARAM_INVALID);
    for (size_t i = 0; i <= sizeof bytes; i++) {
        CK_RV want =
            i % 8 == 0 && i >= 24 ? CKR_ENCRYPTED_DATA_INVALID : CKR_ENCRYPTED_DATA_LEN_RANGE;
        assert_rv(kk_kw_unwrap(crypto, KK_KW, hex(KEY), no_iv, KK_SPAN(bytes, i), &back), want);
        want = i % 8 == 0 && i >= 16 ? CKR_ENCRYPTED_DATA_INVALID : CKR_ENCRYPTED_DATA_LEN_RANGE;
        assert_rv(kk_kw_unwrap(crypto, KK_KWP, hex(KEY), no_iv, KK_SPAN(bytes, i), &back), want);
    }
    assert_null(back);
}

static void test_in_place(void **state)
{
    uint8_t memory[40];
    uint8_t apart[40];
    size_t len = 0;
    (void)state;
    memset(memory, 7, sizeof memory);
    assert_ok(kk_kw_wrap(crypto, KK_KWP, hex(KEY), no_iv, KK_SPAN(memory, 20), apart, &len));
    assert_ok(kk_kw_wrap(crypto, KK_KWP, hex(KEY), no_iv, KK_SPAN(memory, 20), memory, &len));
    assert_memory_equal(memory, apart, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_every_length_comes_back_and_every_changed_byte_is_seen),
        cmocka_unit_test(test_keys_ivs_and_lengths_that_cannot_be),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests_name("kw", tests, make_crypto, free_crypto);
}
