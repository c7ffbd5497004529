/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of ML-KEM, ML-DSA and SLH-DSA. Where the library has none of them they are told apart as
 * keys that cannot be computed with, and kept by those who asked. Known answers are in
 * tests/vectors.
 */
#include "fixture.h"

#include "crypto/kem.h"
#include "crypto/key.h"

struct set {
    enum kk_key_kind kind;
    CK_ULONG parameter_set;
    const char *name;
    size_t public_len, private_len, seed_len;
};

static const struct set sets[] = {
    {KK_KEY_ML_KEM, CKP_ML_KEM_512, "ML-KEM-512", 800, 1632, 64},
    {KK_KEY_ML_KEM, CKP_ML_KEM_768, "ML-KEM-768", 1184, 2400, 64},
    {KK_KEY_ML_KEM, CKP_ML_KEM_1024, "ML-KEM-1024", 1568, 3168, 64},
    {KK_KEY_ML_DSA, CKP_ML_DSA_44, "ML-DSA-44", 1312, 2560, 32},
    {KK_KEY_ML_DSA, CKP_ML_DSA_65, "ML-DSA-65", 1952, 4032, 32},
    {KK_KEY_ML_DSA, CKP_ML_DSA_87, "ML-DSA-87", 2592, 4896, 32},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHA2_128F, "SLH-DSA-SHA2-128f", 32, 64, 0},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_192F, "SLH-DSA-SHAKE-192f", 48, 96, 0},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_256F, "SLH-DSA-SHAKE-256f", 64, 128, 0},
};

static struct kk_key_parts asked_for(const struct set *set)
{
    return (struct kk_key_parts){.kind = set->kind, .parameter_set = set->parameter_set};
}

/* A new key; false where the library has none, which is said. */
static bool make(const struct set *set, struct kk_key_parts *ret_parts)
{
    *ret_parts = asked_for(set);
    CK_RV rv = kk_key_generate(crypto, ret_parts);
    bool has = kk_crypto_has(crypto, KK_ALGORITHM_KEY, set->name);
    assert_int_equal(rv, has ? CKR_OK : CKR_PARAMETER_SET_NOT_SUPPORTED);
    return has;
}

static size_t len_of(const struct kk_key_parts *parts, enum kk_part part)
{
    return kk_key_parts_get(parts, part).len;
}

static bool same(const struct kk_key_parts *a, const struct kk_key_parts *b, enum kk_part part)
{
    return kk_span_equal(kk_key_parts_get(a, part), kk_key_parts_get(b, part));
}

static void copy(const struct kk_key_parts *from, enum kk_part part, struct kk_key_parts *to)
{
    assert_int_equal(kk_key_parts_set(to, part, kk_key_parts_get(from, part)), CKR_OK);
}

static CK_RV load(const struct kk_key_parts *parts)
{
    struct kk_key *key = NULL;
    CK_RV rv = kk_key_new(crypto, parts, &key);
    kk_key_unref(key);
    return rv;
}

static void test_a_new_key_has_every_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        struct kk_key_parts parts;
        if (make(&sets[i], &parts)) {
            assert_true(parts.is_private);
            assert_int_equal(len_of(&parts, KK_PART_PUBLIC), sets[i].public_len);
            assert_int_equal(len_of(&parts, KK_PART_VALUE), sets[i].private_len);
            assert_int_equal(len_of(&parts, KK_PART_SEED), sets[i].seed_len);
            assert_int_equal(load(&parts), CKR_OK);
        }
        kk_key_parts_clear(&parts);
    }
}

static void test_a_set_that_is_none_is_refused(void **state)
{
    (void)state;
    struct kk_key_parts parts = {.kind = KK_KEY_ML_DSA, .parameter_set = 4};
    assert_int_equal(kk_key_generate(crypto, &parts), CKR_PARAMETER_SET_NOT_SUPPORTED);
    assert_int_equal(load(&parts), CKR_PARAMETER_SET_NOT_SUPPORTED);
    parts.is_private = true;
    assert_int_equal(kk_key_complete(crypto, &parts), CKR_PARAMETER_SET_NOT_SUPPORTED);
}

