/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every row of the registry with a secret key, or none: a message in parts gives what it gives at
 * once, wherever it is cut, in place and with buffers that overlap; every allocation may fail; a
 * changed message of an authenticated mechanism is refused and nothing of it given out.
 */
#include "fixture.h"

#define MESSAGE_MAX 400
#define ROUNDS 20

static uint8_t message[MESSAGE_MAX];

/* A parameter that fits a row and a message of `len` bytes. */
struct some_param {
    union {
        CK_ULONG number;
        CK_AES_CTR_PARAMS ctr;
        CK_RC2_CBC_PARAMS rc2;
        CK_RC2_MAC_GENERAL_PARAMS rc2_mac;
        CK_GCM_PARAMS gcm;
        CK_CCM_PARAMS ccm;
        CK_CHACHA20_PARAMS chacha;
        CK_SALSA20_PARAMS salsa;
        CK_SALSA20_CHACHA20_POLY1305_PARAMS aead;
        CK_TLS_MAC_PARAMS tls;
        uint8_t iv[32];
    } value;
    size_t len;
};

static uint8_t nonce[32] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

static void set_ulong(struct some_param *param)
{
    param->value.number = 4;
    param->len = sizeof param->value.number;
}

static void set_ctr(struct some_param *param)
{
    param->value.ctr = (CK_AES_CTR_PARAMS){.ulCounterBits = 32};
    param->len = sizeof param->value.ctr;
}

/* GMAC's data is the message. */
static void set_rc2(struct some_param *param)
{
    param->value.rc2 = (CK_RC2_CBC_PARAMS){.ulEffectiveBits = 64};
    param->len = sizeof param->value.rc2;
}

static void set_rc2_mac(struct some_param *param)
{
    param->value.rc2_mac = (CK_RC2_MAC_GENERAL_PARAMS){64, 8};
    param->len = sizeof param->value.rc2_mac;
}

static void set_gcm(struct some_param *param, bool has_aad)
{
    param->value.gcm = (CK_GCM_PARAMS){nonce, 12, 0, has_aad ? nonce : NULL, has_aad ? 7 : 0, 128};
    param->len = sizeof param->value.gcm;
}

static void set_ccm(struct some_param *param, size_t len)
{
    param->value.ccm = (CK_CCM_PARAMS){len, nonce, 12, nonce, 7, 16};
    param->len = sizeof param->value.ccm;
}

static void set_chacha(struct some_param *param)
{
    param->value.chacha = (CK_CHACHA20_PARAMS){nonce, 64, nonce, 64};
    param->len = sizeof param->value.chacha;
}

static void set_salsa(struct some_param *param)
{
    param->value.salsa = (CK_SALSA20_PARAMS){nonce, nonce, 192};
    param->len = sizeof param->value.salsa;
}

static void set_aead(struct some_param *param)
{
    param->value.aead = (CK_SALSA20_CHACHA20_POLY1305_PARAMS){nonce, 192, nonce, 9};
    param->len = sizeof param->value.aead;
}

static void set_tls(struct some_param *param)
{
    param->value.tls = (CK_TLS_MAC_PARAMS){CKM_SHA384, 40, 1};
    param->len = sizeof param->value.tls;
}

static void make_param(const struct kk_mechanism *row, size_t len, size_t iv_len,
                       struct some_param *param)
{
    memset(param, 0, sizeof *param);
    switch ((int)row->shape) {
    case KK_PARAM_NONE:
        return;
    case KK_PARAM_BYTES:
        param->len = iv_len;
        return;
    case KK_PARAM_ULONG:
        set_ulong(param);
        return;
    case KK_PARAM_AES_CTR:
    case KK_PARAM_CAMELLIA_CTR:
        set_ctr(param);
        return;
    case KK_PARAM_RC2_CBC:
        set_rc2(param);
        return;
    case KK_PARAM_RC2_MAC_GENERAL:
        set_rc2_mac(param);
        return;
    case KK_PARAM_GCM:
        set_gcm(param, row->cipher != NULL);
        return;
    case KK_PARAM_CCM:
        set_ccm(param, len);
        return;
    case KK_PARAM_CHACHA20:
        set_chacha(param);
        return;
    case KK_PARAM_SALSA20:
        set_salsa(param);
        return;
    case KK_PARAM_SALSA20_CHACHA20_POLY1305:
        set_aead(param);
        return;
    case KK_PARAM_TLS_MAC:
        set_tls(param);
        return;
    default:
        fail_msg("%s: this test has no parameter of its shape", row->name);
    }
}

