/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a token remembers of its repository: object snapshots, answers to queries, and which objects
 * have a parsed key. The cache has no lock of its own; the token's covers it.
 */
#pragma once

#include "object/object.h"

struct kk_cache;

KK_RV kk_cache_new(size_t max_objects, size_t max_keys, struct kk_cache **ret_cache);
void kk_cache_free(struct kk_cache *cache);

/* The snapshot, with a reference for the caller, and the epoch at which it was known to be the
 * present version. NULL when there is none. */
struct kk_object *kk_cache_object(const struct kk_cache *cache, const struct kk_uuid *uuid,
                                  uint64_t *ret_epoch);

/* Remembers a snapshot. A full cache forgets first. Having no memory is no failure: then it is not
 * remembered. */
void kk_cache_put(struct kk_cache *cache, struct kk_object *object, uint64_t epoch);
void kk_cache_remove(struct kk_cache *cache, const struct kk_uuid *uuid);

/* No answer with more objects is remembered. */
#define KK_CACHE_ANSWER_MAX 4096u

/* The answer of an earlier query at this epoch, copied in place of what `list` has; false when it
 * is not known. */
bool kk_cache_query(const struct kk_cache *cache, const struct kk_attrs *tmpl, bool with_private,
                    uint64_t epoch, struct kk_uuid_list *list);
void kk_cache_query_put(struct kk_cache *cache, const struct kk_attrs *tmpl, bool with_private,
                        uint64_t epoch, const struct kk_uuid *uuids, size_t count);
void kk_cache_queries_clear(struct kk_cache *cache);

/* A key of this object was just parsed. Beyond the limit the one that was longest unused goes
 * (second chance). */
void kk_cache_key_parsed(struct kk_cache *cache, struct kk_object *object);

/* Forgets everything private (the last logout), or everything. Parsed keys go at once, also those
 * of snapshots that somebody still holds. */
void kk_cache_forget_private(struct kk_cache *cache);
void kk_cache_forget(struct kk_cache *cache);
