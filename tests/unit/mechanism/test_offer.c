/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What mechanisms.policy leaves: which rows, with which least sizes, and which hashes in their
 * parameters. Rules over all rows of the tables first, then what the documents promise by name.
 */
#include "fixture.h"

#include <stdio.h>

#include "mechanism/offer.h"

static struct kk_registry *no_legacy;
static struct kk_registry *fips; /* of the default provider: the tables' part of it */

static int set_up_policies(void **state)
{
    return set_up(state) == 0 &&
                   kk_registry_new_for(crypto, "ALL", KK_POLICY_NO_LEGACY, &no_legacy) == CKR_OK &&
                   kk_registry_new_for(crypto, "ALL", KK_POLICY_FIPS, &fips) == CKR_OK
               ? 0
               : -1;
}

static int tear_down_policies(void **state)
{
    kk_registry_free(no_legacy);
    kk_registry_free(fips);
    return tear_down(state);
}

/* --- rules ------------------------------------------------------------------------------------ */

static void test_a_policy_only_takes_away(void **state)
{
    struct kk_registry *const both[] = {no_legacy, fips};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(both); i++) {
        assert_true(kk_registry_count(both[i]) > 20);
        assert_true(kk_registry_count(both[i]) < kk_registry_count(registry));
        for (size_t j = 0; j < kk_registry_count(both[i]); j++) {
            const struct kk_mechanism *row = kk_registry_at(both[i], j);
            const struct kk_mechanism *all = kk_registry_find(registry, row->type);
            assert_non_null(all);
            assert_int_equal(kk_mechanism_flags(row) & ~kk_mechanism_flags(all), 0);
            assert_true(row->min_key >= all->min_key && row->max_key == all->max_key);
            assert_true(row->min_key <= row->max_key);
        }
    }
}

static void test_no_row_of_a_policy_has_a_broken_algorithm(void **state)
{
    static const char *const broken[] = {"MD5", "DES-", "RC4", "RC2", "CAST5", "BF-", "SEED"};
    (void)state;
    for (size_t i = 0; i < kk_registry_count(no_legacy); i++) {
        const struct kk_mechanism *row = kk_registry_at(no_legacy, i);
        for (size_t j = 0; j < KK_ARRAY_LEN(broken) && row->algorithm != NULL; j++) {
            assert_null(strstr(row->algorithm, broken[j]));
        }
        bool is_sha1 = row->hash != NULL && strcmp(row->hash, "SHA1") == 0;
        assert_true(!is_sha1 || row->key_type == CKK_GENERIC_SECRET);
        assert_int_not_equal(row->key_type, CKK_DSA);
    }
}

static void test_fips_rows_are_of_the_provider_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(fips); i++) {
        const struct kk_mechanism *row = kk_registry_at(fips, i);
        if (kk_offer_maker(row) != KK_MAKER_OPENSSL) {
            fail_msg("%s is not computed by OpenSSL alone", row->name);
        }
        assert_null(kk_offer_legacy_reason(row));
    }
}

/* --- names ------------------------------------------------------------------------------------ */

