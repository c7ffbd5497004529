/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state machine of messages: what goes on after a message, what ends with it, and what a
 * logout, another application or a cancel does. Signing and verifying; the ciphers go the same way
 * through the same steps.
 */
#include "support.h"

#include <string.h>

#include "session/message.h"

static struct world world;
static CK_SESSION_HANDLE session;
static uint8_t iv[12], tag[16];

static const CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
static const CK_MECHANISM gcm = {CKM_AES_GCM, NULL, 0};
static const struct kk_span text = {(const uint8_t *)"some text of 21 bytes", 21};

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static CK_RV sign(struct kk_span in, uint8_t *out, CK_ULONG *len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_message_sign(&call, in, &(struct kk_output){out, len});
}

static CK_RV begin(enum kk_op_kind kind)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_message_sign_begin(&call, kind);
}

/* len NULL: more follows. */
static CK_RV sign_next(struct kk_span in, uint8_t *out, CK_ULONG *len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    const struct kk_output output = {out, len};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_message_sign_next(&call, in, len == NULL ? NULL : &output);
}

static CK_RV verify_next(struct kk_span in, const struct kk_span *signature)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_message_verify_next(&call, in, signature);
}

static CK_RV crypt_one(enum kk_op_kind kind, struct kk_span in, uint8_t *out, CK_ULONG *len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    const struct kk_message message = {.iv = iv, .iv_len = sizeof iv, .tag = tag, .tag_len = 16};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_message_crypt(&call, kind, &message, KK_SPAN(NULL, 0), in,
                                 &(struct kk_output){out, len});
}

static CK_RV init_gcm(enum kk_op_kind kind, CK_OBJECT_HANDLE key)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_operation_init(&call, kind, kk_registry_find(world.engine->registry, gcm.mechanism),
                             &param, key);
}

static const struct kk_operation *operation(enum kk_op_kind kind)
{
    KK_LOCK_SCOPE(&world.app->lock);
    const struct kk_session *held = kk_handle_map_find(world.app->sessions, session);
    return held->operations[kind];
}

static void assert_signs(void)
{
    uint8_t mac[16];
    CK_ULONG len = sizeof mac;
    assert_ok(sign(text, mac, &len));
    assert_int_equal(len, 16);
}

static void test_a_context_serves_all_messages_and_the_next_process(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_SIGN, &cmac, key));
    const void *context = operation(KK_OP_MESSAGE_SIGN)->op.context;
    assert_non_null(context);
    for (int i = 0; i < 3; i++) {
        assert_signs();
        assert_ptr_equal(operation(KK_OP_MESSAGE_SIGN)->op.context, context);
    }
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world.app, session, &call));
        assert_ok(kk_call_message_final(&call, KK_OP_MESSAGE_SIGN));
    }
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_SIGN, &cmac, key));
    assert_ptr_equal(operation(KK_OP_MESSAGE_SIGN)->op.context, context);
    assert_signs();
}

static void test_one_message_leaves_nothing_in_the_next(void **state)
{
    (void)state;
    uint8_t want[16];
    uint8_t got[16];
    CK_ULONG len = sizeof want;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_SIGN, &cmac, key));
    assert_ok(sign(text, want, &len));
    assert_ok(begin(KK_OP_MESSAGE_SIGN));
    assert_ok(sign_next(KK_SPAN_TEXT("something that is given up"), NULL, NULL));
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world.app, session, &call));
        assert_int_equal(kk_call_message_fail(&call, KK_OP_MESSAGE_SIGN, CKR_ARGUMENTS_BAD),
                         CKR_ARGUMENTS_BAD);
    }
    assert_ok(begin(KK_OP_MESSAGE_SIGN));
    assert_ok(sign_next(KK_SPAN(text.data, 5), NULL, NULL));
    assert_ok(sign_next(KK_SPAN(text.data + 5, text.len - 5), got, &len));
    assert_memory_equal(got, want, sizeof want);
}

