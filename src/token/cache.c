/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The token's cache: a map of snapshots, a small direct-mapped table of query answers, and a ring
 * of the objects whose keys are parsed.
 */
#include "token/cache.h"

#include <string.h>

#include "base/memory.h"
#include "token/uuid_map.h"

#include "base/banned.h"

#define QUERIES 256u

struct entry {
    struct kk_object *object;
    uint64_t epoch;
};

struct query {
    struct kk_attrs *tmpl; /* NULL: free */
    bool with_private;
    uint64_t epoch;
    struct kk_uuid *uuids;
    size_t count;
};

struct kk_cache {
    struct kk_uuid_map *objects; /* of struct entry */
    size_t max_objects;
    struct query queries[QUERIES];
    struct kk_object **ring; /* references; NULL: free */
    size_t ring_size;        /* at most max_keys */
    size_t ring_hand;
    size_t max_keys;
};

KK_RV kk_cache_new(size_t max_objects, size_t max_keys, struct kk_cache **ret_cache)
{
    KK_CLEANUP(kk_freep) struct kk_cache *cache = NULL;
    KK_TRY(kk_alloc(sizeof *cache, &cache));
    KK_TRY(kk_uuid_map_new(&cache->objects));
    cache->max_objects = KK_MAX(max_objects, (size_t)16);
    cache->max_keys = KK_MAX(max_keys, (size_t)16);
    *ret_cache = KK_STEAL(cache);
    return CKR_OK;
}

static void entry_free(struct entry *entry)
{
    kk_object_unref(entry->object);
    kk_free(entry);
}

static bool forget_any(KK_UNUSED const struct kk_uuid *uuid, void *value, KK_UNUSED void *context)
{
    entry_free(value);
    return false;
}

static bool forget_private(KK_UNUSED const struct kk_uuid *uuid, void *value,
                           KK_UNUSED void *context)
{
    struct entry *entry = value;
    if (!entry->object->is_private) {
        return true;
    }
    entry_free(entry);
    return false;
}

static void query_clear(struct query *query)
{
    kk_attrs_free(query->tmpl);
    kk_free(query->uuids);
    *query = (struct query){0};
}

void kk_cache_queries_clear(struct kk_cache *cache)
{
    for (size_t i = 0; i < QUERIES; i++) {
        if (cache->queries[i].tmpl != NULL) {
            query_clear(&cache->queries[i]);
        }
    }
}

static void ring_forget(struct kk_cache *cache, bool private_only)
{
    for (size_t i = 0; i < cache->ring_size; i++) {
        struct kk_object *object = cache->ring[i];
        if (object != NULL && (object->is_private || !private_only)) {
            kk_object_drop_key(object);
            kk_object_unref(object);
            cache->ring[i] = NULL;
        }
    }
}

/* A version that is no longer the present one keeps neither its key nor its place. */
static void ring_remove(struct kk_cache *cache, struct kk_object *object)
{
    for (size_t i = 0; i < cache->ring_size; i++) {
        if (cache->ring[i] == object) {
            kk_object_drop_key(object);
            kk_object_unref(object);
            cache->ring[i] = NULL;
        }
    }
}

void kk_cache_forget_private(struct kk_cache *cache)
{
    ring_forget(cache, true);
    kk_cache_queries_clear(cache);
    kk_uuid_map_each(cache->objects, forget_private, NULL);
}

void kk_cache_forget(struct kk_cache *cache)
{
    ring_forget(cache, false);
    kk_cache_queries_clear(cache);
    kk_uuid_map_each(cache->objects, forget_any, NULL);
}

void kk_cache_free(struct kk_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    kk_cache_forget(cache);
    kk_uuid_map_free(cache->objects);
    kk_free(cache->ring);
    kk_free(cache);
}

struct kk_object *kk_cache_object(const struct kk_cache *cache, const struct kk_uuid *uuid,
                                  uint64_t *ret_epoch)
{
    struct entry *entry = kk_uuid_map_get(cache->objects, uuid);
    if (entry == NULL) {
        return NULL;
    }
    *ret_epoch = entry->epoch;
    return kk_object_ref(entry->object);
}

void kk_cache_put(struct kk_cache *cache, struct kk_object *object, uint64_t epoch)
{
    struct entry *entry = kk_uuid_map_get(cache->objects, &object->uuid);
    if (entry != NULL) {
        if (entry->object != object) {
            ring_remove(cache, entry->object);
        }
        kk_object_ref(object);
        kk_object_unref(entry->object);
        *entry = (struct entry){.object = object, .epoch = epoch};
        return;
    }
    if (kk_uuid_map_count(cache->objects) >= cache->max_objects) {
        kk_uuid_map_each(cache->objects, forget_any, NULL);
    }
    if (kk_alloc(sizeof *entry, &entry) != CKR_OK) {
        return;
    }
    *entry = (struct entry){.object = object, .epoch = epoch};
    if (kk_uuid_map_put(cache->objects, &object->uuid, entry, NULL) != CKR_OK) {
        kk_free(entry);
        return;
    }
    kk_object_ref(object);
}

