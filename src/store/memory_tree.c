/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Treaps with shared nodes. Functions that build a tree own what they built until they return it;
 * nodes with one owner may be turned in place, shared ones are copied.
 */
#include "store/memory_tree.h"

#include "base/memory.h"

#include "base/banned.h"

struct kk_memory_node {
    atomic_uint refs;
    struct kk_memory_key key;
    uint64_t priority;
    struct kk_memory_record *record;
    struct kk_memory_node *left;
    struct kk_memory_node *right;
};

struct kk_memory_record *kk_memory_record_ref(struct kk_memory_record *record)
{
    atomic_fetch_add(&record->refs, 1);
    return record;
}

void kk_memory_record_unref(struct kk_memory_record *record)
{
    if (record != NULL && atomic_fetch_sub(&record->refs, 1) == 1) {
        kk_free(record);
    }
}

struct kk_memory_node *kk_memory_tree_ref(struct kk_memory_node *root)
{
    if (root != NULL) {
        atomic_fetch_add(&root->refs, 1);
    }
    return root;
}

void kk_memory_tree_unref(struct kk_memory_node *root)
{
    if (root != NULL && atomic_fetch_sub(&root->refs, 1) == 1) {
        kk_memory_tree_unref(root->left);
        kk_memory_tree_unref(root->right);
        kk_memory_record_unref(root->record);
        kk_free(root);
    }
}

