/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state machine of operations: what starts one, what ends it, and the lengths of outputs.
 */
#include "support.h"

#include <string.h>

static struct world world;
static CK_SESSION_HANDLE session;

static uint8_t iv[16];
static const CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv};
static const CK_MECHANISM cbc_pad = {CKM_AES_CBC_PAD, iv, sizeof iv};
static const CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
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

static CK_RV cipher(enum kk_op_kind kind, enum kk_phase phase, struct kk_span in, uint8_t *out,
                    CK_ULONG *len)
{
    return op_cipher(world.app, session, kind, phase, in, out, len);
}

/* `text` encrypted under CBC with padding. */
static CK_ULONG encrypted(CK_OBJECT_HANDLE key, struct kk_span text, uint8_t out[64])
{
    CK_ULONG len = 64;
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc_pad, key));
    assert_ok(cipher(KK_OP_ENCRYPT, KK_PHASE_SINGLE, text, out, &len));
    return len;
}

static void test_a_second_init_finds_the_operation_active(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_int_equal(op_init(world.app, session, KK_OP_SIGN, &cmac, key), CKR_OPERATION_ACTIVE);
    assert_ok(op_init(world.app, session, KK_OP_VERIFY, &cmac, key));
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
}

static void test_a_length_query_and_a_small_buffer_leave_the_operation(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    uint8_t mac[16];
    CK_ULONG len = 0;
    struct kk_span text = KK_SPAN_TEXT("text");
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_ok(op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, text, NULL, &len));
    assert_int_equal(len, 16);
    len = 15;
    assert_int_equal(op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, text, mac, &len),
                     CKR_BUFFER_TOO_SMALL);
    assert_int_equal(len, 16);
    assert_ok(op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, text, mac, &len));
    assert_int_equal(op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, text, mac, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
}

static void test_a_small_buffer_consumes_nothing_of_an_update(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    const struct kk_span text = KK_SPAN_TEXT("sixteen bytes ..sixteen bytes ..");
    uint8_t expected[64];
    uint8_t out[64];
    CK_ULONG len = 31;
    (void)encrypted(key, text, expected);
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc_pad, key));
    assert_int_equal(cipher(KK_OP_ENCRYPT, KK_PHASE_UPDATE,
                            KK_SPAN_TEXT("something else, 32 bytes long   "), out, &len),
                     CKR_BUFFER_TOO_SMALL);
    assert_int_equal(len, 32);
    assert_ok(cipher(KK_OP_ENCRYPT, KK_PHASE_UPDATE, text, out, &len));
    assert_int_equal(len, 32);
    assert_memory_equal(out, expected, 32);
}

/* Programs that allocate what they are told and get NULL for nothing. */
static void test_an_update_that_gives_nothing_wants_a_buffer_all_the_same(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    const struct kk_span text = KK_SPAN_TEXT("few");
    uint8_t sealed[64];
    uint8_t out[64];
    CK_ULONG len = 0;
    CK_ULONG sealed_len = encrypted(key, text, sealed);
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc_pad, key));
    assert_ok(cipher(KK_OP_ENCRYPT, KK_PHASE_UPDATE, text, NULL, &len));
    assert_int_not_equal(len, 0);
    assert_ok(cipher(KK_OP_ENCRYPT, KK_PHASE_UPDATE, text, out, &len));
    assert_int_equal(len, 0);
    len = sizeof out;
    assert_ok(cipher(KK_OP_ENCRYPT, KK_PHASE_FINAL, KK_SPAN(NULL, 0), out, &len));
    assert_int_equal(len, sealed_len);
    assert_memory_equal(out, sealed, sealed_len);
}

