/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys: generated, parsed, completed, and refused when their numbers do not belong together.
 */
#include "keys.h"

static const enum kk_part rsa_all[] = {
    KK_PART_MODULUS, KK_PART_PUBLIC_EXPONENT, KK_PART_PRIVATE_EXPONENT, KK_PART_PRIME_1,
    KK_PART_PRIME_2, KK_PART_EXPONENT_1,      KK_PART_EXPONENT_2,       KK_PART_COEFFICIENT,
};

static void flip_last_bit_but_one(struct kk_key_parts *parts, enum kk_part part)
{
    struct kk_secret *secret = parts->part[part];
    kk_secret_data(secret)[kk_secret_len(secret) - 1] ^= 2;
}

/* --- secrets ---------------------------------------------------------------------------------- */

static void test_secrets_are_random_bytes_of_the_length_asked_for(void **state)
{
    struct kk_key_parts a = {.kind = KK_KEY_SECRET, .bits = 256};
    struct kk_key_parts b = {.kind = KK_KEY_SECRET, .bits = 256};
    (void)state;
    assert_rv(kk_key_generate(crypto, &a), CKR_OK);
    assert_rv(kk_key_generate(crypto, &b), CKR_OK);
    assert_int_equal(kk_key_parts_get(&a, KK_PART_VALUE).len, 32);
    assert_false(kk_secret_equal(a.part[KK_PART_VALUE], b.part[KK_PART_VALUE]));
    struct kk_key *key = new_key(&a);
    assert_int_equal(kk_key_bits(key), 256);
    assert_int_equal(kk_key_kind(key), KK_KEY_SECRET);
    assert_false(kk_key_is_private(key));
    assert_true(kk_span_equal(kk_key_secret(key), kk_key_parts_get(&a, KK_PART_VALUE)));
    kk_key_unref(key);
    kk_key_parts_clear(&a);
    kk_key_parts_clear(&b);
}

static void test_secrets_of_no_length_are_refused(void **state)
{
    (void)state;
    for (CK_ULONG bits = 0; bits < 8; bits++) {
        struct kk_key_parts parts = {.kind = KK_KEY_SECRET, .bits = bits};
        assert_rv(kk_key_generate(crypto, &parts), CKR_KEY_SIZE_RANGE);
    }
    struct kk_key_parts huge = {.kind = KK_KEY_SECRET, .bits = ~(CK_ULONG)7};
    assert_rv(kk_key_generate(crypto, &huge), CKR_KEY_SIZE_RANGE);
    struct kk_key_parts none = {.kind = KK_KEY_SECRET};
    assert_refused(&none, CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_references_keep_a_key_alive(void **state)
{
    struct kk_key_parts parts = {.kind = KK_KEY_SECRET, .bits = 8};
    (void)state;
    assert_rv(kk_key_generate(crypto, &parts), CKR_OK);
    struct kk_key *key = new_key(&parts);
    assert_ptr_equal(kk_key_ref(key), key);
    kk_key_unref(key);
    assert_int_equal(kk_key_secret(key).len, 1);
    kk_key_unref(key);
    kk_key_unref(NULL);
    assert_null(kk_key_ref(NULL));
    kk_key_parts_clear(&parts);
}

static void test_unknown_kinds_are_refused(void **state)
{
    (void)state;
    static const int kinds[] = {KK_KEY_HSS + 1, KK_KEY_HSS + 100};
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_key_parts parts = {.kind = (enum kk_key_kind)kinds[i]};
        assert_refused(&parts, CKR_KEY_TYPE_INCONSISTENT);
        assert_rv(kk_key_generate(crypto, &parts), CKR_KEY_TYPE_INCONSISTENT);
        assert_rv(kk_key_complete(crypto, &parts), CKR_KEY_TYPE_INCONSISTENT);
    }
}

/* --- RSA -------------------------------------------------------------------------------------- */

static void test_rsa_generation_fills_in_every_part(void **state)
{
    static const CK_ULONG sizes[] = {512, 1023, 1024, 2047, 2048};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sizes); i++) {
        struct kk_key_parts parts = rsa_parts(sizes[i]);
        assert_true(parts.is_private);
        assert_hex(kk_key_parts_get(&parts, KK_PART_PUBLIC_EXPONENT).data,
                   kk_key_parts_get(&parts, KK_PART_PUBLIC_EXPONENT).len, "010001");
        for (size_t p = 0; p < KK_ARRAY_LEN(rsa_all); p++) {
            struct kk_span part = kk_key_parts_get(&parts, rsa_all[p]);
            assert_true(part.len > 0 && part.data[0] != 0);
        }
        struct kk_key *key = new_key(&parts);
        assert_int_equal(kk_key_bits(key), sizes[i]);
        assert_true(kk_key_is_private(key));
        assert_int_equal(kk_key_secret(key).len, 0);
        kk_key_unref(key);
        kk_key_parts_clear(&parts);
    }
}

