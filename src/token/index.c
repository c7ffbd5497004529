/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index: objects by uuid and in the order of their arrival, and for each indexed attribute a
 * hash table of lists. A search walks the shortest list that the template's attributes name.
 */
#include "token/index.h"

#include <string.h>

#include "base/memory.h"
#include "object/policy.h"
#include "token/uuid_map.h"

#include "base/banned.h"

/* One object in the index: in the list of all, and in one list per column it has. */
struct node {
    struct kk_object *object;
    struct node *all_prev, *all_next;
    uint32_t columns;
    uint64_t hashes[KK_INDEX_COLUMNS];
    struct node *prev[KK_INDEX_COLUMNS], *next[KK_INDEX_COLUMNS];
};

#define FIRST_BUCKETS 16u /* of each column; their number doubles with that of the objects */

struct list {
    struct node *first, *last;
    size_t count;
};

struct kk_index {
    struct kk_uuid_map *nodes;
    struct node *first, *last;
    struct list *lists; /* `buckets` of each column; NULL before the first object */
    size_t buckets;
};

/* FNV-1a: an index in memory needs no keyed hash; a flooded list costs its owner only. */
static uint64_t hash_bytes(uint64_t hash, struct kk_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Kind and value, so that a number and the bytes that look like it are two. False when the
 * attribute is not there, or of a kind that is not searched by column. */
static bool column_hash(const struct kk_attrs *attrs, size_t column, uint64_t *ret_hash)
{
    const struct kk_attr *attr = kk_attrs_find(attrs, kk_index_types[column]);
    if (attr == NULL) {
        return false;
    }
    uint8_t number[8];
    struct kk_span value = KK_SPAN_ARRAY(number);
    switch (attr->kind) {
    case KK_ATTR_BOOL:
        kk_store_u64(number, attr->value.flag);
        break;
    case KK_ATTR_ULONG:
        kk_store_u64(number, attr->value.number);
        break;
    case KK_ATTR_BYTES:
        value = kk_attr_bytes(attr);
        break;
    default:
        return false;
    }
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), KK_SPAN(&attr->kind, 1));
    hash = hash_bytes(hash, value);
    *ret_hash = hash ^ (hash >> 32);
    return true;
}

KK_RV kk_index_new(struct kk_index **ret_index)
{
    KK_CLEANUP(kk_freep) struct kk_index *index = NULL;
    KK_TRY(kk_alloc(sizeof *index, &index));
    KK_TRY(kk_uuid_map_new(&index->nodes));
    *ret_index = KK_STEAL(index);
    return CKR_OK;
}

void kk_index_free(struct kk_index *index)
{
    if (index == NULL) {
        return;
    }
    struct node *node = index->first;
    while (node != NULL) {
        struct node *next = node->all_next;
        kk_object_unref(node->object);
        kk_free(node);
        node = next;
    }
    kk_uuid_map_free(index->nodes);
    kk_free(index->lists);
    kk_free(index);
}

static struct list *list_of(const struct kk_index *index, size_t column, uint64_t hash)
{
    return &index->lists[column * index->buckets + (size_t)(hash & (index->buckets - 1))];
}

static void link_columns(struct kk_index *index, struct node *node)
{
    for (size_t c = 0; c < KK_INDEX_COLUMNS; c++) {
        if ((node->columns & (1u << c)) == 0) {
            continue;
        }
        struct list *list = list_of(index, c, node->hashes[c]);
        node->prev[c] = list->last;
        node->next[c] = NULL;
        if (list->last != NULL) {
            list->last->next[c] = node;
        } else {
            list->first = node;
        }
        list->last = node;
        list->count++;
    }
}

static void unlink_columns(struct kk_index *index, struct node *node)
{
    for (size_t c = 0; c < KK_INDEX_COLUMNS; c++) {
        if ((node->columns & (1u << c)) == 0) {
            continue;
        }
        struct list *list = list_of(index, c, node->hashes[c]);
        *(node->prev[c] != NULL ? &node->prev[c]->next[c] : &list->first) = node->next[c];
        *(node->next[c] != NULL ? &node->next[c]->prev[c] : &list->last) = node->prev[c];
        list->count--;
    }
}

