/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open-addressing hash table with linear probing. A removed entry leaves no mark behind: the
 * entries after it move up, so the table stays as quick after a million removals as before, and it
 * shrinks again. Handle 0 marks a free place.
 */
#include "base/handle_map.h"

#include "base/memory.h"

#include <stdatomic.h>

#include "base/banned.h"

#define SMALLEST_BITS 4

struct entry {
    CK_ULONG handle;
    void *value;
};

struct kk_handle_map {
    _Atomic uint64_t *counter;
    struct entry *entries;
    unsigned int bits; /* the table has 1 << bits places */
    size_t count;
};

static size_t places(const struct kk_handle_map *map)
{
    return (size_t)1 << map->bits;
}

/* Handles come one after the other: the multiplication by 2^64 / golden ratio spreads them. */
static size_t home(unsigned int bits, CK_ULONG handle)
{
    return (size_t)((uint64_t)handle * UINT64_C(0x9E3779B97F4A7C15) >> (64 - bits));
}

/* The place of `handle`, or the free one where it would go. */
static size_t probe(const struct entry *entries, unsigned int bits, CK_ULONG handle)
{
    size_t mask = ((size_t)1 << bits) - 1;
    size_t at = home(bits, handle);
    while (entries[at].handle != 0 && entries[at].handle != handle) {
        at = (at + 1) & mask;
    }
    return at;
}

static KK_RV resize(struct kk_handle_map *map, unsigned int bits)
{
    struct entry *entries = NULL;
    KK_TRY(kk_alloc_array((size_t)1 << bits, sizeof *entries, &entries));
    for (size_t i = 0; i < places(map); i++) {
        if (map->entries[i].handle != 0) {
            entries[probe(entries, bits, map->entries[i].handle)] = map->entries[i];
        }
    }
    kk_free(map->entries);
    map->entries = entries;
    map->bits = bits;
    return CKR_OK;
}

KK_RV kk_handle_map_new(_Atomic uint64_t *counter, struct kk_handle_map **ret_map)
{
    KK_CLEANUP(kk_handle_map_freep) struct kk_handle_map *map = NULL;
    KK_TRY(kk_alloc(sizeof *map, &map));
    map->counter = counter;
    map->bits = SMALLEST_BITS;
    KK_TRY(kk_alloc_array(places(map), sizeof *map->entries, &map->entries));
    *ret_map = KK_STEAL(map);
    return CKR_OK;
}

void kk_handle_map_free(struct kk_handle_map *map)
{
    if (map != NULL) {
        kk_free(map->entries);
        kk_free(map);
    }
}

KK_RV kk_handle_map_add(struct kk_handle_map *map, void *value, CK_ULONG *ret_handle)
{
    KK_ASSERT(value != NULL);
    if (map->count >= places(map) / 2) {
        KK_TRY(resize(map, map->bits + 1));
    }
    uint64_t number = atomic_fetch_add_explicit(map->counter, 1, memory_order_relaxed) + 1;
    KK_ENSURE(number < CK_UNAVAILABLE_INFORMATION, CKR_HOST_MEMORY);

    CK_ULONG handle = (CK_ULONG)number;
    map->entries[probe(map->entries, map->bits, handle)] = (struct entry){handle, value};
    map->count++;
    *ret_handle = handle;
    return CKR_OK;
}

void *kk_handle_map_find(const struct kk_handle_map *map, CK_ULONG handle)
{
    if (handle == 0) {
        return NULL;
    }
    return map->entries[probe(map->entries, map->bits, handle)].value;
}

/* Frees a place and moves up the entries behind it that may lie nearer to their home. */
static void vacate(struct kk_handle_map *map, size_t hole)
{
    size_t mask = places(map) - 1;
    for (size_t at = (hole + 1) & mask; map->entries[at].handle != 0; at = (at + 1) & mask) {
        size_t wanted = home(map->bits, map->entries[at].handle);
        if (((at - wanted) & mask) >= ((at - hole) & mask)) {
            map->entries[hole] = map->entries[at];
            hole = at;
        }
    }
    map->entries[hole] = (struct entry){0, NULL};
    map->count--;
}

/* A smaller table is a kindness, not a need: without memory for it the present one stays. */
static void shrink(struct kk_handle_map *map)
{
    unsigned int bits = map->bits;
    while (bits > SMALLEST_BITS && map->count < ((size_t)1 << bits) / 8) {
        bits--;
    }
    if (bits != map->bits && resize(map, bits) != CKR_OK) {
        return;
    }
}

void *kk_handle_map_remove(struct kk_handle_map *map, CK_ULONG handle)
{
    if (handle == 0) {
        return NULL;
    }
    size_t at = probe(map->entries, map->bits, handle);
    void *value = map->entries[at].value;
    if (value != NULL) {
        vacate(map, at);
        shrink(map);
    }
    return value;
}

size_t kk_handle_map_count(const struct kk_handle_map *map)
{
    return map->count;
}

void kk_handle_map_each(struct kk_handle_map *map,
                        bool (*visit)(CK_ULONG handle, void *value, void *context), void *context)
{
    /* Places must not move while they are visited: what goes only loses its value first. */
    for (size_t i = 0; i < places(map); i++) {
        struct entry *entry = &map->entries[i];
        if (entry->handle != 0 && !visit(entry->handle, entry->value, context)) {
            entry->value = NULL;
        }
    }
    for (size_t i = 0; i < places(map);) {
        if (map->entries[i].handle != 0 && map->entries[i].value == NULL) {
            vacate(map, i);
        } else {
            i++;
        }
    }
    shrink(map);
}
