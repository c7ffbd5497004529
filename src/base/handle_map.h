/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles: numbers given out by a counter that never goes back, each mapping to a pointer.
 *
 * 64 bits where CK_ULONG has 64, 32 bits where it has 32 (then kk_handle_map_add() refuses with
 * CKR_HOST_MEMORY when the numbers run out). 0 is never given out. Constant-time look-up. The
 * map has no lock of its own: its owner's lock (or a read lock) covers it.
 */
#pragma once

#include "base/macros.h"

struct kk_handle_map;

/* `counter` is shared by the maps of one application, so that a session handle is never an object
 * handle too; it starts at 0 and belongs to the owner. Callers of one counter may be different
 * threads: it is incremented atomically. */
KK_RV kk_handle_map_new(_Atomic uint64_t *counter, struct kk_handle_map **ret_map);
void kk_handle_map_free(struct kk_handle_map *map);
KK_DEFINE_CLEANUP(struct kk_handle_map *, kk_handle_map_free);

KK_RV kk_handle_map_add(struct kk_handle_map *map, void *value, CK_ULONG *ret_handle);
void *kk_handle_map_find(const struct kk_handle_map *map, CK_ULONG handle);

/* The value that was there, NULL when there was none. */
void *kk_handle_map_remove(struct kk_handle_map *map, CK_ULONG handle);

size_t kk_handle_map_count(const struct kk_handle_map *map);

/* Visits every entry in no order. `visit` returns false to have the entry removed. */
void kk_handle_map_each(struct kk_handle_map *map,
                        bool (*visit)(CK_ULONG handle, void *value, void *context), void *context);