/* So many lists that one more object finds them short. */
static KK_RV make_room(struct kk_index *index)
{
    struct list *lists = NULL;
    size_t buckets = index->lists == NULL ? FIRST_BUCKETS : index->buckets;
    while (kk_uuid_map_count(index->nodes) >= buckets) {
        buckets *= 2;
    }
    if (buckets == index->buckets) {
        return CKR_OK;
    }
    KK_TRY(kk_alloc_array(KK_INDEX_COLUMNS * buckets, sizeof *lists, &lists));
    kk_free(index->lists);
    index->lists = lists;
    index->buckets = buckets;
    for (struct node *node = index->first; node != NULL; node = node->all_next) {
        link_columns(index, node);
    }
    return CKR_OK;
}

/* Out of all lists; the map is the caller's. */
static void drop_node(struct kk_index *index, struct node *node)
{
    unlink_columns(index, node);
    *(node->all_prev != NULL ? &node->all_prev->all_next : &index->first) = node->all_next;
    *(node->all_next != NULL ? &node->all_next->all_prev : &index->last) = node->all_prev;
    kk_object_unref(node->object);
    kk_free(node);
}

KK_RV kk_index_add(struct kk_index *index, struct kk_object *object)
{
    KK_CLEANUP(kk_freep) struct node *node = NULL;
    void *old = NULL;
    KK_TRY(make_room(index));
    KK_TRY(kk_alloc(sizeof *node, &node));
    for (size_t c = 0; c < KK_INDEX_COLUMNS; c++) {
        bool has = column_hash(object->attrs, c, &node->hashes[c]);
        node->columns |= has ? 1u << c : 0;
    }
    KK_TRY(kk_uuid_map_put(index->nodes, &object->uuid, node, &old));
    node->object = kk_object_ref(object);
    if (old != NULL) {
        drop_node(index, old);
    }
    node->all_prev = index->last;
    *(index->last != NULL ? &index->last->all_next : &index->first) = node;
    index->last = node;
    link_columns(index, node);
    node = NULL; /* the index's now */
    return CKR_OK;
}

bool kk_index_remove(struct kk_index *index, const struct kk_uuid *uuid)
{
    struct node *node = kk_uuid_map_remove(index->nodes, uuid);
    if (node == NULL) {
        return false;
    }
    drop_node(index, node);
    return true;
}

struct kk_object *kk_index_get(const struct kk_index *index, const struct kk_uuid *uuid)
{
    struct node *node = kk_uuid_map_get(index->nodes, uuid);
    return node != NULL ? node->object : NULL;
}

size_t kk_index_count(const struct kk_index *index)
{
    return kk_uuid_map_count(index->nodes);
}

/* The shortest list that every match is in; column KK_INDEX_COLUMNS stands for the list of all. */
static void choose_list(const struct kk_index *index, const struct kk_attrs *tmpl,
                        size_t *ret_column, struct node **ret_first)
{
    size_t best = kk_uuid_map_count(index->nodes) + 1;
    *ret_column = KK_INDEX_COLUMNS;
    *ret_first = index->first;
    for (size_t c = 0; index->lists != NULL && c < KK_INDEX_COLUMNS; c++) {
        uint64_t hash = 0;
        if (!column_hash(tmpl, c, &hash)) {
            continue;
        }
        const struct list *list = list_of(index, c, hash);
        if (list->count < best) {
            best = list->count;
            *ret_column = c;
            *ret_first = list->first;
        }
    }
}

KK_RV kk_index_find(const struct kk_index *index, const struct kk_attrs *tmpl,
                    kk_index_visit *visit, void *context)
{
    size_t column = 0;
    struct node *node = NULL;
    choose_list(index, tmpl, &column, &node);
    while (node != NULL) {
        struct node *next = column < KK_INDEX_COLUMNS ? node->next[column] : node->all_next;
        if (kk_object_matches(node->object, tmpl)) {
            KK_TRY(visit(node->object, context));
        }
        node = next;
    }
    return CKR_OK;
}
