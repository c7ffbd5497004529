/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LM-OTS and LMS (RFC 8554, sections 4 and 5).
 */
#include "crypto/lms.h"

#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

#include "base/banned.h"

/* What separates the hashes, in the two bytes behind a number (section 7.1). */
#define D_PBLC 0x8080
#define D_MESG 0x8181
#define D_LEAF 0x8282
#define D_INTR 0x8383

#define HEAD (KK_LMS_ID + 4) /* I and a number */

/* I, q, i, j and the value: what a step of a chain hashes. */
#define STEP_I HEAD
#define STEP_J (HEAD + 2)
#define STEP_VALUE (HEAD + 3)
#define STEP_LEN (STEP_VALUE + KK_LMS_N)

static void store_u16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

/* ---- parameters ---- */

static const struct kk_lms_set lmots_types[] = {
    {.lmots = 1, .width = 1, .digits = 265, .checksum = 7},
    {.lmots = 2, .width = 2, .digits = 133, .checksum = 6},
    {.lmots = 3, .width = 4, .digits = 67, .checksum = 4},
    {.lmots = 4, .width = 8, .digits = 34, .checksum = 0},
};

bool kk_lms_set_find(uint32_t lms, uint32_t lmots, struct kk_lms_set *ret_set)
{
    bool is_height = lms >= 5 && lms <= 9; /* 5, 10, 15, 20, 25 */
    for (size_t i = 0; is_height && i < KK_ARRAY_LEN(lmots_types); i++) {
        if (lmots_types[i].lmots == lmots) {
            *ret_set = lmots_types[i];
            ret_set->lms = lms;
            ret_set->height = 5 * (lms - 4);
            return true;
        }
    }
    return false;
}

static size_t lmots_len(const struct kk_lms_set *set)
{
    return 4 + KK_LMS_N * (1 + (size_t)set->digits);
}

size_t kk_lms_signature_len(const struct kk_lms_set *set)
{
    return 4 + lmots_len(set) + 4 + KK_LMS_N * (size_t)set->height;
}

/* ---- hashes ---- */

KK_RV kk_lms_hash_begin(struct kk_crypto *crypto, struct kk_lms_hash *hash)
{
    KK_TRY(kk_digest_new(crypto, "SHA256", &hash->chain));
    return kk_digest_new(crypto, "SHA256", &hash->whole);
}

void kk_lms_hash_clear(struct kk_lms_hash *hash)
{
    kk_digest_free(hash->chain);
    kk_digest_free(hash->whole);
    *hash = (struct kk_lms_hash){0};
}

static KK_RV hash_once(struct kk_digest *digest, const uint8_t *data, size_t len, uint8_t *out)
{
    KK_TRY(kk_digest_start(digest));
    KK_TRY(kk_digest_update(digest, KK_SPAN(data, len)));
    return kk_digest_finish(digest, out);
}

/* I, a number and what separates, at the beginning of the hash over all. */
static KK_RV start_whole(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t number,
                         unsigned separator)
{
    uint8_t head[HEAD + 2];
    memcpy(head, tree->id, KK_LMS_ID);
    kk_store_u32(head + KK_LMS_ID, number);
    store_u16(head + HEAD, separator);
    KK_TRY(kk_digest_start(hash->whole));
    return kk_digest_update(hash->whole, KK_SPAN_ARRAY(head));
}

static void begin_step(const struct kk_lms_tree *tree, uint32_t q, uint8_t step[STEP_LEN])
{
    memcpy(step, tree->id, KK_LMS_ID);
    kk_store_u32(step + KK_LMS_ID, q);
}

/* The value in `step` moves on from the `from`-th place of chain i to the `to`-th. */
static KK_RV move_on(struct kk_lms_hash *hash, unsigned i, unsigned from, unsigned to,
                     uint8_t step[STEP_LEN])
{
    store_u16(step + STEP_I, i);
    for (unsigned j = from; j < to; j++) {
        step[STEP_J] = (uint8_t)j;
        KK_TRY(hash_once(hash->chain, step, STEP_LEN, step + STEP_VALUE));
    }
    return CKR_OK;
}

