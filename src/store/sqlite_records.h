/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Helpers for the columns of rows and objects.
 */
#pragma once

#include "store/connection.h"

/* Remembers a failure of SQLite's, so that the transaction cannot be committed. */
CK_RV kk_sqlite_tx_fail(struct kk_sqlite_tx *tx, int result, const char *what);

/* An own failure to prepare a statement counts as well. */
KK_RV kk_sqlite_tx_fixed(struct kk_sqlite_tx *tx, enum kk_sql sql, sqlite3_stmt **ret_statement);

/* Steps a statement that changes something. */
KK_RV kk_sqlite_tx_run(struct kk_sqlite_tx *tx, sqlite3_stmt *statement, const char *what);

/* Numbers go into the signed columns bit by bit. */
int kk_sqlite_bind_u64(sqlite3_stmt *statement, int at, uint64_t value);
int kk_sqlite_bind_span(sqlite3_stmt *statement, int at, struct kk_span span);

/* False when the column does not hold exactly `len` bytes. */
bool kk_sqlite_column_bytes(sqlite3_stmt *statement, int at, void *out, size_t len);

/* Copies a column into the cleared buffer. */
KK_RV kk_sqlite_column_blob(sqlite3_stmt *statement, int at, struct kk_buffer *ret_blob);
