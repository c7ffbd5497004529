/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saved states: who can use one, and who cannot; what is not saved; keys that are found again.
 */
#include "support.h"

#include <string.h>

static struct world world;
static CK_SESSION_HANDLE session;
static uint8_t state_bytes[10000];
static CK_ULONG state_len;

static uint8_t iv[16];
static const CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv};
static const CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
static const CK_MECHANISM sha1 = {CKM_SHA_1, NULL, 0};
static const CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};

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

static CK_RV save(void)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    state_len = sizeof state_bytes;
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_save_state(&call, &(struct kk_output){state_bytes, &state_len});
}

static CK_RV restore(struct kk_app *app, CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE key)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, handle, &call));
    return kk_call_restore_state(&call, KK_SPAN(state_bytes, state_len), key, 0);
}

static CK_SLOT_ID slot_of(struct kk_app *app)
{
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(app, true, false, &slots, &count));
    CK_SLOT_ID slot = slots[0];
    kk_free(slots);
    return slot;
}

static void test_another_application_needs_the_same_login(void **state)
{
    (void)state;
    CK_SESSION_HANDLE theirs = session_open(world.other, slot_of(world.other), true);
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
    assert_ok(op_update(world.app, session, KK_OP_DIGEST, KK_SPAN_TEXT("text")));
    assert_ok(save());
    assert_int_equal(restore(world.other, theirs, 0), CKR_SAVED_STATE_INVALID);
    assert_ok(session_login(world.other, theirs, CKU_USER, PIN));
    assert_ok(restore(world.other, theirs, 0));
    CK_SESSION_HANDLE read_only = session_open(world.other, slot_of(world.other), false);
    assert_int_equal(restore(world.other, read_only, 0), CKR_SAVED_STATE_INVALID);
}

static void test_a_state_without_login_is_the_process(void **state)
{
    (void)state;
    assert_ok(session_logout(world.app, session));
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha1, 0));
    assert_ok(op_update(world.app, session, KK_OP_DIGEST, KK_SPAN_TEXT("text")));
    assert_ok(save());
    assert_ok(restore(world.app, session, 0));
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    assert_int_equal(restore(world.app, session, 0), CKR_SAVED_STATE_INVALID);
    tear_down(NULL);
    world_open(&world); /* another engine: as another process */
    session = session_open(world.app, world.slot, true);
    assert_int_equal(restore(world.app, session, 0), CKR_SAVED_STATE_INVALID);
}

static void test_a_key_is_found_again_as_long_as_it_is_there(void **state)
{
    (void)state;
    for (int token = 0; token < 2; token++) {
        uint8_t out[64];
        CK_ULONG len = sizeof out;
        CK_OBJECT_HANDLE key = aes_create(world.app, session, token != 0, true);
        CK_OBJECT_HANDLE twin = aes_create(world.app, session, false, true);
        assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc, key));
        assert_ok(op_cipher(world.app, session, KK_OP_ENCRYPT, KK_PHASE_UPDATE,
                            KK_SPAN_TEXT("sixteen bytes .. and a rest"), out, &len));
        assert_ok(save());
        assert_ok(restore(world.app, session, 0));
        len = sizeof out;
        assert_ok(op_cipher(world.app, session, KK_OP_ENCRYPT, KK_PHASE_UPDATE,
                            KK_SPAN_TEXT("five."), out, &len));
        assert_int_equal(len, 16);
        assert_ok(object_destroy(world.app, session, key));
        assert_int_equal(restore(world.app, session, 0), CKR_KEY_NEEDED);
        assert_int_equal(restore(world.app, session, key), CKR_KEY_CHANGED);
        assert_ok(restore(world.app, session, twin)); /* of the same value */
        assert_ok(object_destroy(world.app, session, twin));
    }
}

static void test_long_data_is_lost_unless_asked_for_in_time(void **state)
{
    (void)state;
    static const uint8_t part[5000];
    const struct kk_span text = KK_SPAN_ARRAY(part);
    const CK_MECHANISM *const mechanisms[] = {&sha1, &sha256};
    for (int i = 0; i < 2; i++) {
        for (int early = 0; early < 2; early++) {
            assert_ok(op_init(world.app, session, KK_OP_DIGEST, mechanisms[i], 0));
            assert_ok(op_update(world.app, session, KK_OP_DIGEST, text));
            if (early != 0) {
                assert_ok(save());
            }
            assert_ok(op_update(world.app, session, KK_OP_DIGEST, text));
            assert_int_equal(save(), i == 1 && early != 0 ? CKR_OK : CKR_STATE_UNSAVEABLE);
            assert_ok(kk_session_cancel(world.app, session, 0, KK_CANCEL_OPERATION(KK_OP_DIGEST)));
        }
    }
}

static void test_what_cannot_be_saved_says_so(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, true);
    assert_int_equal(save(), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_init(world.app, session, KK_OP_MESSAGE_SIGN, &cmac, key));
    assert_int_equal(save(), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
    assert_int_equal(save(), CKR_STATE_UNSAVEABLE);
    assert_ok(kk_session_cancel(world.app, session, 0, KK_CANCEL_OPERATION(KK_OP_MESSAGE_SIGN)));
    assert_ok(save());
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_int_equal(save(), CKR_STATE_UNSAVEABLE);
    assert_ok(kk_session_cancel(world.app, session, 0, KK_CANCEL_OPERATION(KK_OP_SIGN)));
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world.app, session, &call));
        assert_ok(kk_operation_digest_key(&call, key));
    }
    assert_int_equal(save(), CKR_STATE_UNSAVEABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_another_application_needs_the_same_login),
        TEST(test_a_state_without_login_is_the_process),
        TEST(test_a_key_is_found_again_as_long_as_it_is_there),
        TEST(test_long_data_is_lost_unless_asked_for_in_time),
        TEST(test_what_cannot_be_saved_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
