/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments of the functions that encrypt, digest and sign.
 */
#include "support.h"

#include <string.h>

static struct world world;
static CK_OBJECT_HANDLE key;
static uint8_t iv[16];
static CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv};
static CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
static CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    key = make_aes(&world, CK_FALSE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

/* Kinds of operations that are told apart by functions only. */
static const struct kind {
    CK_RV (*init)(struct kk_app *app, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                  CK_OBJECT_HANDLE object);
    CK_RV (*single)(struct kk_app *app, CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len,
                    CK_BYTE *out, CK_ULONG *out_len);
    CK_RV (*final)(struct kk_app *app, CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len);
    CK_MECHANISM *mechanism;
} kinds[] = {
    {kk_api_C_EncryptInit, kk_api_C_Encrypt, kk_api_C_EncryptFinal, &cbc},
    {kk_api_C_DecryptInit, kk_api_C_Decrypt, kk_api_C_DecryptFinal, &cbc},
    {kk_api_C_SignInit, kk_api_C_Sign, kk_api_C_SignFinal, &cmac},
};

static void test_without_an_init_there_is_no_operation(void **state)
{
    (void)state;
    struct kk_app *app = world.app;
    CK_SESSION_HANDLE session = world.session;
    CK_BYTE out[64];
    CK_ULONG len = sizeof out;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        assert_int_equal(kinds[i].single(app, session, iv, 16, out, &len),
                         CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(kinds[i].final(app, session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(kinds[i].single(app, session, iv, 16, out, NULL),
                         CKR_OPERATION_NOT_INITIALIZED);
    }
    assert_int_equal(kk_api_C_DigestUpdate(app, session, iv, 1), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(kk_api_C_DigestKey(app, session, key), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(kk_api_C_Verify(app, session, iv, 1, iv, 1), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(kk_api_C_VerifyRecover(app, session, iv, 1, out, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(kk_api_C_SignRecover(app, session, iv, 1, out, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
}

static void test_bad_arguments_end_the_operation(void **state)
{
    (void)state;
    struct kk_app *app = world.app;
    CK_SESSION_HANDLE session = world.session;
    CK_BYTE out[64];
    CK_ULONG len = sizeof out;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        assert_ok(kinds[i].init(app, session, kinds[i].mechanism, key));
        assert_int_equal(kinds[i].single(app, session, iv, 16, out, NULL), CKR_ARGUMENTS_BAD);
        assert_ok(kinds[i].init(app, session, kinds[i].mechanism, key));
        assert_int_equal(kinds[i].single(app, session, NULL, 16, out, &len), CKR_ARGUMENTS_BAD);
        assert_ok(kinds[i].init(app, session, kinds[i].mechanism, key));
        assert_int_equal(kinds[i].single(app, session, iv, ~0UL, out, &len), CKR_ARGUMENTS_BAD);
        assert_ok(kinds[i].init(app, session, kinds[i].mechanism, key));
        assert_int_equal(kinds[i].final(app, session, out, NULL), CKR_ARGUMENTS_BAD);
    }
    assert_ok(kk_api_C_VerifyInit(app, session, &cmac, key));
    assert_int_equal(kk_api_C_Verify(app, session, iv, 1, NULL, 16), CKR_ARGUMENTS_BAD);
    assert_ok(kk_api_C_VerifyInit(app, session, &cmac, key));
}

static void test_no_mechanism_cancels(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        CK_BYTE out[64];
        CK_ULONG len = sizeof out;
        assert_ok(kinds[i].init(world.app, world.session, NULL, key));
        assert_ok(kinds[i].init(world.app, world.session, kinds[i].mechanism, key));
        assert_ok(kinds[i].init(world.app, world.session, NULL, 0));
        assert_int_equal(kinds[i].single(world.app, world.session, iv, 16, out, &len),
                         CKR_OPERATION_NOT_INITIALIZED);
    }
    assert_ok(kk_api_C_DigestInit(world.app, world.session, &sha256));
    assert_ok(kk_api_C_DigestInit(world.app, world.session, NULL));
    assert_ok(kk_api_C_DigestInit(world.app, world.session, &sha256));
}

static void test_what_an_init_refuses(void **state)
{
    (void)state;
    CK_MECHANISM unknown = {CKM_VENDOR_DEFINED, NULL, 0};
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        CK_RV (*init)(struct kk_app *, CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE) =
            kinds[i].init;
        assert_int_equal(init(world.app, 4711, kinds[i].mechanism, key),
                         CKR_SESSION_HANDLE_INVALID);
        assert_int_equal(init(world.app, world.session, &unknown, key), CKR_MECHANISM_INVALID);
        assert_int_equal(init(world.app, world.session, &sha256, key), CKR_MECHANISM_INVALID);
        assert_int_equal(init(world.app, world.session, kinds[i].mechanism, 0),
                         CKR_KEY_HANDLE_INVALID);
        assert_int_equal(init(world.app, world.session, kinds[i].mechanism, 4711),
                         CKR_KEY_HANDLE_INVALID);
        assert_int_equal(init(world.app, world.session, kinds[i].mechanism, world.session),
                         CKR_KEY_HANDLE_INVALID);
    }
    assert_int_equal(kk_api_C_DigestInit(world.app, world.session, &cmac), CKR_MECHANISM_INVALID);
    assert_int_equal(kk_api_C_SignRecoverInit(world.app, world.session, &cmac, key),
                     CKR_MECHANISM_INVALID);
}

static void test_encryption_in_place(void **state)
{
    (void)state;
    CK_BYTE text[32] = "sixteen bytes ..sixteen bytes .";
    CK_BYTE apart[32];
    CK_ULONG len = sizeof apart;
    assert_ok(kk_api_C_EncryptInit(world.app, world.session, &cbc, key));
    assert_ok(kk_api_C_Encrypt(world.app, world.session, text, sizeof text, apart, &len));
    assert_ok(kk_api_C_EncryptInit(world.app, world.session, &cbc, key));
    assert_ok(kk_api_C_Encrypt(world.app, world.session, text, sizeof text, text, &len));
    assert_memory_equal(text, apart, sizeof text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_without_an_init_there_is_no_operation),
        TEST(test_bad_arguments_end_the_operation),
        TEST(test_no_mechanism_cancels),
        TEST(test_what_an_init_refuses),
        TEST(test_encryption_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
