/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages under AES-GCM: the same bytes as one operation each, contexts used again, nothing left
 * of what is not authentic. The rules among calls are session/'s.
 */
#include "fixture.h"
#include "mechanism/message.h"

#define KEY "0123456789abcdef"

static uint8_t iv[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static uint8_t aad[20] = {42};
static uint8_t plain[70] = "what is to be encrypted, and some zeros behind it";

static struct kk_message message_of(uint8_t *tag)
{
    return (struct kk_message){.iv = iv, .iv_len = sizeof iv, .tag = tag, .tag_len = 16};
}

static void begin(struct kk_op *op, enum kk_op_kind kind, struct kk_key *key)
{
    op_begin(op, CKM_AES_GCM, kind, key, NULL, 0);
    assert_ok(kk_message_init(op));
}

/* What C_Encrypt makes of `plain`: ciphertext and tag. */
static void seal(struct kk_key *key, uint8_t out[sizeof plain + 16])
{
    struct kk_op op;
    CK_GCM_PARAMS gcm = {iv, sizeof iv, 0, aad, sizeof aad, 128};
    size_t len = 0;
    op_begin(&op, CKM_AES_GCM, KK_OP_ENCRYPT, key, &gcm, sizeof gcm);
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(plain), out, &len));
    assert_int_equal(len, sizeof plain + 16);
    op_end(&op);
}

static void test_messages_are_what_operations_are(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t want[sizeof plain + 16];
    uint8_t out[sizeof plain];
    uint8_t tag[16];
    const struct kk_message message = message_of(tag);
    (void)state;
    begin(&op, KK_OP_ENCRYPT, key);
    const void *context = op.context;
    for (uint8_t i = 0; i < 3; i++) {
        size_t len = 0;
        size_t more = 0;
        iv[0] = i;
        seal(key, want);
        assert_ok(kk_message_begin(&op, &message, KK_SPAN_ARRAY(aad)));
        assert_int_equal(kk_message_bound(&op, KK_PHASE_UPDATE, 33), 33);
        assert_ok(kk_message_update(&op, KK_SPAN(plain, 33), out, &len));
        assert_ok(kk_message_final(&op, &message, KK_SPAN(plain + 33, sizeof plain - 33), out + len,
                                   &more));
        assert_int_equal(len + more, sizeof plain);
        assert_memory_equal(out, want, sizeof plain);
        assert_memory_equal(tag, want + sizeof plain, 16);
        assert_ptr_equal(op.context, context);
    }
    assert_ok(kk_message_init(&op));
    assert_ptr_equal(op.context, context);
    op_end(&op);
    kk_key_unref(key);
}

static void test_what_is_not_authentic_is_wiped(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    static const uint8_t zeros[sizeof plain];
    uint8_t sealed[sizeof plain + 16];
    uint8_t out[sizeof plain];
    size_t len = 0;
    (void)state;
    seal(key, sealed);
    const struct kk_message message = message_of(sealed + sizeof plain);
    begin(&op, KK_OP_DECRYPT, key);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x10;
        assert_ok(kk_message_begin(&op, &message, KK_SPAN_ARRAY(aad)));
        assert_rv(kk_message_final(&op, &message, KK_SPAN(sealed, sizeof plain), out, &len),
                  CKR_AEAD_DECRYPT_FAILED);
        assert_memory_equal(out, zeros, sizeof out);
        sealed[i] ^= 0x10;
    }
    assert_ok(kk_message_begin(&op, &message, KK_SPAN_ARRAY(aad)));
    assert_ok(kk_message_final(&op, &message, KK_SPAN(sealed, sizeof plain), out, &len));
    assert_memory_equal(out, plain, sizeof plain);
    op_end(&op);
    kk_key_unref(key);
}

static void test_nothing_comes_out_before_the_tag_is_checked(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t sealed[sizeof plain + 16];
    uint8_t out[sizeof plain];
    size_t len = 0;
    (void)state;
    seal(key, sealed);
    const struct kk_message message = message_of(sealed + sizeof plain);
    begin(&op, KK_OP_DECRYPT, key);
    for (int round = 0; round < 2; round++) {
        sealed[5] ^= round == 0 ? 0x10 : 0;
        memset(out, 0xcc, sizeof out);
        assert_ok(kk_message_begin(&op, &message, KK_SPAN_ARRAY(aad)));
        assert_int_equal(kk_message_bound(&op, KK_PHASE_UPDATE, 33), 0);
        assert_ok(kk_message_update(&op, KK_SPAN(sealed, 33), out, &len));
        assert_int_equal(len, 0);
        assert_int_equal(out[0], 0xcc);
        assert_int_equal(kk_message_bound(&op, KK_PHASE_FINAL, sizeof plain - 33), sizeof plain);
        assert_rv(
            kk_message_final(&op, &message, KK_SPAN(sealed + 33, sizeof plain - 33), out, &len),
            round == 0 ? CKR_AEAD_DECRYPT_FAILED : CKR_OK);
        sealed[5] ^= round == 0 ? 0x10 : 0;
    }
    assert_memory_equal(out, plain, sizeof plain);
    op_end(&op);
    kk_key_unref(key);
}