static void test_a_key_is_whole_from_its_seed_or_its_value(void **state)
{
    (void)state;
    static const enum kk_part forms[] = {KK_PART_SEED, KK_PART_VALUE};
    for (size_t i = 0; i < KK_ARRAY_LEN(sets) * 2; i++) {
        const struct set *set = &sets[i / 2];
        struct kk_key_parts parts;
        struct kk_key_parts form = asked_for(set);
        bool has_form = forms[i % 2] != KK_PART_SEED || set->seed_len > 0;
        if (make(set, &parts) && has_form) {
            form.is_private = true;
            copy(&parts, forms[i % 2], &form);
            assert_int_equal(kk_key_complete(crypto, &form), CKR_OK);
            assert_true(same(&form, &parts, KK_PART_VALUE));
            assert_true(same(&form, &parts, KK_PART_PUBLIC));
            assert_int_equal(load(&form), CKR_OK);
        }
        kk_key_parts_clear(&form);
        kk_key_parts_clear(&parts);
    }
}

static void test_parts_of_two_keys_are_no_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        struct kk_key_parts parts;
        struct kk_key_parts other;
        if (make(&sets[i], &parts) && make(&sets[i], &other)) {
            struct kk_key_parts mixed = asked_for(&sets[i]);
            mixed.is_private = true;
            copy(&parts, KK_PART_VALUE, &mixed);
            copy(&other, KK_PART_PUBLIC, &mixed);
            assert_int_equal(load(&mixed), CKR_ATTRIBUTE_VALUE_INVALID);
            if (sets[i].seed_len > 0) {
                copy(&parts, KK_PART_PUBLIC, &mixed);
                assert_int_equal(load(&mixed), CKR_OK);
                copy(&other, KK_PART_SEED, &mixed);
                assert_int_equal(load(&mixed), CKR_ATTRIBUTE_VALUE_INVALID);
            }
            kk_key_parts_clear(&mixed);
            kk_key_parts_clear(&other);
        }
        kk_key_parts_clear(&parts);
    }
}

static void test_other_lengths_are_no_key(void **state)
{
    (void)state;
    static const uint8_t zeros[5000];
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        if (!kk_crypto_has(crypto, KK_ALGORITHM_KEY, sets[i].name)) {
            continue;
        }
        for (size_t less = 0; less <= 2; less += 2) {
            struct kk_key_parts parts = asked_for(&sets[i]);
            size_t len = sets[i].public_len + 1 - less;
            assert_int_equal(kk_key_parts_set(&parts, KK_PART_PUBLIC, KK_SPAN(zeros, len)), CKR_OK);
            assert_int_equal(load(&parts), CKR_ATTRIBUTE_VALUE_INVALID);
            parts.is_private = true;
            len = sets[i].private_len + 1 - less;
            assert_int_equal(kk_key_parts_set(&parts, KK_PART_VALUE, KK_SPAN(zeros, len)), CKR_OK);
            assert_int_equal(load(&parts), CKR_ATTRIBUTE_VALUE_INVALID);
            kk_key_parts_clear(&parts);
        }
    }
}

/* Where the library cannot compute with a key it is foreign, whatever it looks like. */
static void test_keys_that_cannot_be_computed_with_are_said_to_be_foreign(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        struct kk_key_parts parts = asked_for(&sets[i]);
        assert_int_equal(kk_key_parts_set(&parts, KK_PART_PUBLIC, KK_SPAN_TEXT("?")), CKR_OK);
        bool has = kk_crypto_has(crypto, KK_ALGORITHM_KEY, sets[i].name);
        assert_int_equal(load(&parts),
                         has ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_KEY_TYPE_INCONSISTENT);
        kk_key_parts_clear(&parts);
    }
}

/* ---- encodings: they need no help of OpenSSL's ---- */

static const uint8_t some[5000] = {1, 2, 3};

static struct kk_key_parts made_up(const struct set *set, bool seed, bool value)
{
    struct kk_key_parts parts = asked_for(set);
    parts.is_private = true;
    if (seed) {
        assert_int_equal(kk_key_parts_set(&parts, KK_PART_SEED, KK_SPAN(some, set->seed_len)),
                         CKR_OK);
    }
    if (value) {
        assert_int_equal(kk_key_parts_set(&parts, KK_PART_VALUE, KK_SPAN(some, set->private_len)),
                         CKR_OK);
    }
    return parts;
}

static void test_private_keys_go_through_pkcs8(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sets) * 2; i++) {
        const struct set *set = &sets[i / 2];
        struct kk_key_parts parts = made_up(set, i % 2 == 1 && set->seed_len > 0, true);
        struct kk_key_parts back = {0};
        struct kk_secret *der = NULL;
        assert_int_equal(kk_pkcs8_encode(&parts, &der), CKR_OK);
        assert_int_equal(kk_pkcs8_decode(kk_secret_span(der), &back), CKR_OK);
        assert_int_equal(back.kind, set->kind);
        assert_int_equal(back.parameter_set, set->parameter_set);
        assert_true(same(&back, &parts, KK_PART_VALUE));
        assert_true(same(&back, &parts, KK_PART_SEED));
        kk_secret_free(der);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&parts);
    }
}

