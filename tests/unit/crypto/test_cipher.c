/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block ciphers: known answers stand in tests/vectors; here are lengths, pieces, overlapping
 * buffers and use again.
 */
#include "fixture.h"

#include "crypto/cipher.h"

#define KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define IV "000102030405060708090a0b0c0d0e0f"
#define NONCE "cafebabefacedbaddecaf888"

enum { LONG = 512 };

static struct kk_cipher *make(const char *algorithm, bool encrypt, enum kk_padding padding)
{
    struct kk_cipher *cipher = NULL;
    assert_ok(kk_cipher_new(crypto, algorithm, hex(KEY), encrypt, padding, &cipher));
    return cipher;
}

/* The whole message at once, apart from the input. */
static size_t whole(struct kk_cipher *cipher, const char *iv, struct kk_span in, uint8_t *out)
{
    size_t first = 0;
    size_t last = 0;
    assert_ok(kk_cipher_start(cipher, hex(iv)));
    assert_int_equal(kk_cipher_output(cipher, in.len) <= in.len + 16, 1);
    assert_ok(kk_cipher_update(cipher, in, out, &first));
    assert_ok(kk_cipher_finish(cipher, out + first, &last));
    return first + last;
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 7 + 1);
    }
}

static const struct {
    const char *algorithm;
    const char *iv;
    enum kk_padding padding;
    size_t step; /* lengths that the mode takes */
} modes[] = {
    {"AES-128-ECB", "", KK_PADDING_NONE, 16},   {"AES-128-CBC", IV, KK_PADDING_NONE, 16},
    {"AES-128-CBC", IV, KK_PADDING_PKCS7, 1},   {"AES-128-CTR", IV, KK_PADDING_NONE, 1},
    {"AES-128-GCM", NONCE, KK_PADDING_NONE, 1},
};

/* GCM's decryption without a tag cannot finish. */
static bool is_gcm(size_t mode)
{
    return modes[mode].step == 1 && strcmp(modes[mode].algorithm, "AES-128-GCM") == 0;
}

static void test_what_is_encrypted_in_pieces_is_the_same_as_at_once(void **state)
{
    static const size_t pieces[] = {1, 3, 15, 16, 17, 33, 100};
    uint8_t plain[LONG];
    uint8_t at_once[LONG + 16];
    uint8_t out[LONG + 16];
    (void)state;
    fill(plain, sizeof plain);
    for (size_t m = 0; m < KK_ARRAY_LEN(modes); m++) {
        struct kk_cipher *cipher = make(modes[m].algorithm, true, modes[m].padding);
        size_t want = whole(cipher, modes[m].iv, KK_SPAN_ARRAY(plain), at_once);
        for (size_t p = 0; p < KK_ARRAY_LEN(pieces); p++) {
            size_t done = 0;
            size_t len = 0;
            assert_ok(kk_cipher_start(cipher, hex(modes[m].iv)));
            for (size_t at = 0; at < sizeof plain; at += pieces[p]) {
                size_t piece = KK_MIN(pieces[p], sizeof plain - at);
                size_t foretold = kk_cipher_output(cipher, piece);
                assert_ok(kk_cipher_update(cipher, KK_SPAN(plain + at, piece), out + done, &len));
                assert_int_equal(len, foretold);
                done += len;
            }
            assert_ok(kk_cipher_finish(cipher, out + done, &len));
            assert_int_equal(done + len, want);
            assert_memory_equal(out, at_once, want);
        }
        kk_cipher_free(cipher);
    }
}

static void test_what_is_decrypted_in_pieces_is_the_plaintext(void **state)
{
    static const size_t pieces[] = {1, 3, 15, 16, 17, 33, 100};
    uint8_t plain[LONG];
    uint8_t sealed[LONG + 16];
    uint8_t out[LONG + 16];
    (void)state;
    fill(plain, sizeof plain);
    for (size_t m = 0; m < KK_ARRAY_LEN(modes); m++) {
        if (is_gcm(m)) {
            continue;
        }
        struct kk_cipher *to = make(modes[m].algorithm, true, modes[m].padding);
        struct kk_cipher *from = make(modes[m].algorithm, false, modes[m].padding);
        size_t total = whole(to, modes[m].iv, KK_SPAN_ARRAY(plain), sealed);
        for (size_t p = 0; p < KK_ARRAY_LEN(pieces); p++) {
            size_t done = 0;
            size_t len = 0;
            assert_ok(kk_cipher_start(from, hex(modes[m].iv)));
            for (size_t at = 0; at < total; at += pieces[p]) {
                size_t piece = KK_MIN(pieces[p], total - at);
                size_t foretold = kk_cipher_output(from, piece);
                assert_ok(kk_cipher_update(from, KK_SPAN(sealed + at, piece), out + done, &len));
                assert_int_equal(len, foretold);
                done += len;
            }
            assert_ok(kk_cipher_finish(from, out + done, &len));
            assert_int_equal(done + len, sizeof plain);
            assert_memory_equal(out, plain, sizeof plain);
        }
        kk_cipher_free(to);
        kk_cipher_free(from);
    }
}

