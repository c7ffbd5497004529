/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSS: RFC 8554's second test case signed anew, states, trees of trees, and what a signature must
 * not be. Verification of known answers stands in tests/vectors.
 */
#include "fixture.h"

#include <stdlib.h>

#include "crypto/hss.h"
#include "crypto/lms.h"
#include "hss_data.h"

#define H5 5
#define H10 6
#define W2 2
#define W4 3
#define W8 4

static struct kk_buffer long_hex(const char *const *lines)
{
    struct kk_buffer bytes = {0};
    for (; *lines != NULL; lines++) {
        kk_buffer_put_span(&bytes, hex(*lines));
    }
    assert_ok(kk_buffer_check(&bytes));
    return bytes;
}

/* ---- the test case ---- */

/* All nodes of a tree, from 1 on. */
static uint8_t *nodes_of(struct kk_lms_hash *hash, const struct kk_lms_tree *tree)
{
    uint32_t leaves = UINT32_C(1) << tree->set->height;
    uint8_t *nodes = NULL;
    assert_ok(kk_alloc_array((size_t)leaves * 2, KK_LMS_N, &nodes));
    for (uint32_t q = 0; q < leaves; q++) {
        assert_ok(kk_lms_leaf(hash, tree, q, nodes + (size_t)(leaves + q) * KK_LMS_N));
    }
    for (uint32_t r = leaves - 1; r > 0; r--) {
        assert_ok(kk_lms_inner(hash, tree, r, nodes + (size_t)r * 2 * KK_LMS_N,
                               nodes + (size_t)r * KK_LMS_N));
    }
    return nodes;
}

/* Signs as the test case did, with its random, and compares. */
static void expect_signed_anew(struct kk_lms_hash *hash, const struct kk_lms_tree *tree,
                               const uint8_t *nodes, struct kk_span message, const uint8_t *wanted)
{
    uint8_t out[KK_LMS_SIGNATURE_MAX];
    uint8_t path[KK_LMS_N * KK_LMS_HEIGHT_MAX];
    uint32_t q = kk_load_u32(wanted);
    uint8_t *to = path;
    for (uint32_t r = (UINT32_C(1) << tree->set->height) + q; r > 1; r /= 2, to += KK_LMS_N) {
        memcpy(to, nodes + (size_t)(r ^ 1) * KK_LMS_N, KK_LMS_N);
    }
    assert_ok(kk_lms_sign(hash, tree, q, path, wanted + 8, message, out));
    assert_memory_equal(out, wanted, kk_lms_signature_len(tree->set));
}

static void test_the_test_case_is_signed_anew(void **state)
{
    struct kk_lms_hash hash = {0};
    struct kk_lms_set top_set;
    struct kk_lms_set low_set;
    struct kk_buffer public_key = long_hex(public_lines);
    struct kk_buffer message = long_hex(message_lines);
    struct kk_buffer signature = long_hex(signature_lines);
    uint8_t child[KK_LMS_PUBLIC];
    (void)state;
    assert_true(kk_lms_set_find(H10, W4, &top_set) && kk_lms_set_find(H5, W8, &low_set));
    const struct kk_lms_tree top = {&top_set, hex(TOP_ID).data, hex(TOP_SEED).data};
    const struct kk_lms_tree low = {&low_set, hex(LOW_ID).data, hex(LOW_SEED).data};
    assert_ok(kk_lms_hash_begin(crypto, &hash));
    uint8_t *top_nodes = nodes_of(&hash, &top);
    uint8_t *low_nodes = nodes_of(&hash, &low);
    kk_lms_public(&top, top_nodes + KK_LMS_N, child);
    assert_memory_equal(child, public_key.data + 4, sizeof child);
    kk_lms_public(&low, low_nodes + KK_LMS_N, child);
    size_t first = kk_lms_signature_len(&top_set);
    assert_memory_equal(child, signature.data + 4 + first, sizeof child);
    expect_signed_anew(&hash, &top, top_nodes, KK_SPAN_ARRAY(child), signature.data + 4);
    expect_signed_anew(&hash, &low, low_nodes, kk_buffer_span(&message),
                       signature.data + 4 + first + sizeof child);
    kk_free(top_nodes);
    kk_free(low_nodes);
    kk_lms_hash_clear(&hash);
    kk_buffer_clear(&public_key);
    kk_buffer_clear(&message);
    kk_buffer_clear(&signature);
}

/* ---- keys ---- */

struct pair {
    struct kk_key_parts parts;
    struct kk_key *private_key, *public_key;
    struct kk_secret *state; /* what is left of it */
};

