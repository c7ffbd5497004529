/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unpadding with implicit rejection: our own against the library's where that has it (3.2 and
 * later; before, against ours by way of kk_rsa_crypt()). Known answers, which OpenSSL 4.0
 * confirmed, stand in tests/vectors/rsa_pkcs1.txt.
 */
#include "keys.h"

#include "crypto/key_internal.h"
#include "crypto/rsa.h"
#include "crypto/rsa_reject.h"

static struct kk_key *key;
static struct kk_key *public_key;

static int make_keys(void **state)
{
    struct kk_key_parts parts = {0};
    if (make_crypto(state) != 0) {
        return -1;
    }
    parts = rsa_parts(1024);
    struct kk_key_parts half = public_half(&parts);
    key = new_key(&parts);
    public_key = new_key(&half);
    kk_key_parts_clear(&half);
    kk_key_parts_clear(&parts);
    return 0;
}

static int free_keys(void **state)
{
    kk_key_unref(key);
    kk_key_unref(public_key);
    return free_crypto(state);
}

/* The block encrypted as it is, and what both give for it. */
static void check_block(const uint8_t block[128], const uint8_t *want, size_t want_len)
{
    struct kk_rsa_scheme raw = {.padding = KK_RSA_NONE};
    struct kk_rsa_scheme pkcs1 = {.padding = KK_RSA_PKCS1};
    uint8_t cipher[128];
    uint8_t ours[128];
    uint8_t theirs[128];
    size_t len = 0;
    size_t ours_len = 0;
    size_t theirs_len = 0;
    assert_rv(kk_rsa_crypt_once(crypto, public_key, KK_ASYM_ENCRYPT, &raw, KK_SPAN(block, 128),
                                cipher, &len),
              CKR_OK);
    assert_rv(kk_rsa_unpad(crypto, kk_secret_span(key->rejection), KK_SPAN_ARRAY(cipher),
                           KK_SPAN(block, 128), ours, &ours_len),
              CKR_OK);
    assert_rv(kk_rsa_crypt_once(crypto, key, KK_ASYM_DECRYPT, &pkcs1, KK_SPAN_ARRAY(cipher), theirs,
                                &theirs_len),
              CKR_OK);
    assert_int_equal(ours_len, theirs_len);
    assert_memory_equal(ours, theirs, ours_len);
    if (want != NULL) {
        assert_int_equal(ours_len, want_len);
        assert_memory_equal(ours, want, want_len);
    }
}

static void fill(uint8_t block[128])
{
    assert_rv(kk_crypto_random(crypto, block, 128), CKR_OK);
    for (size_t i = 0; i < 128; i++) {
        block[i] |= block[i] == 0;
    }
    block[0] = 0;
    block[1] = 2;
}

static void test_right_blocks_give_their_message(void **state)
{
    (void)state;
    for (size_t zero = 10; zero < 128; zero++) {
        uint8_t block[128];
        fill(block);
        block[zero] = 0;
        check_block(block, block + zero + 1, 127 - zero);
        if (zero < 127) { /* the first zero counts */
            block[127] = 0;
            check_block(block, block + zero + 1, 127 - zero);
        }
    }
}

static void test_wrong_blocks_give_bytes_all_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        uint8_t block[128];
        fill(block);
        if (i % 4 == 0) {
            block[2 + i / 4 % 8] = 0; /* too little padding */
        } else if (i % 4 == 1) {
            block[1] = (uint8_t)i; /* another block type */
            block[60] = 0;
        } else if (i % 4 == 2) {
            block[0] = 1;
            block[1] = 2;
            block[60] = 0;
        } /* else no zero at all */
        check_block(block, NULL, 0);
    }
}

static void test_lengths_of_wrong_blocks_vary(void **state)
{
    size_t seen[128] = {0};
    size_t different = 0;
    (void)state;
    for (size_t i = 0; i < 200; i++) {
        uint8_t cipher[128];
        uint8_t out[128];
        uint8_t block[128] = {0};
        size_t len = 0;
        assert_rv(kk_crypto_random(crypto, cipher, sizeof cipher), CKR_OK);
        assert_rv(kk_rsa_unpad(crypto, kk_secret_span(key->rejection), KK_SPAN_ARRAY(cipher),
                               KK_SPAN_ARRAY(block), out, &len),
                  CKR_OK);
        assert_true(len <= 117);
        different += seen[len]++ == 0;
    }
    assert_true(different > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_blocks_give_their_message),
        cmocka_unit_test(test_wrong_blocks_give_bytes_all_the_same),
        cmocka_unit_test(test_lengths_of_wrong_blocks_vary),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