static CK_RV start(struct kk_op *op)
{
    if (op->kind == KK_OP_ENCRYPT || op->kind == KK_OP_DECRYPT) {
        return op->mechanism->cipher->init(op);
    }
    return op->kind == KK_OP_DIGEST ? op->mechanism->digest->init(op)
                                    : op->mechanism->sign->init(op);
}

/* An IV has a block's length, or half of one, which the row does not say: each is tried. */
static CK_RV begin(struct kk_op *op, const struct kk_mechanism *row, enum kk_op_kind kind,
                   struct kk_key *key, size_t len)
{
    CK_RV rv = CKR_OK;
    for (size_t iv_len = 16; iv_len >= 4; iv_len /= 2) {
        struct some_param param;
        make_param(row, len, iv_len, &param);
        op_begin(op, row->type, kind, key, &param.value, param.len);
        rv = start(op);
        if (rv != CKR_MECHANISM_PARAM_INVALID || iv_len == 4) {
            return rv;
        }
        op_end(op);
    }
    return rv;
}

static CK_RV single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    const struct kk_mechanism *row = op->mechanism;
    if (op->kind == KK_OP_DIGEST) {
        return row->digest->single(op, in, out, ret_len);
    }
    if (op->kind == KK_OP_SIGN) {
        return row->sign->single(op, in, out, ret_len);
    }
    if (row->cipher->single != NULL) {
        return row->cipher->single(op, in, out, ret_len);
    }
    size_t first = 0;
    CK_RV rv = row->cipher->update(op, in, out, &first);
    rv = rv == CKR_OK ? row->cipher->final(op, out + first, ret_len) : rv;
    *ret_len += first;
    return rv;
}

static CK_RV once(const struct kk_mechanism *row, enum kk_op_kind kind, struct kk_key *key,
                  size_t message_len, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct kk_op op;
    CK_RV rv = begin(&op, row, kind, key, message_len);
    if (rv == CKR_OK) {
        rv = single(&op, in, out, ret_len);
    }
    op_end(&op);
    return rv;
}

static CK_RV update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    *ret_len = 0;
    if (op->kind == KK_OP_DIGEST) {
        return op->mechanism->digest->update(op, in);
    }
    if (op->kind == KK_OP_SIGN) {
        return op->mechanism->sign->update(op, in);
    }
    size_t bound = op->mechanism->cipher->bound(op, KK_PHASE_UPDATE, in.len);
    CK_RV rv = op->mechanism->cipher->update(op, in, out, ret_len);
    assert_true(*ret_len <= bound);
    return rv;
}

static CK_RV finish(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    if (op->kind == KK_OP_DIGEST) {
        return op->mechanism->digest->final(op, out, ret_len);
    }
    return op->kind == KK_OP_SIGN ? op->mechanism->sign->final(op, out, ret_len)
                                  : op->mechanism->cipher->final(op, out, ret_len);
}

/* The same numbers each time. */
static size_t next_number(void)
{
    static uint32_t state = 20260101;
    state = state * 1664525 + 1013904223;
    return state >> 16;
}

/* Cut anywhere; some parts are empty. */
static void in_parts(const struct kk_mechanism *row, enum kk_op_kind kind, struct kk_key *key,
                     size_t message_len, struct kk_span in, struct kk_span want)
{
    uint8_t out[MESSAGE_MAX * 2];
    struct kk_op op;
    size_t total = 0;
    size_t len = 0;
    assert_ok(begin(&op, row, kind, key, message_len));
    for (size_t at = 0; at < in.len;) {
        size_t want_piece = next_number() % 50;
        size_t piece = KK_MIN(want_piece, in.len - at);
        assert_ok(update(&op, KK_SPAN(in.data + at, piece), out + total, &len));
        at += piece;
        total += len;
    }
    assert_ok(finish(&op, out + total, &len));
    op_end(&op);
    if (!kk_mem_equal(out, total + len, want.data, want.len)) {
        fail_msg("%s: in parts another result than at once", row->name);
    }
}

/* The output `ahead` bytes before the input, in it, or behind it. */
static void overlapping(const struct kk_mechanism *row, enum kk_op_kind kind, struct kk_key *key,
                        size_t message_len, struct kk_span in, struct kk_span want)
{
    static const size_t places[] = {0, 1, 16, 32, 33, 64};
    uint8_t room[MESSAGE_MAX * 3];
    for (size_t i = 0; i < KK_ARRAY_LEN(places); i++) {
        size_t len = 0;
        memcpy(room + 32, in.data, in.len);
        assert_ok(
            once(row, kind, key, message_len, KK_SPAN(room + 32, in.len), room + places[i], &len));
        if (!kk_mem_equal(room + places[i], len, want.data, want.len)) {
            fail_msg("%s: overlapping by %zu another result", row->name, places[i]);
        }
    }
}