static void test_a_result_that_waits_is_given_out_once(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    uint8_t sealed[64];
    uint8_t out[64];
    CK_ULONG sealed_len = encrypted(key, KK_SPAN_TEXT("short"), sealed);
    CK_ULONG len = 3;
    assert_ok(op_init(world.app, session, KK_OP_DECRYPT, &cbc_pad, key));
    assert_int_equal(cipher(KK_OP_DECRYPT, KK_PHASE_SINGLE, KK_SPAN(sealed, sealed_len), out, &len),
                     CKR_BUFFER_TOO_SMALL);
    assert_int_equal(len, 5);
    assert_ok(cipher(KK_OP_DECRYPT, KK_PHASE_SINGLE, KK_SPAN(sealed, sealed_len), out, &len));
    assert_memory_equal(out, "short", 5);
    assert_int_equal(cipher(KK_OP_DECRYPT, KK_PHASE_SINGLE, KK_SPAN(sealed, sealed_len), out, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
}

static void test_another_call_does_not_go_on_past_a_result_that_waits(void **state)
{
    (void)state;
    static const enum kk_phase others[] = {KK_PHASE_UPDATE, KK_PHASE_FINAL};
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    uint8_t sealed[64];
    uint8_t out[64];
    CK_ULONG sealed_len = encrypted(key, KK_SPAN_TEXT("short"), sealed);
    for (size_t i = 0; i < KK_ARRAY_LEN(others); i++) {
        CK_ULONG len = 0;
        assert_ok(op_init(world.app, session, KK_OP_DECRYPT, &cbc_pad, key));
        assert_int_equal(
            cipher(KK_OP_DECRYPT, KK_PHASE_SINGLE, KK_SPAN(sealed, sealed_len), out, &len),
            CKR_BUFFER_TOO_SMALL);
        len = sizeof out;
        assert_int_equal(cipher(KK_OP_DECRYPT, others[i], KK_SPAN(NULL, 0), out, &len),
                         CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(op_init(world.app, session, KK_OP_DECRYPT, &cbc_pad, key));
        struct kk_call call = {0};
        assert_ok(kk_call_begin(world.app, session, &call));
        assert_ok(kk_operation_cancel(&call, KK_OP_DECRYPT));
        kk_call_end(&call);
    }
}

/* In KiB. */
static void test_what_an_aead_keeps_is_limited(void **state)
{
    (void)state;
    static uint8_t text[2048];
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    CK_GCM_PARAMS params = {iv, 12, 96, NULL, 0, 128};
    const CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof params};
    uint8_t out[16];
    CK_ULONG len = sizeof out;
    world.engine->config->aead_buffer = 1;
    assert_ok(op_init(world.app, session, KK_OP_DECRYPT, &gcm, key));
    assert_ok(cipher(KK_OP_DECRYPT, KK_PHASE_UPDATE, KK_SPAN(text, 1024), out, &len));
    assert_int_equal(cipher(KK_OP_DECRYPT, KK_PHASE_UPDATE, KK_SPAN(text, 1), out, &len),
                     CKR_ENCRYPTED_DATA_LEN_RANGE);
    world.engine->config->aead_buffer = 2;
    assert_ok(op_init(world.app, session, KK_OP_DECRYPT, &gcm, key));
    assert_ok(cipher(KK_OP_DECRYPT, KK_PHASE_UPDATE, KK_SPAN(text, 2048), out, &len));
}

static void test_an_error_ends_the_operation(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    uint8_t out[64];
    CK_ULONG len = sizeof out;
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc, key));
    assert_int_equal(cipher(KK_OP_ENCRYPT, KK_PHASE_SINGLE, KK_SPAN_TEXT("odd"), out, &len),
                     CKR_DATA_LEN_RANGE);
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc, key));
}

