/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash map from uuid to pointer. Uuids of ours are random, so their own bytes are the hash.
 */
#pragma once

#include "base/uuid.h"

struct kk_uuid_map;

KK_RV kk_uuid_map_new(struct kk_uuid_map **ret_map);
void kk_uuid_map_free(struct kk_uuid_map *map);

void *kk_uuid_map_get(const struct kk_uuid_map *map, const struct kk_uuid *uuid);

/* Sets or replaces; *ret_old (may be NULL) gets what was there. `value` is not NULL. */
KK_RV kk_uuid_map_put(struct kk_uuid_map *map, const struct kk_uuid *uuid, void *value,
                      void **ret_old);
void *kk_uuid_map_remove(struct kk_uuid_map *map, const struct kk_uuid *uuid);
size_t kk_uuid_map_count(const struct kk_uuid_map *map);

/* Visits all in no order; `visit` returns false to have the entry removed. */
void kk_uuid_map_each(struct kk_uuid_map *map,
                      bool (*visit)(const struct kk_uuid *uuid, void *value, void *context),
                      void *context);