/* The longest key that the row's type can have, or one that the row takes. */
static struct kk_key *key_for(const struct kk_mechanism *row)
{
    static uint8_t bytes[64];
    size_t min = 0;
    size_t max = 0;
    size_t step = 0;
    assert_true(kk_key_type_lengths(row->key_type, &min, &max, &step));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 1);
    }
    bool counts_bytes = row->max_key > 0 && row->min_key < sizeof bytes;
    size_t most = counts_bytes ? KK_MIN((size_t)row->max_key, sizeof bytes) : sizeof bytes;
    return secret_key(KK_SPAN(bytes, max == 0 ? 32 : KK_MIN(max, most)));
}

static bool is_secret(const struct kk_mechanism *row)
{
    bool takes_data = row->sign == NULL || row->sign->turns == NULL; /* one-time passwords do not */
    return takes_data && row->key_type != KK_NO_KEY_TYPE &&
           kk_key_kind_of(row->key_type) == KK_KEY_SECRET;
}

static void check_cipher(const struct kk_mechanism *row, struct kk_key *key, size_t len)
{
    uint8_t sealed[MESSAGE_MAX * 2];
    size_t sealed_len = 0;
    struct kk_span plain = KK_SPAN(message, len);
    CK_RV rv = once(row, KK_OP_ENCRYPT, key, len, plain, sealed, &sealed_len);
    if (rv == CKR_DATA_LEN_RANGE) {
        return;
    }
    assert_rv(rv, CKR_OK);
    struct kk_span cipher = KK_SPAN(sealed, sealed_len);
    for (size_t i = 0; i < ROUNDS && row->cipher->update != NULL; i++) {
        in_parts(row, KK_OP_ENCRYPT, key, len, plain, cipher);
        in_parts(row, KK_OP_DECRYPT, key, len, cipher, plain);
    }
    overlapping(row, KK_OP_ENCRYPT, key, len, plain, cipher);
    overlapping(row, KK_OP_DECRYPT, key, len, cipher, plain);
}

static void test_ciphers_in_parts(void **state)
{
    static const size_t lengths[] = {16, 17, 31, 32, 33, 48, 64, 77, 128, 255, 256, 320};
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        if (row->cipher == NULL || !is_secret(row)) {
            continue;
        }
        struct kk_key *key = key_for(row);
        for (size_t j = 0; j < KK_ARRAY_LEN(lengths); j++) {
            check_cipher(row, key, lengths[j]);
        }
        kk_key_unref(key);
        count++;
    }
    assert_true(count > 5);
}

static void check_result(const struct kk_mechanism *row, enum kk_op_kind kind, struct kk_key *key)
{
    for (size_t len = 0; len < MESSAGE_MAX; len += 1 + len / 8) {
        uint8_t out[MESSAGE_MAX];
        size_t out_len = 0;
        struct kk_span in = KK_SPAN(message, len);
        assert_ok(once(row, kind, key, len, in, out, &out_len));
        for (size_t i = 0; i < 4; i++) {
            in_parts(row, kind, key, len, in, KK_SPAN(out, out_len));
        }
    }
}

static void test_macs_and_digests_in_parts(void **state)
{
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        if (row->digest != NULL) {
            check_result(row, KK_OP_DIGEST, NULL);
            count++;
        } else if (row->sign != NULL && row->sign->update != NULL && is_secret(row)) {
            struct kk_key *key = key_for(row);
            check_result(row, KK_OP_SIGN, key);
            kk_key_unref(key);
            count++;
        }
    }
    assert_true(count > 20);
}

static bool is_authenticated(const struct kk_mechanism *row)
{
    return row->shape == KK_PARAM_GCM || row->shape == KK_PARAM_CCM ||
           row->shape == KK_PARAM_SALSA20_CHACHA20_POLY1305;
}

static void expect_refused(const struct kk_mechanism *row, struct kk_key *key,
                           struct kk_span cipher, size_t len)
{
    static const uint8_t zeros[MESSAGE_MAX];
    uint8_t out[MESSAGE_MAX];
    struct kk_op op;
    size_t got = 0;
    memset(out, 0xcc, sizeof out);
    assert_rv(once(row, KK_OP_DECRYPT, key, len, cipher, out, &got), CKR_ENCRYPTED_DATA_INVALID);
    assert_memory_equal(out, zeros, len);
    assert_ok(begin(&op, row, KK_OP_DECRYPT, key, len));
    memset(out, 0xcc, sizeof out);
    assert_ok(row->cipher->update(&op, cipher, out, &got));
    assert_int_equal(got, 0);
    assert_int_equal(out[0], 0xcc);
    assert_rv(row->cipher->final(&op, out, &got), CKR_ENCRYPTED_DATA_INVALID);
    assert_memory_equal(out, zeros, len);
    assert_int_equal(out[len], 0xcc);
    op_end(&op);
}