static const struct {
    CK_MECHANISM_TYPE type;
    bool no_legacy;
    CK_FLAGS fips; /* what is left; 0: nothing */
} wanted[] = {
    {CKM_MD5, false, 0},
    {CKM_MD5_HMAC, false, 0},
    {CKM_MD5_RSA_PKCS, false, 0},
    {CKM_SHA_1, false, 0},
    {CKM_SHA1_RSA_PKCS, false, 0},
    {CKM_ECDSA_SHA1, false, 0},
    {CKM_SHA1_KEY_DERIVATION, false, 0},
    {CKM_SHA_1_HMAC, true, CKF_SIGN},
    {CKM_SHA_1_KEY_GEN, true, CKF_GENERATE},
    {CKM_RIPEMD160, false, 0},
    {CKM_RIPEMD160_HMAC, true, 0},
    {CKM_BLAKE2B_160, false, 0},
    {CKM_BLAKE2B_256, true, 0},
    {CKM_DES3_CBC, false, 0},
    {CKM_DES3_CMAC, false, 0},
    {CKM_DES2_KEY_GEN, false, 0},
    {CKM_DSA_SHA256, false, 0},
    {CKM_RSA_X9_31, false, 0},
    {CKM_RSA_PKCS_OAEP_TPM_1_1, false, 0},
    {CKM_RSA_PKCS, true, 0},
    {CKM_RSA_X_509, true, 0},
    {CKM_RSA_PKCS_OAEP, true, CKF_ENCRYPT | CKF_WRAP},
    {CKM_RSA_PKCS_PSS, true, CKF_SIGN},
    {CKM_SHA256_RSA_PKCS, true, CKF_SIGN},
    {CKM_RSA_AES_KEY_WRAP, true, 0},
    {CKM_RSA_PKCS_KEY_PAIR_GEN, true, CKF_GENERATE_KEY_PAIR},
    {CKM_EC_KEY_PAIR_GEN, true, CKF_GENERATE_KEY_PAIR},
    {CKM_ECDSA, true, CKF_SIGN},
    {CKM_ECDH1_DERIVE, true, CKF_DERIVE},
    {CKM_EDDSA, true, CKF_SIGN},
    {CKM_ML_DSA, true, 0},
    {CKM_ML_DSA_KEY_PAIR_GEN, true, 0},
    {CKM_SLH_DSA, true, 0},
    {CKM_ML_KEM, true, CKF_ENCAPSULATE},
    {CKM_EC_MONTGOMERY_KEY_PAIR_GEN, true, 0},
    {CKM_AES_CBC, true, CKF_ENCRYPT},
    {CKM_AES_CFB64, true, 0},
    {CKM_AES_MAC, true, 0},
    {CKM_AES_XCBC_MAC, true, 0},
    {CKM_AES_CMAC, true, CKF_SIGN},
    {CKM_AES_GCM, true, CKF_ENCRYPT | CKF_WRAP | CKF_MESSAGE_ENCRYPT},
    {CKM_AES_KEY_WRAP_KWP, true, CKF_ENCRYPT | CKF_WRAP},
    {CKM_AES_KEY_WRAP_PKCS7, true, 0},
    {CKM_AES_KEY_GEN, true, CKF_GENERATE},
    {CKM_GENERIC_SECRET_KEY_GEN, true, CKF_GENERATE},
    {CKM_SHA256, true, CKF_DIGEST},
    {CKM_SHA512_256, true, CKF_DIGEST},
    {CKM_SHA512_T, true, 0},
    {CKM_HKDF_DERIVE, true, 0},
    {CKM_SP800_108_COUNTER_KDF, true, 0},
    {CKM_CONCATENATE_BASE_AND_KEY, true, 0},
    {CKM_CHACHA20_POLY1305, true, 0},
    {CKM_POLY1305, true, 0},
};

#define ONE_SIDE                                                                                   \
    (CKF_ENCRYPT | CKF_MESSAGE_ENCRYPT | CKF_DIGEST | CKF_SIGN | CKF_GENERATE |                    \
     CKF_GENERATE_KEY_PAIR | CKF_WRAP | CKF_DERIVE | CKF_ENCAPSULATE | CKF_SIGN_RECOVER)

static void test_what_the_documents_promise(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(wanted); i++) {
        const struct kk_mechanism *all = kk_registry_row(wanted[i].type);
        assert_non_null(all);
        struct kk_mechanism modern = *all;
        struct kk_mechanism approved = *all;
        if (kk_offer_narrow(KK_POLICY_NO_LEGACY, &modern) != wanted[i].no_legacy) {
            fail_msg("%s: no-legacy", all->name);
        }
        bool has = kk_offer_narrow(KK_POLICY_FIPS, &approved);
        CK_FLAGS flags = has ? kk_mechanism_flags(&approved) & ONE_SIDE : 0;
        if (flags != wanted[i].fips) {
            fail_msg("%s: fips leaves 0x%lx, not 0x%lx", all->name, flags, wanted[i].fips);
        }
    }
}

static void test_all_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; kk_registry_any(i) != NULL; i++) {
        struct kk_mechanism copy = *kk_registry_any(i);
        assert_true(kk_offer_narrow(KK_POLICY_ALL, &copy));
        assert_memory_equal(&copy, kk_registry_any(i), sizeof copy);
    }
}

/* --- sizes ------------------------------------------------------------------------------------ */

