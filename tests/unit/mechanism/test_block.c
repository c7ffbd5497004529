/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES in ECB, CBC and CTR as operations: lengths foretold, in parts, the width of CTR's counter,
 * contexts used again. Known answers stand in tests/vectors.
 */
#include "fixture.h"

#define KEY "0123456789abcdef"

static uint8_t iv[16] = {1, 2, 3};
static uint8_t plain[100] = "what is to be encrypted, and some zeros behind it";

static const CK_MECHANISM_TYPE all[] = {CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR};

/* A parameter that fits the mechanism. */
static void begin(struct kk_op *op, CK_MECHANISM_TYPE type, enum kk_op_kind kind,
                  struct kk_key *key)
{
    CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 128};
    memcpy(ctr.cb, iv, sizeof iv);
    if (type == CKM_AES_CTR) {
        op_begin(op, type, kind, key, &ctr, sizeof ctr);
    } else if (type == CKM_AES_ECB) {
        op_begin(op, type, kind, key, NULL, 0);
    } else {
        op_begin(op, type, kind, key, iv, sizeof iv);
    }
    assert_ok(op->mechanism->cipher->init(op));
}

static size_t run(struct kk_op *op, struct kk_span in, uint8_t *out, size_t piece)
{
    const struct kk_cipher_ops *ops = op->mechanism->cipher;
    size_t done = 0;
    size_t len = 0;
    for (size_t at = 0; at < in.len; at += piece) {
        size_t n = KK_MIN(piece, in.len - at);
        size_t bound = ops->bound(op, KK_PHASE_UPDATE, n);
        assert_ok(ops->update(op, KK_SPAN(in.data + at, n), out + done, &len));
        assert_int_equal(len, bound);
        done += len;
    }
    size_t bound = ops->bound(op, KK_PHASE_FINAL, 0);
    assert_ok(ops->final(op, out + done, &len));
    assert_true(ops->exact ? len == bound : len <= bound);
    return done + len;
}

static void test_in_parts_there_and_back(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        for (size_t piece = 1; piece <= 40; piece++) {
            struct kk_op op;
            uint8_t sealed[112];
            uint8_t out[112];
            size_t len = all[m] == CKM_AES_CTR || all[m] == CKM_AES_CBC_PAD ? 90 : 96;
            begin(&op, all[m], KK_OP_ENCRYPT, key);
            size_t sealed_len = run(&op, KK_SPAN(plain, len), sealed, piece);
            op_end(&op);
            begin(&op, all[m], KK_OP_DECRYPT, key);
            assert_int_equal(run(&op, KK_SPAN(sealed, sealed_len), out, 41 - piece), len);
            assert_memory_equal(out, plain, len);
            op_end(&op);
        }
    }
    kk_key_unref(key);
}

/* Saved and restored after every part: what comes out is the same. */
static void test_states_move_after_every_part(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        for (size_t piece = 1; piece <= 40; piece++) {
            struct kk_op op;
            struct kk_op next;
            uint8_t want[112];
            uint8_t out[112];
            size_t len = all[m] == CKM_AES_CTR || all[m] == CKM_AES_CBC_PAD ? 90 : 96;
            size_t done = 0;
            size_t more = 0;
            begin(&op, all[m], KK_OP_ENCRYPT, key);
            size_t want_len = run(&op, KK_SPAN(plain, len), want, 96);
            op_end(&op);
            begin(&op, all[m], KK_OP_ENCRYPT, key);
            const struct kk_cipher_ops *ops = op.mechanism->cipher;
            for (size_t at = 0; at < len; at += piece) {
                struct kk_span in = KK_SPAN(plain + at, KK_MIN(piece, len - at));
                KK_CLEANUP(kk_buffer_clear) struct kk_buffer saved = {0};
                assert_ok(ops->update(&op, in, out + done, &more));
                done += more;
                assert_ok(ops->save(&op, &saved));
                op_end(&op);
                struct kk_reader reader = kk_reader_new(kk_buffer_span(&saved));
                op_begin(&next, all[m], KK_OP_ENCRYPT, key, NULL, 0);
                assert_ok(ops->restore(&next, &reader));
                assert_true(kk_reader_done(&reader));
                op = next;
            }
            assert_ok(ops->final(&op, out + done, &more));
            assert_int_equal(done + more, want_len);
            assert_memory_equal(out, want, want_len);
            op_end(&op);
        }
    }
    kk_key_unref(key);
}