void kk_cache_remove(struct kk_cache *cache, const struct kk_uuid *uuid)
{
    struct entry *entry = kk_uuid_map_remove(cache->objects, uuid);
    if (entry != NULL) {
        ring_remove(cache, entry->object);
        entry_free(entry);
    }
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

/* Types, lengths and values; secret values count by their length only. */
static uint64_t template_hash(const struct kk_attrs *tmpl, bool with_private)
{
    uint64_t hash = with_private ? 1 : 2;
    for (size_t i = 0; i < tmpl->count; i++) {
        const struct kk_attr *attr = &tmpl->rows[i];
        hash = mix(mix(hash, attr->type), attr->len);
        if (attr->kind == KK_ATTR_ULONG) {
            hash = mix(hash, attr->value.number);
        } else if (attr->kind == KK_ATTR_BOOL) {
            hash = mix(hash, attr->value.flag);
        } else if (attr->kind == KK_ATTR_BYTES && !attr->is_secret) {
            for (size_t j = 0; j < attr->len; j++) {
                hash = mix(hash, attr->value.bytes[j]);
            }
        }
    }
    return hash;
}

static bool same_template(const struct kk_attrs *a, const struct kk_attrs *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->rows[i].type != b->rows[i].type || !kk_attr_equal(&a->rows[i], &b->rows[i])) {
            return false;
        }
    }
    return true;
}

bool kk_cache_query(const struct kk_cache *cache, const struct kk_attrs *tmpl, bool with_private,
                    uint64_t epoch, struct kk_uuid_list *list)
{
    const struct query *query = &cache->queries[template_hash(tmpl, with_private) % QUERIES];
    if (query->tmpl == NULL || query->epoch != epoch || query->with_private != with_private ||
        !same_template(query->tmpl, tmpl)) {
        return false;
    }
    if (kk_uuid_list_room(list, query->count) != CKR_OK) {
        return false;
    }
    if (query->count > 0) {
        memcpy(list->uuids, query->uuids, query->count * sizeof *list->uuids);
    }
    list->count = query->count;
    return true;
}

void kk_cache_query_put(struct kk_cache *cache, const struct kk_attrs *tmpl, bool with_private,
                        uint64_t epoch, const struct kk_uuid *uuids, size_t count)
{
    if (count > KK_CACHE_ANSWER_MAX) {
        return;
    }
    struct query *query = &cache->queries[template_hash(tmpl, with_private) % QUERIES];
    query_clear(query);
    if (kk_memdup(uuids, count * sizeof *uuids, &query->uuids) != CKR_OK ||
        kk_attrs_dup(tmpl, &query->tmpl) != CKR_OK) {
        query_clear(query);
        return;
    }
    query->with_private = with_private;
    query->epoch = epoch;
    query->count = count;
}

/* Doubles the ring up to its limit; without memory it stays as it is. */
static void ring_grow(struct kk_cache *cache)
{
    size_t size = KK_MIN(KK_MAX(cache->ring_size * 2, (size_t)64), cache->max_keys);
    if (size <= cache->ring_size ||
        kk_realloc_array(&cache->ring, size, sizeof *cache->ring) != CKR_OK) {
        return;
    }
    memset(cache->ring + cache->ring_size, 0, (size - cache->ring_size) * sizeof *cache->ring);
    cache->ring_hand = cache->ring_size;
    cache->ring_size = size;
}

void kk_cache_key_parsed(struct kk_cache *cache, struct kk_object *object)
{
    if (cache->ring_size == 0 ||
        (cache->ring[cache->ring_hand] != NULL && cache->ring_size < cache->max_keys)) {
        ring_grow(cache);
    }
    if (cache->ring_size == 0) {
        return;
    }
    struct kk_object **place = &cache->ring[cache->ring_hand];
    while (*place != NULL && atomic_exchange(&(*place)->key_touched, false)) {
        cache->ring_hand = (cache->ring_hand + 1) % cache->ring_size;
        place = &cache->ring[cache->ring_hand];
    }
    if (*place != NULL) {
        kk_object_drop_key(*place);
        kk_object_unref(*place);
    }
    *place = kk_object_ref(object);
    cache->ring_hand = (cache->ring_hand + 1) % cache->ring_size;
}