static void test_sizes_are_raised(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(no_legacy); i++) {
        const struct kk_mechanism *row = kk_registry_at(no_legacy, i);
        bool is_long =
            row->key_type == CKK_RSA || row->key_type == CKK_DH || row->key_type == CKK_X9_42_DH;
        assert_true(!is_long || row->min_key >= 2048);
        assert_true(row->key_type != CKK_EC || row->max_key == 0 || row->min_key >= 224);
    }
    assert_int_equal(kk_registry_find(no_legacy, CKM_SHA256_HMAC)->min_key, 1);
    assert_int_equal(kk_registry_find(fips, CKM_SHA256_HMAC)->min_key, 14);
    assert_int_equal(kk_registry_find(fips, CKM_AES_GCM)->min_key, 16);
}

static void test_small_keys_are_not_used(void **state)
{
    struct kk_key *small = secret_key(hex("00112233445566778899aabbcc"));
    struct kk_key *enough = secret_key(hex("00112233445566778899aabbccdd"));
    const struct kk_mechanism *row = kk_registry_find(fips, CKM_SHA256_HMAC);
    (void)state;
    assert_rv(kk_mechanism_check_floor(row, small), CKR_KEY_SIZE_RANGE);
    assert_ok(kk_mechanism_check_floor(row, enough));
    row = kk_registry_find(registry, CKM_SHA256_HMAC);
    assert_ok(kk_mechanism_check_floor(row, small));
    kk_key_unref(small);
    kk_key_unref(enough);
}

static CK_RV generate(const struct kk_registry *of, CK_MECHANISM_TYPE type, CK_ULONG bits,
                      const char *curve)
{
    const struct kk_mechanism *row = kk_registry_find(of, type);
    struct kk_key_parts parts = {.kind = kk_key_kind_of(row->key_type), .bits = bits};
    struct kk_param param;
    kk_param_init(&param);
    if (curve != NULL) {
        assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(curve)));
    }
    CK_RV rv = row->generate->generate(crypto, row, &param, &parts);
    kk_key_parts_clear(&parts);
    return rv;
}

#define P192 "06082a8648ce3d030101"
#define P256 "06082a8648ce3d030107"

static void test_small_keys_are_not_made(void **state)
{
    (void)state;
    assert_rv(generate(no_legacy, CKM_RSA_PKCS_KEY_PAIR_GEN, 1024, NULL), CKR_KEY_SIZE_RANGE);
    assert_rv(generate(no_legacy, CKM_RSA_PKCS_KEY_PAIR_GEN, 2047, NULL), CKR_KEY_SIZE_RANGE);
    assert_ok(generate(registry, CKM_EC_KEY_PAIR_GEN, 0, P192));
    assert_rv(generate(no_legacy, CKM_EC_KEY_PAIR_GEN, 0, P192), CKR_KEY_SIZE_RANGE);
    assert_rv(generate(no_legacy, CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS, 0, P192), CKR_KEY_SIZE_RANGE);
    assert_ok(generate(no_legacy, CKM_EC_KEY_PAIR_GEN, 0, P256));
    assert_rv(generate(fips, CKM_GENERIC_SECRET_KEY_GEN, 104, NULL), CKR_KEY_SIZE_RANGE);
    assert_ok(generate(fips, CKM_GENERIC_SECRET_KEY_GEN, 112, NULL));
    assert_ok(generate(no_legacy, CKM_GENERIC_SECRET_KEY_GEN, 8, NULL));
}

/* --- parameters ------------------------------------------------------------------------------- */

static CK_RV check(const struct kk_registry *of, CK_MECHANISM_TYPE type, const void *data,
                   size_t len)
{
    const struct kk_mechanism *row = kk_registry_find(of, type);
    struct kk_param param;
    assert_non_null(row);
    assert_ok(kk_param_copy(row->shape, data, len, &param));
    CK_RV rv = kk_offer_check_param(row, &param);
    kk_param_clear(&param);
    return rv;
}