/* Output anywhere relative to the input, in two updates so that bytes are held back. */
static void overlap(const char *algorithm, const char *iv, enum kk_padding padding, bool encrypt,
                    size_t in_at, size_t out_at, size_t first_piece)
{
    enum { LEN = 96 };
    uint8_t input[LEN];
    uint8_t apart[LEN + 16];
    uint8_t memory[LEN * 4];
    size_t want = 0;
    size_t len = 0;
    struct kk_cipher *cipher = make(algorithm, encrypt, padding);
    fill(input, LEN);
    assert_ok(kk_cipher_start(cipher, hex(iv)));
    assert_ok(kk_cipher_update(cipher, KK_SPAN(input, first_piece), apart, &want));
    size_t skipped = want;
    assert_ok(kk_cipher_update(cipher, KK_SPAN(input + first_piece, LEN - first_piece),
                               apart + want, &len));
    want = len;

    assert_ok(kk_cipher_start(cipher, hex(iv)));
    assert_ok(kk_cipher_update(cipher, KK_SPAN(input, first_piece), memory, &len));
    memcpy(memory + in_at, input + first_piece, LEN - first_piece);
    assert_ok(kk_cipher_update(cipher, KK_SPAN(memory + in_at, LEN - first_piece), memory + out_at,
                               &len));
    assert_int_equal(len, want);
    assert_memory_equal(memory + out_at, apart + skipped, want);
    kk_cipher_free(cipher);
}

static void test_output_may_overlap_input_in_any_way(void **state)
{
    static const size_t first_pieces[] = {0, 1, 15, 16, 17};
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(modes); m++) {
        for (size_t f = 0; f < KK_ARRAY_LEN(first_pieces); f++) {
            for (size_t out_at = 100; out_at <= 140; out_at++) {
                overlap(modes[m].algorithm, modes[m].iv, modes[m].padding, true, 120, out_at,
                        first_pieces[f]);
                overlap(modes[m].algorithm, modes[m].iv, modes[m].padding, false, 120, out_at,
                        first_pieces[f]);
            }
        }
    }
}

static void test_start_forgets_what_was_begun(void **state)
{
    uint8_t plain[64];
    uint8_t want[80];
    uint8_t out[80];
    (void)state;
    fill(plain, sizeof plain);
    for (size_t m = 0; m < KK_ARRAY_LEN(modes); m++) {
        struct kk_cipher *cipher = make(modes[m].algorithm, true, modes[m].padding);
        size_t total = whole(cipher, modes[m].iv, KK_SPAN_ARRAY(plain), want);
        size_t len = 0;
        assert_ok(kk_cipher_start(cipher, hex(modes[m].iv)));
        assert_ok(kk_cipher_update(cipher, KK_SPAN(plain, 21), out, &len));
        assert_int_equal(whole(cipher, modes[m].iv, KK_SPAN_ARRAY(plain), out), total);
        assert_memory_equal(out, want, total);
        kk_cipher_free(cipher);
    }
}

