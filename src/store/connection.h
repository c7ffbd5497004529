/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection to a token's database, with its prepared statements. A thread has it to itself
 * from the begin of a transaction to its end.
 */
#pragma once

#include "store/sqlite_internal.h"

/* The statements with a fixed text (connection.c has the texts). */
enum kk_sql {
    KK_SQL_BEGIN_READ,
    KK_SQL_BEGIN_WRITE,
    KK_SQL_COMMIT,
    KK_SQL_ROLLBACK,
    KK_SQL_FORMAT,
    KK_SQL_NEED_WRITER,
    KK_SQL_APPLICATION_ID,
    KK_SQL_USER_VERSION,
    KK_SQL_GENERATION,
    KK_SQL_ROW_GET,
    KK_SQL_ROW_PUT,
    KK_SQL_ROW_DELETE,
    KK_SQL_ROW_EACH,
    KK_SQL_OBJECT_GET,
    KK_SQL_OBJECT_PUT,
    KK_SQL_OBJECT_DELETE,
    KK_SQL_OBJECT_COUNT,
    KK_SQL_OBJECT_CLEAR,
    KK_SQL_COUNT
};

/* Searches have a text for each set of columns; this many are kept. */
#define KK_CONNECTION_SEARCHES 16

struct kk_connection {
    struct kk_connection *next;
    sqlite3 *db;
    unsigned int forks; /* how many this process came of, when it was opened */
    int wal_pages;      /* after the last commit on this connection */
    sqlite3_stmt *fixed[KK_SQL_COUNT];
    sqlite3_stmt *searches[KK_CONNECTION_SEARCHES];
    size_t next_search;
};

KK_RV kk_connection_open(const struct kk_sqlite_store *store,
                         struct kk_connection **ret_connection);

/* NULL is fine. Writes nothing: no checkpoint is made here. */
void kk_connection_close(struct kk_connection *connection);
KK_DEFINE_CLEANUP(struct kk_connection *, kk_connection_close);

/* Makes the tables in an empty database. */
KK_RV kk_connection_create_schema(struct kk_connection *connection, const char *path);

/* A statement ready for its bindings. It goes back with kk_statement_done, at the latest before the
 * same one is asked for again. */
KK_RV kk_connection_fixed(struct kk_connection *connection, enum kk_sql sql,
                          sqlite3_stmt **ret_statement);
KK_RV kk_connection_search(struct kk_connection *connection, const char *text,
                           sqlite3_stmt **ret_statement);

static inline void kk_statement_done(sqlite3_stmt **statement)
{
    if (*statement != NULL) {
        (void)sqlite3_reset(*statement);
        (void)sqlite3_clear_bindings(*statement);
    }
}

/* Runs a statement that gives no row (or whose rows are of no interest). */
KK_RV kk_connection_run(struct kk_connection *connection, enum kk_sql sql, int *ret_result);
