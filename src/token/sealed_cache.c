/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verified buckets that were used lately. Whether one is still the present one is its reader's to
 * find out (the stamp, or the row).
 */
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* 40 bytes each: at most some 5 MiB per side. */
#define ENTRIES_MAX (128u * 1024u)

struct kk_bucket *kk_bucket_cache_get(struct kk_sealed *sealed, enum kk_side side, uint32_t no)
{
    KK_LOCK_SCOPE(&sealed->lock);
    struct kk_bucket **buckets = sealed->cache[side].buckets;
    struct kk_bucket *bucket = buckets == NULL ? NULL : buckets[no];
    return bucket == NULL ? NULL : kk_bucket_ref(bucket);
}

static void forget_side(struct kk_bucket_cache *cache)
{
    for (size_t i = 0; cache->buckets != NULL && i < KK_BUCKETS; i++) {
        kk_bucket_unref(cache->buckets[i]);
    }
    kk_free(cache->buckets);
    *cache = (struct kk_bucket_cache){0};
}

/* An empty bucket counts too. */
static size_t weight(const struct kk_bucket *bucket)
{
    return bucket == NULL ? 0 : bucket->count + 1;
}

void kk_bucket_cache_put(struct kk_sealed *sealed, enum kk_side side, struct kk_bucket *bucket)
{
    KK_LOCK_SCOPE(&sealed->lock);
    struct kk_bucket_cache *cache = &sealed->cache[side];
    struct kk_bucket *old = cache->buckets == NULL ? NULL : cache->buckets[bucket->no];
    if (old != NULL && old->generation > bucket->generation) {
        return; /* another thread knows a newer one */
    }
    if (cache->entries + weight(bucket) > ENTRIES_MAX) {
        forget_side(cache);
        old = NULL;
    }
    if (cache->buckets == NULL &&
        kk_alloc_array(KK_BUCKETS, sizeof *cache->buckets, &cache->buckets) != CKR_OK) {
        return; /* it is read again next time */
    }
    cache->entries += weight(bucket) - weight(old);
    cache->buckets[bucket->no] = kk_bucket_ref(bucket);
    kk_bucket_unref(old);
}

void kk_bucket_cache_forget(struct kk_sealed *sealed)
{
    for (size_t side = 0; side < KK_SIDES; side++) {
        forget_side(&sealed->cache[side]);
    }
}
