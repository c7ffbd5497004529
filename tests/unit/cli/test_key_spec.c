/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/key_spec.c: kinds of keys by their words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/key_spec.h"

static struct kk_key_spec parsed(const char *text)
{
    struct kk_key_spec spec = {0};
    struct kk_key_spec_why why = {""};
    assert_int_equal(kk_key_spec_parse(text, &spec, &why), CKR_OK);
    return spec;
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(parsed("rsa").bits, 3072);
    assert_int_equal(parsed("rsa:4096").bits, 4096);
    assert_int_equal(parsed("RSA:2048").mechanism, CKM_RSA_PKCS_KEY_PAIR_GEN);
    assert_int_equal(parsed("aes").bits, 256);
    assert_int_equal(parsed("aes:192").bits, 192);
    assert_false(parsed("aes").is_pair);
    assert_int_equal(parsed("ec").params.len, 10);
    assert_int_equal(parsed("ec:p-384").params.len, 7);
    assert_int_equal(parsed("P-521").type, CKK_EC);
    assert_int_equal(parsed("secp256k1").params.data[6], 10);
    assert_int_equal(parsed("Ed25519").mechanism, CKM_EC_EDWARDS_KEY_PAIR_GEN);
    assert_int_equal(parsed("ml-dsa-87").set, CKP_ML_DSA_87);
    assert_int_equal(parsed("ML-KEM-768").type, CKK_ML_KEM);
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",        ":",   "rsa:", "rsa:x",    "rsa:1000000", "rsa:511", "rsa:2049", "aes:129",
        "aes:512", "ec:", "ec:x", "ed25519:", "ml-dsa-66",   "dsa",     "ec:p-256:"};
    for (size_t i = 0; i < KK_ARRAY_LEN(texts); i++) {
        struct kk_key_spec spec = {0};
        struct kk_key_spec_why why = {""};
        assert_int_equal(kk_key_spec_parse(texts[i], &spec, &why), CKR_DATA_INVALID);
        assert_true(why.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