static int compare(const struct kk_memory_key *a, const struct kk_memory_key *b)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(a->part); i++) {
        if (a->part[i] != b->part[i]) {
            return a->part[i] < b->part[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Spreads the bits of a key (the finishing steps of common integer hashes). */
static uint64_t priority_of(const struct kk_memory_key *key)
{
    uint64_t mix = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(key->part); i++) {
        mix = (mix ^ key->part[i]) + 0x9e3779b97f4a7c15u;
        mix = (mix ^ (mix >> 30)) * 0xbf58476d1ce4e5b9u;
        mix = (mix ^ (mix >> 27)) * 0x94d049bb133111ebu;
        mix ^= mix >> 31;
    }
    return mix;
}

static KK_RV node_new(const struct kk_memory_key *key, struct kk_memory_record *record,
                      struct kk_memory_node **ret_node)
{
    struct kk_memory_node *node = NULL;
    KK_TRY(kk_alloc(sizeof *node, &node));
    atomic_init(&node->refs, 1);
    node->key = *key;
    node->priority = priority_of(key);
    node->record = kk_memory_record_ref(record);
    *ret_node = node;
    return CKR_OK;
}

/* A copy of `node` without its children, which the caller gives it. */
static KK_RV node_copy(const struct kk_memory_node *node, struct kk_memory_node **ret_node)
{
    return node_new(&node->key, node->record, ret_node);
}

struct kk_memory_record *kk_memory_tree_get(const struct kk_memory_node *root,
                                            const struct kk_memory_key *key)
{
    const struct kk_memory_node *at = root;
    while (at != NULL) {
        int order = compare(key, &at->key);
        if (order == 0) {
            return at->record;
        }
        at = order < 0 ? at->left : at->right;
    }
    return NULL;
}

/* `node` has a new left child of higher priority, of which we are the only owner. */
static struct kk_memory_node *turn_right(struct kk_memory_node *node)
{
    struct kk_memory_node *up = node->left;
    node->left = up->right;
    up->right = node;
    return up;
}

static struct kk_memory_node *turn_left(struct kk_memory_node *node)
{
    struct kk_memory_node *up = node->right;
    node->right = up->left;
    up->left = node;
    return up;
}

static KK_RV tree_with(const struct kk_memory_node *at, const struct kk_memory_key *key,
                       struct kk_memory_record *record, struct kk_memory_node **ret_tree)
{
    if (at == NULL) {
        return node_new(key, record, ret_tree);
    }
    int order = compare(key, &at->key);
    KK_CLEANUP(kk_memory_tree_unrefp) struct kk_memory_node *child = NULL;
    if (order != 0) {
        KK_TRY(tree_with(order < 0 ? at->left : at->right, key, record, &child));
    }
    struct kk_memory_node *copy = NULL;
    KK_TRY(order == 0 ? node_new(key, record, &copy) : node_copy(at, &copy));
    copy->left = order < 0 ? KK_STEAL(child) : kk_memory_tree_ref(at->left);
    copy->right = order > 0 ? KK_STEAL(child) : kk_memory_tree_ref(at->right);
    if (order < 0 && copy->left->priority > copy->priority) {
        copy = turn_right(copy);
    } else if (order > 0 && copy->right->priority > copy->priority) {
        copy = turn_left(copy);
    }
    *ret_tree = copy;
    return CKR_OK;
}

/* One tree of two, every key of `low` being below those of `high`. */
static KK_RV tree_joined(struct kk_memory_node *low, struct kk_memory_node *high,
                         struct kk_memory_node **ret_tree)
{
    if (low == NULL || high == NULL) {
        *ret_tree = kk_memory_tree_ref(low == NULL ? high : low);
        return CKR_OK;
    }
    bool low_is_up = low->priority > high->priority;
    KK_CLEANUP(kk_memory_tree_unrefp) struct kk_memory_node *child = NULL;
    KK_TRY(low_is_up ? tree_joined(low->right, high, &child)
                     : tree_joined(low, high->left, &child));
    struct kk_memory_node *copy = NULL;
    KK_TRY(node_copy(low_is_up ? low : high, &copy));
    copy->left = low_is_up ? kk_memory_tree_ref(low->left) : KK_STEAL(child);
    copy->right = low_is_up ? KK_STEAL(child) : kk_memory_tree_ref(high->right);
    *ret_tree = copy;
    return CKR_OK;
}

/* The key is known to be there. */
static KK_RV tree_without(const struct kk_memory_node *at, const struct kk_memory_key *key,
                          struct kk_memory_node **ret_tree)
{
    int order = compare(key, &at->key);
    if (order == 0) {
        return tree_joined(at->left, at->right, ret_tree);
    }
    KK_CLEANUP(kk_memory_tree_unrefp) struct kk_memory_node *child = NULL;
    KK_TRY(tree_without(order < 0 ? at->left : at->right, key, &child));
    struct kk_memory_node *copy = NULL;
    KK_TRY(node_copy(at, &copy));
    copy->left = order < 0 ? KK_STEAL(child) : kk_memory_tree_ref(at->left);
    copy->right = order > 0 ? KK_STEAL(child) : kk_memory_tree_ref(at->right);
    *ret_tree = copy;
    return CKR_OK;
}

KK_RV kk_memory_tree_put(struct kk_memory_node **root, const struct kk_memory_key *key,
                         struct kk_memory_record *record)
{
    struct kk_memory_node *tree = NULL;
    KK_TRY(tree_with(*root, key, record, &tree));
    kk_memory_tree_unref(*root);
    *root = tree;
    return CKR_OK;
}

KK_RV kk_memory_tree_delete(struct kk_memory_node **root, const struct kk_memory_key *key)
{
    if (kk_memory_tree_get(*root, key) == NULL) {
        return CKR_OK;
    }
    struct kk_memory_node *tree = NULL;
    KK_TRY(tree_without(*root, key, &tree));
    kk_memory_tree_unref(*root);
    *root = tree;
    return CKR_OK;
}

KK_RV kk_memory_tree_walk(const struct kk_memory_node *root, const struct kk_memory_key *from,
                          const struct kk_memory_key *to, kk_memory_visit *visit, void *context)
{
    if (root == NULL) {
        return CKR_OK;
    }
    bool is_above = compare(&root->key, from) >= 0;
    bool is_below = compare(&root->key, to) <= 0;
    if (is_above) {
        KK_TRY(kk_memory_tree_walk(root->left, from, to, visit, context));
    }
    if (is_above && is_below) {
        KK_TRY(visit(root->record, context));
    }
    return is_below ? kk_memory_tree_walk(root->right, from, to, visit, context) : CKR_OK;
}