static void test_states_that_are_cut_are_refused(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        struct kk_op op;
        uint8_t out[32];
        size_t len = 0;
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer saved = {0};
        begin(&op, all[m], KK_OP_ENCRYPT, key);
        const struct kk_cipher_ops *ops = op.mechanism->cipher;
        assert_ok(ops->update(&op, KK_SPAN(plain, 20), out, &len));
        assert_ok(ops->save(&op, &saved));
        for (size_t cut = 0; cut < saved.len; cut++) {
            struct kk_reader reader = kk_reader_new(KK_SPAN(saved.data, cut));
            assert_rv(ops->restore(&op, &reader), CKR_SAVED_STATE_INVALID);
        }
        op_end(&op);
    }
    kk_key_unref(key);
}

/* A restored counter still knows where it ends. */
static void test_a_restored_counter_has_its_bounds(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 2};
    struct kk_op op;
    uint8_t out[64];
    size_t len = 0;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer saved = {0};
    (void)state;
    op_begin(&op, CKM_AES_CTR, KK_OP_ENCRYPT, key, &ctr, sizeof ctr);
    const struct kk_cipher_ops *ops = op.mechanism->cipher;
    assert_ok(ops->init(&op));
    assert_ok(ops->update(&op, KK_SPAN(plain, 40), out, &len));
    assert_ok(ops->save(&op, &saved));
    op_end(&op);
    struct kk_reader reader = kk_reader_new(kk_buffer_span(&saved));
    op_begin(&op, CKM_AES_CTR, KK_OP_ENCRYPT, key, NULL, 0);
    assert_ok(ops->restore(&op, &reader));
    assert_ok(ops->update(&op, KK_SPAN(plain, 24), out, &len));
    assert_rv(ops->update(&op, KK_SPAN(plain, 1), out, &len), CKR_DATA_LEN_RANGE);
    op_end(&op);
    kk_key_unref(key);
}

/* Modes whose state OpenSSL keeps for itself, and RC2 and RC4, whose keys need more than is saved.
 */
static void test_states_that_cannot_be_had(void **state)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_DES_OFB64, CKM_DES_OFB8, CKM_DES_CFB64,
                                              CKM_DES_CFB8,  CKM_RC2_CBC,  CKM_RC4};
    static const uint8_t bytes[16] = {1, 2, 3};
    static const CK_RC2_CBC_PARAMS rc2 = {64, {0}};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        bool is_rc2 = types[i] == CKM_RC2_CBC;
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer saved = {0};
        struct kk_key *key = secret_key(KK_SPAN_ARRAY(bytes));
        struct kk_op op;
        uint8_t out[16];
        size_t len = 0;
        if (kk_registry_find(registry, types[i]) != NULL) {
            op_begin(&op, types[i], KK_OP_ENCRYPT, key, is_rc2 ? (const void *)&rc2 : bytes,
                     is_rc2 ? sizeof rc2 : 8);
            assert_ok(op.mechanism->cipher->init(&op));
            assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(bytes, 8), out, &len));
            assert_rv(op.mechanism->cipher->save(&op, &saved), CKR_STATE_UNSAVEABLE);
            op_end(&op);
        }
        kk_key_unref(key);
    }
}

/* RC4's key is its state: an operation must not go on where the last one stopped. RC2's effective
 * bits are the parameter's, each time. */
static void test_ciphers_of_one_use_begin_anew(void **state)
{
    static const uint8_t bytes[16] = {1, 2, 3};
    (void)state;
    if (kk_registry_find(registry, CKM_RC2_ECB) == NULL) {
        return;
    }
    struct kk_key *key = secret_key(KK_SPAN_ARRAY(bytes));
    struct kk_op op;
    uint8_t first[16];
    uint8_t second[16];
    size_t len = 0;
    op_begin(&op, CKM_RC4, KK_OP_ENCRYPT, key, NULL, 0);
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(bytes), first, &len));
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(bytes), second, &len));
    assert_memory_equal(first, second, sizeof first);
    op_end(&op);
    op_begin(&op, CKM_RC2_ECB, KK_OP_ENCRYPT, key, &(CK_ULONG){64}, sizeof(CK_ULONG));
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(bytes), first, &len));
    op_param(&op, &(CK_ULONG){128}, sizeof(CK_ULONG));
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN_ARRAY(bytes), second, &len));
    assert_memory_not_equal(first, second, sizeof first);
    op_end(&op);
    kk_key_unref(key);
}

