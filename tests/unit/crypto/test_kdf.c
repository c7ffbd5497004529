/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Argon2id, HKDF, HMAC-SHA256, AES-256-GCM and the plain hashes of the token layer. Answers without
 * a published source were made with Python's cryptography 48 and, for HKDF, with `openssl kdf`.
 */
#include "fixture.h"

#include "crypto/kdf.h"

static const uint8_t salt[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void expect_argon2id(const char *pin, uint64_t ops, size_t mem, size_t len, const char *want)
{
    struct kk_secret *out = NULL;
    assert_ok(kk_secret_new(len, &out));
    assert_ok(kk_argon2id(KK_SPAN(pin, strlen(pin)), salt, ops, mem, out));
    assert_hex(kk_secret_span(out).data, kk_secret_len(out), want);
    kk_secret_free(out);
}

static void test_argon2id_answers(void **state)
{
    (void)state;
    expect_argon2id("1234", 1, 8 << 20, 32,
                    "857666556215043e31b3c349167d82aba3af7582b81c3293d6a8ca6dd5f19148");
    expect_argon2id("12345678", 2, 1 << 20, 64,
                    "9caeebbb7548c6b19523c0769693d6f35673a5919c7e3a26e431a631a5fb6a8d"
                    "0e8f5c2484f1ae343024899518e3a82d7cb87423ebbb0144a89b58a11709e1cc");
}

static void test_argon2id_takes_an_empty_pin(void **state)
{
    struct kk_secret *out = NULL;
    (void)state;
    assert_ok(kk_secret_new(32, &out));
    assert_ok(kk_argon2id(KK_SPAN(NULL, 0), salt, 1, 8192, out));
    kk_secret_free(out);
}

static void test_argon2id_refuses_figures_out_of_range(void **state)
{
    struct kk_secret *out = NULL;
    struct kk_secret *small = NULL;
    struct kk_span pin = KK_SPAN_TEXT("1234");
    (void)state;
    assert_ok(kk_secret_new(32, &out));
    assert_ok(kk_secret_new(15, &small));
    assert_rv(kk_argon2id(pin, salt, 0, 8192, out), CKR_ARGUMENTS_BAD);
    assert_rv(kk_argon2id(pin, salt, UINT64_MAX, 8192, out), CKR_ARGUMENTS_BAD);
    assert_rv(kk_argon2id(pin, salt, 1, 8191, out), CKR_ARGUMENTS_BAD);
    assert_rv(kk_argon2id(pin, salt, 1, SIZE_MAX, out), CKR_ARGUMENTS_BAD);
    assert_rv(kk_argon2id(pin, salt, 1, 8192, small), CKR_ARGUMENTS_BAD);
    kk_secret_free(out);
    kk_secret_free(small);
}

static void expect_hkdf(struct kk_span s, struct kk_span info, size_t len, const char *want)
{
    struct kk_secret *out = NULL;
    uint8_t ikm[22];
    memset(ikm, 0x0b, sizeof ikm);
    assert_ok(kk_secret_new(len, &out));
    assert_ok(kk_hkdf_sha512(crypto, KK_SPAN_ARRAY(ikm), s, info, out));
    assert_hex(kk_secret_span(out).data, kk_secret_len(out), want);
    kk_secret_free(out);
}

static void test_hkdf_answers(void **state)
{
    (void)state;
    expect_hkdf(hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 42,
                "832390086cda71fb47625bb5ceb168e4c8e26a1a16ed34d9fc7fe92c14815793"
                "38da362cb8d9f925d7cb");
    expect_hkdf(KK_SPAN(NULL, 0), KK_SPAN(NULL, 0), 42,
                "f5fa02b18298a72a8c23898a8703472c6eb179dc204c03425c970e3b164bf90f"
                "ff22d04836d0e2343bac");
    expect_hkdf(hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 200,
                "832390086cda71fb47625bb5ceb168e4c8e26a1a16ed34d9fc7fe92c14815793"
                "38da362cb8d9f925d7cbcce0dff7098769cf15959867d571c1715450cb530137"
                "be3fb62f3cf32b84feba8f1eb1b563e20d9749b8640b8264c4b69b14ad519911"
                "5e1d609c83c6940ce5b4214a0c79946983547a35cdcc17e0daf31b647dec0d0e"
                "6142b1deaa036b348422068ca66631c0ca5586485a276a4336e1cde0e83159b5"
                "3f017201c7ccfe4ef0d5b543e6715821462a0e876aec3e7ff562173a205240fb"
                "1fa67a81bfa3e267");
}

static void test_hkdf_gives_no_more_than_255_blocks(void **state)
{
    struct kk_secret *out = NULL;
    struct kk_span ikm = KK_SPAN_TEXT("key");
    (void)state;
    assert_ok(kk_secret_new((size_t)255 * 64, &out));
    assert_ok(kk_hkdf_sha512(crypto, ikm, KK_SPAN(NULL, 0), KK_SPAN(NULL, 0), out));
    kk_secret_free(out);
    assert_ok(kk_secret_new((size_t)255 * 64 + 1, &out));
    assert_rv(kk_hkdf_sha512(crypto, ikm, KK_SPAN(NULL, 0), KK_SPAN(NULL, 0), out),
              CKR_KEY_SIZE_RANGE);
    kk_secret_free(out);
}

static void test_hmac_over_pieces_is_that_of_rfc_4231(void **state)
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("what do ya want "), KK_SPAN(NULL, 0),
                                     KK_SPAN_TEXT("for nothing?")};
    uint8_t out[KK_SHA256_SIZE];
    (void)state;
    assert_ok(kk_hmac_sha256(crypto, KK_SPAN_TEXT("Jefe"), pieces, 3, out));
    assert_hex(out, sizeof out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    unsigned long allocations = kk_alloc_count();
    assert_ok(kk_hmac_sha256(crypto, KK_SPAN_TEXT("Jefe"), pieces, 3, out));
    assert_int_equal(kk_alloc_count(), allocations);
}