static void test_what_was_changed_is_refused_and_stays_inside(void **state)
{
    enum { LEN = 50 };
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        uint8_t sealed[MESSAGE_MAX];
        size_t sealed_len = 0;
        if (row->cipher == NULL || !is_authenticated(row)) {
            continue;
        }
        struct kk_key *key = key_for(row);
        assert_ok(once(row, KK_OP_ENCRYPT, key, LEN, KK_SPAN(message, LEN), sealed, &sealed_len));
        for (size_t at = 0; at < sealed_len; at++) {
            sealed[at] ^= (uint8_t)(1U << at % 8);
            expect_refused(row, key, KK_SPAN(sealed, sealed_len), LEN);
            sealed[at] ^= (uint8_t)(1U << at % 8);
        }
        kk_key_unref(key);
        count++;
    }
    assert_true(count >= 3);
}

/* limits.aead_buffer: what is kept until the tag is checked. */
static void test_no_more_is_kept_than_the_limit(void **state)
{
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        uint8_t out[MESSAGE_MAX];
        struct kk_op op;
        size_t len = 0;
        if (row->cipher == NULL || !is_authenticated(row)) {
            continue;
        }
        struct kk_key *key = key_for(row);
        assert_ok(begin(&op, row, KK_OP_DECRYPT, key, 200));
        op.aead_buffer = 100;
        assert_ok(row->cipher->update(&op, KK_SPAN(message, 60), out, &len));
        assert_ok(row->cipher->update(&op, KK_SPAN(message, 40), out, &len));
        assert_rv(row->cipher->update(&op, KK_SPAN(message, 1), out, &len),
                  CKR_ENCRYPTED_DATA_LEN_RANGE);
        op_end(&op);
        kk_key_unref(key);
        count++;
    }
    assert_true(count >= 3);
}

static CK_RV whole(const struct kk_mechanism *row, enum kk_op_kind kind, struct kk_key *key)
{
    enum { LEN = 64 };
    uint8_t out[MESSAGE_MAX];
    struct kk_op op;
    size_t first = 0;
    size_t last = 0;
    CK_RV rv = begin(&op, row, kind, key, LEN);
    rv = rv == CKR_OK ? update(&op, KK_SPAN(message, LEN), out, &first) : rv;
    rv = rv == CKR_OK ? finish(&op, out + first, &last) : rv;
    op_end(&op);
    return rv;
}

static void every_allocation_fails(const struct kk_mechanism *row, enum kk_op_kind kind,
                                   struct kk_key *key)
{
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long nth = 1; rv != CKR_OK; nth++) {
        assert_true(nth < 100);
        kk_alloc_fail_at(nth);
        rv = whole(row, kind, key);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
    }
}

static void test_no_memory_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        bool encrypts = row->cipher != NULL && row->cipher->update != NULL;
        bool signs = row->sign != NULL && row->sign->update != NULL;
        if (!is_secret(row) || (!encrypts && !signs)) {
            continue;
        }
        struct kk_key *key = key_for(row);
        every_allocation_fails(row, encrypts ? KK_OP_ENCRYPT : KK_OP_SIGN, key);
        kk_key_unref(key);
    }
}

/* Lengths that the row's key type cannot have, or that the row does not take. */
static void test_keys_of_a_wrong_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        size_t min = 0;
        size_t max = 0;
        size_t step = 0;
        if (!is_secret(row) || (row->cipher == NULL && row->sign == NULL) ||
            !kk_key_type_lengths(row->key_type, &min, &max, &step) || max == 0) {
            continue;
        }
        struct kk_key *key = secret_key(KK_SPAN(message, max + 1));
        struct kk_op op;
        CK_RV rv = begin(&op, row, row->cipher != NULL ? KK_OP_ENCRYPT : KK_OP_SIGN, key, 32);
        if (rv != CKR_KEY_SIZE_RANGE) {
            fail_msg("%s: a key of %zu bytes gives 0x%lx", row->name, max + 1, rv);
        }
        op_end(&op);
        kk_key_unref(key);
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (uint8_t)(i * 7 + i / 256);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ciphers_in_parts),
        cmocka_unit_test(test_macs_and_digests_in_parts),
        cmocka_unit_test(test_what_was_changed_is_refused_and_stays_inside),
        cmocka_unit_test(test_no_more_is_kept_than_the_limit),
        cmocka_unit_test(test_no_memory_is_said),
        cmocka_unit_test(test_keys_of_a_wrong_length),
    };
    return cmocka_run_group_tests_name("splits", tests, set_up, tear_down);
}