static struct kk_key *load(struct kk_span value)
{
    struct kk_key_parts own = {.kind = KK_KEY_HSS, .is_private = true};
    struct kk_key *key = NULL;
    assert_ok(kk_key_parts_set(&own, KK_PART_VALUE, value));
    assert_ok(kk_key_new(crypto, &own, &key));
    kk_key_parts_clear(&own);
    return key;
}

static struct pair make_pair(unsigned levels, const uint32_t *lms, const uint32_t *lmots)
{
    struct pair pair = {.parts = {.kind = KK_KEY_HSS, .hss_levels = levels}};
    memcpy(pair.parts.hss_lms, lms, levels * sizeof *lms);
    memcpy(pair.parts.hss_lmots, lmots, levels * sizeof *lmots);
    assert_ok(kk_key_generate(crypto, &pair.parts));
    assert_true(pair.parts.is_private);
    struct kk_key_parts half = {.kind = KK_KEY_HSS};
    assert_ok(
        kk_key_parts_set(&half, KK_PART_PUBLIC, kk_key_parts_get(&pair.parts, KK_PART_PUBLIC)));
    assert_ok(kk_key_new(crypto, &half, &pair.public_key));
    kk_key_parts_clear(&half);
    assert_ok(kk_secret_dup(pair.parts.part[KK_PART_VALUE], &pair.state));
    pair.private_key = load(kk_secret_span(pair.state));
    return pair;
}

static void free_pair(struct pair *pair)
{
    kk_key_parts_clear(&pair->parts);
    kk_key_unref(pair->private_key);
    kk_key_unref(pair->public_key);
    kk_secret_free(pair->state);
}

static uint64_t take(struct pair *pair, struct kk_span nodes)
{
    uint64_t leaf = 0;
    struct kk_secret *left = NULL;
    assert_ok(kk_hss_state_take(kk_secret_span(pair->state), nodes, &leaf, &left));
    kk_secret_free(pair->state);
    pair->state = left;
    return leaf;
}

static void expect_signature(struct pair *pair, struct kk_key *key, uint64_t leaf)
{
    static const uint8_t text[] = "text";
    uint8_t *out = NULL;
    size_t len = 0;
    assert_ok(kk_alloc(kk_hss_length(key), &out));
    assert_ok(kk_hss_sign(crypto, key, leaf, KK_SPAN_ARRAY(text), out, &len));
    assert_int_equal(len, kk_hss_length(key));
    assert_ok(kk_hss_verify(crypto, pair->public_key, KK_SPAN_ARRAY(text), KK_SPAN(out, len)));
    out[len / 2] ^= 1;
    assert_rv(kk_hss_verify(crypto, pair->public_key, KK_SPAN_ARRAY(text), KK_SPAN(out, len)),
              CKR_SIGNATURE_INVALID);
    kk_free(out);
}

static void test_every_leaf_of_a_tree_signs_and_then_none(void **state)
{
    struct pair pair = make_pair(1, (uint32_t[]){H5}, (uint32_t[]){W2});
    struct kk_hss_facts facts;
    struct kk_secret *left = NULL;
    uint64_t leaf = 0;
    (void)state;
    for (uint64_t i = 0; i < 32; i++) {
        assert_ok(kk_hss_state_read(kk_secret_span(pair.state), &facts));
        assert_int_equal(facts.left, 32 - i);
        assert_int_equal(take(&pair, KK_SPAN(NULL, 0)), i);
        expect_signature(&pair, pair.private_key, i);
    }
    assert_rv(kk_hss_state_take(kk_secret_span(pair.state), KK_SPAN(NULL, 0), &leaf, &left),
              CKR_KEY_EXHAUSTED);
    free_pair(&pair);
}

/* Into the second and the last tree of the lower level, and back. */
static void test_leaves_of_a_tree_of_trees(void **state)
{
    static const uint64_t leaves[] = {0, 31, 32, 33, 1023, 5};
    struct pair pair = make_pair(2, (uint32_t[]){H5, H5}, (uint32_t[]){W2, W4});
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(leaves); i++) {
        expect_signature(&pair, pair.private_key, leaves[i]);
    }
    free_pair(&pair);
}

/* One tree with upper nodes and parts below them. */
static void test_leaves_of_a_higher_tree(void **state)
{
    static const uint64_t leaves[] = {0, 3, 4, 1023};
    struct pair pair = make_pair(1, (uint32_t[]){H10}, (uint32_t[]){W2});
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(leaves); i++) {
        expect_signature(&pair, pair.private_key, leaves[i]);
    }
    free_pair(&pair);
}

