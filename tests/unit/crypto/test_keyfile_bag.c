/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of several keys and certificates: each form is found out; what is written reads back; what
 * is cut off, or changed, is refused or read as something else, and never more than that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/memory.h"
#include "crypto/keyfile_bag.h"
#include "crypto/kw.h"

#include "keyfile_data.h"

static struct kk_keyfiles *files;

static int setup(void **state)
{
    (void)state;
    return kk_keyfiles_new(&files) == CKR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    kk_keyfiles_free(files);
    return 0;
}

static struct kk_secret *secret_of(const char *text)
{
    struct kk_secret *secret = NULL;
    assert_int_equal(kk_secret_from(KK_SPAN(text, strlen(text)), &secret), CKR_OK);
    return secret;
}

static struct kk_bag *bag_of(struct kk_span content, const char *pin_text)
{
    struct kk_bag *bag = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin =
        pin_text != NULL ? secret_of(pin_text) : NULL;
    assert_int_equal(kk_keyfiles_read(files, content, pin, &bag), CKR_OK);
    return bag;
}

static CK_RV result(struct kk_span content, const char *pin_text)
{
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin =
        pin_text != NULL ? secret_of(pin_text) : NULL;
    return kk_keyfiles_read(files, content, pin, &bag);
}

static const struct {
    const char *algorithm;
    struct kk_span content;
} keys[] = {
    {"RSA", {(const uint8_t *)RSA_PKCS8, sizeof RSA_PKCS8 - 1}},
    {"RSA", {(const uint8_t *)RSA_TRADITIONAL, sizeof RSA_TRADITIONAL - 1}},
    {"DSA", {(const uint8_t *)DSA_PKCS8, sizeof DSA_PKCS8 - 1}},
    {"EC", {(const uint8_t *)EC_PKCS8, sizeof EC_PKCS8 - 1}},
    {"EC", {(const uint8_t *)EC_COMPRESSED, sizeof EC_COMPRESSED - 1}},
    {"EC", {(const uint8_t *)EC_TRADITIONAL, sizeof EC_TRADITIONAL - 1}},
    {"ED25519", {(const uint8_t *)ED25519_PKCS8, sizeof ED25519_PKCS8 - 1}},
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

/* Our own decoder of plain PKCS#8 and OpenSSL's see the same key. */
static void test_keys_are_read_as_one_alone_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(keys[i].content, NULL);
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *alone = NULL;
        assert_int_equal(kk_keyfile_parse(keys[i].content, NULL, &alone), CKR_OK);
        assert_int_equal(kk_keyfile_complete(alone), CKR_OK);
        assert_int_equal(bag->count, 1);
        assert_int_equal(bag->items[0].kind, KK_BAG_PRIVATE);
        assert_string_equal(bag->items[0].key->algorithm, keys[i].algorithm);
        assert_int_equal(kk_keyfile_complete(bag->items[0].key), CKR_OK);
        assert_same(bag->items[0].key, alone);
    }
}

static void test_written_and_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(keys[i].content, NULL);
        struct kk_keyfile *key = bag->items[0].key;
        assert_int_equal(kk_keyfile_complete(key), CKR_OK);
        for (int form = KK_FILE_PEM; form <= KK_FILE_DER; form++) {
            KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
            KK_CLEANUP(kk_secret_freep) struct kk_secret *public = NULL;
            enum kk_file_form as = (enum kk_file_form)form;
            assert_int_equal(kk_keyfiles_private(files, key, NULL, as, &plain), CKR_OK);
            KK_CLEANUP(kk_bag_freep) struct kk_bag *again = bag_of(kk_secret_span(plain), NULL);
            assert_int_equal(kk_keyfile_complete(again->items[0].key), CKR_OK);
            assert_same(again->items[0].key, key);
            assert_int_equal(kk_keyfiles_public(files, key, as, &public), CKR_OK);
            KK_CLEANUP(kk_bag_freep) struct kk_bag *half = bag_of(kk_secret_span(public), NULL);
            assert_int_equal(half->items[0].kind, KK_BAG_PUBLIC);
            assert_memory_equal(half->items[0].id, again->items[0].id, KK_KEY_ID_LEN);
            assert_null(half->items[0].key->parts[KK_KEYPART_PRIVATE]);
            assert_null(half->items[0].key->parts[KK_KEYPART_PRIVATE_EXPONENT]);
        }
    }
}

