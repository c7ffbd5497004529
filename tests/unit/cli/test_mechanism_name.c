/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/mechanism_name.c: mechanisms and hashes by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/mechanism_name.h"
#include "cryptoki/names.h"

static void assert_type(const char *text, CK_MECHANISM_TYPE want)
{
    CK_MECHANISM_TYPE type = 0;
    assert_true(kk_mechanism_parse(text, &type));
    assert_int_equal(type, want);
}

static void test_names(void **state)
{
    (void)state;
    assert_type("CKM_SHA256_RSA_PKCS_PSS", CKM_SHA256_RSA_PKCS_PSS);
    assert_type("sha256-rsa-pkcs-pss", CKM_SHA256_RSA_PKCS_PSS);
    assert_type("sha256-rsa-pss", CKM_SHA256_RSA_PKCS_PSS);
    assert_type("aes-gcm", CKM_AES_GCM);
    assert_type("0x1087", CKM_AES_GCM);
    assert_string_equal(kk_mechanism_word(CKM_ECDSA_SHA3_256).text, "ecdsa-sha3-256");
    assert_string_equal(kk_mechanism_name(CKM_ECDSA_SHA3_256).text, "CKM_ECDSA_SHA3_256");
    assert_string_equal(kk_mechanism_word(0xdeadbeef).text, "0xdeadbeef");
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "aes",      "0x",   "0x-1",
                                        "0xg", "aes-gcm ", "CKM_", "AES_GCM"};
    for (size_t i = 0; i < KK_ARRAY_LEN(texts); i++) {
        CK_MECHANISM_TYPE type = 0;
        assert_false(kk_mechanism_parse(texts[i], &type));
    }
}

/* What is printed is taken again, for every name of the standard. */
static void test_every_word_is_read_again(void **state)
{
    (void)state;
    size_t count = 0;
    const struct kk_name *names = kk_names_table(KK_NAMES_CKM, &count);
    for (size_t i = 0; i < count; i++) {
        assert_type(kk_mechanism_word(names[i].value).text, names[i].value);
        assert_type(kk_mechanism_name(names[i].value).text, names[i].value);
    }
}

static void test_hashes(void **state)
{
    (void)state;
    assert_int_equal(kk_hash_find("sha256")->mechanism, CKM_SHA256);
    assert_int_equal(kk_hash_find("SHA-256")->mechanism, CKM_SHA256);
    assert_int_equal(kk_hash_find("SHA3-512")->mechanism, CKM_SHA3_512);
    assert_null(kk_hash_find("md5"));
    assert_null(kk_hash_find(""));
    assert_string_equal(kk_hash_of(CKM_ECDSA_SHA384)->name, "sha384");
    assert_null(kk_hash_of(CKM_EDDSA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_every_word_is_read_again),
        cmocka_unit_test(test_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