static void test_rsa_generation_takes_any_odd_exponent_from_3(void **state)
{
    static const char *const good[] = {"03",         "11",         "0101",
                                       "0000010001", "0100000001", "ffffffffff"};
    static const char *const bad[] = {"00", "01", "02", "010000", "fffffffffe"};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(good); i++) {
        struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = 1024};
        assert_rv(kk_key_parts_set(&parts, KK_PART_PUBLIC_EXPONENT, hex(good[i])), CKR_OK);
        assert_rv(kk_key_generate(crypto, &parts), CKR_OK);
        kk_key_unref(new_key(&parts));
        kk_key_parts_clear(&parts);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = 1024};
        assert_rv(kk_key_parts_set(&parts, KK_PART_PUBLIC_EXPONENT, hex(bad[i])), CKR_OK);
        assert_rv(kk_key_generate(crypto, &parts), CKR_TEMPLATE_INCONSISTENT);
        kk_key_parts_clear(&parts);
    }
}

static void test_rsa_generation_has_bounds(void **state)
{
    static const CK_ULONG sizes[] = {0, 1, 511, 16385, ~0UL};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sizes); i++) {
        struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = sizes[i]};
        assert_rv(kk_key_generate(crypto, &parts), CKR_KEY_SIZE_RANGE);
    }
}

/* Whatever is left out that can be found is found, and is what it was. */
static void complete_without(const struct kk_key_parts *all, unsigned without)
{
    struct kk_key_parts parts = {.kind = KK_KEY_RSA, .is_private = true};
    for (size_t p = 0; p < KK_ARRAY_LEN(rsa_all); p++) {
        if ((without >> p & 1) == 0) {
            assert_rv(kk_key_parts_set(&parts, rsa_all[p], kk_key_parts_get(all, rsa_all[p])),
                      CKR_OK);
        }
    }
    kk_key_unref(new_key(&parts));
    assert_rv(kk_key_complete(crypto, &parts), CKR_OK);
    assert_same_part(all, &parts, KK_PART_PUBLIC_EXPONENT);
    assert_int_equal(kk_key_parts_get(&parts, KK_PART_PRIME_1).len,
                     kk_key_parts_get(all, KK_PART_PRIME_1).len);
    kk_key_unref(new_key(&parts));
    kk_key_parts_clear(&parts);
}

static void test_rsa_keys_are_completed_from_what_there_is(void **state)
{
    struct kk_key_parts all = rsa_parts(1024);
    (void)state;
    complete_without(&all, 0);
    complete_without(&all, 0xf8);       /* n, e, d */
    complete_without(&all, 0xfa);       /* n, d */
    complete_without(&all, 0xe4);       /* n, e, p, q */
    complete_without(&all, 0xe2);       /* n, d, p, q */
    complete_without(&all, 0x80);       /* no coefficient */
    complete_without(&all, 0x20 | 0x8); /* half a set */
    kk_key_parts_clear(&all);
}

