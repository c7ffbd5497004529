/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The application has made an ENGINE the default for keys, as `openssl -engine pkcs11` does: our
 * keys are none of its business.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* ENGINEs are, and applications have them all the same */
#include "keys.h"

#include <stdio.h>

#include <openssl/engine.h>
#include <openssl/evp.h>

#include "crypto/asym.h"
#include "crypto/ecdh.h"
#include "crypto/ecdsa.h"
#include "crypto/eddsa.h"
#include "crypto/rsa.h"

#ifndef OPENSSL_NO_ENGINE

static unsigned asked; /* how often the engine was asked for a method */

static int no_context(EVP_PKEY_CTX *ctx)
{
    (void)ctx;
    return 0;
}

static int methods(ENGINE *engine, EVP_PKEY_METHOD **ret_method, const int **ret_nids, int nid)
{
    static const int nids[] = {EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_X25519};
    static EVP_PKEY_METHOD *made[KK_ARRAY_LEN(nids)];
    (void)engine;
    if (ret_method == NULL) {
        *ret_nids = nids;
        return KK_ARRAY_LEN(nids);
    }
    asked++;
    for (size_t i = 0; i < KK_ARRAY_LEN(nids); i++) {
        if (nids[i] == nid) {
            if (made[i] == NULL) {
                made[i] = EVP_PKEY_meth_new(nid, 0);
                EVP_PKEY_meth_set_init(made[i], no_context);
            }
            *ret_method = made[i]; /* the engine frees it with itself */
            return 1;
        }
    }
    return 0;
}

static ENGINE *engine;

static int make_engine(void **state)
{
    engine = ENGINE_new();
    return make_crypto(state) == 0 && engine != NULL && ENGINE_set_id(engine, "greedy") == 1 &&
                   ENGINE_set_name(engine, "takes every key") == 1 &&
                   ENGINE_set_pkey_meths(engine, methods) == 1 && ENGINE_add(engine) == 1 &&
                   ENGINE_set_default_pkey_meths(engine) == 1
               ? 0
               : -1;
}

static int free_engine(void **state)
{
    ENGINE_unregister_pkey_meths(engine);
    ENGINE_remove(engine);
    ENGINE_free(engine);
    return free_crypto(state);
}

/* Otherwise the other tests would prove nothing. */
static void test_the_engine_stands_in_the_way_of_others(void **state)
{
    (void)state;
    asked = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_null(ctx);
    assert_true(asked > 0);
}

static const struct kk_span text = {(const uint8_t *)"sixteen bytes...", 16};

static void test_rsa_signs_and_decrypts(void **state)
{
    const struct kk_rsa_scheme pss = {.padding = KK_RSA_PSS,
                                      .hash = "SHA256",
                                      .mgf_hash = "SHA256",
                                      .salt_len = 32,
                                      .prehash = true};
    const struct kk_rsa_scheme pkcs1 = {.padding = KK_RSA_PKCS1};
    uint8_t block[256];
    uint8_t plain[256];
    size_t len = sizeof block;
    size_t plain_len = sizeof plain;
    struct kk_rsa_op *op = NULL;
    (void)state;
    asked = 0;
    struct kk_key_parts parts = rsa_parts(2048);
    struct kk_key *key = new_key(&parts);
    assert_rv(kk_rsa_begin(crypto, key, KK_ASYM_SIGN, &pss, &op), CKR_OK);
    assert_rv(kk_rsa_sign(op, text, block, &len), CKR_OK);
    kk_rsa_free(KK_STEAL(op));
    assert_rv(kk_rsa_begin(crypto, key, KK_ASYM_VERIFY, &pss, &op), CKR_OK);
    assert_rv(kk_rsa_verify(op, text, KK_SPAN(block, len)), CKR_OK);
    kk_rsa_free(KK_STEAL(op));
    assert_rv(kk_rsa_crypt_once(crypto, key, KK_ASYM_ENCRYPT, &pkcs1, text, block, &len), CKR_OK);
    assert_rv(kk_rsa_crypt_once(crypto, key, KK_ASYM_DECRYPT, &pkcs1, KK_SPAN(block, len), plain,
                                &plain_len),
              CKR_OK);
    assert_true(kk_span_equal(KK_SPAN(plain, plain_len), text));
    assert_int_equal(asked, 0);
    kk_key_unref(key);
    kk_key_parts_clear(&parts);
}

static void test_ecdsa_signs(void **state)
{
    uint8_t signature[64];
    size_t len = sizeof signature;
    struct kk_ecdsa_op *op = NULL;
    (void)state;
    asked = 0;
    struct kk_key_parts parts = curve_parts(KK_KEY_EC, OID_P256);
    struct kk_key *key = new_key(&parts);
    assert_rv(kk_ecdsa_begin(crypto, key, KK_ASYM_SIGN, "SHA256", &op), CKR_OK);
    assert_rv(kk_ecdsa_sign(op, text, signature, &len), CKR_OK);
    kk_ecdsa_free(KK_STEAL(op));
    assert_rv(kk_ecdsa_begin(crypto, key, KK_ASYM_VERIFY, "SHA256", &op), CKR_OK);
    assert_rv(kk_ecdsa_verify(op, text, KK_SPAN(signature, len)), CKR_OK);
    kk_ecdsa_free(op);
    assert_int_equal(asked, 0);
    kk_key_unref(key);
    kk_key_parts_clear(&parts);
}

static void test_eddsa_signs(void **state)
{
    uint8_t signature[64];
    size_t len = sizeof signature;
    const struct kk_eddsa_scheme pure = {0};
    struct kk_eddsa_op *op = NULL;
    (void)state;
    asked = 0;
    struct kk_key_parts parts = curve_parts(KK_KEY_EDWARDS, OID_ED25519);
    struct kk_key *key = new_key(&parts);
    assert_rv(kk_eddsa_begin(crypto, key, KK_ASYM_SIGN, &pure, &op), CKR_OK);
    assert_rv(kk_eddsa_sign(op, text, signature, &len), CKR_OK);
    kk_eddsa_free(op);
    assert_int_equal(asked, 0);
    kk_key_unref(key);
    kk_key_parts_clear(&parts);
}

static void test_keys_agree(void **state)
{
    static const struct {
        enum kk_key_kind kind;
        const char *oid;
    } sorts[] = {{KK_KEY_EC, OID_P256}, {KK_KEY_MONTGOMERY, OID_X25519}};
    (void)state;
    asked = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(sorts); i++) {
        struct kk_secret *secret = NULL;
        struct kk_key_parts parts = curve_parts(sorts[i].kind, sorts[i].oid);
        struct kk_key *key = new_key(&parts);
        assert_rv(
            kk_ecdh_derive(crypto, key, kk_key_parts_get(&parts, KK_PART_EC_POINT), false, &secret),
            CKR_OK);
        kk_secret_free(secret);
        kk_key_unref(key);
        kk_key_parts_clear(&parts);
    }
    assert_int_equal(asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_engine_stands_in_the_way_of_others),
        cmocka_unit_test(test_rsa_signs_and_decrypts),
        cmocka_unit_test(test_ecdsa_signs),
        cmocka_unit_test(test_eddsa_signs),
        cmocka_unit_test(test_keys_agree),
    };
    return cmocka_run_group_tests(tests, make_engine, free_engine);
}

#else

int main(void)
{
    puts("1..0 # SKIP this OpenSSL has no engines");
    return 0;
}

#endif