/* SoftHSM tells it at the length query, too. Who asks with no data at all gets an answer. */
static void test_a_length_query_of_impossible_data_is_their_error(void **state)
{
    (void)state;
    static CK_AES_CTR_PARAMS three = {.ulCounterBits = 2, .cb[15] = 1};
    static const CK_MECHANISM ctr = {CKM_AES_CTR, &three, sizeof three};
    static const uint8_t text[64] = {0};
    static const struct {
        const CK_MECHANISM *mechanism;
        enum kk_op_kind kind;
        size_t good, bad;
        CK_RV rv;
    } cases[] = {
        {&cbc, KK_OP_ENCRYPT, 32, 33, CKR_DATA_LEN_RANGE},
        {&cbc, KK_OP_DECRYPT, 32, 31, CKR_ENCRYPTED_DATA_LEN_RANGE},
        {&cbc_pad, KK_OP_DECRYPT, 32, 33, CKR_ENCRYPTED_DATA_LEN_RANGE},
        {&cbc_pad, KK_OP_DECRYPT, 0, 1, CKR_ENCRYPTED_DATA_LEN_RANGE},
        {&ctr, KK_OP_ENCRYPT, 48, 49, CKR_DATA_LEN_RANGE},
        {&ctr, KK_OP_DECRYPT, 48, 49, CKR_DATA_LEN_RANGE},
    };
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        enum kk_op_kind kind = cases[i].kind;
        for (CK_ULONG room = 0; room < 2; room++) {
            uint8_t out[1];
            CK_ULONG len = room;
            assert_ok(op_init(world.app, session, kind, cases[i].mechanism, key));
            assert_ok(cipher(kind, KK_PHASE_SINGLE, KK_SPAN(text, cases[i].good), NULL, &len));
            assert_true(len <= cases[i].good);
            len = room;
            assert_int_equal(cipher(kind, KK_PHASE_SINGLE, KK_SPAN(text, cases[i].bad),
                                    room == 0 ? NULL : out, &len),
                             cases[i].rv);
            assert_int_equal(len, room);
            assert_int_equal(
                cipher(kind, KK_PHASE_SINGLE, KK_SPAN(text, cases[i].good), NULL, &len),
                CKR_OPERATION_NOT_INITIALIZED);
        }
    }
}

static void test_verifying_ends_the_operation_whatever_comes(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    const struct kk_span text = KK_SPAN_TEXT("text");
    const struct kk_span wrong = KK_SPAN_TEXT("0123456789abcdef");
    assert_ok(op_init(world.app, session, KK_OP_VERIFY, &cmac, key));
    assert_int_equal(op_verify(world.app, session, KK_PHASE_SINGLE, text, wrong),
                     CKR_SIGNATURE_INVALID);
    assert_ok(op_init(world.app, session, KK_OP_VERIFY, &cmac, key));
    assert_int_equal(op_verify(world.app, session, KK_PHASE_SINGLE, text, text),
                     CKR_SIGNATURE_LEN_RANGE);
    assert_ok(op_init(world.app, session, KK_OP_VERIFY, &cmac, key));
    assert_ok(op_update(world.app, session, KK_OP_VERIFY, text));
    assert_int_equal(op_verify(world.app, session, KK_PHASE_SINGLE, text, wrong),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_init(world.app, session, KK_OP_VERIFY, &cmac, key));
}

/* --- C_VerifySignatureInit ------------------------------------------------------------------- */

static CK_RV given_init(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                        struct kk_span signature)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    const struct kk_mechanism *row = kk_registry_find(world.engine->registry, mechanism->mechanism);
    kk_param_init(&param);
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_operation_verify_signature_init(&call, row, &param, key, signature);
}

static CK_RV given(enum kk_phase phase, struct kk_span in)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_operation_verify_signature(&call, phase, in);
}

