/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#8 and SubjectPublicKeyInfo: what we write OpenSSL reads, what OpenSSL writes we read, and
 * nothing damaged gets through as something else.
 */
#include "keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/key_internal.h"

struct sort {
    enum kk_key_kind kind;
    const char *oid;
};

static const struct sort sorts[] = {
    {KK_KEY_RSA, NULL},
    {KK_KEY_EC, OID_P256},
    {KK_KEY_EC, "06052b81040023"},
    {KK_KEY_EC, "06052b81040008"}, /* secp160r1 */
    {KK_KEY_EC, "06052b81040010"}, /* sect283k1 */
    {KK_KEY_EDWARDS, OID_ED25519},
    {KK_KEY_EDWARDS, OID_ED448},
    {KK_KEY_MONTGOMERY, OID_X25519},
    {KK_KEY_MONTGOMERY, OID_X448},
};

static struct kk_key_parts make_parts(const struct sort *sort)
{
    return sort->kind == KK_KEY_RSA ? rsa_parts(1024) : curve_parts(sort->kind, sort->oid);
}

static EVP_PKEY *openssl_reads(struct kk_span der)
{
    const unsigned char *at = der.data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    assert_non_null(info);
    assert_ptr_equal(at, der.data + der.len);
    EVP_PKEY *pkey = EVP_PKCS82PKEY(info);
    assert_non_null(pkey);
    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

static void openssl_writes(EVP_PKEY *pkey, struct kk_buffer *ret_der)
{
    unsigned char *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    assert_true(len > 0);
    kk_buffer_put(ret_der, der, (size_t)len);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static void assert_same_key(const struct kk_key_parts *want, struct kk_key_parts *got)
{
    assert_true(got->is_private);
    assert_int_equal(got->kind, want->kind);
    assert_rv(kk_key_complete(crypto, got), CKR_OK);
    for (size_t p = 0; p < KK_PART_COUNT; p++) {
        assert_same_part(want, got, (enum kk_part)p);
    }
    kk_key_unref(new_key(got));
}

static void test_private_keys_go_out_and_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sorts); i++) {
        struct kk_key_parts parts = make_parts(&sorts[i]);
        struct kk_key_parts back = {0};
        struct kk_secret *der = NULL;
        assert_rv(kk_pkcs8_encode(&parts, &der), CKR_OK);
        assert_rv(kk_pkcs8_decode(kk_secret_span(der), &back), CKR_OK);
        assert_same_key(&parts, &back);
        kk_secret_free(der);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&parts);
    }
}

static void test_openssl_and_we_read_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sorts); i++) {
        struct kk_key_parts parts = make_parts(&sorts[i]);
        struct kk_key_parts back = {0};
        struct kk_secret *der = NULL;
        struct kk_buffer theirs = {0};
        assert_rv(kk_pkcs8_encode(&parts, &der), CKR_OK);
        EVP_PKEY *pkey = openssl_reads(kk_secret_span(der));
        openssl_writes(pkey, &theirs);
        assert_rv(kk_pkcs8_decode(kk_buffer_span(&theirs), &back), CKR_OK);
        assert_same_key(&parts, &back);
        EVP_PKEY_free(pkey);
        kk_buffer_clear(&theirs);
        kk_secret_free(der);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&parts);
    }
}

static void test_public_key_info_is_what_openssl_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sorts); i++) {
        struct kk_key_parts parts = make_parts(&sorts[i]);
        struct kk_key_parts half = public_half(&parts);
        struct kk_buffer ours = {0};
        struct kk_buffer of_half = {0};
        unsigned char *theirs = NULL;
        struct kk_secret *der = NULL;
        assert_rv(kk_pkcs8_encode(&parts, &der), CKR_OK);
        EVP_PKEY *pkey = openssl_reads(kk_secret_span(der));
        int len = i2d_PUBKEY(pkey, &theirs);
        assert_rv(kk_key_spki(crypto, &parts, &ours), CKR_OK);
        assert_rv(kk_key_spki(crypto, &half, &of_half), CKR_OK);
        assert_true(kk_span_equal(kk_buffer_span(&ours), KK_SPAN(theirs, len)));
        assert_true(kk_span_equal(kk_buffer_span(&of_half), KK_SPAN(theirs, len)));
        OPENSSL_free(theirs);
        kk_buffer_clear(&ours);
        kk_buffer_clear(&of_half);
        EVP_PKEY_free(pkey);
        kk_secret_free(der);
        kk_key_parts_clear(&half);
        kk_key_parts_clear(&parts);
    }
}