/* The beginning of chain i. */
static KK_RV begin_chain(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, unsigned i,
                         uint8_t step[STEP_LEN])
{
    store_u16(step + STEP_I, i);
    step[STEP_J] = 0xff;
    memcpy(step + STEP_VALUE, tree->seed, KK_LMS_N);
    return hash_once(hash->chain, step, STEP_LEN, step + STEP_VALUE);
}

KK_RV kk_lms_secret(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                    uint16_t i, uint8_t out[KK_LMS_N])
{
    KK_SECRET_ARRAY(step, STEP_LEN);
    begin_step(tree, q, step);
    KK_TRY(begin_chain(hash, tree, i, step));
    memcpy(out, step + STEP_VALUE, KK_LMS_N);
    return CKR_OK;
}

static unsigned chain_end(const struct kk_lms_set *set)
{
    return (1u << set->width) - 1;
}

static uint32_t leaf_node(const struct kk_lms_set *set, uint32_t q)
{
    return (UINT32_C(1) << set->height) + q;
}

/* The leaf's node over the one-time public key. */
static KK_RV node_of_leaf(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                          const uint8_t ots_public[KK_LMS_N], uint8_t out[KK_LMS_N])
{
    KK_TRY(start_whole(hash, tree, leaf_node(tree->set, q), D_LEAF));
    KK_TRY(kk_digest_update(hash->whole, KK_SPAN(ots_public, KK_LMS_N)));
    return kk_digest_finish(hash->whole, out);
}

KK_RV kk_lms_leaf(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                  uint8_t out[KK_LMS_N])
{
    KK_SECRET_ARRAY(step, STEP_LEN);
    uint8_t ots_public[KK_LMS_N];
    begin_step(tree, q, step);
    KK_TRY(start_whole(hash, tree, q, D_PBLC));
    for (unsigned i = 0; i < tree->set->digits; i++) {
        KK_TRY(begin_chain(hash, tree, i, step));
        KK_TRY(move_on(hash, i, 0, chain_end(tree->set), step));
        KK_TRY(kk_digest_update(hash->whole, KK_SPAN(step + STEP_VALUE, KK_LMS_N)));
    }
    KK_TRY(kk_digest_finish(hash->whole, ots_public));
    return node_of_leaf(hash, tree, q, ots_public, out);
}

KK_RV kk_lms_inner(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t r,
                   const uint8_t children[2 * KK_LMS_N], uint8_t out[KK_LMS_N])
{
    KK_TRY(start_whole(hash, tree, r, D_INTR));
    KK_TRY(kk_digest_update(hash->whole, KK_SPAN(children, 2 * KK_LMS_N)));
    return kk_digest_finish(hash->whole, out);
}

/* ---- messages ---- */

/* A message's hash with its checksum behind it: the digits. */
#define DIGITS_LEN (KK_LMS_N + 2)

static unsigned digit(const struct kk_lms_set *set, const uint8_t digits[DIGITS_LEN], unsigned i)
{
    unsigned bit = i * set->width;
    return digits[bit / 8] >> (8 - set->width - bit % 8) & chain_end(set);
}

static KK_RV digits_of(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                       const uint8_t random[KK_LMS_N], struct kk_span message,
                       uint8_t digits[DIGITS_LEN])
{
    const struct kk_lms_set *set = tree->set;
    unsigned sum = 0;
    KK_TRY(start_whole(hash, tree, q, D_MESG));
    KK_TRY(kk_digest_update(hash->whole, KK_SPAN(random, KK_LMS_N)));
    KK_TRY(kk_digest_update(hash->whole, message));
    KK_TRY(kk_digest_finish(hash->whole, digits));
    for (unsigned i = 0; i < KK_LMS_N * 8 / set->width; i++) {
        sum += chain_end(set) - digit(set, digits, i);
    }
    store_u16(digits + KK_LMS_N, sum << set->checksum);
    return CKR_OK;
}