static void test_a_signature_given_first_is_kept_until_the_data_came(void **state)
{
    (void)state;
    const struct kk_span text = KK_SPAN_TEXT("text");
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    uint8_t mac[17] = {0};
    CK_ULONG len = 16;
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_ok(op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, text, mac, &len));
    assert_int_equal(given_init(&cmac, key, KK_SPAN(mac, 17)), CKR_SIGNATURE_LEN_RANGE);
    assert_int_equal(given_init(&cmac, key, KK_SPAN(mac, 0)), CKR_SIGNATURE_LEN_RANGE);
    assert_int_equal(given(KK_PHASE_SINGLE, text), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(given_init(&cmac, key, KK_SPAN(mac, 16)));
    assert_ok(op_init(world.app, session, KK_OP_VERIFY, &cmac, key)); /* beside it */
    memset(mac, 0, sizeof mac);
    assert_ok(op_update(world.app, session, KK_OP_VERIFY_SIGNATURE, text));
    assert_ok(given(KK_PHASE_FINAL, KK_SPAN(NULL, 0)));
    assert_int_equal(given(KK_PHASE_FINAL, KK_SPAN(NULL, 0)), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(given_init(&cmac, key, KK_SPAN(mac, 16)));
    assert_int_equal(given(KK_PHASE_SINGLE, text), CKR_SIGNATURE_INVALID);
    assert_ok(given_init(&cmac, key, KK_SPAN(mac, 9)));
    assert_int_equal(given(KK_PHASE_SINGLE, text), CKR_SIGNATURE_LEN_RANGE);
    assert_int_equal(given(KK_PHASE_SINGLE, text), CKR_OPERATION_NOT_INITIALIZED);
}

static CK_RV go_on(void)
{
    return op_update(world.app, session, KK_OP_SIGN, KK_SPAN_TEXT("text"));
}

static void test_an_operation_ends_when_its_key_is_destroyed(void **state)
{
    (void)state;
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, true);
    for (int token = 0; token < 2; token++) {
        for (int here = 0; here < 2; here++) {
            CK_OBJECT_HANDLE key = aes_create(world.app, session, token != 0, false);
            assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
            assert_ok(go_on());
            assert_ok(object_destroy(world.app, here != 0 ? session : second, key));
            assert_int_equal(go_on(), CKR_OPERATION_NOT_INITIALIZED);
        }
    }
}

static void test_an_operation_ends_when_its_key_was_changed_and_then_destroyed(void **state)
{
    (void)state;
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, true);
    for (int token = 0; token < 2; token++) {
        CK_OBJECT_HANDLE key = aes_create(world.app, session, token != 0, false);
        assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
        assert_ok(object_label(world.app, second, key, "changed"));
        assert_ok(go_on());
        assert_ok(object_destroy(world.app, second, key));
        assert_int_equal(go_on(), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void test_an_operation_ends_when_another_application_destroys_its_key(void **state)
{
    (void)state;
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    CK_OBJECT_HANDLE found = 0;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, true, false);
    assert_ok(object_label(world.app, session, key, "theirs"));
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    assert_ok(kk_app_slots(world.other, true, false, &slots, &count));
    CK_SESSION_HANDLE theirs = session_open(world.other, slots[0], true);
    kk_free(slots);
    assert_int_equal(find_count(world.other, theirs, "theirs", &found), 1);
    assert_ok(object_destroy(world.other, theirs, found));
    assert_int_equal(go_on(), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_a_logout_ends_operations_with_private_keys_only(void **state)
{
    (void)state;
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, true);
    CK_OBJECT_HANDLE open = aes_create(world.app, second, false, false);
    CK_OBJECT_HANDLE private = aes_create(world.app, session, false, true);
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, private));
    assert_ok(op_init(world.app, second, KK_OP_SIGN, &cmac, open));
    assert_ok(session_logout(world.app, second));
    assert_ok(session_login(world.app, second, CKU_USER, PIN));
    assert_int_equal(go_on(), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_update(world.app, second, KK_OP_SIGN, KK_SPAN_TEXT("text")));
}

static void test_a_key_that_wants_a_login_each_time_gets_one(void **state)
{
    (void)state;
    static CK_BBOOL yes = CK_TRUE;
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE curve = {CKA_EC_PARAMS, p256, sizeof p256};
    CK_ATTRIBUTE wants[] = {{CKA_ALWAYS_AUTHENTICATE, &yes, 1}, {CKA_SIGN, &yes, 1}};
    const CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    CK_OBJECT_HANDLE keys[2] = {0};
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *public_tmpl = NULL;
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *private_tmpl = NULL;
        struct kk_param param;
        kk_param_init(&param);
        assert_ok(kk_call_begin(world.app, session, &call));
        assert_ok(kk_template_copy(&curve, 1, KK_VERB_GENERATE, &public_tmpl));
        assert_ok(kk_template_copy(wants, 2, KK_VERB_GENERATE, &private_tmpl));
        assert_ok(kk_call_generate_pair(
            &call, kk_registry_find(world.engine->registry, CKM_EC_KEY_PAIR_GEN), &param,
            public_tmpl, private_tmpl, &keys[0], &keys[1]));
    }
    uint8_t signature[64];
    CK_ULONG len = sizeof signature;
    const struct kk_span hash = KK_SPAN_TEXT("0123456789abcdef0123456789abcdef");
    assert_int_equal(session_login(world.app, session, CKU_CONTEXT_SPECIFIC, PIN),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &ecdsa, keys[1]));
    assert_int_equal(
        op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, hash, signature, &len),
        CKR_USER_NOT_LOGGED_IN);
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &ecdsa, keys[1]));
    assert_int_equal(session_login(world.app, session, CKU_CONTEXT_SPECIFIC, SO_PIN),
                     CKR_PIN_INCORRECT);
    assert_ok(session_login(world.app, session, CKU_CONTEXT_SPECIFIC, PIN));
    assert_ok(op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, hash, signature, &len));
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &ecdsa, keys[1]));
    assert_int_equal(
        op_result(world.app, session, KK_OP_SIGN, KK_PHASE_SINGLE, hash, signature, &len),
        CKR_USER_NOT_LOGGED_IN);
}