static void test_public_key_info_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sorts); i++) {
        struct kk_key_parts parts = make_parts(&sorts[i]);
        struct kk_key_parts back = {0};
        struct kk_buffer der = {0};
        struct kk_buffer again = {0};
        assert_rv(kk_key_spki(crypto, &parts, &der), CKR_OK);
        CK_RV rv = kk_spki_decode(kk_buffer_span(&der), &back);
        if (parts.kind == KK_KEY_DSA || parts.kind == KK_KEY_DH || parts.kind == KK_KEY_X942_DH) {
            assert_rv(rv, CKR_KEY_TYPE_INCONSISTENT);
        } else {
            assert_rv(rv, CKR_OK);
            assert_false(back.is_private);
            assert_rv(kk_key_spki(crypto, &back, &again), CKR_OK);
            assert_true(kk_span_equal(kk_buffer_span(&der), kk_buffer_span(&again)));
            for (size_t len = 0; len < der.len; len++) {
                struct kk_key_parts none = {0};
                assert_int_not_equal(kk_spki_decode(KK_SPAN(der.data, len), &none), CKR_OK);
            }
        }
        kk_buffer_clear(&der);
        kk_buffer_clear(&again);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&parts);
    }
}

static void test_curve_names_become_identifiers(void **state)
{
    struct kk_key_parts parts = curve_parts(KK_KEY_EDWARDS, "130c656477617264733235353139");
    struct kk_key_parts ec = curve_parts(KK_KEY_EC, "130a7072696d653235367631");
    struct kk_key_parts back = {0};
    struct kk_secret *der = NULL;
    (void)state;
    assert_rv(kk_pkcs8_encode(&parts, &der), CKR_OK);
    assert_rv(kk_pkcs8_decode(kk_secret_span(der), &back), CKR_OK);
    assert_hex(kk_key_parts_get(&back, KK_PART_EC_PARAMS).data, 5, OID_ED25519);
    kk_secret_free(der);
    kk_key_parts_clear(&back);
    assert_rv(kk_pkcs8_encode(&ec, &der), CKR_OK);
    assert_rv(kk_pkcs8_decode(kk_secret_span(der), &back), CKR_OK);
    assert_hex(kk_key_parts_get(&back, KK_PART_EC_PARAMS).data, 10, OID_P256);
    kk_secret_free(der);
    kk_key_parts_clear(&back);
    kk_key_parts_clear(&parts);
    kk_key_parts_clear(&ec);
}

static void test_domain_parameters_of_dsa_and_dh(void **state)
{
    static const enum kk_key_kind kinds[] = {KK_KEY_DSA, KK_KEY_DH, KK_KEY_X942_DH};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_key_parts parts = {.kind = kinds[i], .is_private = true};
        struct kk_key_parts back = {0};
        struct kk_secret *der = NULL;
        assert_rv(kk_key_parts_set(&parts, KK_PART_PRIME, hex("00f1")), CKR_OK);
        assert_rv(kk_key_parts_set(&parts, KK_PART_SUBPRIME, hex("0b")), CKR_OK);
        assert_rv(kk_key_parts_set(&parts, KK_PART_BASE, hex("02")), CKR_OK);
        assert_rv(kk_key_parts_set(&parts, KK_PART_VALUE, hex("8123")), CKR_OK);
        assert_rv(kk_pkcs8_encode(&parts, &der), CKR_OK);
        assert_rv(kk_pkcs8_decode(kk_secret_span(der), &back), CKR_OK);
        assert_int_equal(back.kind, kinds[i]);
        assert_hex(kk_key_parts_get(&back, KK_PART_PRIME).data, 1, "f1");
        assert_hex(kk_key_parts_get(&back, KK_PART_BASE).data, 1, "02");
        assert_same_part(&parts, &back, KK_PART_VALUE);
        assert_int_equal(kk_key_parts_get(&back, KK_PART_SUBPRIME).len,
                         kinds[i] == KK_KEY_DH ? 0 : 1);
        kk_secret_free(der);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&parts);
    }
}

