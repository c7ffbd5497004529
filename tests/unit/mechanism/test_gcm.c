/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-GCM as operations: lengths foretold, nothing out before the tag, contexts used again without
 * allocating. Known answers stand in tests/vectors.
 */
#include "fixture.h"

#define KEY "0123456789abcdef"

static uint8_t iv[128] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static uint8_t aad[40] = {42};
static uint8_t plain[100] = "what is to be encrypted, and some zeros behind it";

static CK_GCM_PARAMS gcm_params(size_t iv_len, size_t aad_len, CK_ULONG tag_bits)
{
    return (CK_GCM_PARAMS){iv, iv_len, 0, aad_len == 0 ? NULL : aad, aad_len, tag_bits};
}

static void begin(struct kk_op *op, enum kk_op_kind kind, struct kk_key *key)
{
    CK_GCM_PARAMS gcm = gcm_params(12, sizeof aad, 128);
    op_begin(op, CKM_AES_GCM, kind, key, &gcm, sizeof gcm);
    assert_ok(op->mechanism->cipher->init(op));
}

static size_t seal(struct kk_key *key, uint8_t *out)
{
    struct kk_op op;
    size_t len = 0;
    begin(&op, KK_OP_ENCRYPT, key);
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(plain), out, &len));
    op_end(&op);
    return len;
}

static void test_lengths_are_foretold(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t out[16];
    size_t len = 1;
    (void)state;
    begin(&op, KK_OP_ENCRYPT, key);
    const struct kk_cipher_ops *ops = op.mechanism->cipher;
    assert_true(ops->exact);
    assert_int_equal(ops->bound(&op, KK_PHASE_UPDATE, 33), 33);
    assert_int_equal(ops->bound(&op, KK_PHASE_FINAL, 0), 16);
    assert_int_equal(ops->bound(&op, KK_PHASE_SINGLE, 33), 49);
    op_end(&op);
    begin(&op, KK_OP_DECRYPT, key);
    assert_int_equal(ops->bound(&op, KK_PHASE_UPDATE, 33), 0);
    assert_int_equal(ops->bound(&op, KK_PHASE_SINGLE, 33), 17);
    assert_int_equal(ops->bound(&op, KK_PHASE_SINGLE, 15), 0);
    assert_int_equal(ops->bound(&op, KK_PHASE_FINAL, 0), 0);
    assert_ok(ops->update(&op, KK_SPAN(plain, 40), out, &len));
    assert_int_equal(len, 0);
    assert_int_equal(ops->bound(&op, KK_PHASE_FINAL, 0), 24);
    op_end(&op);
    kk_key_unref(key);
}

static void test_decryption_in_parts_gives_nothing_out_before_the_end(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t sealed[sizeof plain + 16];
    uint8_t out[sizeof plain + 1];
    size_t len = 0;
    (void)state;
    seal(key, sealed);
    memset(out, 0xcc, sizeof out);
    begin(&op, KK_OP_DECRYPT, key);
    for (size_t at = 0; at < sizeof sealed; at += 29) {
        size_t piece = KK_MIN((size_t)29, sizeof sealed - at);
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(sealed + at, piece), out, &len));
        assert_int_equal(len, 0);
        assert_int_equal(out[0], 0xcc);
    }
    assert_ok(op.mechanism->cipher->final(&op, out, &len));
    assert_int_equal(len, sizeof plain);
    assert_memory_equal(out, plain, sizeof plain);
    assert_int_equal(out[sizeof plain], 0xcc);
    op_end(&op);
    kk_key_unref(key);
}