static void test_hashes_over_pieces(void **state)
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("a"), KK_SPAN_TEXT("bc")};
    uint8_t out[KK_SHA256_SIZE];
    (void)state;
    assert_ok(kk_sha256(crypto, pieces, 2, out));
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(kk_sha1(crypto, pieces, 2, out));
    assert_hex(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* Case 16 of the submission of GCM to NIST. */
#define GCM_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_NONCE "cafebabefacedbaddecaf888"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define GCM_PLAIN                                                                                  \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6" \
    "b525b16aedf5aa0de657ba637b39"
#define GCM_CIPHER                                                                                 \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682" \
    "8838c5f61e6393ba7a0abcc9f662"
#define GCM_TAG "76fc6ece0f4e1768cddf8853bb2d551b"

static void test_seal_and_open(void **state)
{
    uint8_t cipher[60];
    uint8_t plain[60];
    uint8_t tag[KK_AEAD_TAG];
    (void)state;
    assert_ok(kk_aead_seal(crypto, hex(GCM_KEY), hex(GCM_NONCE), hex(GCM_AAD), hex(GCM_PLAIN),
                           cipher, tag));
    assert_hex(cipher, sizeof cipher, GCM_CIPHER);
    assert_hex(tag, sizeof tag, GCM_TAG);
    assert_ok(kk_aead_open(crypto, hex(GCM_KEY), hex(GCM_NONCE), hex(GCM_AAD), hex(GCM_CIPHER), tag,
                           plain));
    assert_hex(plain, sizeof plain, GCM_PLAIN);
}

static void test_seal_and_open_in_place_and_empty(void **state)
{
    uint8_t bytes[60];
    uint8_t tag[KK_AEAD_TAG];
    (void)state;
    memcpy(bytes, hex(GCM_PLAIN).data, sizeof bytes);
    assert_ok(kk_aead_seal(crypto, hex(GCM_KEY), hex(GCM_NONCE), hex(GCM_AAD), KK_SPAN_ARRAY(bytes),
                           bytes, tag));
    assert_hex(bytes, sizeof bytes, GCM_CIPHER);
    assert_ok(kk_aead_open(crypto, hex(GCM_KEY), hex(GCM_NONCE), hex(GCM_AAD), KK_SPAN_ARRAY(bytes),
                           tag, bytes));
    assert_hex(bytes, sizeof bytes, GCM_PLAIN);
    struct kk_span none = KK_SPAN(NULL, 0);
    assert_ok(kk_aead_seal(crypto, hex(GCM_KEY), hex(GCM_NONCE), none, none, bytes, tag));
    assert_ok(kk_aead_open(crypto, hex(GCM_KEY), hex(GCM_NONCE), none, none, tag, bytes));
    tag[0] ^= 1;
    assert_rv(kk_aead_open(crypto, hex(GCM_KEY), hex(GCM_NONCE), none, none, tag, bytes),
              CKR_ENCRYPTED_DATA_INVALID);
}

static void expect_refused(const char *key, const char *nonce, const char *aad, const char *cipher,
                           struct kk_span tag)
{
    uint8_t plain[60];
    static const uint8_t zeros[60];
    memset(plain, 0xaa, sizeof plain);
    assert_rv(kk_aead_open(crypto, hex(key), hex(nonce), hex(aad), hex(cipher), tag.data, plain),
              CKR_ENCRYPTED_DATA_INVALID);
    assert_memory_equal(plain, zeros, sizeof plain);
}

static void test_open_refuses_and_wipes(void **state)
{
    char cipher[] = GCM_CIPHER;
    char aad[] = GCM_AAD;
    char nonce[] = GCM_NONCE;
    struct kk_span tag = hex(GCM_TAG);
    (void)state;
    cipher[7] = cipher[7] == '0' ? '1' : '0';
    expect_refused(GCM_KEY, GCM_NONCE, GCM_AAD, cipher, tag);
    aad[7] = aad[7] == '0' ? '1' : '0';
    expect_refused(GCM_KEY, GCM_NONCE, aad, GCM_CIPHER, hex(GCM_TAG));
    nonce[7] = nonce[7] == '0' ? '1' : '0';
    expect_refused(GCM_KEY, nonce, GCM_AAD, GCM_CIPHER, hex(GCM_TAG));
    expect_refused(GCM_KEY, GCM_NONCE, GCM_AAD, GCM_CIPHER,
                   hex("76fc6ece0f4e1768cddf8853bb2d551a"));
}

static void test_keys_and_nonces_have_their_lengths(void **state)
{
    uint8_t out[60];
    uint8_t tag[KK_AEAD_TAG];
    struct kk_span none = KK_SPAN(NULL, 0);
    (void)state;
    assert_rv(kk_aead_seal(crypto, hex("00"), hex(GCM_NONCE), none, none, out, tag),
              CKR_ARGUMENTS_BAD);
    assert_rv(kk_aead_seal(crypto, hex(GCM_KEY), hex("00"), none, none, out, tag),
              CKR_ARGUMENTS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argon2id_answers),
        cmocka_unit_test(test_argon2id_takes_an_empty_pin),
        cmocka_unit_test(test_argon2id_refuses_figures_out_of_range),
        cmocka_unit_test(test_hkdf_answers),
        cmocka_unit_test(test_hkdf_gives_no_more_than_255_blocks),
        cmocka_unit_test(test_hmac_over_pieces_is_that_of_rfc_4231),
        cmocka_unit_test(test_hashes_over_pieces),
        cmocka_unit_test(test_seal_and_open),
        cmocka_unit_test(test_seal_and_open_in_place_and_empty),
        cmocka_unit_test(test_open_refuses_and_wipes),
        cmocka_unit_test(test_keys_and_nonces_have_their_lengths),
    };
    return cmocka_run_group_tests_name("kdf", tests, make_crypto, free_crypto);
}