static void test_hashes_in_parameters(void **state)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA_1, CKG_MGF1_SHA1, 20};
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_RSA_AES_KEY_WRAP_PARAMS nested = {256, &oaep};
    CK_HKDF_PARAMS hkdf = {.bExpand = CK_TRUE, .prfHashMechanism = CKM_MD5};
    (void)state;
    assert_ok(check(registry, CKM_RSA_PKCS_PSS, &pss, sizeof pss));
    assert_rv(check(no_legacy, CKM_RSA_PKCS_PSS, &pss, sizeof pss), CKR_MECHANISM_PARAM_INVALID);
    pss.hashAlg = CKM_SHA256;
    assert_ok(check(no_legacy, CKM_RSA_PKCS_PSS, &pss, sizeof pss));
    assert_ok(check(no_legacy, CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep));
    oaep.hashAlg = CKM_MD5;
    assert_rv(check(no_legacy, CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(check(no_legacy, CKM_RSA_AES_KEY_WRAP, &nested, sizeof nested),
              CKR_MECHANISM_PARAM_INVALID);
    nested.pOAEPParams = NULL;
    assert_ok(check(no_legacy, CKM_RSA_AES_KEY_WRAP, &nested, sizeof nested));
    assert_rv(check(no_legacy, CKM_HKDF_DERIVE, &hkdf, sizeof hkdf), CKR_MECHANISM_PARAM_INVALID);
    hkdf.prfHashMechanism = CKM_MD5_HMAC;
    assert_rv(check(no_legacy, CKM_HKDF_DERIVE, &hkdf, sizeof hkdf), CKR_MECHANISM_PARAM_INVALID);
    hkdf.prfHashMechanism = CKM_SHA_1;
    assert_ok(check(no_legacy, CKM_HKDF_DERIVE, &hkdf, sizeof hkdf));
}

static void test_prfs_and_derivations_in_parameters(void **state)
{
    CK_SP800_108_KDF_PARAMS kdf = {.prfType = CKM_DES3_CMAC};
    CK_ECDH1_DERIVE_PARAMS ecdh = {.kdf = CKD_SHA256_KDF};
    (void)state;
    assert_ok(check(registry, CKM_SP800_108_COUNTER_KDF, &kdf, sizeof kdf));
    assert_rv(check(no_legacy, CKM_SP800_108_COUNTER_KDF, &kdf, sizeof kdf),
              CKR_MECHANISM_PARAM_INVALID);
    kdf.prfType = CKM_AES_CMAC;
    assert_ok(check(no_legacy, CKM_SP800_108_COUNTER_KDF, &kdf, sizeof kdf));
    assert_ok(check(no_legacy, CKM_ECDH1_DERIVE, &ecdh, sizeof ecdh));
    assert_rv(check(fips, CKM_ECDH1_DERIVE, &ecdh, sizeof ecdh), CKR_MECHANISM_PARAM_INVALID);
    ecdh.kdf = CKD_NULL;
    assert_ok(check(fips, CKM_ECDH1_DERIVE, &ecdh, sizeof ecdh));
}

static void test_absent_parameters_are_no_matter(void **state)
{
    (void)state;
    assert_ok(check(no_legacy, CKM_RSA_PKCS_PSS, NULL, 0));
    assert_ok(check(no_legacy, CKM_SHA256, NULL, 0));
}

/* --- what is approved ------------------------------------------------------------------------- */

static void test_approved_operations(void **state)
{
    struct kk_op op = {.mechanism = kk_registry_find(fips, CKM_AES_GCM), .kind = KK_OP_DECRYPT};
    (void)state;
    assert_true(kk_offer_is_approved(&op));
    op.kind = KK_OP_ENCRYPT;
    assert_false(kk_offer_is_approved(&op));
    op.mechanism = kk_registry_find(fips, CKM_AES_CBC);
    assert_true(kk_offer_is_approved(&op));
    op.mechanism = kk_registry_find(no_legacy, CKM_AES_CBC);
    assert_false(kk_offer_is_approved(&op));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_policy_only_takes_away),
        cmocka_unit_test(test_no_row_of_a_policy_has_a_broken_algorithm),
        cmocka_unit_test(test_fips_rows_are_of_the_provider_alone),
        cmocka_unit_test(test_what_the_documents_promise),
        cmocka_unit_test(test_all_changes_nothing),
        cmocka_unit_test(test_sizes_are_raised),
        cmocka_unit_test(test_small_keys_are_not_used),
        cmocka_unit_test(test_small_keys_are_not_made),
        cmocka_unit_test(test_hashes_in_parameters),
        cmocka_unit_test(test_prfs_and_derivations_in_parameters),
        cmocka_unit_test(test_absent_parameters_are_no_matter),
        cmocka_unit_test(test_approved_operations),
    };
    return cmocka_run_group_tests_name("offer", tests, set_up_policies, tear_down_policies);
}