static void test_rsa_keys_that_say_too_little_are_refused(void **state)
{
    static const enum kk_part only_n[] = {KK_PART_MODULUS};
    static const enum kk_part no_n[] = {KK_PART_PUBLIC_EXPONENT, KK_PART_PRIVATE_EXPONENT};
    static const enum kk_part primes[] = {KK_PART_MODULUS, KK_PART_PRIME_1, KK_PART_PRIME_2};
    struct kk_key_parts all = rsa_parts(512);
    struct kk_key_parts some[] = {
        some_parts(&all, false, only_n, 1), some_parts(&all, true, only_n, 1),
        some_parts(&all, false, no_n, 2),   some_parts(&all, true, no_n, 2),
        some_parts(&all, true, primes, 3),
    };
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(some); i++) {
        assert_refused(&some[i], CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&some[i]);
    }
    kk_key_parts_clear(&all);
}

static void test_rsa_numbers_that_do_not_fit_are_refused(void **state)
{
    struct kk_key_parts all = rsa_parts(1024);
    (void)state;
    for (size_t p = 0; p < KK_ARRAY_LEN(rsa_all); p++) {
        struct kk_key_parts parts = some_parts(&all, true, rsa_all, KK_ARRAY_LEN(rsa_all));
        flip_last_bit_but_one(&parts, rsa_all[p]);
        assert_refused(&parts, CKR_ATTRIBUTE_VALUE_INVALID);
        assert_rv(kk_key_complete(crypto, &parts), CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&parts);
    }
    for (size_t p = 0; p < 3; p++) { /* without primes to check against */
        struct kk_key_parts parts = some_parts(&all, true, rsa_all, 3);
        flip_last_bit_but_one(&parts, rsa_all[p]);
        assert_refused(&parts, CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&parts);
    }
    kk_key_parts_clear(&all);
}

static void test_rsa_public_keys_have_an_odd_modulus_and_exponent(void **state)
{
    static const char *const exponents[] = {"", "00", "01", "02", "010000"};
    struct kk_key_parts all = rsa_parts(1024);
    struct kk_key_parts good = public_half(&all);
    struct kk_key *key = new_key(&good);
    (void)state;
    assert_false(kk_key_is_private(key));
    kk_key_unref(key);
    for (size_t i = 0; i < KK_ARRAY_LEN(exponents); i++) {
        struct kk_key_parts bad = public_half(&all);
        assert_rv(kk_key_parts_set(&bad, KK_PART_PUBLIC_EXPONENT, hex(exponents[i])), CKR_OK);
        assert_refused(&bad, CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&bad);
    }
    struct kk_secret *n = good.part[KK_PART_MODULUS];
    kk_secret_data(n)[kk_secret_len(n) - 1] ^= 1;
    assert_refused(&good, CKR_ATTRIBUTE_VALUE_INVALID);
    kk_secret_data(n)[kk_secret_len(n) - 1] ^= 1;
    kk_secret_truncate(n, 63); /* 504 bits */
    kk_secret_data(n)[62] |= 1;
    assert_refused(&good, CKR_ATTRIBUTE_VALUE_INVALID);
    kk_key_parts_clear(&good);
    kk_key_parts_clear(&all);
}

/* --- curves ----------------------------------------------------------------------------------- */

static const struct {
    enum kk_key_kind kind;
    const char *oid;
    size_t bits;
    size_t value_len;
    size_t point_len;
} curves[] = {
    {KK_KEY_EC, OID_P256, 256, 32, 65},           {KK_KEY_EC, OID_P384, 384, 48, 97},
    {KK_KEY_EC, "06052b81040023", 521, 66, 133}, /* P-521 */
    {KK_KEY_EC, "06052b81040008", 160, 21, 41},  /* secp160r1: the order has a bit more */
    {KK_KEY_EC, "06052b81040026", 571, 72, 145}, /* sect571k1 */
    {KK_KEY_EDWARDS, OID_ED25519, 255, 32, 32},   {KK_KEY_EDWARDS, OID_ED448, 448, 57, 57},
    {KK_KEY_MONTGOMERY, OID_X25519, 255, 32, 32}, {KK_KEY_MONTGOMERY, OID_X448, 448, 56, 56},
};

