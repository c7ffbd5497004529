/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/tpm/tpm2_blob.c: blobs come back, and what is none is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tpm/tpm2_blob.h"

static struct kk_tpm2_sealed example(void)
{
    struct kk_tpm2_sealed sealed = {
        .pcrs = 0x880, .parent = {.size = 34}, .private = {.size = 160}};
    memset(sealed.parent.name, 0x11, 34);
    memset(sealed.private.buffer, 0x22, 160);
    sealed.public.publicArea.type = TPM2_ALG_KEYEDHASH;
    sealed.public.publicArea.nameAlg = TPM2_ALG_SHA256;
    sealed.public.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    sealed.public.publicArea.unique.keyedHash.size = 32;
    return sealed;
}

static void test_a_blob_comes_back(void **state)
{
    (void)state;
    struct kk_tpm2_sealed made = example();
    struct kk_tpm2_sealed read = {0};
    struct kk_tpm_blob blob = {0};
    assert_int_equal(kk_tpm2_blob_encode(&made, &blob), KK_TPM_OK);
    assert_int_equal(kk_tpm2_blob_decode(blob.data, blob.len, &read), KK_TPM_OK);
    assert_int_equal(read.pcrs, made.pcrs);
    assert_int_equal(read.parent.size, 34);
    assert_memory_equal(read.parent.name, made.parent.name, 34);
    assert_int_equal(read.private.size, 160);
    assert_memory_equal(read.private.buffer, made.private.buffer, 160);
}

static void test_a_cut_blob_is_none(void **state)
{
    (void)state;
    struct kk_tpm2_sealed made = example();
    struct kk_tpm2_sealed read = {0};
    struct kk_tpm_blob blob = {0};
    assert_int_equal(kk_tpm2_blob_encode(&made, &blob), KK_TPM_OK);
    for (size_t len = 0; len <= blob.len + 1; len++) {
        assert_int_equal(kk_tpm2_blob_decode(blob.data, len, &read),
                         len == blob.len ? KK_TPM_OK : KK_TPM_FOREIGN);
    }
    blob.data[3]++; /* another version */
    assert_int_equal(kk_tpm2_blob_decode(blob.data, blob.len, &read), KK_TPM_FOREIGN);
}

/* Every byte in turn is another one: refused or read, and never beyond its end. */
static void test_a_changed_blob_does_no_harm(void **state)
{
    (void)state;
    struct kk_tpm2_sealed made = example();
    struct kk_tpm_blob blob = {0};
    size_t refused = 0;
    assert_int_equal(kk_tpm2_blob_encode(&made, &blob), KK_TPM_OK);
    for (size_t i = 0; i < blob.len; i++) {
        struct kk_tpm2_sealed read = {0};
        blob.data[i] ^= 0xff;
        refused += kk_tpm2_blob_decode(blob.data, blob.len, &read) == KK_TPM_FOREIGN;
        blob.data[i] ^= 0xff;
    }
    assert_true(refused >= 8); /* the first word, and the lengths */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_blob_comes_back),
        cmocka_unit_test(test_a_cut_blob_is_none),
        cmocka_unit_test(test_a_changed_blob_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