/* The root of a lower tree is always signed with the same one-time key: always the same bytes. */
static void test_a_lower_tree_is_signed_the_same_way_again(void **state)
{
    struct pair pair = make_pair(2, (uint32_t[]){H5, H5}, (uint32_t[]){W2, W4});
    struct kk_key *other = load(kk_secret_span(pair.state));
    size_t len = kk_hss_length(other);
    uint8_t *a = NULL;
    uint8_t *b = NULL;
    size_t got = 0;
    struct kk_lms_set set;
    (void)state;
    assert_true(kk_lms_set_find(H5, W2, &set));
    assert_ok(kk_alloc(len, &a));
    assert_ok(kk_alloc(len, &b));
    assert_ok(kk_hss_sign(crypto, pair.private_key, 40, KK_SPAN("a", 1), a, &got));
    assert_ok(kk_hss_sign(crypto, other, 41, KK_SPAN("b", 1), b, &got));
    size_t same = 4 + kk_lms_signature_len(&set) + KK_LMS_PUBLIC;
    assert_memory_equal(a, b, same);
    assert_memory_not_equal(a + same, b + same, len - same);
    kk_free(a);
    kk_free(b);
    kk_key_unref(other);
    free_pair(&pair);
}

/* A state with nodes and one without are of one key. */
static void test_nodes_go_with_the_state(void **state)
{
    struct pair pair = make_pair(2, (uint32_t[]){H5, H10}, (uint32_t[]){W2, W2});
    struct kk_buffer nodes = {0};
    (void)state;
    assert_ok(kk_hss_prepare(crypto, pair.private_key, 0, &nodes));
    assert_int_equal(take(&pair, kk_buffer_span(&nodes)), 0);
    struct kk_key *with = load(kk_secret_span(pair.state));
    assert_int_equal(take(&pair, KK_SPAN(NULL, 0)), 1);
    struct kk_key *without = load(kk_secret_span(pair.state));
    assert_true(kk_hss_is_same(with, without) && kk_hss_is_same(with, pair.private_key));
    expect_signature(&pair, with, 1);
    expect_signature(&pair, without, 2);
    expect_signature(&pair, with, 1024); /* nodes of another tree are no use there */
    kk_buffer_clear(&nodes);
    kk_key_unref(with);
    kk_key_unref(without);
    free_pair(&pair);
}

static void test_keys_of_two_seeds_are_two(void **state)
{
    struct pair a = make_pair(1, (uint32_t[]){H5}, (uint32_t[]){W2});
    struct pair b = make_pair(1, (uint32_t[]){H5}, (uint32_t[]){W2});
    (void)state;
    assert_false(kk_hss_is_same(a.private_key, b.private_key));
    assert_false(kk_hss_is_same(a.private_key, a.public_key));
    free_pair(&a);
    free_pair(&b);
}

/* ---- what is refused ---- */

static void expect_not_generated(unsigned levels, uint32_t lms, uint32_t lmots, CK_RV want)
{
    struct kk_key_parts parts = {.kind = KK_KEY_HSS, .hss_levels = levels};
    for (size_t i = 0; i < KK_ARRAY_LEN(parts.hss_lms); i++) {
        parts.hss_lms[i] = lms;
        parts.hss_lmots[i] = lmots;
    }
    assert_rv(kk_key_generate(crypto, &parts), want);
    kk_key_parts_clear(&parts);
}

static void test_parameters_that_there_are_not(void **state)
{
    (void)state;
    expect_not_generated(0, H5, W8, CKR_ATTRIBUTE_VALUE_INVALID);
    expect_not_generated(9, H5, W8, CKR_ATTRIBUTE_VALUE_INVALID);
    expect_not_generated(1, 4, W8, CKR_PARAMETER_SET_NOT_SUPPORTED);
    expect_not_generated(1, 10, W8, CKR_PARAMETER_SET_NOT_SUPPORTED);
    expect_not_generated(1, H5, 0, CKR_PARAMETER_SET_NOT_SUPPORTED);
    expect_not_generated(1, H5, 5, CKR_PARAMETER_SET_NOT_SUPPORTED);
    expect_not_generated(1, 8, W8, CKR_PARAMETER_SET_NOT_SUPPORTED); /* 20 levels: too long */
    expect_not_generated(2, 9, W8, CKR_PARAMETER_SET_NOT_SUPPORTED);
}

static void test_a_generation_is_broken_off(void **state)
{
    struct kk_key_parts parts = {.kind = KK_KEY_HSS, .hss_levels = 1};
    atomic_bool stop;
    (void)state;
    atomic_init(&stop, true);
    parts.hss_lms[0] = 7; /* 15 levels: some seconds */
    parts.hss_lmots[0] = W8;
    kk_crypto_stop_on(&stop);
    assert_rv(kk_key_generate(crypto, &parts), CKR_FUNCTION_CANCELED);
    kk_crypto_stop_on(NULL);
    kk_key_parts_clear(&parts);
}

