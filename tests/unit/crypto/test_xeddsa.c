/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XEdDSA: signatures with a known nonce, and that what is signed verifies, with every hash and
 * points of either sign. What must not verify: tests/vectors/xeddsa.txt.
 */
#include "keys.h"

#include "crypto/xeddsa.h"

#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"

/* The first is libsignal-protocol-c's, whose point has the sign 1; the second, with the sign 0, is
 * of tests/vectors/make_xeddsa.py. */
static const struct {
    const char *hash;
    const char *key;
    size_t zeros; /* of the message; 0: "abc" */
    const char *random;
    const char *signature;
} known[] = {
    {"SHA512", "0000000000000000bd0000000000000000000000000000000000000000000000", 200,
     ZEROS_32 ZEROS_32,
     "11c7f3e6c4df9e8a5150e1db3b30f92de3a3b3aa438656545fa7390f4bcc7bb2"
     "6c431d9e90643e4f0eaa0e9c557766fa69ada576d63dcaf2ac326c11d0b97702"},
    {"SHA256", "e9add0289f23c4f6939005ca6062c9b29f08aead4dd2dfb2bd32445c40104dd9", 0,
     "b2c6920e14b6ec1dcacc82898b0c26bb23d8ffca76e916bb57a7eb1d2f5cb756"
     "beac78fd4d38d5321576a223dbab2178d073704b16a6007882aea7891940369f",
     "0e86688b4d186a4a52a0fd5d0a18802e3d3f2d27fa43c56461c507373de7bb0c"
     "14e81288a19c9a48dba86fc330f168ec6c2d6be16293c8f726b0c174c09df10e"},
};

static const char *const hashes[] = {"SHA256",   "SHA512",      "SHA3-256",
                                     "SHA3-512", "BLAKE2B-256", "BLAKE2B-512"};

static struct kk_key *key_of(struct kk_span value)
{
    struct kk_key_parts parts = {.kind = KK_KEY_MONTGOMERY, .is_private = true};
    assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(OID_X25519)));
    assert_ok(kk_key_parts_set(&parts, KK_PART_VALUE, value));
    struct kk_key *key = new_key(&parts);
    kk_key_parts_clear(&parts);
    return key;
}

static void test_known_signatures(void **state)
{
    static const uint8_t zeros[200];
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(known); i++) {
        struct kk_key *key = key_of(hex(known[i].key));
        struct kk_span message =
            known[i].zeros != 0 ? KK_SPAN(zeros, known[i].zeros) : KK_SPAN_TEXT("abc");
        uint8_t signature[KK_XEDDSA_SIGNATURE];
        assert_ok(kk_xeddsa_sign(crypto, key, known[i].hash, message, hex(known[i].random).data,
                                 signature));
        assert_hex(signature, sizeof signature, known[i].signature);
        assert_ok(kk_xeddsa_verify(crypto, key, known[i].hash, message, KK_SPAN_ARRAY(signature)));
        kk_key_unref(key);
    }
}

/* A private key, and the public half of it alone. */
static void make_pair(struct kk_key **ret_private, struct kk_key **ret_public)
{
    struct kk_key_parts parts = curve_parts(KK_KEY_MONTGOMERY, OID_X25519);
    struct kk_key_parts half = public_half(&parts);
    *ret_private = new_key(&parts);
    *ret_public = new_key(&half);
    kk_key_parts_clear(&parts);
    kk_key_parts_clear(&half);
}

static void test_what_is_signed_verifies(void **state)
{
    struct kk_span message = KK_SPAN_TEXT("a message");
    (void)state;
    for (size_t i = 0; i < 4 * KK_ARRAY_LEN(hashes); i++) {
        const char *hash = hashes[i % KK_ARRAY_LEN(hashes)];
        struct kk_key *private_key = NULL;
        struct kk_key *public_key = NULL;
        uint8_t random[KK_XEDDSA_RANDOM];
        uint8_t signature[KK_XEDDSA_SIGNATURE];
        make_pair(&private_key, &public_key);
        assert_ok(kk_crypto_random(crypto, random, sizeof random));
        assert_ok(kk_xeddsa_sign(crypto, private_key, hash, message, random, signature));
        assert_ok(kk_xeddsa_verify(crypto, public_key, hash, message, KK_SPAN_ARRAY(signature)));
        signature[i % sizeof signature] ^= 1;
        assert_rv(kk_xeddsa_verify(crypto, public_key, hash, message, KK_SPAN_ARRAY(signature)),
                  CKR_SIGNATURE_INVALID);
        kk_key_unref(private_key);
        kk_key_unref(public_key);
    }
}