/* Whether the session's idle signing context still holds a key. */
static bool holds_key(CK_SESSION_HANDLE handle)
{
    KK_LOCK_SCOPE(&world.app->lock);
    const struct kk_session *held = kk_handle_map_find(world.app->sessions, handle);
    const struct kk_operation *operation = held->operations[KK_OP_SIGN];
    return operation != NULL && (operation->op.key != NULL || operation->op.context != NULL);
}

static void test_a_destroyed_key_stays_in_no_context(void **state)
{
    (void)state;
    CK_SESSION_HANDLE users[2] = {session, session_open(world.app, world.slot, true)};
    for (int token = 0; token < 2; token++) {
        CK_OBJECT_HANDLE key = aes_create(world.app, session, token != 0, false);
        for (size_t i = 0; i < 2; i++) {
            uint8_t mac[16];
            CK_ULONG len = sizeof mac;
            assert_ok(op_init(world.app, users[i], KK_OP_SIGN, &cmac, key));
            assert_ok(op_result(world.app, users[i], KK_OP_SIGN, KK_PHASE_SINGLE,
                                KK_SPAN_TEXT("text"), mac, &len));
            assert_true(holds_key(users[i]));
        }
        assert_ok(object_destroy(world.app, session, key));
        assert_false(holds_key(users[0]));
        assert_false(holds_key(users[1]));
    }
}

/* ---- the key of last time: what was looked at once holds as long as nothing moved ---- */

static CK_RV forbid_signing(struct kk_app *app, CK_SESSION_HANDLE by, CK_OBJECT_HANDLE object)
{
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE attribute = {CKA_SIGN, &no, sizeof no};
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, by, &call));
    KK_TRY(kk_template_copy(&attribute, 1, KK_VERB_SET, &tmpl));
    return kk_call_set_attributes(&call, object, tmpl);
}

static void sign_in(CK_SESSION_HANDLE where, CK_OBJECT_HANDLE key)
{
    uint8_t mac[16];
    CK_ULONG len = sizeof mac;
    assert_ok(op_init(world.app, where, KK_OP_SIGN, &cmac, key));
    assert_ok(
        op_result(world.app, where, KK_OP_SIGN, KK_PHASE_SINGLE, KK_SPAN_TEXT("text"), mac, &len));
}

static void test_a_key_used_before_is_not_used_against_what_was_changed_since(void **state)
{
    (void)state;
    for (int token = 0; token < 2; token++) {
        for (int apart = 0; apart < 2; apart++) {
            CK_OBJECT_HANDLE key = aes_create(world.app, session, token != 0, true);
            CK_SESSION_HANDLE changer =
                apart != 0 ? session_open(world.app, world.slot, true) : session;
            sign_in(session, key);
            sign_in(session, key);
            assert_ok(forbid_signing(world.app, changer, key));
            assert_int_equal(op_init(world.app, session, KK_OP_SIGN, &cmac, key),
                             CKR_KEY_FUNCTION_NOT_PERMITTED);
        }
    }
}

