/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trees of a private HSS key. Of each level one tree is there, the one that was needed last:
 * its upper nodes, and below one of them the part in which the leaf lies. So a further signature
 * computes no leaf at all, but where one part ends and the next begins.
 *
 * All trees follow from the seed of the first: RFC 8554, appendix A, with numbers of chains that no
 * signature has. Nodes in a state: { u8 level, u64 tree, the lowest of the upper nodes }.
 */
#include "crypto/hss_internal.h"

#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

#define OF_SEED 0xfffe /* the child tree's seed and id, from the leaf that signs its root */
#define OF_ID 0xffff

static uint8_t *node(uint8_t *nodes, uint32_t r)
{
    return nodes + KK_LMS_N * (size_t)r;
}

static unsigned below(const struct kk_lms_set *set)
{
    return set->height - (unsigned)kk_hss_kept(set);
}

/* ---- places ---- */

static unsigned shift_of(const struct kk_hss *hss, unsigned i)
{
    unsigned shift = 0;
    for (unsigned k = i + 1; k < hss->levels; k++) {
        shift += hss->level[k].set.height;
    }
    return shift;
}

static uint64_t shifted(uint64_t leaf, unsigned shift)
{
    return shift < 64 ? leaf >> shift : 0;
}

uint32_t kk_hss_leaf_of(const struct kk_hss *hss, unsigned i, uint64_t leaf)
{
    uint32_t mask = (UINT32_C(1) << hss->level[i].set.height) - 1;
    return (uint32_t)shifted(leaf, shift_of(hss, i)) & mask;
}

uint64_t kk_hss_tree_of(const struct kk_hss *hss, unsigned i, uint64_t leaf)
{
    return shifted(leaf, shift_of(hss, i) + hss->level[i].set.height);
}

/* ---- nodes ---- */

/* The inner nodes of a heap of `height` levels whose root is the tree's node `root`; its lowest
 * nodes are there. */
static KK_RV fill_inner(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t root,
                        unsigned height, uint8_t *nodes)
{
    for (unsigned depth = height; depth-- > 0;) {
        uint32_t first = UINT32_C(1) << depth;
        for (uint32_t i = 0; i < first; i++) {
            uint32_t r = first + i;
            KK_TRY(
                kk_lms_inner(hash, tree, (root << depth) + i, node(nodes, 2 * r), node(nodes, r)));
        }
    }
    return CKR_OK;
}

/* The part below the n-th of the lowest upper nodes, down to its leaves. */
static KK_RV compute_part(struct kk_hss *hss, struct kk_lms_hash *hash, unsigned i, uint32_t n)
{
    struct kk_hss_level *level = &hss->level[i];
    const struct kk_lms_tree tree = kk_hss_tree(hss, i);
    unsigned height = below(&level->set);
    uint32_t leaves = UINT32_C(1) << height;
    level->has_part = false;
    for (uint32_t k = 0; k < leaves; k++) {
        KK_TRY(kk_lms_leaf(hash, &tree, n * leaves + k, node(level->below, leaves + k)));
    }
    uint32_t root = (UINT32_C(1) << kk_hss_kept(&level->set)) + n;
    KK_TRY(fill_inner(hash, &tree, root, height, level->below));
    level->part = n;
    level->has_part = true;
    return CKR_OK;
}

static KK_RV compute_lowest(struct kk_hss *hss, struct kk_lms_hash *hash, unsigned i)
{
    struct kk_hss_level *level = &hss->level[i];
    uint32_t parts = UINT32_C(1) << kk_hss_kept(&level->set);
    for (uint32_t n = 0; n < parts; n++) {
        KK_TRY(compute_part(hss, hash, i, n));
        memcpy(node(level->top, parts + n), node(level->below, 1), KK_LMS_N);
    }
    level->has_lowest = true;
    return CKR_OK;
}

static KK_RV fill_top(struct kk_hss *hss, struct kk_lms_hash *hash, unsigned i)
{
    struct kk_hss_level *level = &hss->level[i];
    const struct kk_lms_tree tree = kk_hss_tree(hss, i);
    if (!level->has_lowest) {
        KK_TRY(compute_lowest(hss, hash, i));
    }
    KK_TRY(fill_inner(hash, &tree, 1, (unsigned)kk_hss_kept(&level->set), level->top));
    level->has_top = true;
    return CKR_OK;
}

/* Id and seed of level i's tree from the leaf above that signs its root. */
static KK_RV derive_secret(struct kk_hss *hss, struct kk_lms_hash *hash, unsigned i, uint64_t leaf)
{
    KK_SECRET_ARRAY(made, KK_LMS_N);
    const struct kk_lms_tree above = kk_hss_tree(hss, i - 1);
    uint32_t q = kk_hss_leaf_of(hss, i - 1, leaf);
    uint8_t *own = kk_secret_data(hss->secrets) + (KK_LMS_ID + KK_LMS_N) * (size_t)i;
    KK_TRY(kk_lms_secret(hash, &above, q, OF_ID, made));
    memcpy(own, made, KK_LMS_ID);
    KK_TRY(kk_lms_secret(hash, &above, q, OF_SEED, made));
    memcpy(own + KK_LMS_ID, made, KK_LMS_N);
    return CKR_OK;
}

/* The right tree on every level, without its nodes where it is another one than before. */
static KK_RV choose_trees(struct kk_hss *hss, struct kk_lms_hash *hash, uint64_t leaf)
{
    for (unsigned i = 1; i < hss->levels; i++) {
        struct kk_hss_level *level = &hss->level[i];
        uint64_t tree = kk_hss_tree_of(hss, i, leaf);
        if (level->has_secret && level->tree == tree) {
            continue;
        }
        level->has_secret = level->has_lowest = level->has_top = level->has_part = false;
        KK_TRY(derive_secret(hss, hash, i, leaf));
        level->tree = tree;
        level->has_secret = true;
    }
    return CKR_OK;
}

