/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing with linear probing and backward-shift deletion: no tombstones, so that a map
 * through which millions of uuids pass stays as small as what it holds.
 */
#include "token/uuid_map.h"

#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

struct entry {
    struct kk_uuid uuid;
    void *value; /* NULL: free */
};

struct kk_uuid_map {
    struct entry *entries;
    size_t capacity; /* a power of two */
    size_t count;
};

static size_t home_of(const struct kk_uuid_map *map, const struct kk_uuid *uuid)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, uuid->bytes, 8);
    memcpy(&b, uuid->bytes + 8, 8);
    return (size_t)((a ^ (b * UINT64_C(0x9e3779b97f4a7c15))) >> 7) & (map->capacity - 1);
}

static size_t slot_of(const struct kk_uuid_map *map, const struct kk_uuid *uuid)
{
    size_t i = home_of(map, uuid);
    while (map->entries[i].value != NULL && !kk_uuid_equal(&map->entries[i].uuid, uuid)) {
        i = (i + 1) & (map->capacity - 1);
    }
    return i;
}

KK_RV kk_uuid_map_new(struct kk_uuid_map **ret_map)
{
    KK_CLEANUP(kk_freep) struct kk_uuid_map *map = NULL;
    KK_TRY(kk_alloc(sizeof *map, &map));
    map->capacity = 16;
    KK_TRY(kk_alloc_array(map->capacity, sizeof *map->entries, &map->entries));
    *ret_map = KK_STEAL(map);
    return CKR_OK;
}

void kk_uuid_map_free(struct kk_uuid_map *map)
{
    if (map != NULL) {
        kk_free(map->entries);
        kk_free(map);
    }
}

void *kk_uuid_map_get(const struct kk_uuid_map *map, const struct kk_uuid *uuid)
{
    return map->entries[slot_of(map, uuid)].value;
}

static KK_RV grow(struct kk_uuid_map *map)
{
    struct kk_uuid_map bigger = {.capacity = map->capacity * 2, .count = map->count};
    KK_TRY(kk_alloc_array(bigger.capacity, sizeof *bigger.entries, &bigger.entries));
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].value != NULL) {
            bigger.entries[slot_of(&bigger, &map->entries[i].uuid)] = map->entries[i];
        }
    }
    kk_free(map->entries);
    *map = bigger;
    return CKR_OK;
}

KK_RV kk_uuid_map_put(struct kk_uuid_map *map, const struct kk_uuid *uuid, void *value,
                      void **ret_old)
{
    if ((map->count + 1) * 4 > map->capacity * 3) {
        KK_TRY(grow(map));
    }
    struct entry *entry = &map->entries[slot_of(map, uuid)];
    if (ret_old != NULL) {
        *ret_old = entry->value;
    }
    map->count += entry->value == NULL;
    entry->uuid = *uuid;
    entry->value = value;
    return CKR_OK;
}

/* Closes the gap at i: moves back every entry that would no longer be found across it. */
static void close_gap(struct kk_uuid_map *map, size_t i)
{
    size_t mask = map->capacity - 1;
    size_t gap = i;
    for (size_t j = (i + 1) & mask; map->entries[j].value != NULL; j = (j + 1) & mask) {
        size_t home = home_of(map, &map->entries[j].uuid);
        if (((j - home) & mask) >= ((j - gap) & mask)) {
            map->entries[gap] = map->entries[j];
            gap = j;
        }
    }
    map->entries[gap].value = NULL;
}

void *kk_uuid_map_remove(struct kk_uuid_map *map, const struct kk_uuid *uuid)
{
    size_t i = slot_of(map, uuid);
    void *old = map->entries[i].value;
    if (old != NULL) {
        map->count--;
        close_gap(map, i);
    }
    return old;
}

size_t kk_uuid_map_count(const struct kk_uuid_map *map)
{
    return map->count;
}

void kk_uuid_map_each(struct kk_uuid_map *map,
                      bool (*visit)(const struct kk_uuid *uuid, void *value, void *context),
                      void *context)
{
    for (size_t i = 0; i < map->capacity;) {
        struct entry *entry = &map->entries[i];
        if (entry->value != NULL && !visit(&entry->uuid, entry->value, context)) {
            map->count--;
            close_gap(map, i); /* something else may lie at i now: look again */
        } else {
            i++;
        }
    }
}