static void test_passphrases(void **state)
{
    (void)state;
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(KK_SPAN_TEXT(EC_PKCS8), NULL);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = secret_of("1234");
    for (int form = KK_FILE_PEM; form <= KK_FILE_DER; form++) {
        KK_CLEANUP(kk_secret_freep) struct kk_secret *sealed = NULL;
        assert_int_equal(
            kk_keyfiles_private(files, bag->items[0].key, pin, (enum kk_file_form)form, &sealed),
            CKR_OK);
        struct kk_span content = kk_secret_span(sealed);
        assert_int_equal(result(content, NULL), CKR_ENCRYPTED_DATA_INVALID);
        assert_int_equal(result(content, "4321"), CKR_PIN_INCORRECT);
        assert_int_equal(result(content, "1234"), CKR_OK);
    }
    /* A passphrase for what needs none does no harm. */
    assert_int_equal(result(KK_SPAN_TEXT(EC_PKCS8), "1234"), CKR_OK);
    assert_int_equal(result(KK_SPAN_TEXT(RSA_TRADITIONAL), "1234"), CKR_OK);
    assert_int_equal(result(KK_SPAN_TEXT(RSA_TRADITIONAL_ENCRYPTED), NULL),
                     CKR_ENCRYPTED_DATA_INVALID);
}

static void test_several_blocks(void **state)
{
    (void)state;
    static const char text[] =
        "What follows is a key.\n" EC_PKCS8
        "-----BEGIN NOTE-----\nAAAA\n-----END NOTE-----\n" CERTIFICATE RSA_TRADITIONAL;
    static const char unknown_key[] =
        EC_PKCS8 "-----BEGIN OTHER PRIVATE KEY-----\nAAAA\n-----END OTHER PRIVATE KEY-----\n";
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(KK_SPAN_TEXT(text), NULL);
    assert_int_equal(bag->count, 3);
    assert_int_equal(bag->items[0].kind, KK_BAG_PRIVATE);
    assert_int_equal(bag->items[1].kind, KK_BAG_CERTIFICATE);
    assert_int_equal(bag->items[2].kind, KK_BAG_PRIVATE);
    assert_int_equal(result(KK_SPAN_TEXT(unknown_key), NULL), CKR_MECHANISM_INVALID);
    assert_int_equal(result(KK_SPAN_TEXT(DH_PKCS8), NULL), CKR_MECHANISM_INVALID);
    assert_int_equal(result(KK_SPAN_TEXT(RSA_THREE_PRIMES), NULL), CKR_MECHANISM_INVALID);
    assert_int_equal(result(KK_SPAN_TEXT("-----BEGIN NOTE-----\nAAAA\n-----END NOTE-----\n"), NULL),
                     CKR_DATA_INVALID);
    assert_int_equal(result((struct kk_span){0}, NULL), CKR_DATA_INVALID);
}

