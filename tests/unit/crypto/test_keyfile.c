/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files: every form comes out as the same numbers, every refusal has its reason, and no damage
 * to a file does more than that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "crypto/keyfile.h"

#include "keyfile_data.h"

static KK_RV parse(struct kk_span content, const char *pin, struct kk_keyfile **ret_keyfile)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    if (pin != NULL) {
        KK_TRY(kk_secret_from(KK_SPAN(pin, strlen(pin)), &secret));
    }
    return kk_keyfile_parse(content, secret, ret_keyfile);
}

static void assert_part(const struct kk_keyfile *key, enum kk_keyfile_part part,
                        struct kk_span expected)
{
    assert_non_null(key->parts[part]);
    struct kk_span got = kk_secret_span(key->parts[part]);
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.data, expected.data, expected.len);
}

#define ASSERT_PART(key, part, array) assert_part(key, part, KK_SPAN_ARRAY(array))

static void assert_rsa(const struct kk_keyfile *key)
{
    static const uint8_t exponent[] = {1, 0, 1};
    assert_int_equal(key->kind, KK_KEYFILE_RSA);
    ASSERT_PART(key, KK_KEYPART_MODULUS, rsa_modulus);
    ASSERT_PART(key, KK_KEYPART_PUBLIC_EXPONENT, exponent);
    ASSERT_PART(key, KK_KEYPART_PRIVATE_EXPONENT, rsa_private_exponent);
    ASSERT_PART(key, KK_KEYPART_PRIME_1, rsa_prime_1);
    ASSERT_PART(key, KK_KEYPART_PRIME_2, rsa_prime_2);
    ASSERT_PART(key, KK_KEYPART_EXPONENT_1, rsa_exponent_1);
    ASSERT_PART(key, KK_KEYPART_EXPONENT_2, rsa_exponent_2);
    ASSERT_PART(key, KK_KEYPART_COEFFICIENT, rsa_coefficient);
    assert_null(key->parts[KK_KEYPART_PRIVATE]);
    assert_null(key->parts[KK_KEYPART_EC_PARAMS]);
}

static void assert_ec(const struct kk_keyfile *key)
{
    static const uint8_t prime256v1[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                         0xce, 0x3d, 0x03, 0x01, 0x07};
    assert_int_equal(key->kind, KK_KEYFILE_EC);
    ASSERT_PART(key, KK_KEYPART_EC_PARAMS, prime256v1);
    ASSERT_PART(key, KK_KEYPART_PUBLIC, ec_point);
    ASSERT_PART(key, KK_KEYPART_PRIVATE, ec_scalar);
}

static void assert_ed25519(const struct kk_keyfile *key)
{
    static const uint8_t oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    assert_int_equal(key->kind, KK_KEYFILE_EDWARDS);
    assert_string_equal(key->algorithm, "ED25519");
    ASSERT_PART(key, KK_KEYPART_EC_PARAMS, oid);
    ASSERT_PART(key, KK_KEYPART_PUBLIC, ed25519_public);
    ASSERT_PART(key, KK_KEYPART_PRIVATE, ed25519_private);
}

static void assert_x25519(const struct kk_keyfile *key)
{
    static const uint8_t oid[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};
    assert_int_equal(key->kind, KK_KEYFILE_MONTGOMERY);
    ASSERT_PART(key, KK_KEYPART_EC_PARAMS, oid);
    ASSERT_PART(key, KK_KEYPART_PUBLIC, x25519_public);
    ASSERT_PART(key, KK_KEYPART_PRIVATE, x25519_private);
}

static void assert_dsa(const struct kk_keyfile *key)
{
    assert_int_equal(key->kind, KK_KEYFILE_DSA);
    assert_int_equal(kk_secret_len(key->parts[KK_KEYPART_PRIME]), 128);
    assert_in_range(kk_secret_len(key->parts[KK_KEYPART_SUBPRIME]), 20, 32);
    assert_non_null(key->parts[KK_KEYPART_BASE]);
    assert_non_null(key->parts[KK_KEYPART_PUBLIC]);
    assert_non_null(key->parts[KK_KEYPART_PRIVATE]);
}