KK_RV kk_hss_go_to(struct kk_hss *hss, struct kk_lms_hash *hash, uint64_t leaf)
{
    KK_TRY(choose_trees(hss, hash, leaf));
    for (unsigned i = 0; i < hss->levels; i++) {
        struct kk_hss_level *level = &hss->level[i];
        uint32_t part = kk_hss_leaf_of(hss, i, leaf) >> below(&level->set);
        if (!level->has_top) {
            KK_TRY(fill_top(hss, hash, i));
        }
        if (!level->has_part || level->part != part) {
            KK_TRY(compute_part(hss, hash, i, part));
        }
    }
    return CKR_OK;
}

static uint8_t *climb(uint8_t *nodes, uint32_t r, uint8_t *out)
{
    for (; r > 1; r /= 2, out += KK_LMS_N) {
        memcpy(out, node(nodes, r ^ 1), KK_LMS_N);
    }
    return out;
}

void kk_hss_path(const struct kk_hss *hss, unsigned i, uint64_t leaf, uint8_t *out)
{
    const struct kk_hss_level *level = &hss->level[i];
    uint32_t leaves = UINT32_C(1) << below(&level->set);
    uint32_t q = kk_hss_leaf_of(hss, i, leaf);
    out = climb(level->below, leaves + q % leaves, out);
    (void)climb(level->top, (UINT32_C(1) << kk_hss_kept(&level->set)) + level->part, out);
}

/* ---- nodes of a state ---- */

KK_RV kk_hss_nodes(const struct kk_hss *hss, struct kk_buffer *ret_nodes)
{
    for (unsigned i = 0; i < hss->levels; i++) {
        const struct kk_hss_level *level = &hss->level[i];
        uint32_t parts = UINT32_C(1) << kk_hss_kept(&level->set);
        if (level->has_top) {
            kk_buffer_put_u8(ret_nodes, (uint8_t)i);
            kk_buffer_put_u64(ret_nodes, level->tree);
            kk_buffer_put(ret_nodes, node(level->top, parts), KK_LMS_N * (size_t)parts);
        }
    }
    return kk_buffer_check(ret_nodes);
}

/* Takes the nodes of trees that are there; those of others are passed over. */
static KK_RV take_nodes(struct kk_hss *hss, struct kk_span nodes)
{
    struct kk_reader reader = kk_reader_new(nodes);
    while (reader.rest.len > 0) {
        uint8_t i = kk_reader_u8(&reader);
        uint64_t number = kk_reader_u64(&reader);
        KK_ENSURE(!reader.failed && i < hss->levels, CKR_ATTRIBUTE_VALUE_INVALID);
        struct kk_hss_level *level = &hss->level[i];
        uint32_t parts = UINT32_C(1) << kk_hss_kept(&level->set);
        struct kk_span lowest = kk_reader_take(&reader, KK_LMS_N * (size_t)parts);
        KK_ENSURE(!reader.failed, CKR_ATTRIBUTE_VALUE_INVALID);
        if (level->tree == number) {
            memcpy(node(level->top, parts), lowest.data, lowest.len);
            level->has_lowest = true;
        }
    }
    return CKR_OK;
}

/* ---- the whole ---- */

static KK_RV make_room(struct kk_hss *hss)
{
    for (unsigned i = 0; i < hss->levels; i++) {
        struct kk_hss_level *level = &hss->level[i];
        size_t top = (size_t)2 << kk_hss_kept(&level->set);
        size_t part = (size_t)2 << below(&level->set);
        KK_TRY(kk_alloc_array(top, KK_LMS_N, &level->top));
        KK_TRY(kk_alloc_array(part, KK_LMS_N, &level->below));
    }
    return CKR_OK;
}

KK_RV kk_hss_new(struct kk_crypto *crypto, const struct kk_hss_state *state,
                 struct kk_hss **ret_hss)
{
    KK_CLEANUP(kk_hss_freep) struct kk_hss *hss = NULL;
    KK_CLEANUP(kk_lms_hash_clear) struct kk_lms_hash hash = {0};
    KK_TRY(kk_alloc(sizeof *hss, &hss));
    kk_mutex_init(&hss->lock, KK_RANK_TREE);
    hss->levels = state->levels;
    for (unsigned i = 0; i < hss->levels; i++) {
        KK_ENSURE(state->sets[i].height <= KK_HSS_HEIGHT_MADE, CKR_ATTRIBUTE_VALUE_INVALID);
        hss->level[i].set = state->sets[i];
    }
    KK_TRY(make_room(hss));
    KK_TRY(kk_secret_new((KK_LMS_ID + KK_LMS_N) * (size_t)hss->levels, &hss->secrets));
    memcpy(kk_secret_data(hss->secrets), state->id.data, KK_LMS_ID);
    memcpy(kk_secret_data(hss->secrets) + KK_LMS_ID, state->seed.data, KK_LMS_N);
    hss->level[0].has_secret = true;
    KK_TRY(kk_lms_hash_begin(crypto, &hash));
    KK_TRY(choose_trees(hss, &hash, state->facts.next));
    KK_TRY(take_nodes(hss, state->nodes));
    *ret_hss = KK_STEAL(hss);
    return CKR_OK;
}

void kk_hss_free(struct kk_hss *hss)
{
    if (hss == NULL) {
        return;
    }
    for (unsigned i = 0; i < hss->levels; i++) {
        kk_free(hss->level[i].top);
        kk_free(hss->level[i].below);
    }
    kk_secret_free(hss->secrets);
    kk_mutex_destroy(&hss->lock);
    kk_free(hss);
}