/* RFC 8410, section 10.3: a key with an attribute and its public key behind it. */
static void test_attributes_and_public_keys_are_passed_over(void **state)
{
    struct kk_key_parts parts = {0};
    (void)state;
    assert_rv(
        kk_pkcs8_decode(hex("3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad"
                            "3afe7c28cbf1d4fbe097a88f44755842a01f301d060a2a864886f70d01090914"
                            "310f0c0d437572646c6520436861697273812100"
                            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"),
                        &parts),
        CKR_OK);
    assert_rv(kk_key_complete(crypto, &parts), CKR_OK);
    assert_hex(kk_key_parts_get(&parts, KK_PART_EC_POINT).data,
               kk_key_parts_get(&parts, KK_PART_EC_POINT).len,
               "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
    kk_key_parts_clear(&parts);
}

/* Cut anywhere, or with any byte changed, it is refused, or it is at least no crash. */
static void test_damage_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sorts); i++) {
        struct kk_key_parts parts = make_parts(&sorts[i]);
        struct kk_secret *der = NULL;
        assert_rv(kk_pkcs8_encode(&parts, &der), CKR_OK);
        uint8_t *bytes = kk_secret_data(der);
        size_t len = kk_secret_len(der);
        for (size_t cut = 0; cut < len; cut++) {
            struct kk_key_parts back = {0};
            assert_rv(kk_pkcs8_decode(KK_SPAN(bytes, cut), &back), CKR_WRAPPED_KEY_INVALID);
        }
        for (size_t at = 0; at < len; at++) {
            struct kk_key_parts back = {0};
            struct kk_key *key = NULL;
            bytes[at] ^= 0x41;
            if (kk_pkcs8_decode(KK_SPAN(bytes, len), &back) == CKR_OK &&
                kk_key_new(crypto, &back, &key) == CKR_OK) {
                kk_key_unref(key);
            }
            kk_key_parts_clear(&back);
            bytes[at] ^= 0x41;
        }
        kk_secret_free(der);
        kk_key_parts_clear(&parts);
    }
}

static void test_what_has_no_private_half_is_not_encoded(void **state)
{
    struct kk_key_parts rsa = rsa_parts(512);
    struct kk_key_parts half = public_half(&rsa);
    struct kk_key_parts secret = {.kind = KK_KEY_SECRET, .is_private = true};
    struct kk_buffer spki = {0};
    struct kk_secret *der = NULL;
    (void)state;
    assert_rv(kk_pkcs8_encode(&half, &der), CKR_KEY_TYPE_INCONSISTENT);
    half.is_private = true;
    assert_rv(kk_pkcs8_encode(&half, &der), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(kk_key_parts_set(&secret, KK_PART_VALUE, hex("00")), CKR_OK);
    assert_rv(kk_pkcs8_encode(&secret, &der), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(kk_key_spki(crypto, &secret, &spki), CKR_KEY_TYPE_INCONSISTENT);
    kk_secret_free(half.part[KK_PART_MODULUS]);
    half.part[KK_PART_MODULUS] = NULL;
    assert_rv(kk_key_spki(crypto, &half, &spki), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_null(der);
    kk_buffer_clear(&spki);
    kk_key_parts_clear(&secret);
    kk_key_parts_clear(&half);
    kk_key_parts_clear(&rsa);
}

/* A private key whose curve comes as numbers is one of the curve with a name, or none. */
static void test_explicit_parameters_become_identifiers(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sorts); i++) {
        if (sorts[i].kind != KK_KEY_EC) {
            continue;
        }
        struct kk_key_parts parts = make_parts(&sorts[i]);
        struct kk_key_parts back = {0};
        struct kk_buffer explicit_der = {0};
        struct kk_secret *der = NULL;
        assert_ok(kk_pkcs8_encode(&parts, &der));
        EVP_PKEY *pkey = openssl_reads(kk_secret_span(der));
        assert_int_equal(
            EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
        openssl_writes(pkey, &explicit_der);
        assert_true(explicit_der.len > kk_secret_len(der) + 50);
        assert_ok(kk_pkcs8_decode(kk_buffer_span(&explicit_der), &back));
        assert_ok(kk_key_complete(crypto, &back));
        assert_same_key(&parts, &back);
        assert_true(kk_span_equal(kk_key_parts_get(&back, KK_PART_EC_PARAMS),
                                  kk_key_parts_get(&parts, KK_PART_EC_PARAMS)));
        EVP_PKEY_free(pkey);
        kk_buffer_clear(&explicit_der);
        kk_secret_free(der);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&parts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private_keys_go_out_and_come_back),
        cmocka_unit_test(test_openssl_and_we_read_each_other),
        cmocka_unit_test(test_public_key_info_is_what_openssl_writes),
        cmocka_unit_test(test_public_key_info_is_read_as_it_was_written),
        cmocka_unit_test(test_curve_names_become_identifiers),
        cmocka_unit_test(test_explicit_parameters_become_identifiers),
        cmocka_unit_test(test_domain_parameters_of_dsa_and_dh),
        cmocka_unit_test(test_attributes_and_public_keys_are_passed_over),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_what_has_no_private_half_is_not_encoded),
    };
    return cmocka_run_group_tests(tests, make_crypto, free_crypto);
}