static KK_RV sign_once(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                       const uint8_t random[KK_LMS_N], struct kk_span message, uint8_t *out)
{
    KK_SECRET_ARRAY(step, STEP_LEN);
    uint8_t digits[DIGITS_LEN];
    KK_TRY(digits_of(hash, tree, q, random, message, digits));
    kk_store_u32(out, tree->set->lmots);
    memcpy(out + 4, random, KK_LMS_N);
    begin_step(tree, q, step);
    for (unsigned i = 0; i < tree->set->digits; i++) {
        KK_TRY(begin_chain(hash, tree, i, step));
        KK_TRY(move_on(hash, i, 0, digit(tree->set, digits, i), step));
        memcpy(out + 4 + KK_LMS_N * (1 + (size_t)i), step + STEP_VALUE, KK_LMS_N);
    }
    return CKR_OK;
}

KK_RV kk_lms_sign(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                  const uint8_t *path, const uint8_t random[KK_LMS_N], struct kk_span message,
                  uint8_t *out)
{
    size_t ots_len = lmots_len(tree->set);
    kk_store_u32(out, q);
    KK_TRY(sign_once(hash, tree, q, random, message, out + 4));
    kk_store_u32(out + 4 + ots_len, tree->set->lms);
    memcpy(out + 8 + ots_len, path, KK_LMS_N * (size_t)tree->set->height);
    return CKR_OK;
}

/* ---- verification ---- */

/* The one-time public key that a one-time signature leads to (algorithm 4b). */
static KK_RV ots_public_of(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                           struct kk_span message, const uint8_t *signature, uint8_t out[KK_LMS_N])
{
    uint8_t step[STEP_LEN];
    uint8_t digits[DIGITS_LEN];
    KK_TRY(digits_of(hash, tree, q, signature + 4, message, digits));
    begin_step(tree, q, step);
    KK_TRY(start_whole(hash, tree, q, D_PBLC));
    for (unsigned i = 0; i < tree->set->digits; i++) {
        memcpy(step + STEP_VALUE, signature + 4 + KK_LMS_N * (1 + (size_t)i), KK_LMS_N);
        KK_TRY(move_on(hash, i, digit(tree->set, digits, i), chain_end(tree->set), step));
        KK_TRY(kk_digest_update(hash->whole, KK_SPAN(step + STEP_VALUE, KK_LMS_N)));
    }
    return kk_digest_finish(hash->whole, out);
}

KK_RV kk_lms_root_of(struct kk_lms_hash *hash, const struct kk_lms_tree *tree,
                     struct kk_span message, struct kk_span signature, uint8_t out[KK_LMS_N])
{
    const struct kk_lms_set *set = tree->set;
    size_t ots_len = lmots_len(set);
    uint8_t ots_public[KK_LMS_N];
    uint8_t pair[2 * KK_LMS_N];
    KK_ENSURE(signature.len == kk_lms_signature_len(set), CKR_SIGNATURE_INVALID);
    uint32_t q = kk_load_u32(signature.data);
    KK_ENSURE(kk_load_u32(signature.data + 4) == set->lmots &&
                  kk_load_u32(signature.data + 4 + ots_len) == set->lms && q >> set->height == 0,
              CKR_SIGNATURE_INVALID);
    KK_TRY(ots_public_of(hash, tree, q, message, signature.data + 4, ots_public));
    KK_TRY(node_of_leaf(hash, tree, q, ots_public, out));
    const uint8_t *neighbour = signature.data + 8 + ots_len;
    for (uint32_t r = leaf_node(set, q); r > 1; r /= 2, neighbour += KK_LMS_N) {
        memcpy(pair + (r % 2) * KK_LMS_N, out, KK_LMS_N);
        memcpy(pair + (1 - r % 2) * KK_LMS_N, neighbour, KK_LMS_N);
        KK_TRY(kk_lms_inner(hash, tree, r / 2, pair, out));
    }
    return CKR_OK;
}

void kk_lms_public(const struct kk_lms_tree *tree, const uint8_t root[KK_LMS_N],
                   uint8_t out[KK_LMS_PUBLIC])
{
    kk_store_u32(out, tree->set->lms);
    kk_store_u32(out + 4, tree->set->lmots);
    memcpy(out + 8, tree->id, KK_LMS_ID);
    memcpy(out + 8 + KK_LMS_ID, root, KK_LMS_N);
}