static void test_lengths_of_single_parts_are_foretold(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        bool pads = all[m] == CKM_AES_CBC_PAD;
        struct kk_op op;
        uint8_t out[112];
        size_t len = 0;
        begin(&op, all[m], KK_OP_ENCRYPT, key);
        size_t bound = op.mechanism->cipher->bound(&op, KK_PHASE_SINGLE, 32);
        assert_int_equal(bound, pads ? 48 : 32);
        assert_int_equal(op.mechanism->cipher->exact, !pads);
        assert_ok(op.mechanism->cipher->single(&op, KK_SPAN(plain, 32), out, &len));
        assert_int_equal(len, bound);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_bytes_left_over_are_refused_and_nothing_is_put_out_at_once(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        struct kk_op op;
        uint8_t out[112];
        size_t len = 0;
        memset(out, 0xcc, sizeof out);
        begin(&op, all[m], KK_OP_ENCRYPT, key);
        assert_rv(op.mechanism->cipher->single(&op, KK_SPAN(plain, 33), out, &len),
                  CKR_DATA_LEN_RANGE);
        assert_int_equal(out[0], 0xcc);
        assert_ok(op.mechanism->cipher->init(&op));
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, 33), out, &len));
        assert_rv(op.mechanism->cipher->final(&op, out, &len), CKR_DATA_LEN_RANGE);
        op_end(&op);
        begin(&op, all[m], KK_OP_DECRYPT, key);
        assert_rv(op.mechanism->cipher->single(&op, KK_SPAN(plain, 33), out, &len),
                  CKR_ENCRYPTED_DATA_LEN_RANGE);
        assert_ok(op.mechanism->cipher->init(&op));
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, 33), out, &len));
        assert_rv(op.mechanism->cipher->final(&op, out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
        op_end(&op);
    }
    kk_key_unref(key);
}

/* 4 bits from 14 on: two blocks, in whatever parts they come. */
static void test_ctr_counts_no_further_than_its_bits(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 4, .cb = {[15] = 0xae}};
    struct kk_op op;
    uint8_t out[64];
    size_t len = 0;
    (void)state;
    op_begin(&op, CKM_AES_CTR, KK_OP_ENCRYPT, key, &ctr, sizeof ctr);
    for (size_t piece = 1; piece <= 32; piece++) {
        size_t done = 0;
        assert_ok(op.mechanism->cipher->init(&op));
        while (done + piece <= 32) {
            assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, piece), out, &len));
            done += piece;
        }
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, 0), out, &len));
        assert_rv(op.mechanism->cipher->update(&op, KK_SPAN(plain, 33 - done), out, &len),
                  CKR_DATA_LEN_RANGE);
    }
    assert_ok(op.mechanism->cipher->init(&op));
    assert_ok(op.mechanism->cipher->single(&op, KK_SPAN(plain, 32), out, &len));
    assert_ok(op.mechanism->cipher->init(&op));
    assert_rv(op.mechanism->cipher->single(&op, KK_SPAN(plain, 33), out, &len), CKR_DATA_LEN_RANGE);
    op_end(&op);
    kk_key_unref(key);
}

/* Every width, with the counter one block before its end: one block fits, no more. With the counter
 * at 0 a width from 3 bits on has room for 100 bytes. */