static void test_a_wrong_tag_leaves_nothing_in_the_output(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t sealed[sizeof plain + 16];
    uint8_t out[sizeof plain];
    static const uint8_t zeros[sizeof plain];
    size_t len = 0;
    (void)state;
    seal(key, sealed);
    for (size_t at = 0; at < sizeof sealed; at += 5) {
        sealed[at] ^= 1;
        begin(&op, KK_OP_DECRYPT, key);
        memset(out, 0xcc, sizeof out);
        assert_rv(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(sealed), out, &len),
                  CKR_ENCRYPTED_DATA_INVALID);
        assert_memory_equal(out, zeros, sizeof out);
        assert_ok(op.mechanism->cipher->init(&op));
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN_ARRAY(sealed), out, &len));
        memset(out, 0xcc, sizeof out);
        assert_rv(op.mechanism->cipher->final(&op, out, &len), CKR_ENCRYPTED_DATA_INVALID);
        assert_memory_equal(out, zeros, sizeof out);
        /* The context is good for the next one. */
        sealed[at] ^= 1;
        assert_ok(op.mechanism->cipher->init(&op));
        assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(sealed), out, &len));
        assert_memory_equal(out, plain, sizeof plain);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_too_short_for_a_tag(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t out[16];
    size_t len = 0;
    (void)state;
    for (size_t n = 0; n < 16; n++) {
        begin(&op, KK_OP_DECRYPT, key);
        assert_rv(op.mechanism->cipher->single(&op, KK_SPAN(plain, n), out, &len),
                  CKR_ENCRYPTED_DATA_LEN_RANGE);
        assert_ok(op.mechanism->cipher->init(&op));
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, n), out, &len));
        assert_rv(op.mechanism->cipher->final(&op, out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_what_is_kept_for_decryption_has_a_bound(void **state)
{
    enum { PIECE = 1 << 20 };
    static uint8_t piece[PIECE];
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t out[1];
    size_t len = 0;
    (void)state;
    begin(&op, KK_OP_DECRYPT, key);
    for (int i = 0; i < 64; i++) {
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN_ARRAY(piece), out, &len));
    }
    assert_rv(op.mechanism->cipher->update(&op, KK_SPAN(piece, 1), out, &len),
              CKR_ENCRYPTED_DATA_LEN_RANGE);
    op_end(&op);
    kk_key_unref(key);
}

static void test_the_same_key_again_allocates_nothing(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t out[2][sizeof plain + 16];
    size_t len = 0;
    CK_GCM_PARAMS gcm = gcm_params(12, sizeof aad, 128);
    (void)state;
    begin(&op, KK_OP_ENCRYPT, key);
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(plain), out[0], &len));
    const void *context = op.context;
    unsigned long before = kk_alloc_count();
    for (int i = 0; i < 10; i++) {
        op_param(&op, &gcm, sizeof gcm);
        assert_ok(op.mechanism->cipher->init(&op));
        assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(plain), out[1], &len));
    }
    assert_int_equal(kk_alloc_count(), before);
    assert_ptr_equal(op.context, context);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    op_end(&op);
    kk_key_unref(key);
}

static void test_iv_data_and_tag_of_each_operation_are_its_own(void **state)
{
    static const struct {
        size_t iv_len, aad_len;
        CK_ULONG tag_bits;
    } turns[] = {{12, 40, 128}, {16, 0, 96},   {12, 1, 32},
                 {1, 40, 128},  {128, 40, 64}, {12, 40, 128}};
    struct kk_op kept;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    begin(&kept, KK_OP_ENCRYPT, key);
    for (size_t i = 0; i < KK_ARRAY_LEN(turns); i++) {
        struct kk_op fresh;
        uint8_t out[2][sizeof plain + 16];
        size_t len[2] = {0};
        CK_GCM_PARAMS gcm = gcm_params(turns[i].iv_len, turns[i].aad_len, turns[i].tag_bits);
        op_begin(&fresh, CKM_AES_GCM, KK_OP_ENCRYPT, key, &gcm, sizeof gcm);
        op_param(&kept, &gcm, sizeof gcm);
        assert_ok(fresh.mechanism->cipher->init(&fresh));
        assert_ok(kept.mechanism->cipher->init(&kept));
        assert_ok(fresh.mechanism->cipher->single(&fresh, KK_SPAN_ARRAY(plain), out[0], &len[0]));
        assert_ok(kept.mechanism->cipher->single(&kept, KK_SPAN_ARRAY(plain), out[1], &len[1]));
        assert_int_equal(len[0], sizeof plain + turns[i].tag_bits / 8);
        assert_int_equal(len[0], len[1]);
        assert_memory_equal(out[0], out[1], len[0]);
        op_end(&fresh);
    }
    op_end(&kept);
    kk_key_unref(key);
}

