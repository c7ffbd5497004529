/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups modulo a prime: domain parameters, DSA and Diffie-Hellman keys, the numbers that are no
 * key's, PKCS#8 and SubjectPublicKeyInfo, and agreement.
 */
#include "keys.h"

#include "crypto/dh.h"
#include "crypto/domain.h"

static const enum kk_key_kind kinds[] = {KK_KEY_DSA, KK_KEY_DH, KK_KEY_X942_DH};

/* One group for each kind; the search for them is long. */
static struct kk_key_parts domains[KK_ARRAY_LEN(kinds)];

static void copy_part(const struct kk_key_parts *from, enum kk_part part, struct kk_key_parts *to)
{
    struct kk_span value = kk_key_parts_get(from, part);
    if (value.len > 0) {
        assert_rv(kk_key_parts_set(to, part, value), CKR_OK);
    }
}

static struct kk_key_parts group_of(size_t kind)
{
    struct kk_key_parts parts = {.kind = kinds[kind]};
    copy_part(&domains[kind], KK_PART_PRIME, &parts);
    copy_part(&domains[kind], KK_PART_SUBPRIME, &parts);
    copy_part(&domains[kind], KK_PART_BASE, &parts);
    return parts;
}

static struct kk_key_parts pair_of(size_t kind)
{
    struct kk_key_parts parts = group_of(kind);
    assert_rv(kk_key_generate(crypto, &parts), CKR_OK);
    return parts;
}

static int make_domains(void **state)
{
    static const CK_ULONG bits[] = {1024, 512, 512};
    if (make_crypto(state) != 0) {
        return -1;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        domains[i] = (struct kk_key_parts){.kind = kinds[i], .bits = bits[i]};
        if (kk_domain_generate(crypto, &domains[i]) != CKR_OK) {
            return -1;
        }
    }
    return 0;
}

static int free_domains(void **state)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        kk_key_parts_clear(&domains[i]);
    }
    return free_crypto(state);
}

static size_t bits_of(struct kk_span number)
{
    size_t bits = number.len * 8;
    for (uint8_t top = number.data[0]; (top & 0x80) == 0; top = (uint8_t)(top << 1)) {
        bits--;
    }
    return bits;
}

static void expect_domain(enum kk_key_kind kind, CK_ULONG bits, CK_ULONG order_bits,
                          CK_ULONG want_order)
{
    struct kk_key_parts parts = {.kind = kind, .bits = bits, .order_bits = order_bits};
    assert_rv(kk_domain_generate(crypto, &parts), CKR_OK);
    assert_int_equal(bits_of(kk_key_parts_get(&parts, KK_PART_PRIME)), bits);
    if (want_order != 0) {
        assert_int_equal(bits_of(kk_key_parts_get(&parts, KK_PART_SUBPRIME)), want_order);
    } else {
        assert_null(parts.part[KK_PART_SUBPRIME]);
    }
    /* A key on it, which its own checks take. */
    assert_rv(kk_key_generate(crypto, &parts), CKR_OK);
    kk_key_unref(new_key(&parts));
    kk_key_parts_clear(&parts);
}

static void test_domain_parameters_have_the_sizes_asked_for(void **state)
{
    (void)state;
    expect_domain(KK_KEY_DSA, 512, 0, 160);
    expect_domain(KK_KEY_DSA, 1024, 0, 160);
    expect_domain(KK_KEY_DSA, 2048, 0, 224);
    expect_domain(KK_KEY_DSA, 2048, 256, 256);
    expect_domain(KK_KEY_X942_DH, 1024, 160, 160);
    expect_domain(KK_KEY_DH, 576, 0, 0);
    expect_domain(KK_KEY_DH, 1536, 0, 0);
    expect_domain(KK_KEY_DH, 2048, 0, 0);
    expect_domain(KK_KEY_DH, 4096, 0, 0);
}

static void test_sizes_that_cannot_be_are_refused(void **state)
{
    static const struct kk_key_parts cases[] = {
        {.kind = KK_KEY_DSA, .bits = 0},
        {.kind = KK_KEY_DSA, .bits = 448},
        {.kind = KK_KEY_DSA, .bits = 1000},
        {.kind = KK_KEY_DSA, .bits = 4160},
        {.kind = KK_KEY_DSA, .bits = 1024, .order_bits = 161},
        {.kind = KK_KEY_X942_DH, .bits = 2048, .order_bits = 2048},
        {.kind = KK_KEY_DH, .bits = 511},
        {.kind = KK_KEY_DH, .bits = 2049},
        {.kind = KK_KEY_DH, .bits = 8193},
    };
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_key_parts parts = cases[i];
        assert_rv(kk_domain_generate(crypto, &parts), CKR_KEY_SIZE_RANGE);
        kk_key_parts_clear(&parts);
    }
}