static void test_without_a_process_nothing_is_to_be_had(void **state)
{
    (void)state;
    uint8_t out[64];
    CK_ULONG len = sizeof out;
    const struct kk_span signature = KK_SPAN(out, 16);
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_int_equal(sign(text, out, &len), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(begin(KK_OP_MESSAGE_VERIFY), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(verify_next(text, &signature), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(crypt_one(KK_OP_MESSAGE_ENCRYPT, text, out, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_VERIFY, &cmac, key));
    assert_int_equal(verify_next(text, &signature), CKR_OPERATION_NOT_INITIALIZED);
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world.app, session, &call));
        assert_int_equal(kk_call_message_fail(&call, KK_OP_MESSAGE_VERIFY, CKR_ARGUMENTS_BAD),
                         CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(kk_call_message_final(&call, KK_OP_MESSAGE_SIGN),
                         CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void test_a_message_decrypts_in_another_process(void **state)
{
    (void)state;
    uint8_t sealed[64];
    uint8_t opened[64];
    CK_ULONG len = sizeof sealed;
    CK_ULONG opened_len = sizeof opened;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, true, false);
    assert_ok(init_gcm(KK_OP_MESSAGE_ENCRYPT, key));
    assert_ok(init_gcm(KK_OP_MESSAGE_DECRYPT, key));
    assert_ok(crypt_one(KK_OP_MESSAGE_ENCRYPT, text, sealed, &len));
    assert_int_equal(len, text.len);
    assert_ok(crypt_one(KK_OP_MESSAGE_DECRYPT, KK_SPAN(sealed, len), opened, &opened_len));
    assert_true(kk_mem_equal(opened, opened_len, text.data, text.len));
    sealed[20] ^= 1;
    assert_int_equal(crypt_one(KK_OP_MESSAGE_DECRYPT, KK_SPAN(sealed, len), opened, &opened_len),
                     CKR_AEAD_DECRYPT_FAILED);
    sealed[20] ^= 1;
    assert_ok(crypt_one(KK_OP_MESSAGE_DECRYPT, KK_SPAN(sealed, len), opened, &opened_len));
}

static void test_a_logout_ends_processes_with_private_keys_only(void **state)
{
    (void)state;
    uint8_t mac[16];
    CK_ULONG len = sizeof mac;
    CK_OBJECT_HANDLE open = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE private = aes_create(world.app, session, false, true);
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_SIGN, &cmac, private));
    assert_ok(begin(KK_OP_MESSAGE_SIGN));
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_VERIFY, &cmac, open));
    assert_ok(session_logout(world.app, session));
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    assert_int_equal(sign_next(text, mac, &len), CKR_OPERATION_NOT_INITIALIZED);
    assert_null(operation(KK_OP_MESSAGE_SIGN)->op.context);
    assert_ok(begin(KK_OP_MESSAGE_VERIFY));
}

static void test_a_destroyed_key_ends_the_process(void **state)
{
    (void)state;
    for (int token = 0; token < 2; token++) {
        CK_OBJECT_HANDLE key = aes_create(world.app, session, token != 0, false);
        uint8_t out[64];
        CK_ULONG len = sizeof out;
        assert_ok(init_gcm(KK_OP_MESSAGE_ENCRYPT, key));
        assert_ok(crypt_one(KK_OP_MESSAGE_ENCRYPT, text, out, &len));
        assert_ok(object_destroy(world.app, session, key));
        len = sizeof out;
        assert_int_equal(crypt_one(KK_OP_MESSAGE_ENCRYPT, text, out, &len),
                         CKR_OPERATION_NOT_INITIALIZED);
        assert_null(operation(KK_OP_MESSAGE_ENCRYPT)->op.context);
    }
}

static void test_a_cancel_ends_the_kinds_that_it_names(void **state)
{
    (void)state;
    uint8_t out[64];
    CK_ULONG len = sizeof out;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(init_gcm(KK_OP_MESSAGE_ENCRYPT, key));
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_SIGN, &cmac, key));
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_ok(kk_session_cancel(world.app, session, 0, KK_CANCEL_OPERATION(KK_OP_MESSAGE_SIGN)));
    assert_int_equal(sign(text, out, &len), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(crypt_one(KK_OP_MESSAGE_ENCRYPT, text, out, &len));
    assert_ok(op_update(world.app, session, KK_OP_SIGN, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_context_serves_all_messages_and_the_next_process),
        TEST(test_one_message_leaves_nothing_in_the_next),
        TEST(test_without_a_process_nothing_is_to_be_had),
        TEST(test_a_message_decrypts_in_another_process),
        TEST(test_a_logout_ends_processes_with_private_keys_only),
        TEST(test_a_destroyed_key_ends_the_process),
        TEST(test_a_cancel_ends_the_kinds_that_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
