/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of the sqlite engine, and the helpers that objects use too.
 */
#include "base/memory.h"
#include "store/failure.h"
#include "store/sqlite_records.h"

#include "base/banned.h"

CK_RV kk_sqlite_tx_fail(struct kk_sqlite_tx *tx, int result, const char *what)
{
    CK_RV rv = kk_failure_sqlite(tx->connection->db, result, tx->store->paths->db, what);
    tx->failure = tx->failure == CKR_OK ? rv : tx->failure;
    return rv;
}

static CK_RV damaged(struct kk_sqlite_tx *tx, const char *what)
{
    (void)tx;
    return kk_failure_sqlite(NULL, SQLITE_CORRUPT, tx->store->paths->db, what);
}

KK_RV kk_sqlite_tx_fixed(struct kk_sqlite_tx *tx, enum kk_sql sql, sqlite3_stmt **ret_statement)
{
    CK_RV rv = kk_connection_fixed(tx->connection, sql, ret_statement);
    tx->failure = tx->failure == CKR_OK ? rv : tx->failure;
    return rv;
}

KK_RV kk_sqlite_tx_run(struct kk_sqlite_tx *tx, sqlite3_stmt *statement, const char *what)
{
    int result = sqlite3_step(statement);
    return result == SQLITE_DONE ? CKR_OK : kk_sqlite_tx_fail(tx, result, what);
}

int kk_sqlite_bind_u64(sqlite3_stmt *statement, int at, uint64_t value)
{
    return sqlite3_bind_int64(statement, at, (int64_t)value);
}

/* Empty is not NULL. The bytes are the caller's and stay where they are until the step. */
int kk_sqlite_bind_span(sqlite3_stmt *statement, int at, struct kk_span span)
{
    return sqlite3_bind_blob64(statement, at, span.len == 0 ? (const void *)"" : span.data,
                               span.len, SQLITE_STATIC);
}

bool kk_sqlite_column_bytes(sqlite3_stmt *statement, int at, void *out, size_t len)
{
    const void *data = sqlite3_column_blob(statement, at);
    if (data == NULL || (size_t)sqlite3_column_bytes(statement, at) != len) {
        return false;
    }
    memcpy(out, data, len);
    return true;
}

KK_RV kk_sqlite_column_blob(sqlite3_stmt *statement, int at, struct kk_buffer *ret_blob)
{
    const void *data = sqlite3_column_blob(statement, at);
    int len = sqlite3_column_bytes(statement, at);
    KK_ENSURE(data != NULL || len == 0, CKR_HOST_MEMORY);
    kk_buffer_put(ret_blob, data, (size_t)len);
    return kk_buffer_check(ret_blob);
}

KK_RV kk_sqlite_row_get(struct kk_store_tx *base, uint32_t table, uint32_t no,
                        struct kk_store_row *ret_row, struct kk_buffer *ret_blob)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    kk_buffer_clear(ret_blob);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_ROW_GET, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, table);
    (void)kk_sqlite_bind_u64(statement, 2, no);
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    if (result != SQLITE_ROW) {
        return kk_sqlite_tx_fail(tx, result, "cannot read a row");
    }
    struct kk_store_row row = {.table = table, .no = no};
    row.generation = (uint64_t)sqlite3_column_int64(statement, 0);
    if (!kk_sqlite_column_bytes(statement, 1, row.tag, sizeof row.tag)) {
        return damaged(tx, "a row's tag");
    }
    KK_TRY(kk_sqlite_column_blob(statement, 2, ret_blob));
    row.blob = kk_buffer_span(ret_blob);
    *ret_row = row;
    return CKR_OK;
}

KK_RV kk_sqlite_row_put(struct kk_store_tx *base, const struct kk_store_row *row)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_ENSURE(tx->writes, CKR_GENERAL_ERROR);
    KK_ENSURE(row->blob.len <= KK_STORE_BLOB_MAX, CKR_DEVICE_MEMORY);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_ROW_PUT, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, row->table);
    (void)kk_sqlite_bind_u64(statement, 2, row->no);
    (void)kk_sqlite_bind_u64(statement, 3, row->generation);
    (void)kk_sqlite_bind_span(statement, 4, KK_SPAN_ARRAY(row->tag));
    (void)kk_sqlite_bind_span(statement, 5, row->blob);
    tx->generation = KK_MAX(tx->generation, row->generation);
    return kk_sqlite_tx_run(tx, statement, "cannot write a row");
}

KK_RV kk_sqlite_need_writer(struct kk_store_tx *base, int format)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_ENSURE(tx->writes, CKR_GENERAL_ERROR);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_NEED_WRITER, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, (uint64_t)format);
    return kk_sqlite_tx_run(tx, statement, "cannot change its format");
}

KK_RV kk_sqlite_row_delete(struct kk_store_tx *base, uint32_t table, uint32_t no)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_ENSURE(tx->writes, CKR_GENERAL_ERROR);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_ROW_DELETE, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, table);
    (void)kk_sqlite_bind_u64(statement, 2, no);
    return kk_sqlite_tx_run(tx, statement, "cannot delete a row");
}

/* The rows' numbers, generations and tags are read first and visited then: a visit may use the
 * transaction, and a table has some thousand rows at most. */
static KK_RV collect_rows(struct kk_sqlite_tx *tx, uint32_t table, uint64_t since,
                          struct kk_buffer *ret_rows)
{
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_ROW_EACH, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, table);
    (void)kk_sqlite_bind_u64(statement, 2, since);
    int result = SQLITE_ROW;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct kk_store_row row = {.table = table};
        row.no = (uint32_t)sqlite3_column_int64(statement, 0);
        row.generation = (uint64_t)sqlite3_column_int64(statement, 1);
        if (!kk_sqlite_column_bytes(statement, 2, row.tag, sizeof row.tag)) {
            return damaged(tx, "a row's tag");
        }
        kk_buffer_put(ret_rows, &row, sizeof row);
    }
    KK_TRY(result == SQLITE_DONE ? CKR_OK : kk_sqlite_tx_fail(tx, result, "cannot read rows"));
    return kk_buffer_check(ret_rows);
}

KK_RV kk_sqlite_row_each(struct kk_store_tx *base, uint32_t table, uint64_t since, bool with_blobs,
                         kk_store_row_visit *visit, void *context)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer rows = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_TRY(collect_rows(kk_sqlite_tx_of(base), table, since, &rows));
    for (size_t at = 0; at < rows.len; at += sizeof(struct kk_store_row)) {
        struct kk_store_row row;
        memcpy(&row, rows.data + at, sizeof row);
        if (with_blobs) {
            CK_RV rv = kk_sqlite_row_get(base, table, row.no, &row, &blob);
            if (rv == CKR_OBJECT_HANDLE_INVALID) {
                continue; /* a visit deleted it */
            }
            KK_TRY(rv);
        }
        CK_RV rv = visit(&row, context);
        if (rv != CKR_OK) {
            return rv == CKR_CANCEL ? CKR_OK : rv;
        }
    }
    return CKR_OK;
}