static void test_left_over_bytes_are_refused(void **state)
{
    uint8_t bytes[17] = {0};
    uint8_t out[48];
    size_t len = 0;
    (void)state;
    struct kk_cipher *cipher = make("AES-128-CBC", true, KK_PADDING_NONE);
    assert_ok(kk_cipher_start(cipher, hex(IV)));
    assert_ok(kk_cipher_update(cipher, KK_SPAN_ARRAY(bytes), out, &len));
    assert_int_equal(len, 16);
    assert_rv(kk_cipher_finish(cipher, out, &len), CKR_DATA_LEN_RANGE);
    kk_cipher_free(cipher);
    cipher = make("AES-128-CBC", false, KK_PADDING_NONE);
    assert_ok(kk_cipher_start(cipher, hex(IV)));
    assert_ok(kk_cipher_update(cipher, KK_SPAN_ARRAY(bytes), out, &len));
    assert_rv(kk_cipher_finish(cipher, out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
    kk_cipher_free(cipher);
    cipher = make("AES-128-CBC", false, KK_PADDING_PKCS7);
    assert_ok(kk_cipher_start(cipher, hex(IV)));
    assert_rv(kk_cipher_finish(cipher, out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
    kk_cipher_free(cipher);
}

static void test_keys_and_ivs_have_their_lengths(void **state)
{
    struct kk_cipher *cipher = NULL;
    uint8_t iv[KK_GCM_IV_MAX + 1] = {1};
    (void)state;
    assert_rv(kk_cipher_new(crypto, "AES-256-CBC", hex(KEY), true, KK_PADDING_NONE, &cipher),
              CKR_KEY_SIZE_RANGE);
    assert_rv(kk_cipher_new(crypto, "AES-512-CBC", hex(KEY), true, KK_PADDING_NONE, &cipher),
              CKR_MECHANISM_INVALID);
    assert_null(cipher);
    cipher = make("AES-128-CBC", true, KK_PADDING_NONE);
    assert_rv(kk_cipher_start(cipher, KK_SPAN(iv, 15)), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(kk_cipher_start(cipher, KK_SPAN(iv, 0)), CKR_MECHANISM_PARAM_INVALID);
    kk_cipher_free(cipher);
    cipher = make("AES-128-GCM", true, KK_PADDING_NONE);
    assert_rv(kk_cipher_start(cipher, KK_SPAN(iv, 0)), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(kk_cipher_start(cipher, KK_SPAN_ARRAY(iv)), CKR_MECHANISM_PARAM_INVALID);
    assert_ok(kk_cipher_start(cipher, KK_SPAN(iv, KK_GCM_IV_MAX)));
    assert_ok(kk_cipher_start(cipher, KK_SPAN(iv, 1)));
    kk_cipher_free(cipher);
}

static void test_gcm_with_other_ivs_in_turns_on_one_context(void **state)
{
    uint8_t iv[KK_GCM_IV_MAX];
    uint8_t plain[20] = {1, 2, 3};
    (void)state;
    fill(iv, sizeof iv);
    struct kk_cipher *kept = make("AES-128-GCM", true, KK_PADDING_NONE);
    static const size_t lengths[] = {12, 1, 12, 128, 16, 12, 7};
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        struct kk_cipher *fresh = make("AES-128-GCM", true, KK_PADDING_NONE);
        struct kk_cipher *both[] = {kept, fresh};
        uint8_t out[2][20];
        uint8_t tag[2][16];
        size_t len = 0;
        for (size_t j = 0; j < 2; j++) {
            assert_ok(kk_cipher_start(both[j], KK_SPAN(iv, lengths[i])));
            assert_ok(kk_cipher_aad(both[j], KK_SPAN_TEXT("header")));
            assert_ok(kk_cipher_update(both[j], KK_SPAN_ARRAY(plain), out[j], &len));
            assert_ok(kk_cipher_finish(both[j], out[j] + len, &len));
            assert_ok(kk_cipher_tag(both[j], tag[j], 16));
        }
        assert_memory_equal(out[0], out[1], 20);
        assert_memory_equal(tag[0], tag[1], 16);
        kk_cipher_free(fresh);
    }
    kk_cipher_free(kept);
}

static void test_gcm_decrypts_again_after_a_wrong_tag(void **state)
{
    uint8_t sealed[20];
    uint8_t tag[16];
    uint8_t out[20];
    size_t len = 0;
    (void)state;
    struct kk_cipher *to = make("AES-128-GCM", true, KK_PADDING_NONE);
    struct kk_cipher *from = make("AES-128-GCM", false, KK_PADDING_NONE);
    assert_int_equal(whole(to, NONCE, KK_SPAN_TEXT("twenty bytes of text"), sealed), 20);
    assert_ok(kk_cipher_tag(to, tag, 16));
    for (int round = 0; round < 4; round++) {
        bool wrong = round % 2 == 0;
        tag[3] ^= wrong;
        assert_ok(kk_cipher_start(from, hex(NONCE)));
        assert_ok(kk_cipher_set_tag(from, KK_SPAN_ARRAY(tag)));
        assert_ok(kk_cipher_update(from, KK_SPAN_ARRAY(sealed), out, &len));
        assert_rv(kk_cipher_finish(from, out + len, &len),
                  wrong ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK);
        tag[3] ^= wrong;
    }
    assert_memory_equal(out, "twenty bytes of text", 20);
    kk_cipher_free(to);
    kk_cipher_free(from);
}

static void test_no_memory_is_said(void **state)
{
    struct kk_cipher *cipher = NULL;
    uint8_t memory[64] = {0};
    size_t len = 0;
    (void)state;
    kk_alloc_fail_at(1);
    assert_rv(kk_cipher_new(crypto, "AES-128-CBC", hex(KEY), true, KK_PADDING_NONE, &cipher),
              CKR_HOST_MEMORY);
    kk_alloc_fail_at(0);
    assert_null(cipher);
    cipher = make("AES-128-CBC", true, KK_PADDING_NONE);
    assert_ok(kk_cipher_start(cipher, hex(IV)));
    kk_alloc_fail_at(1);
    assert_rv(kk_cipher_update(cipher, KK_SPAN(memory, 32), memory + 8, &len), CKR_HOST_MEMORY);
    kk_alloc_fail_at(0);
    kk_cipher_free(cipher);
    kk_cipher_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_encrypted_in_pieces_is_the_same_as_at_once),
        cmocka_unit_test(test_what_is_decrypted_in_pieces_is_the_plaintext),
        cmocka_unit_test(test_output_may_overlap_input_in_any_way),
        cmocka_unit_test(test_start_forgets_what_was_begun),
        cmocka_unit_test(test_left_over_bytes_are_refused),
        cmocka_unit_test(test_keys_and_ivs_have_their_lengths),
        cmocka_unit_test(test_gcm_with_other_ivs_in_turns_on_one_context),
        cmocka_unit_test(test_gcm_decrypts_again_after_a_wrong_tag),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests_name("cipher", tests, make_crypto, free_crypto);
}