static void test_pairs_are_generated_and_completed(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_key_parts pair = pair_of(i);
        assert_true(pair.is_private);
        struct kk_key *key = new_key(&pair);
        assert_int_equal(kk_key_bits(key), domains[i].bits);
        kk_key_unref(key);
        struct kk_key_parts bare = group_of(i);
        bare.is_private = true;
        copy_part(&pair, KK_PART_VALUE, &bare);
        assert_rv(kk_key_complete(crypto, &bare), CKR_OK);
        assert_true(kk_span_equal(kk_key_parts_get(&bare, KK_PART_PUBLIC),
                                  kk_key_parts_get(&pair, KK_PART_PUBLIC)));
        pair.is_private = false;
        kk_key_unref(new_key(&pair));
        kk_key_parts_clear(&bare);
        kk_key_parts_clear(&pair);
    }
}

/*= pkcs11-3.2 PKCS #3 Diffie-Hellman key pair generation: CKA_VALUE_BITS */
static void test_a_dh_value_has_the_bits_asked_for(void **state)
{
    static const CK_ULONG bits[] = {2, 7, 8, 9, 160, 161, 256, 511};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(bits); i++) {
        struct kk_key_parts parts = group_of(1);
        parts.order_bits = bits[i];
        assert_rv(kk_key_generate(crypto, &parts), CKR_OK);
        assert_int_equal(bits_of(kk_key_parts_get(&parts, KK_PART_VALUE)), bits[i]);
        kk_key_parts_clear(&parts);
    }
    static const CK_ULONG wrong[] = {1, 512, 4096};
    for (size_t i = 0; i < KK_ARRAY_LEN(wrong); i++) {
        struct kk_key_parts parts = group_of(1);
        parts.order_bits = wrong[i];
        assert_rv(kk_key_generate(crypto, &parts), CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&parts);
    }
}

static void expect_generation(size_t kind, enum kk_part part, struct kk_span value, CK_RV rv)
{
    struct kk_key_parts parts = group_of(kind);
    assert_rv(kk_key_parts_set(&parts, part, value), CKR_OK);
    assert_rv(kk_key_generate(crypto, &parts), rv);
    kk_key_parts_clear(&parts);
}

static void test_groups_that_are_none_make_no_keys(void **state)
{
    static const uint8_t even[64] = {[0] = 0x80, [63] = 0x02};
    static const uint8_t order[20] = {[0] = 0x80, [19] = 0x01};
    static const uint8_t one[] = {1};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_span prime = kk_key_parts_get(&domains[i], KK_PART_PRIME);
        expect_generation(i, KK_PART_PRIME, KK_SPAN_ARRAY(even), CKR_DOMAIN_PARAMS_INVALID);
        expect_generation(i, KK_PART_PRIME, KK_SPAN(NULL, 0), CKR_DOMAIN_PARAMS_INVALID);
        expect_generation(i, KK_PART_PRIME, KK_SPAN(prime.data + 4, 32), CKR_DOMAIN_PARAMS_INVALID);
        expect_generation(i, KK_PART_BASE, KK_SPAN_ARRAY(one), CKR_DOMAIN_PARAMS_INVALID);
        expect_generation(i, KK_PART_BASE, prime, CKR_DOMAIN_PARAMS_INVALID);
        expect_generation(i, KK_PART_BASE, KK_SPAN(NULL, 0), CKR_DOMAIN_PARAMS_INVALID);
        if (kinds[i] != KK_KEY_DH) {
            expect_generation(i, KK_PART_SUBPRIME, KK_SPAN_ARRAY(order), CKR_DOMAIN_PARAMS_INVALID);
            expect_generation(i, KK_PART_SUBPRIME, KK_SPAN(NULL, 0), CKR_DOMAIN_PARAMS_INVALID);
        }
    }
}

static void expect_key(size_t kind, bool is_private, enum kk_part part, struct kk_span value)
{
    struct kk_key_parts parts = group_of(kind);
    parts.is_private = is_private;
    assert_rv(kk_key_parts_set(&parts, part, value), CKR_OK);
    assert_refused(&parts, CKR_ATTRIBUTE_VALUE_INVALID);
    kk_key_parts_clear(&parts);
}