static void test_curve_keys_are_generated_and_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(curves); i++) {
        for (int round = 0; round < 3; round++) {
            struct kk_key_parts parts = curve_parts(curves[i].kind, curves[i].oid);
            struct kk_key_parts half = public_half(&parts);
            assert_int_equal(kk_key_parts_get(&parts, KK_PART_VALUE).len, curves[i].value_len);
            assert_int_equal(kk_key_parts_get(&parts, KK_PART_EC_POINT).len, curves[i].point_len);
            struct kk_key *private_key = new_key(&parts);
            struct kk_key *public_key = new_key(&half);
            assert_int_equal(kk_key_bits(private_key), curves[i].bits);
            assert_true(kk_key_is_private(private_key) && !kk_key_is_private(public_key));
            assert_int_equal(kk_key_kind(public_key), curves[i].kind);
            kk_key_unref(private_key);
            kk_key_unref(public_key);
            kk_key_parts_clear(&parts);
            kk_key_parts_clear(&half);
        }
    }
}

static void test_a_private_key_finds_its_point(void **state)
{
    static const enum kk_part without_point[] = {KK_PART_EC_PARAMS, KK_PART_VALUE};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(curves); i++) {
        struct kk_key_parts all = curve_parts(curves[i].kind, curves[i].oid);
        struct kk_key_parts some = some_parts(&all, true, without_point, 2);
        kk_key_unref(new_key(&some));
        assert_rv(kk_key_complete(crypto, &some), CKR_OK);
        assert_same_part(&all, &some, KK_PART_EC_POINT);
        kk_key_parts_clear(&all);
        kk_key_parts_clear(&some);
    }
}

static void test_completion_gives_the_identifier_of_a_named_curve(void **state)
{
    static const struct {
        enum kk_key_kind kind;
        const char *name;
        const char *oid;
    } named[] = {{KK_KEY_EC, "1309736563703235367231", OID_P256},
                 {KK_KEY_EDWARDS, "130c656477617264733235353139", OID_ED25519},
                 {KK_KEY_MONTGOMERY, "130a63757276653235353139", OID_X25519}};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(named); i++) {
        struct kk_key_parts parts = curve_parts(named[i].kind, named[i].name);
        assert_rv(kk_key_complete(crypto, &parts), CKR_OK);
        assert_hex(kk_key_parts_get(&parts, KK_PART_EC_PARAMS).data,
                   kk_key_parts_get(&parts, KK_PART_EC_PARAMS).len, named[i].oid);
        kk_key_parts_clear(&parts);
    }
}

static void test_a_private_key_with_another_s_point_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(curves); i++) {
        struct kk_key_parts a = curve_parts(curves[i].kind, curves[i].oid);
        struct kk_key_parts b = curve_parts(curves[i].kind, curves[i].oid);
        assert_rv(kk_key_parts_set(&a, KK_PART_EC_POINT, kk_key_parts_get(&b, KK_PART_EC_POINT)),
                  CKR_OK);
        assert_refused(&a, CKR_ATTRIBUTE_VALUE_INVALID);
        assert_rv(kk_key_complete(crypto, &a), CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&a);
        kk_key_parts_clear(&b);
    }
}

static void test_private_numbers_lie_between_0_and_the_order(void **state)
{
    static const char *const bad[] = {
        "", "00", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "010000000000000000000000000000000000000000000000000000000000000001"};
    static const char *const good[] = {
        "01", "0000000000000000000000000000000000000000000000000000000000000000000002",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(bad) + KK_ARRAY_LEN(good); i++) {
        bool is_good = i >= KK_ARRAY_LEN(bad);
        struct kk_key_parts parts = {.kind = KK_KEY_EC, .is_private = true};
        assert_rv(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(OID_P256)), CKR_OK);
        assert_rv(kk_key_parts_set(&parts, KK_PART_VALUE,
                                   hex(is_good ? good[i - KK_ARRAY_LEN(bad)] : bad[i])),
                  CKR_OK);
        if (is_good) {
            kk_key_unref(new_key(&parts));
        } else {
            assert_refused(&parts, CKR_ATTRIBUTE_VALUE_INVALID);
        }
        kk_key_parts_clear(&parts);
    }
}

