/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/tpm/loader.c: which plug-in is taken, and what passes through it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tpm/tpm.h"

static struct kk_tpm *tpm_at(const char *tcti, const char *plugin)
{
    struct kk_tpm *tpm = NULL;
    assert_int_equal(setenv("KEYKIST_TPM2_PLUGIN", plugin, 1), 0);
    assert_int_equal(kk_tpm_new(tcti, &tpm), CKR_OK);
    return tpm;
}

static void test_a_plugin_that_is_not_there(void **state)
{
    (void)state;
    KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = tpm_at("fake:one", "/nowhere/plugin.so");
    struct kk_tpm_why why = {""};
    struct kk_tpm_blob blob = {0};
    const struct kk_tpm_order order = {.secret = (const uint8_t *)"s", .secret_len = 1};
    assert_int_equal(kk_tpm_load(tpm, &why), KK_TPM_ABSENT);
    assert_non_null(strstr(why.text, "/nowhere/plugin.so"));
    assert_int_equal(kk_tpm_seal(tpm, &order, &blob, &why), KK_TPM_ABSENT);
}

static void test_a_plugin_of_another_version(void **state)
{
    (void)state;
    KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = tpm_at("fake:one", getenv("KK_OLD_PLUGIN"));
    struct kk_tpm_why why = {""};
    assert_int_equal(kk_tpm_load(tpm, &why), KK_TPM_ABSENT);
    assert_non_null(strstr(why.text, "version"));
}

static void test_a_library_that_is_no_plugin(void **state)
{
    (void)state;
    KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = tpm_at("fake:one", "libc.so.6");
    struct kk_tpm_why why = {""};
    assert_int_equal(kk_tpm_load(tpm, &why), KK_TPM_ABSENT);
}

static void test_what_is_sealed_comes_back(void **state)
{
    (void)state;
    uint8_t auth[KK_TPM_AUTH_LEN] = {1, 2, 3};
    uint8_t all[KK_TPM_SECRET_MAX];
    struct kk_tpm_why why = {""};
    memset(all, 0x5a, sizeof all);
    for (size_t len = 1; len <= sizeof all; len += sizeof all - 1) {
        KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = tpm_at("fake:one", getenv("KK_FAKE_PLUGIN"));
        KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
        struct kk_tpm_blob blob = {0};
        const struct kk_tpm_order order = {.secret = all, .secret_len = len, .auth = auth};
        assert_int_equal(kk_tpm_seal(tpm, &order, &blob, &why), KK_TPM_OK);
        struct kk_span bytes = KK_SPAN(blob.data, blob.len);
        assert_int_equal(kk_tpm_unseal(tpm, bytes, KK_SPAN_ARRAY(auth), &secret, &why), KK_TPM_OK);
        assert_true(kk_span_equal(kk_secret_span(secret), KK_SPAN(all, len)));
        KK_CLEANUP(kk_secret_freep) struct kk_secret *none = NULL;
        assert_int_equal(kk_tpm_unseal(tpm, bytes, KK_SPAN(NULL, 0), &none, &why), KK_TPM_WRONG);
        assert_null(none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plugin_that_is_not_there),
        cmocka_unit_test(test_a_plugin_of_another_version),
        cmocka_unit_test(test_a_library_that_is_no_plugin),
        cmocka_unit_test(test_what_is_sealed_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