static void test_numbers_outside_the_group_are_refused(void **state)
{
    static const uint8_t one[] = {1};
    static const uint8_t three[] = {3};
    uint8_t long_number[1300];
    (void)state;
    memset(long_number, 0xff, sizeof long_number);
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_span prime = kk_key_parts_get(&domains[i], KK_PART_PRIME);
        struct kk_span order = kk_key_parts_get(&domains[i], KK_PART_SUBPRIME);
        uint8_t last[128];
        memcpy(last, prime.data, prime.len);
        last[prime.len - 1]--;
        expect_key(i, false, KK_PART_PUBLIC, KK_SPAN(NULL, 0));
        expect_key(i, false, KK_PART_PUBLIC, KK_SPAN_ARRAY(one));
        expect_key(i, false, KK_PART_PUBLIC, KK_SPAN(last, prime.len));
        expect_key(i, false, KK_PART_PUBLIC, prime);
        expect_key(i, false, KK_PART_PUBLIC, KK_SPAN_ARRAY(long_number));
        expect_key(i, true, KK_PART_VALUE, KK_SPAN(NULL, 0));
        expect_key(i, true, KK_PART_VALUE, order.len > 0 ? order : KK_SPAN(last, prime.len));
        expect_key(i, true, KK_PART_VALUE, prime);
        expect_key(i, true, KK_PART_VALUE, KK_SPAN_ARRAY(long_number));
        if (order.len > 0) {
            expect_key(i, false, KK_PART_PUBLIC, KK_SPAN_ARRAY(three));
        }
    }
}

static void test_a_private_key_with_another_s_public_number_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_key_parts pair = pair_of(i);
        struct kk_key_parts other = pair_of(i);
        copy_part(&other, KK_PART_PUBLIC, &pair);
        assert_refused(&pair, CKR_ATTRIBUTE_VALUE_INVALID);
        assert_rv(kk_key_complete(crypto, &pair), CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&pair);
        kk_key_parts_clear(&other);
    }
}

static void expect_same(const struct kk_key_parts *a, const struct kk_key_parts *b,
                        enum kk_part part)
{
    assert_true(kk_span_equal(kk_key_parts_get(a, part), kk_key_parts_get(b, part)));
}

static void test_keys_go_out_and_in_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_key_parts pair = pair_of(i);
        struct kk_key_parts back = {0};
        struct kk_secret *der = NULL;
        struct kk_buffer spki = {0};
        assert_rv(kk_pkcs8_encode(&pair, &der), CKR_OK);
        assert_rv(kk_pkcs8_decode(kk_secret_span(der), &back), CKR_OK);
        assert_int_equal(back.kind, kinds[i]);
        assert_rv(kk_key_complete(crypto, &back), CKR_OK);
        expect_same(&pair, &back, KK_PART_VALUE);
        expect_same(&pair, &back, KK_PART_PUBLIC);
        expect_same(&pair, &back, KK_PART_SUBPRIME);
        kk_key_parts_clear(&back);
        assert_rv(kk_key_spki(crypto, &pair, &spki), CKR_OK);
        assert_rv(kk_spki_decode(kk_buffer_span(&spki), &back), CKR_OK);
        assert_int_equal(back.kind, kinds[i]);
        expect_same(&pair, &back, KK_PART_PUBLIC);
        expect_same(&pair, &back, KK_PART_PRIME);
        expect_same(&pair, &back, KK_PART_BASE);
        assert_rv(kk_spki_decode(KK_SPAN(spki.data, spki.len - 1), &back), CKR_DATA_INVALID);
        kk_key_parts_clear(&back);
        kk_key_parts_clear(&pair);
        kk_secret_free(der);
        kk_buffer_clear(&spki);
    }
}

static void test_two_sides_agree(void **state)
{
    (void)state;
    for (size_t i = 1; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_key_parts pairs[2] = {pair_of(i), pair_of(i)};
        struct kk_key *keys[2] = {new_key(&pairs[0]), new_key(&pairs[1])};
        struct kk_secret *secrets[2] = {NULL, NULL};
        for (size_t side = 0; side < 2; side++) {
            struct kk_span peer = kk_key_parts_get(&pairs[1 - side], KK_PART_PUBLIC);
            assert_rv(kk_dh_derive(crypto, keys[side], peer, &secrets[side]), CKR_OK);
        }
        assert_int_equal(kk_secret_len(secrets[0]), domains[i].bits / 8);
        assert_true(kk_span_equal(kk_secret_span(secrets[0]), kk_secret_span(secrets[1])));
        for (size_t side = 0; side < 2; side++) {
            kk_key_unref(keys[side]);
            kk_secret_free(secrets[side]);
            kk_key_parts_clear(&pairs[side]);
        }
    }
}