/* limits.aead_buffer. */
static void test_more_than_is_kept_is_refused(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t sealed[sizeof plain + 16];
    uint8_t out[sizeof plain];
    size_t len = 0;
    (void)state;
    seal(key, sealed);
    const struct kk_message message = message_of(sealed + sizeof plain);
    begin(&op, KK_OP_DECRYPT, key);
    op.aead_buffer = 20;
    assert_ok(kk_message_begin(&op, &message, KK_SPAN_ARRAY(aad)));
    assert_ok(kk_message_update(&op, KK_SPAN(sealed, 20), out, &len));
    assert_rv(kk_message_update(&op, KK_SPAN(sealed + 20, 1), out, &len),
              CKR_ENCRYPTED_DATA_LEN_RANGE);
    /* At once any length goes. */
    assert_ok(kk_message_begin(&op, &message, KK_SPAN_ARRAY(aad)));
    assert_ok(kk_message_final(&op, &message, KK_SPAN(sealed, sizeof plain), out, &len));
    assert_memory_equal(out, plain, sizeof plain);
    op_end(&op);
    kk_key_unref(key);
}

static void test_a_new_process_knows_nothing_of_old_ivs(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t tag[16];
    struct kk_message message = message_of(tag);
    (void)state;
    message.generator = CKG_GENERATE_COUNTER;
    begin(&op, KK_OP_ENCRYPT, key);
    for (int round = 0; round < 2; round++) {
        for (uint8_t i = 0; i < 3; i++) {
            assert_ok(kk_message_begin(&op, &message, KK_SPAN(NULL, 0)));
            assert_int_equal(iv[11], i);
        }
        assert_ok(kk_message_init(&op));
    }
    op_end(&op);
    kk_key_unref(key);
}

static void test_the_last_part_says_what_the_first_said(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t tag[16];
    uint8_t out[16];
    size_t len = 0;
    struct kk_message message = message_of(tag);
    (void)state;
    begin(&op, KK_OP_ENCRYPT, key);
    assert_ok(kk_message_begin(&op, &message, KK_SPAN(NULL, 0)));
    message.tag_len = 12;
    assert_rv(kk_message_final(&op, &message, KK_SPAN(plain, 16), out, &len),
              CKR_MECHANISM_PARAM_INVALID);
    message = message_of(tag);
    assert_ok(kk_message_begin(&op, &message, KK_SPAN(NULL, 0)));
    message.iv_len = 11;
    assert_rv(kk_message_final(&op, &message, KK_SPAN(plain, 16), out, &len),
              CKR_MECHANISM_PARAM_INVALID);
    op_end(&op);
    kk_key_unref(key);
}

static void test_parameters_are_read(void **state)
{
    const struct kk_message_ops *ops = kk_registry_find(registry, CKM_AES_GCM)->message;
    uint8_t tag[16];
    CK_GCM_MESSAGE_PARAMS gcm = {iv, 12, 32, CKG_GENERATE, tag, 96};
    struct kk_message message;
    (void)state;
    assert_ok(ops->read(&gcm, &message));
    assert_ptr_equal(message.iv, iv);
    assert_int_equal(message.iv_len, 12);
    assert_int_equal(message.fixed_bits, 32);
    assert_int_equal(message.generator, CKG_GENERATE);
    assert_ptr_equal(message.tag, tag);
    assert_int_equal(message.tag_len, 12);
    static const CK_ULONG wrong_tags[] = {0, 8, 33, 88, 97, 127, 129, 136};
    for (size_t i = 0; i < KK_ARRAY_LEN(wrong_tags); i++) {
        gcm.ulTagBits = wrong_tags[i];
        assert_rv(ops->read(&gcm, &message), CKR_MECHANISM_PARAM_INVALID);
    }
    gcm.ulTagBits = 128;
    gcm.ulIvLen = 0;
    assert_rv(ops->read(&gcm, &message), CKR_MECHANISM_PARAM_INVALID);
    gcm.ulIvLen = 129;
    assert_rv(ops->read(&gcm, &message), CKR_MECHANISM_PARAM_INVALID);
}

static void test_keys_have_their_sizes(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT("seventeen bytes !"));
    (void)state;
    op_begin(&op, CKM_AES_GCM, KK_OP_ENCRYPT, key, NULL, 0);
    assert_rv(kk_message_init(&op), CKR_KEY_SIZE_RANGE);
    op_end(&op);
    kk_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_what_operations_are),
        cmocka_unit_test(test_what_is_not_authentic_is_wiped),
        cmocka_unit_test(test_nothing_comes_out_before_the_tag_is_checked),
        cmocka_unit_test(test_more_than_is_kept_is_refused),
        cmocka_unit_test(test_a_new_process_knows_nothing_of_old_ivs),
        cmocka_unit_test(test_the_last_part_says_what_the_first_said),
        cmocka_unit_test(test_parameters_are_read),
        cmocka_unit_test(test_keys_have_their_sizes),
    };
    return cmocka_run_group_tests_name("message", tests, set_up, tear_down);
}