static void
test_a_key_used_before_is_looked_up_again_when_another_application_changed_it(void **state)
{
    (void)state;
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    CK_OBJECT_HANDLE theirs = 0;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, true, true);
    assert_ok(kk_app_slots(world.other, true, false, &slots, &count));
    CK_SESSION_HANDLE other = session_open(world.other, slots[0], true);
    kk_free(slots);
    assert_ok(session_login(world.other, other, CKU_USER, PIN));
    sign_in(session, key);
    sign_in(session, key);
    assert_int_equal(find_count(world.other, other, NULL, &theirs), 1);
    assert_ok(forbid_signing(world.other, other, theirs));
    assert_int_equal(op_init(world.app, session, KK_OP_SIGN, &cmac, key),
                     CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void test_a_handle_used_before_is_invalid_once_its_key_is_gone(void **state)
{
    (void)state;
    for (int token = 0; token < 2; token++) {
        CK_OBJECT_HANDLE key = aes_create(world.app, session, token != 0, true);
        CK_SESSION_HANDLE changer = session_open(world.app, world.slot, true);
        sign_in(session, key);
        sign_in(session, key);
        assert_ok(object_destroy(world.app, changer, key));
        assert_int_equal(op_init(world.app, session, KK_OP_SIGN, &cmac, key),
                         CKR_KEY_HANDLE_INVALID);
    }
}

static void test_a_session_key_used_before_goes_with_the_session_that_made_it(void **state)
{
    (void)state;
    CK_SESSION_HANDLE maker = session_open(world.app, world.slot, true);
    CK_OBJECT_HANDLE key = aes_create(world.app, maker, false, false);
    sign_in(session, key);
    sign_in(session, key);
    assert_ok(kk_session_close(world.app, maker));
    assert_int_equal(op_init(world.app, session, KK_OP_SIGN, &cmac, key), CKR_KEY_HANDLE_INVALID);
}

static void test_a_private_key_used_before_is_not_used_after_a_logout(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, true, true);
    CK_OBJECT_HANDLE public_key = aes_create(world.app, session, true, false);
    CK_SESSION_HANDLE logs_out = session_open(world.app, world.slot, true);
    sign_in(session, key);
    assert_ok(session_logout(world.app, logs_out));
    assert_int_equal(op_init(world.app, session, KK_OP_SIGN, &cmac, key), CKR_KEY_HANDLE_INVALID);
    sign_in(session, public_key);
    assert_ok(session_login(world.app, logs_out, CKU_USER, PIN));
    assert_int_equal(op_init(world.app, session, KK_OP_SIGN, &cmac, key), CKR_KEY_HANDLE_INVALID);
    sign_in(session, public_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_second_init_finds_the_operation_active),
        TEST(test_a_length_query_and_a_small_buffer_leave_the_operation),
        TEST(test_a_small_buffer_consumes_nothing_of_an_update),
        TEST(test_an_update_that_gives_nothing_wants_a_buffer_all_the_same),
        TEST(test_a_result_that_waits_is_given_out_once),
        TEST(test_another_call_does_not_go_on_past_a_result_that_waits),
        TEST(test_what_an_aead_keeps_is_limited),
        TEST(test_an_error_ends_the_operation),
        TEST(test_a_length_query_of_impossible_data_is_their_error),
        TEST(test_verifying_ends_the_operation_whatever_comes),
        TEST(test_a_signature_given_first_is_kept_until_the_data_came),
        TEST(test_an_operation_ends_when_its_key_is_destroyed),
        TEST(test_an_operation_ends_when_its_key_was_changed_and_then_destroyed),
        TEST(test_an_operation_ends_when_another_application_destroys_its_key),
        TEST(test_a_logout_ends_operations_with_private_keys_only),
        TEST(test_a_key_that_wants_a_login_each_time_gets_one),
        TEST(test_a_destroyed_key_stays_in_no_context),
        TEST(test_a_key_used_before_is_not_used_against_what_was_changed_since),
        TEST(test_a_key_used_before_is_looked_up_again_when_another_application_changed_it),
        TEST(test_a_handle_used_before_is_invalid_once_its_key_is_gone),
        TEST(test_a_session_key_used_before_goes_with_the_session_that_made_it),
        TEST(test_a_private_key_used_before_is_not_used_after_a_logout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
