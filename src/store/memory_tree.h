/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordered trees that share their nodes: a change makes new nodes on the path from the root to its
 * place and leaves the old tree as it was. A snapshot is a reference to a root, a rollback drops
 * one, and neither costs more with the number of records.
 *
 * The shape is that of a treap: a node's priority is a mix of its key, which keeps the depth
 * logarithmic without any balance to record.
 */
#pragma once

#include <stdatomic.h>

#include "store/store.h"

struct kk_memory_key {
    uint64_t part[4];
};

/* A row or an object with its blob, immutable. */
struct kk_memory_record {
    atomic_uint refs;
    struct kk_store_row row;
    struct kk_store_object object;
    uint8_t blob[];
};

struct kk_memory_node;

typedef CK_RV kk_memory_visit(const struct kk_memory_record *record, void *context);

struct kk_memory_record *kk_memory_record_ref(struct kk_memory_record *record);
void kk_memory_record_unref(struct kk_memory_record *record);
KK_DEFINE_CLEANUP(struct kk_memory_record *, kk_memory_record_unref);

/* NULL is the empty tree. */
struct kk_memory_node *kk_memory_tree_ref(struct kk_memory_node *root);
void kk_memory_tree_unref(struct kk_memory_node *root);
KK_DEFINE_CLEANUP(struct kk_memory_node *, kk_memory_tree_unref);

/* The tree's own record, NULL when there is none. */
struct kk_memory_record *kk_memory_tree_get(const struct kk_memory_node *root,
                                            const struct kk_memory_key *key);

/* Insert or replace (takes a reference to `record`), and delete (a missing key is fine). *root
 * becomes the new tree; on failure it is what it was. */
KK_RV kk_memory_tree_put(struct kk_memory_node **root, const struct kk_memory_key *key,
                         struct kk_memory_record *record);
KK_RV kk_memory_tree_delete(struct kk_memory_node **root, const struct kk_memory_key *key);

/* Visits keys from `from` to `to`, both included, ascending; what is not CKR_OK ends it. */
KK_RV kk_memory_tree_walk(const struct kk_memory_node *root, const struct kk_memory_key *from,
                          const struct kk_memory_key *to, kk_memory_visit *visit, void *context);
