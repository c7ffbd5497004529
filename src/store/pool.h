/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections of each store, and the list of all stores for the fork handlers to go through.
 * Everything here is called from inside the gate (gate.h).
 */
#pragma once

#include "store/connection.h"

void kk_pool_add_store(struct kk_sqlite_store *store);

/* Also closes the store's connections. */
void kk_pool_drop_store(struct kk_sqlite_store *store);

/* A connection of the caller's own, from those that lie idle or new. */
KK_RV kk_pool_take(struct kk_sqlite_store *store, struct kk_connection **ret_connection);

/* The same to write with. SQLite opens a file that it cannot open for writing for reading, whatever
 * the reason; when that is over, such connections must not stay. */
KK_RV kk_pool_take_to_write(struct kk_sqlite_store *store, struct kk_connection **ret_connection);

void kk_pool_give(struct kk_sqlite_store *store, struct kk_connection *connection);

/* Whether the connection was opened by this process, not before it was forked off. */
bool kk_pool_is_own(const struct kk_connection *connection);

/* Closes the idle connections: they are opened anew when they are wanted. */
void kk_pool_close_idle(struct kk_sqlite_store *store);

/* The same for all stores, by a thread that shut the gate. */
void kk_pool_close_all(void);

/* In a forked child, whose only thread waits for no turn and, with an exception that
 * kk_pool_is_own() finds out, has none. */
void kk_pool_begin_child(void);