static void test_every_cut_and_changed_state_is_refused_or_read(void **state)
{
    struct pair pair = make_pair(1, (uint32_t[]){H5}, (uint32_t[]){W2});
    struct kk_span whole = kk_secret_span(pair.state);
    struct kk_hss_facts facts;
    (void)state;
    for (size_t len = 0; len < 4 + 16 + 8 + 1 + 8 + 16 + 32; len++) {
        assert_rv(kk_hss_state_read(KK_SPAN(whole.data, len), &facts), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    for (size_t len = 85; len < whole.len; len += 7) { /* without some of its nodes */
        struct kk_key_parts parts = {.kind = KK_KEY_HSS, .is_private = true};
        struct kk_key *key = NULL;
        assert_ok(kk_key_parts_set(&parts, KK_PART_VALUE, KK_SPAN(whole.data, len)));
        CK_RV rv = kk_key_new(crypto, &parts, &key);
        assert_rv(rv, len == 85 ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID);
        kk_key_unref(key);
        kk_key_parts_clear(&parts);
    }
    free_pair(&pair);
}

static void test_a_state_has_one_home(void **state)
{
    struct pair pair = make_pair(1, (uint32_t[]){H5}, (uint32_t[]){W2});
    static const uint8_t home[KK_HSS_HOME] = {1, 2, 3};
    struct kk_secret *settled = NULL;
    struct kk_hss_facts facts;
    (void)state;
    take(&pair, KK_SPAN(NULL, 0));
    assert_ok(kk_hss_state_settle(kk_secret_span(pair.state), home, &settled));
    assert_ok(kk_hss_state_read(kk_secret_span(settled), &facts));
    assert_memory_equal(facts.home, home, sizeof home);
    assert_int_equal(facts.next, 1);
    kk_secret_free(settled);
    free_pair(&pair);
}

/* RFC 9708; the private half has no such form, nor one that leaves. */
static void test_the_public_half_as_subject_public_key_info(void **state)
{
    static const uint32_t lms[] = {H5}, lmots[] = {W8};
    struct pair pair = make_pair(1, lms, lmots);
    struct kk_key_parts back = {0};
    struct kk_key_parts own = {.kind = KK_KEY_HSS, .is_private = true};
    struct kk_buffer der = {0};
    struct kk_secret *pkcs8 = NULL;
    (void)state;
    assert_ok(kk_key_spki(crypto, &pair.parts, &der));
    assert_ok(kk_spki_decode(kk_buffer_span(&der), &back));
    assert_int_equal(back.kind, KK_KEY_HSS);
    assert_true(kk_span_equal(kk_key_parts_get(&back, KK_PART_PUBLIC),
                              kk_key_parts_get(&pair.parts, KK_PART_PUBLIC)));
    for (size_t len = 0; len < der.len; len++) {
        kk_key_parts_clear(&back);
        assert_rv(kk_spki_decode(KK_SPAN(der.data, len), &back), CKR_DATA_INVALID);
    }
    kk_buffer_clear(&der);
    assert_ok(kk_key_parts_set(&own, KK_PART_VALUE, kk_secret_span(pair.state)));
    assert_rv(kk_key_spki(crypto, &own, &der), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(kk_pkcs8_encode(&pair.parts, &pkcs8), CKR_KEY_TYPE_INCONSISTENT);
    kk_key_parts_clear(&own);
    kk_buffer_clear(&der);
    free_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_test_case_is_signed_anew),
        cmocka_unit_test(test_every_leaf_of_a_tree_signs_and_then_none),
        cmocka_unit_test(test_leaves_of_a_tree_of_trees),
        cmocka_unit_test(test_leaves_of_a_higher_tree),
        cmocka_unit_test(test_a_lower_tree_is_signed_the_same_way_again),
        cmocka_unit_test(test_nodes_go_with_the_state),
        cmocka_unit_test(test_keys_of_two_seeds_are_two),
        cmocka_unit_test(test_parameters_that_there_are_not),
        cmocka_unit_test(test_a_generation_is_broken_off),
        cmocka_unit_test(test_every_cut_and_changed_state_is_refused_or_read),
        cmocka_unit_test(test_a_state_has_one_home),
        cmocka_unit_test(test_the_public_half_as_subject_public_key_info),
    };
    return cmocka_run_group_tests(tests, make_crypto, free_crypto);
}
