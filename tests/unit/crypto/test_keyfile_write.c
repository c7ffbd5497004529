/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files, written: what is written reads back as the same key, encrypted or not; what is missing
 * is computed; parts that do not belong together are refused.
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

static struct kk_keyfile *parsed(struct kk_span content)
{
    struct kk_keyfile *key = NULL;
    assert_int_equal(kk_keyfile_parse(content, NULL, &key), CKR_OK);
    return key;
}

static const struct {
    const char *name;
    struct kk_span content;
} keys[] = {
    {"RSA", {(const uint8_t *)RSA_PKCS8, sizeof RSA_PKCS8 - 1}},
    {"DSA", {(const uint8_t *)DSA_PKCS8, sizeof DSA_PKCS8 - 1}},
    {"EC", {(const uint8_t *)EC_PKCS8, sizeof EC_PKCS8 - 1}},
    {"Ed25519", {(const uint8_t *)ED25519_PKCS8, sizeof ED25519_PKCS8 - 1}},
    {"X25519", {(const uint8_t *)X25519_PKCS8, sizeof X25519_PKCS8 - 1}},
};

static void assert_same(const struct kk_keyfile *a, const struct kk_keyfile *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_string_equal(a->algorithm, b->algorithm);
    for (size_t i = 0; i < KK_KEYPART_COUNT; i++) {
        assert_int_equal(a->parts[i] == NULL, b->parts[i] == NULL);
        assert_true(a->parts[i] == NULL || kk_secret_equal(a->parts[i], b->parts[i]));
    }
}

static struct kk_secret *secret_of(const char *text)
{
    struct kk_secret *secret = NULL;
    assert_int_equal(kk_secret_from(KK_SPAN(text, strlen(text)), &secret), CKR_OK);
    return secret;
}

static void write_and_read(const struct kk_keyfile *key, const char *pin_text)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin =
        pin_text != NULL ? secret_of(pin_text) : NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pem = NULL;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *again = NULL;
    struct kk_keyfile *without_pin = NULL;
    assert_int_equal(kk_keyfile_write(key, pin, &pem), CKR_OK);
    assert_int_equal(kk_keyfile_parse(kk_secret_span(pem), pin, &again), CKR_OK);
    assert_same(key, again);
    if (pin != NULL) {
        assert_int_equal(kk_keyfile_parse(kk_secret_span(pem), NULL, &without_pin),
                         CKR_ENCRYPTED_DATA_INVALID);
    }
}

static void test_every_kind_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(keys[i].content);
        write_and_read(key, NULL);
    }
}

static void test_encrypted_it_reads_back_too(void **state)
{
    (void)state;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(KK_SPAN_TEXT(ED25519_PKCS8));
    write_and_read(key, "secret");
}

static void test_in_clear_it_is_the_usual_pem(void **state)
{
    (void)state;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(KK_SPAN_TEXT(RSA_PKCS8));
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pem = NULL;
    assert_int_equal(kk_keyfile_write(key, NULL, &pem), CKR_OK);
    assert_true(kk_span_equal(kk_secret_span(pem), KK_SPAN_TEXT(RSA_PKCS8)));
}

static void drop(struct kk_keyfile *key, enum kk_keyfile_part part)
{
    kk_secret_free(key->parts[part]);
    key->parts[part] = NULL;
}

static void test_missing_parts_are_computed(void **state)
{
    (void)state;
    static const enum kk_keyfile_part rsa[] = {KK_KEYPART_PRIME_1, KK_KEYPART_PRIME_2,
                                               KK_KEYPART_EXPONENT_1, KK_KEYPART_EXPONENT_2,
                                               KK_KEYPART_COEFFICIENT};
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *whole = parsed(keys[i].content);
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(keys[i].content);
        if (key->kind == KK_KEYFILE_DSA) {
            continue; /* everything in it is needed */
        }
        for (size_t j = 0; j < KK_ARRAY_LEN(rsa); j++) {
            drop(key, rsa[j]);
        }
        drop(key, KK_KEYPART_PUBLIC);
        assert_int_equal(kk_keyfile_complete(key), CKR_OK);
        if (key->kind != KK_KEYFILE_RSA) {
            assert_same(whole, key);
        }
        for (size_t j = 0; j < KK_KEYPART_COUNT; j++) {
            assert_int_equal(whole->parts[j] == NULL, key->parts[j] == NULL);
        }
        write_and_read(key, NULL);
    }
}