struct case_row {
    const char *name;
    struct kk_span content;
    const char *pin;
    CK_RV rv;
    void (*check)(const struct kk_keyfile *key);
};

#define TEXT(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define BYTES(array) {(array), sizeof(array)}

/* clang-format off */
static const struct case_row cases[] = {
    {"PKCS#8, PEM",            TEXT(RSA_PKCS8),                 NULL,     CKR_OK, assert_rsa},
    {"PKCS#8, DER",            BYTES(rsa_pkcs8_der),            NULL,     CKR_OK, assert_rsa},
    {"traditional RSA, PEM",   TEXT(RSA_TRADITIONAL),           NULL,     CKR_OK, assert_rsa},
    {"traditional RSA, DER",   BYTES(rsa_traditional_der),      NULL,     CKR_OK, assert_rsa},
    {"AES-256, PEM",           TEXT(RSA_ENCRYPTED),             "secret", CKR_OK, assert_rsa},
    {"AES-256, DER",           BYTES(rsa_encrypted_der),        "secret", CKR_OK, assert_rsa},
    {"3DES",                   TEXT(RSA_ENCRYPTED_3DES),        "secret", CKR_OK, assert_rsa},
    {"PKCS#12's 3DES",         TEXT(RSA_ENCRYPTED_PBES1),       "secret", CKR_OK, assert_rsa},
    {"traditional encrypted",  TEXT(RSA_TRADITIONAL_ENCRYPTED), "secret", CKR_OK, assert_rsa},
    {"behind a certificate",   TEXT(CERTIFICATE RSA_PKCS8),     NULL,     CKR_OK, assert_rsa},
    {"behind other text",      TEXT("Key:\n\n" RSA_PKCS8),      NULL,     CKR_OK, assert_rsa},
    {"the first of two keys",  TEXT(EC_PKCS8 RSA_PKCS8),        NULL,     CKR_OK, assert_ec},
    {"EC",                     TEXT(EC_PKCS8),                  NULL,     CKR_OK, assert_ec},
    {"EC, compressed point",   TEXT(EC_COMPRESSED),             NULL,     CKR_OK, assert_ec},
    {"EC, curve spelt out",    TEXT(EC_EXPLICIT),               NULL,     CKR_OK, assert_ec},
    {"EC, traditional",        TEXT(EC_TRADITIONAL),            NULL,     CKR_OK, assert_ec},
    {"EC, no public key",      BYTES(ec_traditional_der),       NULL,     CKR_OK, assert_ec},
    {"Ed25519",                TEXT(ED25519_PKCS8),             NULL,     CKR_OK, assert_ed25519},
    {"X25519",                 TEXT(X25519_PKCS8),              NULL,     CKR_OK, assert_x25519},
    {"DSA",                    TEXT(DSA_PKCS8),                 NULL,     CKR_OK, assert_dsa},

    {"no PIN, PEM",            TEXT(RSA_ENCRYPTED),             NULL,     CKR_ENCRYPTED_DATA_INVALID, NULL},
    {"no PIN, DER",            BYTES(rsa_encrypted_der),        NULL,     CKR_ENCRYPTED_DATA_INVALID, NULL},
    {"no PIN, traditional",    TEXT(RSA_TRADITIONAL_ENCRYPTED), NULL,     CKR_ENCRYPTED_DATA_INVALID, NULL},
    {"wrong PIN, PEM",         TEXT(RSA_ENCRYPTED),             "Secret", CKR_PIN_INCORRECT, NULL},
    {"wrong PIN, DER",         BYTES(rsa_encrypted_der),        "",       CKR_PIN_INCORRECT, NULL},
    {"wrong PIN, 3DES",        TEXT(RSA_ENCRYPTED_3DES),        "secre",  CKR_PIN_INCORRECT, NULL},
    {"wrong PIN, PKCS#12",     TEXT(RSA_ENCRYPTED_PBES1),       "secret1", CKR_PIN_INCORRECT, NULL},
    {"wrong PIN, traditional", TEXT(RSA_TRADITIONAL_ENCRYPTED), "SECRET", CKR_PIN_INCORRECT, NULL},
    {"PIN for nothing",        TEXT(RSA_PKCS8),                 "secret", CKR_PIN_INVALID, NULL},
    {"PIN for nothing, DER",   BYTES(rsa_pkcs8_der),            "secret", CKR_PIN_INVALID, NULL},
    {"PIN for nothing, trad.", TEXT(RSA_TRADITIONAL),           "secret", CKR_PIN_INVALID, NULL},
    {"PIN for nothing, t. DER", BYTES(rsa_traditional_der),     "secret", CKR_PIN_INVALID, NULL},
    {"another algorithm",      TEXT(DH_PKCS8),                  NULL,     CKR_MECHANISM_INVALID, NULL},
    {"three primes",           TEXT(RSA_THREE_PRIMES),          NULL,     CKR_MECHANISM_INVALID, NULL},
    {"a certificate",          TEXT(CERTIFICATE),               NULL,     CKR_DATA_INVALID, NULL},
    {"a certificate, DER",     BYTES(certificate_der),          NULL,     CKR_DATA_INVALID, NULL},
    {"nothing",                {NULL, 0},                       NULL,     CKR_DATA_INVALID, NULL},
    {"text",                   TEXT("not a key\n"),             NULL,     CKR_DATA_INVALID, NULL},
    {"two keys in DER",        TEXT("\x30\x00\x30\x00"),        NULL,     CKR_DATA_INVALID, NULL},
};
/* clang-format on */