/* RFC 9935: SEQUENCE { 0, SEQUENCE { id-alg-ml-kem-512 }, OCTET STRING { [0] seed } }, here as the
 * RFC's bytes with another seed. */
static void test_a_seed_alone_is_read(void **state)
{
    (void)state;
    static const uint8_t head[] = {0x30, 0x54, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06,
                                   0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                                   0x04, 0x01, 0x04, 0x42, 0x80, 0x40};
    uint8_t der[sizeof head + 64];
    struct kk_key_parts parts = {0};
    memcpy(der, head, sizeof head);
    memcpy(der + sizeof head, some, 64);
    assert_int_equal(kk_pkcs8_decode(KK_SPAN_ARRAY(der), &parts), CKR_OK);
    assert_int_equal(parts.kind, KK_KEY_ML_KEM);
    assert_int_equal(parts.parameter_set, CKP_ML_KEM_512);
    assert_true(kk_span_equal(kk_key_parts_get(&parts, KK_PART_SEED), KK_SPAN(some, 64)));
    assert_int_equal(len_of(&parts, KK_PART_VALUE), 0);
    kk_key_parts_clear(&parts);
    der[20] = 0x81; /* another tag */
    assert_int_equal(kk_pkcs8_decode(KK_SPAN_ARRAY(der), &parts), CKR_WRAPPED_KEY_INVALID);
    assert_int_equal(kk_pkcs8_decode(KK_SPAN(der, sizeof der - 1), &parts),
                     CKR_WRAPPED_KEY_INVALID);
}

static void test_public_keys_go_through_their_info(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        struct kk_key_parts parts = asked_for(&sets[i]);
        struct kk_key_parts back = {0};
        struct kk_buffer der = {0};
        assert_int_equal(
            kk_key_parts_set(&parts, KK_PART_PUBLIC, KK_SPAN(some, sets[i].public_len)), CKR_OK);
        assert_int_equal(kk_key_spki(crypto, &parts, &der), CKR_OK);
        assert_int_equal(kk_spki_decode(kk_buffer_span(&der), &back), CKR_OK);
        assert_int_equal(back.kind, sets[i].kind);
        assert_int_equal(back.parameter_set, sets[i].parameter_set);
        assert_true(same(&back, &parts, KK_PART_PUBLIC));
        kk_buffer_clear(&der);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&parts);
    }
}

/* ---- encapsulation ---- */

static void test_both_ends_get_the_same_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        struct kk_key_parts parts;
        struct kk_key *key = NULL;
        struct kk_secret *sent = NULL;
        struct kk_secret *received = NULL;
        uint8_t ciphertext[1568];
        if (make(&sets[i], &parts)) {
            assert_int_equal(kk_key_new(crypto, &parts, &key), CKR_OK);
            bool is_kem = sets[i].kind == KK_KEY_ML_KEM;
            CK_RV rv = kk_kem_encapsulate(crypto, key, ciphertext, &sent);
            assert_int_equal(rv, is_kem ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT);
            if (is_kem) {
                struct kk_span whole = KK_SPAN(ciphertext, kk_kem_length(key));
                assert_int_equal(kk_kem_decapsulate(crypto, key, whole, &received), CKR_OK);
                assert_int_equal(kk_secret_len(received), 32);
                assert_true(kk_span_equal(kk_secret_span(sent), kk_secret_span(received)));
            }
        }
        kk_secret_free(sent);
        kk_secret_free(received);
        kk_key_unref(key);
        kk_key_parts_clear(&parts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_key_has_every_part),
        cmocka_unit_test(test_a_set_that_is_none_is_refused),
        cmocka_unit_test(test_a_key_is_whole_from_its_seed_or_its_value),
        cmocka_unit_test(test_parts_of_two_keys_are_no_key),
        cmocka_unit_test(test_other_lengths_are_no_key),
        cmocka_unit_test(test_keys_that_cannot_be_computed_with_are_said_to_be_foreign),
        cmocka_unit_test(test_private_keys_go_through_pkcs8),
        cmocka_unit_test(test_a_seed_alone_is_read),
        cmocka_unit_test(test_public_keys_go_through_their_info),
        cmocka_unit_test(test_both_ends_get_the_same_secret),
    };
    return cmocka_run_group_tests_name("key_pq", tests, make_crypto, free_crypto);
}
