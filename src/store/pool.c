/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections in waiting. A store has as many as threads were in it at once.
 */
#include "store/pool.h"

#include "store/gate.h"

#include "base/banned.h"

/* Global for the same reason as the gate: fork handlers know no engine. */
static struct kk_sqlite_store *stores;
static unsigned int forks;

bool kk_pool_is_own(const struct kk_connection *connection)
{
    return connection->forks == forks;
}

void kk_pool_add_store(struct kk_sqlite_store *store)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    store->next = stores;
    if (stores != NULL) {
        stores->previous = store;
    }
    stores = store;
}

void kk_pool_drop_store(struct kk_sqlite_store *store)
{
    KK_WITH_LOCK(&kk_gate_mutex)
    {
        if (store->previous != NULL) {
            store->previous->next = store->next;
        } else if (stores == store) {
            stores = store->next;
        }
        if (store->next != NULL) {
            store->next->previous = store->previous;
        }
        store->next = NULL;
        store->previous = NULL;
    }
    kk_pool_close_idle(store);
}

KK_RV kk_pool_take(struct kk_sqlite_store *store, struct kk_connection **ret_connection)
{
    struct kk_connection *connection = NULL;
    KK_WITH_LOCK(&kk_gate_mutex)
    {
        connection = store->idle;
        if (connection != NULL) {
            store->idle = connection->next;
            connection->next = NULL;
        }
    }
    if (connection == NULL) {
        KK_TRY(kk_connection_open(store, &connection));
        connection->forks = forks;
    }
    *ret_connection = connection;
    return CKR_OK;
}

KK_RV kk_pool_take_to_write(struct kk_sqlite_store *store, struct kk_connection **ret_connection)
{
    struct kk_connection *connection = NULL;
    KK_TRY(kk_pool_take(store, &connection));
    if (sqlite3_db_readonly(connection->db, "main") == 1) {
        kk_connection_close(connection);
        kk_pool_close_idle(store);
        KK_TRY(kk_pool_take(store, &connection));
    }
    *ret_connection = connection;
    return CKR_OK;
}

void kk_pool_give(struct kk_sqlite_store *store, struct kk_connection *connection)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    connection->next = store->idle;
    store->idle = connection;
}

static void close_list(struct kk_connection *list)
{
    while (list != NULL) {
        struct kk_connection *connection = list;
        list = connection->next;
        kk_connection_close(connection);
    }
}

void kk_pool_close_idle(struct kk_sqlite_store *store)
{
    struct kk_connection *list = NULL;
    KK_WITH_LOCK(&kk_gate_mutex)
    {
        list = KK_STEAL(store->idle);
    }
    close_list(list);
}

void kk_pool_close_all(void)
{
    for (struct kk_sqlite_store *store = stores; store != NULL; store = store->next) {
        close_list(KK_STEAL(store->idle));
    }
}

void kk_pool_begin_child(void)
{
    forks++;
    for (struct kk_sqlite_store *store = stores; store != NULL; store = store->next) {
        store->writing = (struct kk_turn){0};
        store->trying = (struct kk_turn){0};
    }
}