static void test_every_form_and_every_refusal(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
        CK_RV rv = parse(cases[i].content, cases[i].pin, &key);
        if (rv != cases[i].rv) {
            fail_msg("%s: 0x%lx, not 0x%lx", cases[i].name, rv, cases[i].rv);
        }
        if (cases[i].check != NULL) {
            cases[i].check(key);
        } else {
            assert_null(key);
        }
    }
}

static void test_a_cut_file_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        /* Text may lose its last newline, or what stands behind the key. */
        if (cases[i].check == NULL || cases[i].content.data[0] != 0x30) {
            continue;
        }
        for (size_t len = 0; len < cases[i].content.len; len++) {
            struct kk_keyfile *key = NULL;
            CK_RV rv = parse(KK_SPAN(cases[i].content.data, len), cases[i].pin, &key);
            assert_int_not_equal(rv, CKR_OK);
            assert_null(key);
        }
    }
}

/* Under a sanitizer this finds more than the assertion says. */
static void flip_every_byte(struct kk_span content, const char *pin, uint8_t flip)
{
    KK_CLEANUP(kk_freep) uint8_t *damaged = NULL;
    assert_int_equal(kk_memdup(content.data, content.len, &damaged), CKR_OK);
    for (size_t i = 0; i < content.len; i++) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
        damaged[i] ^= flip;
        CK_RV rv = parse(KK_SPAN(damaged, content.len), pin, &key);
        assert_true((rv == CKR_OK) == (key != NULL));
        damaged[i] ^= flip;
    }
}

static void test_a_damaged_file_does_no_harm(void **state)
{
    (void)state;
    flip_every_byte(KK_SPAN_ARRAY(rsa_traditional_der), NULL, 0x80);
    flip_every_byte(KK_SPAN_ARRAY(rsa_pkcs8_der), NULL, 0x01);
    flip_every_byte(KK_SPAN_ARRAY(ec_traditional_der), NULL, 0x01);
    flip_every_byte(KK_SPAN_TEXT(ED25519_PKCS8), NULL, 0x02);
    flip_every_byte(KK_SPAN_TEXT(RSA_TRADITIONAL_ENCRYPTED), "secret", 0x04);
}