/* Each part in turn: another number, and missing where nothing gives it. */
static void test_parts_that_do_not_belong_together_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        for (size_t part = 0; part < KK_KEYPART_COUNT; part++) {
            KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(keys[i].content);
            KK_CLEANUP(kk_secret_freep) struct kk_secret *pem = NULL;
            bool is_curves_only_private = part == KK_KEYPART_PRIVATE && key->kind != KK_KEYFILE_DSA;
            if (key->parts[part] == NULL) {
                continue;
            }
            if (is_curves_only_private) {
                assert_non_null(key->parts[KK_KEYPART_PUBLIC]); /* which it no longer fits */
            }
            /* Not the lowest bits: X25519 passes over three of them. */
            kk_secret_data(key->parts[part])[kk_secret_len(key->parts[part]) / 2] ^= 0x10;
            CK_RV rv = kk_keyfile_write(key, NULL, &pem);
            assert_true(rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_CURVE_NOT_SUPPORTED);
            assert_null(pem);
        }
    }
}

static void test_missing_parts_that_nothing_gives(void **state)
{
    (void)state;
    static const enum kk_keyfile_part needed[] = {
        KK_KEYPART_MODULUS, KK_KEYPART_PRIVATE_EXPONENT, KK_KEYPART_PRIME,   KK_KEYPART_SUBPRIME,
        KK_KEYPART_BASE,    KK_KEYPART_EC_PARAMS,        KK_KEYPART_PRIVATE,
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        for (size_t j = 0; j < KK_ARRAY_LEN(needed); j++) {
            KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(keys[i].content);
            struct kk_secret *pem = NULL;
            if (key->parts[needed[j]] == NULL) {
                continue;
            }
            drop(key, needed[j]);
            if (needed[j] == KK_KEYPART_PRIVATE_EXPONENT) { /* the primes give it */
                drop(key, KK_KEYPART_PRIME_1);
            }
            assert_int_not_equal(kk_keyfile_write(key, NULL, &pem), CKR_OK);
            assert_null(pem);
        }
    }
}

/* RFC 5915 wants the scalar at its full length, whatever the file had. */
static void test_a_short_scalar_is_padded(void **state)
{
    (void)state;
    static const uint8_t one[] = {1};
    static const uint8_t padded[32] = {[31] = 1};
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(KK_SPAN_TEXT(EC_PKCS8));
    drop(key, KK_KEYPART_PUBLIC);
    drop(key, KK_KEYPART_PRIVATE);
    assert_int_equal(kk_secret_from(KK_SPAN_ARRAY(one), &key->parts[KK_KEYPART_PRIVATE]), CKR_OK);
    assert_int_equal(kk_keyfile_complete(key), CKR_OK);
    assert_true(
        kk_span_equal(kk_secret_span(key->parts[KK_KEYPART_PRIVATE]), KK_SPAN_ARRAY(padded)));
    drop(key, KK_KEYPART_PRIVATE);
    assert_int_equal(kk_secret_new(32, &key->parts[KK_KEYPART_PRIVATE]), CKR_OK);
    assert_int_equal(kk_keyfile_complete(key), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = parsed(KK_SPAN_TEXT(EC_PKCS8));
    unsigned long nth = 0;
    CK_RV rv = CKR_HOST_MEMORY;
    while (rv == CKR_HOST_MEMORY) {
        KK_CLEANUP(kk_secret_freep) struct kk_secret *pem = NULL;
        nth++;
        kk_alloc_fail_at(nth);
        rv = kk_keyfile_write(key, NULL, &pem);
        kk_alloc_fail_at(0);
        assert_true((rv == CKR_OK) == (pem != NULL));
    }
    assert_int_equal(rv, CKR_OK);
    assert_in_range(nth, 4, 100);
}

static void test_secrets_are_given_back(void **state)
{
    (void)state;
    struct kk_secret_stats before;
    struct kk_secret_stats after;
    kk_secret_stats(&before);
    test_a_short_scalar_is_padded(NULL);
    test_in_clear_it_is_the_usual_pem(NULL);
    test_parts_that_do_not_belong_together_are_refused(NULL);
    kk_secret_stats(&after);
    assert_int_equal(after.in_use, before.in_use);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_reads_back),
        cmocka_unit_test(test_encrypted_it_reads_back_too),
        cmocka_unit_test(test_in_clear_it_is_the_usual_pem),
        cmocka_unit_test(test_missing_parts_are_computed),
        cmocka_unit_test(test_parts_that_do_not_belong_together_are_refused),
        cmocka_unit_test(test_missing_parts_that_nothing_gives),
        cmocka_unit_test(test_a_short_scalar_is_padded),
        cmocka_unit_test(test_no_memory_is_an_error),
        cmocka_unit_test(test_secrets_are_given_back),
    };
    return cmocka_run_group_tests_name("keyfile_write", tests, NULL, NULL);
}