static void test_values_of_rfc_8032_and_7748_have_their_length(void **state)
{
    (void)state;
    for (size_t i = 5; i < KK_ARRAY_LEN(curves); i++) {
        struct kk_key_parts parts = curve_parts(curves[i].kind, curves[i].oid);
        kk_secret_truncate(parts.part[KK_PART_VALUE], curves[i].value_len - 1);
        assert_refused(&parts, CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_parts_clear(&parts);
    }
}

static void test_points_off_the_curve_are_refused(void **state)
{
    struct kk_key_parts all = curve_parts(KK_KEY_EC, OID_P256);
    struct kk_key_parts half = public_half(&all);
    (void)state;
    flip_last_bit_but_one(&half, KK_PART_EC_POINT);
    assert_refused(&half, CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(kk_key_parts_set(&half, KK_PART_EC_POINT, hex("00")), CKR_OK);
    assert_refused(&half, CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(kk_key_parts_set(&half, KK_PART_EC_POINT, hex("")), CKR_OK);
    assert_refused(&half, CKR_ATTRIBUTE_VALUE_INVALID);
    kk_key_parts_clear(&all);
    kk_key_parts_clear(&half);
}

static void test_curves_belong_to_their_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(curves); i++) {
        struct kk_key_parts parts = {.kind =
                                         curves[i].kind == KK_KEY_EC ? KK_KEY_EDWARDS : KK_KEY_EC};
        assert_rv(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(curves[i].oid)), CKR_OK);
        assert_rv(kk_key_generate(crypto, &parts), CKR_CURVE_NOT_SUPPORTED);
        assert_refused(&parts, CKR_CURVE_NOT_SUPPORTED);
        kk_key_parts_clear(&parts);
    }
    struct kk_key_parts none = {.kind = KK_KEY_EC};
    assert_rv(kk_key_generate(crypto, &none), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_no_memory_is_said_and_leaks_nothing(void **state)
{
    struct kk_key_parts rsa = rsa_parts(512);
    struct kk_key_parts ec = curve_parts(KK_KEY_EC, OID_P256);
    const struct kk_key_parts *all[] = {&rsa, &ec};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(all); i++) {
        struct kk_key *key = NULL;
        CK_RV rv = CKR_HOST_MEMORY;
        for (unsigned long nth = 1; rv == CKR_HOST_MEMORY && nth < 100; nth++) {
            kk_alloc_fail_at(nth);
            rv = kk_key_new(crypto, all[i], &key);
            kk_alloc_fail_at(0);
        }
        assert_rv(rv, CKR_OK);
        kk_key_unref(key);
    }
    kk_key_parts_clear(&rsa);
    kk_key_parts_clear(&ec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_are_random_bytes_of_the_length_asked_for),
        cmocka_unit_test(test_secrets_of_no_length_are_refused),
        cmocka_unit_test(test_references_keep_a_key_alive),
        cmocka_unit_test(test_unknown_kinds_are_refused),
        cmocka_unit_test(test_rsa_generation_fills_in_every_part),
        cmocka_unit_test(test_rsa_generation_takes_any_odd_exponent_from_3),
        cmocka_unit_test(test_rsa_generation_has_bounds),
        cmocka_unit_test(test_rsa_keys_are_completed_from_what_there_is),
        cmocka_unit_test(test_rsa_keys_that_say_too_little_are_refused),
        cmocka_unit_test(test_rsa_numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(test_rsa_public_keys_have_an_odd_modulus_and_exponent),
        cmocka_unit_test(test_curve_keys_are_generated_and_parsed),
        cmocka_unit_test(test_a_private_key_finds_its_point),
        cmocka_unit_test(test_completion_gives_the_identifier_of_a_named_curve),
        cmocka_unit_test(test_a_private_key_with_another_s_point_is_refused),
        cmocka_unit_test(test_private_numbers_lie_between_0_and_the_order),
        cmocka_unit_test(test_values_of_rfc_8032_and_7748_have_their_length),
        cmocka_unit_test(test_points_off_the_curve_are_refused),
        cmocka_unit_test(test_curves_belong_to_their_kind),
        cmocka_unit_test(test_no_memory_is_said_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, make_crypto, free_crypto);
}