static void test_an_operation_that_was_dropped_leaves_no_trace(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t want[sizeof plain + 16];
    uint8_t out[sizeof plain + 16];
    size_t len = 0;
    (void)state;
    seal(key, want);
    begin(&op, KK_OP_ENCRYPT, key);
    assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, 33), out, &len));
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(plain), out, &len));
    assert_memory_equal(out, want, sizeof want);
    op_end(&op);
    begin(&op, KK_OP_DECRYPT, key);
    assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, 33), out, &len));
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->update(&op, KK_SPAN_ARRAY(want), out, &len));
    assert_ok(op.mechanism->cipher->final(&op, out, &len));
    assert_memory_equal(out, plain, sizeof plain);
    op_end(&op);
    kk_key_unref(key);
}

static void test_in_place(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    uint8_t memory[sizeof plain + 16];
    uint8_t want[sizeof plain + 16];
    size_t len = 0;
    (void)state;
    seal(key, want);
    memcpy(memory, plain, sizeof plain);
    begin(&op, KK_OP_ENCRYPT, key);
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN(memory, sizeof plain), memory, &len));
    assert_memory_equal(memory, want, sizeof want);
    op_end(&op);
    begin(&op, KK_OP_DECRYPT, key);
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(memory), memory, &len));
    assert_memory_equal(memory, plain, sizeof plain);
    op_end(&op);
    kk_key_unref(key);
}

static void test_keys_of_a_wrong_size_and_no_parameter(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT("seventeen bytes !"));
    CK_GCM_PARAMS gcm = gcm_params(12, 0, 128);
    (void)state;
    op_begin(&op, CKM_AES_GCM, KK_OP_ENCRYPT, key, &gcm, sizeof gcm);
    assert_rv(op.mechanism->cipher->init(&op), CKR_KEY_SIZE_RANGE);
    assert_null(op.context);
    op_param(&op, NULL, 0);
    assert_rv(op.mechanism->cipher->init(&op), CKR_MECHANISM_PARAM_INVALID);
    op_end(&op);
    kk_key_unref(key);
}

static void test_no_memory_is_said(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    CK_GCM_PARAMS gcm = gcm_params(12, 0, 128);
    unsigned long n = 1;
    (void)state;
    op_begin(&op, CKM_AES_GCM, KK_OP_DECRYPT, key, &gcm, sizeof gcm);
    for (;; n++) {
        uint8_t out[1];
        size_t len = 0;
        kk_alloc_fail_at(n);
        CK_RV rv = op.mechanism->cipher->init(&op);
        if (rv == CKR_OK) {
            rv = op.mechanism->cipher->update(&op, KK_SPAN_ARRAY(plain), out, &len);
        }
        kk_alloc_fail_at(0);
        if (rv == CKR_OK) {
            break;
        }
        assert_rv(rv, CKR_HOST_MEMORY);
    }
    assert_true(n > 2);
    op_end(&op);
    kk_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_are_foretold),
        cmocka_unit_test(test_decryption_in_parts_gives_nothing_out_before_the_end),
        cmocka_unit_test(test_a_wrong_tag_leaves_nothing_in_the_output),
        cmocka_unit_test(test_too_short_for_a_tag),
        cmocka_unit_test(test_what_is_kept_for_decryption_has_a_bound),
        cmocka_unit_test(test_the_same_key_again_allocates_nothing),
        cmocka_unit_test(test_iv_data_and_tag_of_each_operation_are_its_own),
        cmocka_unit_test(test_an_operation_that_was_dropped_leaves_no_trace),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_keys_of_a_wrong_size_and_no_parameter),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests_name("gcm", tests, set_up, tear_down);
}
