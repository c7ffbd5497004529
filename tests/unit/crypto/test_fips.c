/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FIPS provider in a context of its own: what does not load says so and leaves nothing behind;
 * and, where the provider is installed, that nothing else is in the context.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "crypto/key.h"
#include "crypto/pbkdf2.h"

static char config[] = "/tmp/kk-fips-XXXXXX";

static void write_config(const char *text)
{
    FILE *file = fopen(config, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect_refused(const char *path)
{
    struct kk_crypto *made = NULL;
    assert_rv(kk_crypto_new_fips(path, &made), CKR_GENERAL_ERROR);
    assert_null(made);
}

static void test_what_is_no_configuration_is_refused(void **state)
{
    (void)state;
    expect_refused("/nonexistent/fipsmodule.cnf");
    expect_refused("/tmp");
    expect_refused("/dev/null");
    write_config("[fips_sect\n");
    expect_refused(config);
    write_config("[other]\nactivate = 1\n");
    expect_refused(config);
    write_config("[fips_sect]\nactivate = 1\nmodule-mac = 00:11:22\n");
    expect_refused(config);
}

/* After a failure the default provider is there for who asks for it, and not for who does not. */
static void test_contexts_are_not_mixed_up(void **state)
{
    struct kk_crypto *other = NULL;
    (void)state;
    expect_refused("/nonexistent/fipsmodule.cnf");
    assert_ok(kk_crypto_new(&other));
    assert_false(kk_crypto_is_fips(other));
    assert_true(kk_crypto_has(other, KK_ALGORITHM_DIGEST, "MD5"));
    kk_crypto_free(other);
    expect_refused("/nonexistent/fipsmodule.cnf");
    assert_true(kk_crypto_has(crypto, KK_ALGORITHM_DIGEST, "MD5"));
}

static void test_no_memory_is_said(void **state)
{
    struct kk_crypto *made = NULL;
    CK_RV rv = CKR_HOST_MEMORY;
    (void)state;
    for (unsigned long n = 1; rv == CKR_HOST_MEMORY; n++) {
        assert_true(n < 100);
        kk_alloc_fail_at(n);
        rv = kk_crypto_new_fips("/nonexistent/fipsmodule.cnf", &made);
        kk_alloc_fail_at(0);
        assert_null(made);
    }
    assert_rv(rv, CKR_GENERAL_ERROR);
}

/* --- with the provider ------------------------------------------------------------------------ */

static struct kk_crypto *fips; /* NULL: it is not installed */

static int install(void **state)
{
    char command[1024];
    const char *modules = getenv("OPENSSL_MODULES");
    modules = modules != NULL ? modules : OPENSSL_info(OPENSSL_INFO_MODULES_DIR);
    (void)snprintf(command, sizeof command,
                   "test -e '%s/fips.so' && openssl fipsinstall -module '%s/fips.so' -out %s "
                   ">/dev/null 2>&1",
                   modules, modules, config);
    if (make_crypto(state) != 0) {
        return -1;
    }
    if (system(command) != 0) {
        print_message("# OpenSSL's FIPS provider is not installed\n");
        return 0;
    }
    return kk_crypto_new_fips(config, &fips) == CKR_OK ? 0 : -1;
}

static int remove_config(void **state)
{
    (void)unlink(config);
    kk_crypto_free(fips);
    return free_crypto(state);
}

static void test_nothing_else_is_in_it(void **state)
{
    char version[KK_FIPS_TEXT];
    (void)state;
    if (fips == NULL) {
        return;
    }
    assert_true(kk_crypto_is_fips(fips));
    assert_ok(kk_crypto_fips_version(fips, version));
    assert_non_null(strstr(version, "FIPS"));
    assert_true(kk_crypto_has(fips, KK_ALGORITHM_DIGEST, "SHA256"));
    assert_true(kk_crypto_has(fips, KK_ALGORITHM_CIPHER, "AES-256-GCM"));
    assert_true(kk_crypto_has(fips, KK_ALGORITHM_KEY, "RSA"));
    assert_false(kk_crypto_has(fips, KK_ALGORITHM_DIGEST, "MD5"));
    assert_false(kk_crypto_has(fips, KK_ALGORITHM_DIGEST, "RIPEMD160"));
    assert_false(kk_crypto_has(fips, KK_ALGORITHM_CIPHER, "ChaCha20"));
    assert_false(kk_crypto_has(fips, KK_ALGORITHM_CIPHER, "CAMELLIA-128-CBC"));
    assert_false(kk_crypto_has(fips, KK_ALGORITHM_CIPHER, "DES-CBC"));
    assert_false(kk_crypto_has(fips, KK_ALGORITHM_KEY, "X25519"));
}

static CK_RV generate(enum kk_key_kind kind, CK_ULONG bits, const char *curve)
{
    struct kk_key_parts parts = {.kind = kind, .bits = bits};
    if (curve != NULL) {
        assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(curve)));
    }
    CK_RV rv = kk_key_generate(fips, &parts);
    kk_key_parts_clear(&parts);
    return rv;
}

static void test_keys_are_its_own(void **state)
{
    uint8_t a[32];
    uint8_t b[32];
    (void)state;
    if (fips == NULL) {
        return;
    }
    assert_ok(generate(KK_KEY_RSA, 2048, NULL));
    assert_ok(generate(KK_KEY_EC, 0, "06082a8648ce3d030107"));
    assert_rv(generate(KK_KEY_EC, 0, "06052b8104000a"), CKR_CURVE_NOT_SUPPORTED);
    assert_rv(generate(KK_KEY_MONTGOMERY, 0, "06032b656e"), CKR_CURVE_NOT_SUPPORTED);
    assert_ok(kk_crypto_random_secret(fips, a, sizeof a));
    assert_ok(kk_crypto_random(fips, b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_weak_passwords_figures_are_refused(void **state)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *out = NULL;
    struct kk_span salt = hex("000102030405060708090a0b0c0d0e0f");
    (void)state;
    if (fips == NULL) {
        return;
    }
    assert_ok(kk_secret_new(32, &out));
    assert_ok(kk_pbkdf2(fips, "SHA512", hex("3132333435363738"), salt, 1000, out));
    assert_rv(kk_pbkdf2(fips, "SHA512", hex("3132333435363738"), salt, 999, out),
              CKR_MECHANISM_PARAM_INVALID);
    assert_ok(kk_pbkdf2(crypto, "SHA512", hex("3132333435363738"), salt, 999, out));
}

int main(void)
{
    int fd = mkstemp(config);
    if (fd < 0) {
        return 1;
    }
    (void)close(fd);
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_else_is_in_it),
        cmocka_unit_test(test_keys_are_its_own),
        cmocka_unit_test(test_weak_passwords_figures_are_refused),
        cmocka_unit_test(test_what_is_no_configuration_is_refused),
        cmocka_unit_test(test_contexts_are_not_mixed_up),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests_name("fips", tests, install, remove_config);
}
