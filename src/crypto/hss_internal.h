/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the files of HSS alone: what hangs on a parsed key, and the trees that a private one keeps.
 */
#pragma once

#include "base/lock.h"
#include "crypto/hss.h"
#include "crypto/key_internal.h"
#include "crypto/lms.h"

#define KK_HSS_KEPT 8 /* levels below the root whose nodes stay in memory and in the state */

/* One level of a private key: the tree that was needed last. */
struct kk_hss_level {
    struct kk_lms_set set;
    uint64_t tree;   /* its number among the trees of this level */
    bool has_secret; /* id and seed are that tree's */
    bool has_lowest; /* the lowest of the upper nodes are there */
    bool has_top;    /* all upper nodes are */
    bool has_part;   /* so is the part below the node `part` of the lowest upper ones */
    uint32_t part;
    uint8_t *top;   /* nodes from 1 on, KK_LMS_N bytes each */
    uint8_t *below; /* of the part, numbered in the same way */
};

struct kk_hss {
    unsigned levels;
    /* of a public key: its one tree's set, and these */
    uint8_t id[KK_LMS_ID];
    uint8_t root[KK_LMS_N];
    /* of a private one */
    struct kk_mutex lock;      /* KK_RANK_TREE; held while trees are computed */
    struct kk_secret *secrets; /* per level: id, seed */
    struct kk_hss_level level[KK_HSS_LEVELS_MAX];
};

/* A state, read; the spans point into it. */
struct kk_hss_state {
    struct kk_hss_facts facts;
    unsigned levels;
    struct kk_lms_set sets[KK_HSS_LEVELS_MAX];
    struct kk_span id, seed;
    struct kk_span nodes;
};

KK_RV kk_hss_state_parse(struct kk_span state, struct kk_hss_state *ret_state);
KK_RV kk_hss_state_make(const struct kk_hss_state *state, struct kk_secret **ret_state);

/* Where a leaf is in the tree of level i, and which tree that is. */
uint32_t kk_hss_leaf_of(const struct kk_hss *hss, unsigned i, uint64_t leaf);
uint64_t kk_hss_tree_of(const struct kk_hss *hss, unsigned i, uint64_t leaf);

/* A private key with the nodes that come with its state. */
KK_RV kk_hss_new(struct kk_crypto *crypto, const struct kk_hss_state *state,
                 struct kk_hss **ret_hss);
void kk_hss_free(struct kk_hss *hss);
KK_DEFINE_CLEANUP(struct kk_hss *, kk_hss_free);

static inline size_t kk_hss_kept(const struct kk_lms_set *set)
{
    return KK_MIN(set->height, (unsigned)KK_HSS_KEPT);
}

static inline const uint8_t *kk_hss_root(const struct kk_hss *hss, unsigned i)
{
    return hss->level[i].top + KK_LMS_N;
}

static inline struct kk_lms_tree kk_hss_tree(const struct kk_hss *hss, unsigned i)
{
    const uint8_t *secret = kk_secret_data(hss->secrets) + (KK_LMS_ID + KK_LMS_N) * (size_t)i;
    return (struct kk_lms_tree){&hss->level[i].set, secret, secret + KK_LMS_ID};
}

/* With the lock held: every level has the tree that this leaf needs, and the part of it. */
KK_RV kk_hss_go_to(struct kk_hss *hss, struct kk_lms_hash *hash, uint64_t leaf);

/* With the lock held, after kk_hss_go_to(): the neighbours of the leaf's way up in level i. */
void kk_hss_path(const struct kk_hss *hss, unsigned i, uint64_t leaf, uint8_t *out);

/* With the lock held: the nodes of all levels that have some, for a state. */
KK_RV kk_hss_nodes(const struct kk_hss *hss, struct kk_buffer *ret_nodes);
