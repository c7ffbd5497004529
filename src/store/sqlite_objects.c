/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of the sqlite engine.
 */
#include "base/memory.h"
#include "store/failure.h"
#include "store/sqlite_records.h"

#include "base/banned.h"

/* Where the columns of KK_SQL_OBJECT_GET and _PUT stand. */
enum { GET_COLUMNS = 3, GET_BLOB = GET_COLUMNS + KK_STORE_COLUMNS };
enum { PUT_COLUMNS = 5, PUT_BLOB = PUT_COLUMNS + KK_STORE_COLUMNS };

static KK_RV read_object(struct kk_sqlite_tx *tx, sqlite3_stmt *statement,
                         struct kk_store_object *object)
{
    object->generation = (uint64_t)sqlite3_column_int64(statement, 0);
    object->is_private = sqlite3_column_int64(statement, 1) != 0;
    if (!kk_sqlite_column_bytes(statement, 2, object->tag, sizeof object->tag)) {
        return kk_failure_sqlite(NULL, SQLITE_CORRUPT, tx->store->paths->db, "an object's tag");
    }
    for (int i = 0; i < KK_STORE_COLUMNS; i++) {
        if (sqlite3_column_type(statement, GET_COLUMNS + i) != SQLITE_NULL) {
            object->columns_set |= 1u << i;
            object->columns[i] = (uint64_t)sqlite3_column_int64(statement, GET_COLUMNS + i);
        }
    }
    return CKR_OK;
}

KK_RV kk_sqlite_object_get(struct kk_store_tx *base, const struct kk_uuid *uuid,
                           struct kk_store_object *ret_object, struct kk_buffer *ret_blob)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    kk_buffer_clear(ret_blob);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_OBJECT_GET, &statement));
    (void)kk_sqlite_bind_span(statement, 1, KK_SPAN_ARRAY(uuid->bytes));
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    if (result != SQLITE_ROW) {
        return kk_sqlite_tx_fail(tx, result, "cannot read an object");
    }
    struct kk_store_object object = {.uuid = *uuid};
    KK_TRY(read_object(tx, statement, &object));
    KK_TRY(kk_sqlite_column_blob(statement, GET_BLOB, ret_blob));
    object.blob = kk_buffer_span(ret_blob);
    *ret_object = object;
    return CKR_OK;
}

KK_RV kk_sqlite_object_put(struct kk_store_tx *base, const struct kk_store_object *object)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_ENSURE(tx->writes, CKR_GENERAL_ERROR);
    KK_ENSURE(object->blob.len <= KK_STORE_BLOB_MAX, CKR_DEVICE_MEMORY);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_OBJECT_PUT, &statement));
    (void)kk_sqlite_bind_span(statement, 1, KK_SPAN_ARRAY(object->uuid.bytes));
    (void)kk_sqlite_bind_u64(statement, 2, object->generation);
    (void)kk_sqlite_bind_u64(statement, 3, object->is_private);
    (void)kk_sqlite_bind_span(statement, 4, KK_SPAN_ARRAY(object->tag));
    for (int i = 0; i < KK_STORE_COLUMNS; i++) {
        if ((object->columns_set >> i & 1) != 0) {
            (void)kk_sqlite_bind_u64(statement, PUT_COLUMNS + i, object->columns[i]);
        }
    }
    (void)kk_sqlite_bind_span(statement, PUT_BLOB, object->blob);
    return kk_sqlite_tx_run(tx, statement, "cannot write an object");
}

KK_RV kk_sqlite_object_delete(struct kk_store_tx *base, const struct kk_uuid *uuid)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_ENSURE(tx->writes, CKR_GENERAL_ERROR);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_OBJECT_DELETE, &statement));
    (void)kk_sqlite_bind_span(statement, 1, KK_SPAN_ARRAY(uuid->bytes));
    KK_TRY(kk_sqlite_tx_run(tx, statement, "cannot delete an object"));
    return sqlite3_changes(tx->connection->db) == 0 ? CKR_OBJECT_HANDLE_INVALID : CKR_OK;
}

KK_RV kk_sqlite_object_count(struct kk_store_tx *base, enum kk_store_private which,
                             uint64_t *ret_count)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_OBJECT_COUNT, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, which == KK_STORE_PRIVATE_ONLY);
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW) {
        return kk_sqlite_tx_fail(tx, result, "cannot count objects");
    }
    *ret_count = (uint64_t)sqlite3_column_int64(statement, 0);
    return CKR_OK;
}

KK_RV kk_sqlite_object_clear(struct kk_store_tx *base, enum kk_store_private which)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_ENSURE(tx->writes, CKR_GENERAL_ERROR);
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_sqlite_tx_fixed(tx, KK_SQL_OBJECT_CLEAR, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, which == KK_STORE_PRIVATE_ONLY);
    return kk_sqlite_tx_run(tx, statement, "cannot delete the objects");
}