static void test_agreement_wants_a_private_dh_key(void **state)
{
    struct kk_secret *secret = NULL;
    (void)state;
    struct kk_key_parts dsa = pair_of(0);
    struct kk_key_parts dh = pair_of(1);
    dh.is_private = false;
    struct kk_key *keys[] = {new_key(&dsa), new_key(&dh)};
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        assert_rv(kk_dh_derive(crypto, keys[i], kk_key_parts_get(&dh, KK_PART_PUBLIC), &secret),
                  CKR_KEY_TYPE_INCONSISTENT);
        kk_key_unref(keys[i]);
    }
    kk_key_parts_clear(&dsa);
    kk_key_parts_clear(&dh);
}

#define ZZ "000102030405060708090a0b0c0d0e0f10111213"
#define INFO_START "301d3013060b2a864886f70d01091003060404"

/* RFC 2631, 2.1.6. */
static void test_derivation_of_rfc_2631(void **state)
{
    static const char info[] = INFO_START "00000001a2060404000000c0";
    struct kk_secret *value = NULL;
    (void)state;
    assert_rv(kk_x942_kdf(crypto, hex(ZZ), hex(info), 24, &value), CKR_OK);
    assert_hex(kk_secret_data(value), kk_secret_len(value),
               "a09661392376f7044d9052a397883246b67f5f1ef63eb5fb");
    kk_secret_free(value);
    /* Whatever the counter says in the information. */
    assert_rv(kk_x942_kdf(crypto, hex(ZZ), hex(INFO_START "00000007a2060404000000c0"), 20, &value),
              CKR_OK);
    assert_hex(kk_secret_data(value), kk_secret_len(value),
               "a09661392376f7044d9052a397883246b67f5f1e");
    kk_secret_free(value);
}

static void test_other_information_is_looked_at(void **state)
{
    static const char *const wrong[] = {
        "",
        "3000",
        "301d3013060b2a864886f70d0109100306040400000001a2060404000000",
        "301c3012060b2a864886f70d010910030603000001a2060404000000c0",
        "301d3013060b2a864886f70d01091003020400000001a2060404000000c0",
        "301d3013060b2a864886f70d0109100306040400000001a2060404000000c000",
    };
    struct kk_secret *value = NULL;
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(wrong); i++) {
        assert_rv(kk_x942_kdf(crypto, hex(ZZ), hex(wrong[i]), 20, &value),
                  CKR_MECHANISM_PARAM_INVALID);
    }
}

/* The allocation that fails moves through generation, parsing and agreement. */
static void test_no_memory_is_said_and_leaks_nothing(void **state)
{
    (void)state;
    struct kk_key_parts peer = pair_of(1);
    for (unsigned long nth = 1;; nth++) {
        struct kk_key_parts parts = group_of(1);
        struct kk_key *key = NULL;
        struct kk_secret *secret = NULL;
        kk_alloc_fail_at(nth);
        CK_RV rv = kk_key_generate(crypto, &parts);
        rv = rv == CKR_OK ? kk_key_new(crypto, &parts, &key) : rv;
        rv = rv == CKR_OK
                 ? kk_dh_derive(crypto, key, kk_key_parts_get(&peer, KK_PART_PUBLIC), &secret)
                 : rv;
        kk_alloc_fail_at(0);
        kk_key_unref(key);
        kk_secret_free(secret);
        kk_key_parts_clear(&parts);
        if (rv == CKR_OK) {
            assert_true(nth > 5);
            break;
        }
        assert_rv(rv, CKR_HOST_MEMORY);
    }
    kk_key_parts_clear(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domain_parameters_have_the_sizes_asked_for),
        cmocka_unit_test(test_sizes_that_cannot_be_are_refused),
        cmocka_unit_test(test_pairs_are_generated_and_completed),
        cmocka_unit_test(test_a_dh_value_has_the_bits_asked_for),
        cmocka_unit_test(test_groups_that_are_none_make_no_keys),
        cmocka_unit_test(test_numbers_outside_the_group_are_refused),
        cmocka_unit_test(test_a_private_key_with_another_s_public_number_is_refused),
        cmocka_unit_test(test_keys_go_out_and_in_again),
        cmocka_unit_test(test_two_sides_agree),
        cmocka_unit_test(test_agreement_wants_a_private_dh_key),
        cmocka_unit_test(test_derivation_of_rfc_2631),
        cmocka_unit_test(test_other_information_is_looked_at),
        cmocka_unit_test(test_no_memory_is_said_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, make_domains, free_domains);
}