static void test_ctr_of_every_width(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (CK_ULONG bits = 1; bits <= 128; bits++) {
        CK_AES_CTR_PARAMS ctr = {.ulCounterBits = bits};
        struct kk_op op;
        uint8_t out[112];
        size_t len = 0;
        op_begin(&op, CKM_AES_CTR, KK_OP_DECRYPT, key, &ctr, sizeof ctr);
        assert_ok(op.mechanism->cipher->init(&op));
        size_t room = bits < 3 ? (size_t)16 << bits : 100;
        assert_ok(op.mechanism->cipher->single(&op, KK_SPAN(plain, room), out, &len));
        for (CK_ULONG bit = 0; bit < bits; bit++) {
            ctr.cb[15 - bit / 8] |= (uint8_t)(1u << (bit % 8));
        }
        op_param(&op, &ctr, sizeof ctr);
        assert_ok(op.mechanism->cipher->init(&op));
        assert_ok(op.mechanism->cipher->update(&op, KK_SPAN(plain, 16), out, &len));
        assert_rv(op.mechanism->cipher->update(&op, KK_SPAN(plain, 1), out, &len),
                  CKR_DATA_LEN_RANGE);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_the_same_key_again_allocates_nothing(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        struct kk_op op;
        uint8_t first[112];
        uint8_t out[112];
        size_t len = 0;
        begin(&op, all[m], KK_OP_ENCRYPT, key);
        assert_ok(op.mechanism->cipher->single(&op, KK_SPAN(plain, 64), first, &len));
        unsigned long before = kk_alloc_count();
        for (int i = 0; i < 5; i++) {
            assert_ok(op.mechanism->cipher->init(&op));
            assert_ok(op.mechanism->cipher->single(&op, KK_SPAN(plain, 64), out, &len));
            assert_memory_equal(out, first, len);
        }
        assert_int_equal(kk_alloc_count(), before);
        op_end(&op);
    }
    kk_key_unref(key);
}

static void test_keys_and_parameters_that_cannot_be(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT("too short"));
    struct kk_key *good = secret_key(KK_SPAN_TEXT(KEY));
    (void)state;
    op_begin(&op, CKM_AES_CBC, KK_OP_ENCRYPT, key, iv, sizeof iv);
    assert_rv(op.mechanism->cipher->init(&op), CKR_KEY_SIZE_RANGE);
    op.key = good;
    op_param(&op, NULL, 0);
    assert_rv(op.mechanism->cipher->init(&op), CKR_MECHANISM_PARAM_INVALID);
    op_param(&op, iv, 15);
    assert_rv(op.mechanism->cipher->init(&op), CKR_MECHANISM_PARAM_INVALID);
    assert_null(op.context);
    op_end(&op);
    kk_key_unref(key);
    kk_key_unref(good);
}

static void test_wrapping_nothing_is_refused(void **state)
{
    struct kk_key *key = secret_key(KK_SPAN_TEXT(KEY));
    struct kk_secret *out = NULL;
    size_t len = 0;
    (void)state;
    for (size_t m = 0; m < KK_ARRAY_LEN(all); m++) {
        struct kk_op op;
        begin(&op, all[m], KK_OP_ENCRYPT, key);
        const struct kk_wrap_ops *ops = op.mechanism->wrap;
        assert_rv(ops->length(op.mechanism, key, &op.param, 0, &len), CKR_KEY_SIZE_RANGE);
        assert_rv(ops->length(op.mechanism, key, &op.param, SIZE_MAX, &len), CKR_KEY_SIZE_RANGE);
        assert_rv(ops->unwrap(crypto, op.mechanism, key, &op.param, KK_SPAN(NULL, 0), &out),
                  CKR_WRAPPED_KEY_LEN_RANGE);
        assert_int_equal(ops->private_keys, all[m] == CKM_AES_CBC_PAD);
        op_end(&op);
    }
    assert_null(out);
    kk_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_parts_there_and_back),
        cmocka_unit_test(test_states_move_after_every_part),
        cmocka_unit_test(test_states_that_are_cut_are_refused),
        cmocka_unit_test(test_a_restored_counter_has_its_bounds),
        cmocka_unit_test(test_states_that_cannot_be_had),
        cmocka_unit_test(test_ciphers_of_one_use_begin_anew),
        cmocka_unit_test(test_lengths_of_single_parts_are_foretold),
        cmocka_unit_test(test_bytes_left_over_are_refused_and_nothing_is_put_out_at_once),
        cmocka_unit_test(test_ctr_counts_no_further_than_its_bits),
        cmocka_unit_test(test_ctr_of_every_width),
        cmocka_unit_test(test_the_same_key_again_allocates_nothing),
        cmocka_unit_test(test_keys_and_parameters_that_cannot_be),
        cmocka_unit_test(test_wrapping_nothing_is_refused),
    };
    return cmocka_run_group_tests_name("block", tests, set_up, tear_down);
}