/* PKCS#12 of a key alone; with somebody else's certificate it is not made. */
static void test_pkcs12(void **state)
{
    (void)state;
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(KK_SPAN_TEXT(EC_PKCS8), NULL);
    KK_CLEANUP(kk_bag_freep) struct kk_bag *certificate = bag_of(KK_SPAN_TEXT(CERTIFICATE), NULL);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = secret_of("1234");
    KK_CLEANUP(kk_secret_freep) struct kk_secret *empty = secret_of("");
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    struct kk_secret *none = NULL;
    struct kk_keyfile *key = bag->items[0].key;
    struct kk_span other = kk_buffer_span(&certificate->items[0].certificate->certificate);
    assert_int_equal(kk_keyfiles_pkcs12(files, key, NULL, 0, "name", pin, &content), CKR_OK);
    struct kk_span span = kk_secret_span(content);
    assert_int_equal(result(span, NULL), CKR_ENCRYPTED_DATA_INVALID);
    assert_int_equal(result(span, "4321"), CKR_PIN_INCORRECT);
    assert_int_equal(result(KK_SPAN(span.data, span.len - 1), "1234"), CKR_DATA_INVALID);
    KK_CLEANUP(kk_bag_freep) struct kk_bag *again = bag_of(span, "1234");
    assert_int_equal(again->count, 1);
    assert_int_equal(kk_keyfile_complete(again->items[0].key), CKR_OK);
    assert_int_equal(kk_keyfile_complete(key), CKR_OK);
    assert_same(again->items[0].key, key);
    assert_int_equal(kk_keyfiles_pkcs12(files, key, &other, 1, NULL, pin, &none),
                     CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(kk_keyfiles_pkcs12(files, key, NULL, 0, NULL, empty, &none),
                     CKR_PIN_LEN_RANGE);
    assert_null(none);
}

static PKCS12_SAFEBAG *add_key(STACK_OF(PKCS12_SAFEBAG) * *bags, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_non_null(pkey);
    PKCS12_SAFEBAG *bag = PKCS12_add_key(bags, pkey, 0, 0, -1, NULL);
    assert_non_null(bag);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return bag;
}

/* Neither encrypted nor authenticated; two keys, one of them with a name. */
static void test_pkcs12_of_two_keys(void **state)
{
    (void)state;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    STACK_OF(PKCS7) *safes = NULL;
    unsigned char *der = NULL;
    (void)add_key(&bags, RSA_PKCS8);
    assert_true(PKCS12_add_friendlyname_utf8(add_key(&bags, EC_PKCS8), "na\xc3\xafve", -1));
    assert_true(PKCS12_add_safe(&safes, bags, -1, 0, NULL));
    PKCS12 *file = PKCS12_add_safes(safes, 0);
    int len = i2d_PKCS12(file, &der);
    assert_true(len > 0);
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(KK_SPAN(der, (size_t)len), NULL);
    assert_int_equal(bag->count, 2);
    assert_string_equal(bag->items[0].key->algorithm, "RSA");
    assert_int_equal(bag->items[0].label.len, 0);
    assert_string_equal(bag->items[1].key->algorithm, "EC");
    assert_true(kk_span_equal(kk_buffer_span(&bag->items[1].label), KK_SPAN_TEXT("na\xc3\xafve")));
    OPENSSL_free(der);
    PKCS12_free(file);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

static void test_certificates(void **state)
{
    (void)state;
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(KK_SPAN_TEXT(CERTIFICATE), NULL);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pem = NULL;
    struct kk_secret *none = NULL;
    struct kk_span der = kk_buffer_span(&bag->items[0].certificate->certificate);
    assert_int_equal(kk_keyfiles_certificate(files, der, KK_FILE_PEM, &pem), CKR_OK);
    KK_CLEANUP(kk_bag_freep) struct kk_bag *again = bag_of(kk_secret_span(pem), NULL);
    assert_true(kk_span_equal(kk_buffer_span(&again->items[0].certificate->certificate), der));
    assert_memory_equal(again->items[0].id, bag->items[0].id, KK_KEY_ID_LEN);
    assert_int_equal(
        kk_keyfiles_certificate(files, KK_SPAN(der.data, der.len - 1), KK_FILE_PEM, &none),
        CKR_DATA_INVALID);
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bare = bag_of(der, NULL);
    assert_int_equal(bare->items[0].kind, KK_BAG_CERTIFICATE);
}

/* DER that is cut off anywhere is nothing. */
static void test_cut_off(void **state)
{
    (void)state;
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = bag_of(KK_SPAN_TEXT(EC_PKCS8), NULL);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *private = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *public = NULL;
    struct kk_keyfile *key = bag->items[0].key;
    assert_int_equal(kk_keyfiles_private(files, key, NULL, KK_FILE_DER, &private), CKR_OK);
    assert_int_equal(kk_keyfiles_public(files, key, KK_FILE_DER, &public), CKR_OK);
    const struct kk_span wholes[] = {kk_secret_span(private), kk_secret_span(public)};
    for (size_t i = 0; i < KK_ARRAY_LEN(wholes); i++) {
        for (size_t len = 0; len < wholes[i].len; len++) {
            assert_int_equal(result(KK_SPAN(wholes[i].data, len), NULL), CKR_DATA_INVALID);
        }
    }
    for (size_t len = 1; len < sizeof EC_PKCS8 - 2; len += 7) {
        assert_int_equal(result(KK_SPAN(EC_PKCS8, len), NULL), CKR_DATA_INVALID);
    }
}

static void test_unwrap(void **state)
{
    (void)state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key =
        secret_of("0123456789abcdef0123456789abcdef");
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    struct kk_secret *none = NULL;
    struct kk_crypto *crypto = NULL;
    uint8_t wrapped[32] = {0};
    size_t len = 0;
    assert_int_equal(kk_crypto_new(&crypto), CKR_OK);
    assert_int_equal(kk_kw_wrap(crypto, KK_KWP, kk_secret_span(key), (struct kk_span){0},
                                KK_SPAN_TEXT("thirteen chars"), wrapped, &len),
                     CKR_OK);
    kk_crypto_free(crypto);
    assert_int_equal(kk_keyfiles_unwrap(files, KK_WRAPPING_KWP, key, (struct kk_span){0},
                                        KK_SPAN(wrapped, len), &plain),
                     CKR_OK);
    assert_true(kk_span_equal(kk_secret_span(plain), KK_SPAN_TEXT("thirteen chars")));
    wrapped[3] ^= 1;
    assert_int_equal(kk_keyfiles_unwrap(files, KK_WRAPPING_KWP, key, (struct kk_span){0},
                                        KK_SPAN(wrapped, len), &none),
                     CKR_ENCRYPTED_DATA_INVALID);
    assert_int_equal(kk_keyfiles_unwrap(files, KK_WRAPPING_CBC_PAD, key, (struct kk_span){0},
                                        KK_SPAN(wrapped, len), &none),
                     CKR_ENCRYPTED_DATA_INVALID);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_read_as_one_alone_is),
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_passphrases),
        cmocka_unit_test(test_several_blocks),
        cmocka_unit_test(test_pkcs12),
        cmocka_unit_test(test_pkcs12_of_two_keys),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_unwrap),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
