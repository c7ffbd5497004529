/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC and CMAC: known answers stand in tests/vectors; here is how the class behaves.
 */
#include "fixture.h"

#include "crypto/mac.h"

/* RFC 4231, case 2, and RFC 4493, examples 1 and 2. */
#define HMAC_JEFE "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
#define CMAC_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define CMAC_EMPTY "bb1d6929e95937287fa37d129b756746"
#define CMAC_BLOCK_IN "6bc1bee22e409f96e93d7e117393172a"
#define CMAC_BLOCK "070a16b46b4d4144f79bdd9dd04a287c"

static void test_hmac_is_used_again_with_the_same_key(void **state)
{
    struct kk_mac *mac = NULL;
    uint8_t out[KK_MAC_MAX];
    (void)state;
    assert_ok(kk_mac_new_hmac(crypto, "SHA256", KK_SPAN_TEXT("Jefe"), &mac));
    assert_int_equal(kk_mac_size(mac), 32);
    for (int i = 0; i < 3; i++) {
        assert_ok(kk_mac_start(mac));
        assert_ok(kk_mac_update(mac, KK_SPAN_TEXT("what do ya want ")));
        assert_ok(kk_mac_update(mac, KK_SPAN(NULL, 0)));
        assert_ok(kk_mac_update(mac, KK_SPAN_TEXT("for nothing?")));
        assert_ok(kk_mac_finish(mac, out));
        assert_hex(out, 32, HMAC_JEFE);
    }
    kk_mac_free(mac);
}

static void test_cmac_is_used_again_with_the_same_key(void **state)
{
    struct kk_mac *mac = NULL;
    uint8_t out[KK_MAC_MAX];
    (void)state;
    assert_ok(kk_mac_new_cmac(crypto, "AES-128-CBC", hex(CMAC_KEY), &mac));
    assert_int_equal(kk_mac_size(mac), 16);
    for (int i = 0; i < 3; i++) {
        assert_ok(kk_mac_start(mac));
        assert_ok(kk_mac_finish(mac, out));
        assert_hex(out, 16, CMAC_EMPTY);
        assert_ok(kk_mac_start(mac));
        assert_ok(kk_mac_update(mac, hex(CMAC_BLOCK_IN)));
        assert_ok(kk_mac_finish(mac, out));
        assert_hex(out, 16, CMAC_BLOCK);
    }
    kk_mac_free(mac);
}

static void test_start_forgets_what_was_begun(void **state)
{
    struct kk_mac *mac = NULL;
    uint8_t out[KK_MAC_MAX];
    (void)state;
    assert_ok(kk_mac_new_cmac(crypto, "AES-128-CBC", hex(CMAC_KEY), &mac));
    assert_ok(kk_mac_update(mac, KK_SPAN_TEXT("something else, longer than a block")));
    assert_ok(kk_mac_start(mac));
    assert_ok(kk_mac_finish(mac, out));
    assert_hex(out, 16, CMAC_EMPTY);
    kk_mac_free(mac);
    assert_ok(kk_mac_new_hmac(crypto, "SHA256", KK_SPAN_TEXT("Jefe"), &mac));
    assert_ok(kk_mac_update(mac, KK_SPAN_TEXT("something else")));
    assert_ok(kk_mac_start(mac));
    assert_ok(kk_mac_update(mac, KK_SPAN_TEXT("what do ya want for nothing?")));
    assert_ok(kk_mac_finish(mac, out));
    assert_hex(out, 32, HMAC_JEFE);
    kk_mac_free(mac);
}

static void test_keys_and_names_that_cannot_be(void **state)
{
    struct kk_mac *mac = NULL;
    (void)state;
    assert_rv(kk_mac_new_hmac(crypto, "SHA256", KK_SPAN(NULL, 0), &mac), CKR_KEY_SIZE_RANGE);
    assert_rv(kk_mac_new_hmac(crypto, "SHA-257", KK_SPAN_TEXT("k"), &mac), CKR_FUNCTION_FAILED);
    assert_rv(kk_mac_new_cmac(crypto, "AES-128-CBC", KK_SPAN_TEXT("short"), &mac),
              CKR_FUNCTION_FAILED);
    assert_null(mac);
}

static void test_no_memory_is_said(void **state)
{
    struct kk_mac *mac = NULL;
    (void)state;
    kk_alloc_fail_at(1);
    assert_rv(kk_mac_new_hmac(crypto, "SHA256", KK_SPAN_TEXT("k"), &mac), CKR_HOST_MEMORY);
    kk_alloc_fail_at(0);
    assert_null(mac);
    kk_mac_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac_is_used_again_with_the_same_key),
        cmocka_unit_test(test_cmac_is_used_again_with_the_same_key),
        cmocka_unit_test(test_start_forgets_what_was_begun),
        cmocka_unit_test(test_keys_and_names_that_cannot_be),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests_name("mac", tests, make_crypto, free_crypto);
}