/* Key, message and random all go into the nonce, whose point is the signature's first half. */
static void test_the_nonce_depends_on_everything(void **state)
{
    uint8_t random[KK_XEDDSA_RANDOM] = {0};
    uint8_t first[KK_XEDDSA_SIGNATURE];
    uint8_t other[KK_XEDDSA_SIGNATURE];
    (void)state;
    struct kk_key *key = key_of(hex(known[0].key));
    struct kk_key *another = key_of(hex(known[1].key));
    assert_ok(kk_xeddsa_sign(crypto, key, "SHA512", KK_SPAN_TEXT("a"), random, first));
    assert_ok(kk_xeddsa_sign(crypto, key, "SHA512", KK_SPAN_TEXT("a"), random, other));
    assert_memory_equal(first, other, sizeof first);
    assert_ok(kk_xeddsa_sign(crypto, key, "SHA512", KK_SPAN_TEXT("b"), random, other));
    assert_memory_not_equal(first, other, 32);
    assert_ok(kk_xeddsa_sign(crypto, another, "SHA512", KK_SPAN_TEXT("a"), random, other));
    assert_memory_not_equal(first, other, 32);
    random[63] = 1;
    assert_ok(kk_xeddsa_sign(crypto, key, "SHA512", KK_SPAN_TEXT("a"), random, other));
    assert_memory_not_equal(first, other, 32);
    kk_key_unref(key);
    kk_key_unref(another);
}

static void expect_refused(enum kk_key_kind kind, const char *oid, CK_RV rv)
{
    struct kk_key_parts parts = curve_parts(kind, oid);
    struct kk_key *key = new_key(&parts);
    uint8_t random[KK_XEDDSA_RANDOM] = {0};
    uint8_t signature[KK_XEDDSA_SIGNATURE] = {0};
    assert_rv(kk_xeddsa_sign(crypto, key, "SHA512", KK_SPAN_TEXT("a"), random, signature), rv);
    assert_rv(kk_xeddsa_verify(crypto, key, "SHA512", KK_SPAN_TEXT("a"), KK_SPAN_ARRAY(signature)),
              rv);
    kk_key_unref(key);
    kk_key_parts_clear(&parts);
}

static void test_other_keys_are_refused(void **state)
{
    struct kk_key *private_key = NULL;
    struct kk_key *public_key = NULL;
    uint8_t random[KK_XEDDSA_RANDOM] = {0};
    uint8_t signature[KK_XEDDSA_SIGNATURE];
    (void)state;
    expect_refused(KK_KEY_MONTGOMERY, OID_X448, CKR_KEY_SIZE_RANGE);
    expect_refused(KK_KEY_EDWARDS, OID_ED25519, CKR_KEY_TYPE_INCONSISTENT);
    expect_refused(KK_KEY_EC, OID_P256, CKR_KEY_TYPE_INCONSISTENT);
    make_pair(&private_key, &public_key);
    assert_rv(kk_xeddsa_sign(crypto, public_key, "SHA512", KK_SPAN_TEXT("a"), random, signature),
              CKR_KEY_TYPE_INCONSISTENT);
    /* A hash too short for the scalar. */
    assert_rv(kk_xeddsa_sign(crypto, private_key, "SHA1", KK_SPAN_TEXT("a"), random, signature),
              CKR_MECHANISM_PARAM_INVALID);
    kk_key_unref(private_key);
    kk_key_unref(public_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_signatures),
        cmocka_unit_test(test_what_is_signed_verifies),
        cmocka_unit_test(test_the_nonce_depends_on_everything),
        cmocka_unit_test(test_other_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, make_crypto, free_crypto);
}