static void test_damaged_ciphertext_never_opens_as_another_key(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) uint8_t *damaged = NULL;
    size_t len = sizeof rsa_encrypted_der;
    assert_int_equal(kk_memdup(rsa_encrypted_der, len, &damaged), CKR_OK);
    /* The last block holds the padding and the end of the key. */
    for (size_t i = len - 16; i < len; i++) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
        damaged[i] ^= 0x40;
        assert_int_not_equal(parse(KK_SPAN(damaged, len), "secret", &key), CKR_OK);
        damaged[i] ^= 0x40;
    }
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    unsigned long nth = 0;
    CK_RV rv = CKR_HOST_MEMORY;
    while (rv == CKR_HOST_MEMORY) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
        nth++;
        kk_alloc_fail_at(nth);
        rv = parse(KK_SPAN_TEXT(EC_PKCS8), NULL, &key);
        kk_alloc_fail_at(0);
        assert_true((rv == CKR_OK) == (key != NULL));
    }
    assert_int_equal(rv, CKR_OK);
    assert_in_range(nth, 2, 100);
}

static void test_secrets_are_given_back(void **state)
{
    (void)state;
    struct kk_secret_stats before;
    struct kk_secret_stats after;
    kk_secret_stats(&before);
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
        (void)!parse(cases[i].content, cases[i].pin, &key);
    }
    kk_secret_stats(&after);
    assert_int_equal(after.in_use, before.in_use);
    kk_keyfile_free(NULL);
    kk_certfile_free(NULL);
}

static void assert_certificate(struct kk_span content)
{
    static const uint8_t name[] = {0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06,
                                   0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'k'};
    static const uint8_t serial[] = {0x02, 0x02, 0x01, 0x02};
    KK_CLEANUP(kk_certfile_freep) struct kk_certfile *cert = NULL;
    assert_int_equal(kk_certfile_parse(content, &cert), CKR_OK);
    assert_true(kk_span_equal(kk_buffer_span(&cert->certificate), KK_SPAN_ARRAY(certificate_der)));
    assert_true(kk_span_equal(kk_buffer_span(&cert->subject), KK_SPAN_ARRAY(name)));
    assert_true(kk_span_equal(kk_buffer_span(&cert->issuer), KK_SPAN_ARRAY(name)));
    assert_true(kk_span_equal(kk_buffer_span(&cert->serial), KK_SPAN_ARRAY(serial)));
}

static void test_certificates_in_pem_and_der(void **state)
{
    (void)state;
    struct kk_certfile *cert = NULL;
    assert_certificate(KK_SPAN_TEXT(CERTIFICATE));
    assert_certificate(KK_SPAN_ARRAY(certificate_der));
    assert_certificate(KK_SPAN_TEXT(RSA_PKCS8 CERTIFICATE));
    assert_int_equal(kk_certfile_parse(KK_SPAN_TEXT(RSA_PKCS8), &cert), CKR_DATA_INVALID);
    assert_int_equal(kk_certfile_parse(KK_SPAN_ARRAY(rsa_pkcs8_der), &cert), CKR_DATA_INVALID);
    assert_int_equal(kk_certfile_parse(KK_SPAN(NULL, 0), &cert), CKR_DATA_INVALID);
    for (size_t len = 0; len < sizeof certificate_der; len++) {
        assert_int_equal(kk_certfile_parse(KK_SPAN(certificate_der, len), &cert), CKR_DATA_INVALID);
    }
    assert_null(cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_and_every_refusal),
        cmocka_unit_test(test_a_cut_file_is_refused),
        cmocka_unit_test(test_a_damaged_file_does_no_harm),
        cmocka_unit_test(test_damaged_ciphertext_never_opens_as_another_key),
        cmocka_unit_test(test_no_memory_is_an_error),
        cmocka_unit_test(test_secrets_are_given_back),
        cmocka_unit_test(test_certificates_in_pem_and_der),
    };
    return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
