/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two halves of the memory engine share: memory.c has the tokens and transactions,
 * memory_records.c what is read and written in one.
 */
#pragma once

#include "base/lock.h"
#include "store/memory_tree.h"
#include "store/turn.h"

/* A token's content at one moment: three trees and how many objects there are of each kind. */
struct kk_memory_state {
    struct kk_memory_node *rows;
    struct kk_memory_node *objects;
    struct kk_memory_node *index; /* (private, column, value, uuid), and (private, ALL, 0, uuid) */
    uint64_t counts[2];
};

struct kk_memory_env;

struct kk_memory_token {
    struct kk_memory_token *next;
    struct kk_memory_env *env;
    char *name;
    char *path;
    unsigned int refs;
    bool listed; /* false until the first commit and after remove() */
    struct kk_turn writing;
    struct kk_turn trying;
    struct kk_memory_state state;
    _Atomic uint64_t counter; /* as sqlite's: odd during a commit, all ones: gone */
};

/* One mutex for all of an environment: it is held for a few pointer moves. */
struct kk_memory_env {
    struct kk_store_env base;
    struct kk_mutex mutex;
    struct kk_memory_token *tokens;
    uint64_t stamp;
};

struct kk_memory_store {
    struct kk_store base;
    struct kk_memory_token *token;
};

struct kk_memory_tx {
    struct kk_store_tx base;
    struct kk_memory_token *token;
    bool writes;
    struct kk_memory_state state;
};

void kk_memory_state_ref(const struct kk_memory_state *from, struct kk_memory_state *ret_state);
void kk_memory_state_clear(struct kk_memory_state *state);

KK_RV kk_memory_row_get(struct kk_store_tx *tx, uint32_t table, uint32_t no,
                        struct kk_store_row *ret_row, struct kk_buffer *ret_blob);
KK_RV kk_memory_row_put(struct kk_store_tx *tx, const struct kk_store_row *row);
KK_RV kk_memory_row_delete(struct kk_store_tx *tx, uint32_t table, uint32_t no);
KK_RV kk_memory_row_each(struct kk_store_tx *tx, uint32_t table, uint64_t since, bool with_blobs,
                         kk_store_row_visit *visit, void *context);
KK_RV kk_memory_object_get(struct kk_store_tx *tx, const struct kk_uuid *uuid,
                           struct kk_store_object *ret_object, struct kk_buffer *ret_blob);
KK_RV kk_memory_object_put(struct kk_store_tx *tx, const struct kk_store_object *object);
KK_RV kk_memory_object_delete(struct kk_store_tx *tx, const struct kk_uuid *uuid);
KK_RV kk_memory_object_count(struct kk_store_tx *tx, enum kk_store_private which,
                             uint64_t *ret_count);
KK_RV kk_memory_object_find(struct kk_store_tx *tx, enum kk_store_private which,
                            const struct kk_store_condition *conditions, size_t count,
                            kk_store_object_visit *visit, void *context);
KK_RV kk_memory_object_any(struct kk_store_tx *tx, enum kk_store_private which, uint32_t with,
                           uint32_t without, bool *ret_any);
KK_RV kk_memory_object_clear(struct kk_store_tx *tx, enum kk_store_private which);
