/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM 1's database. It comes from elsewhere: nothing in its schema is trusted to run.
 */
#include "store/softhsm1.h"

#include <sqlite3.h>

#include "base/memory.h"
#include "store/distrust.h"
#include "store/failure.h"

#include "base/banned.h"

#define SCHEMA_VERSION 100
#define BUSY_MS 5000
#define VALUE_MAX (1024 * 1024)

struct kk_softhsm1 {
    sqlite3 *db;
    const char *path; /* the caller's, for the log */
    sqlite3_stmt *value;
};

/* What can be prepared only when the table is there, with the columns that are read. */
static const struct {
    const char *sql;
    enum kk_softhsm1_result missing;
} tables[] = {
    {"SELECT variableID FROM Token", KK_SOFTHSM1_NO_TOKEN_TABLE},
    {"SELECT objectID FROM Objects", KK_SOFTHSM1_NO_OBJECTS_TABLE},
    {"SELECT objectID, type, value FROM Attributes", KK_SOFTHSM1_NO_ATTRIBUTES_TABLE},
};

static void finalize(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}

static CK_RV failed(const struct kk_softhsm1 *database, int result, const char *what)
{
    CK_RV rv = kk_failure_sqlite(database->db, result, database->path, what);
    return rv == CKR_HOST_MEMORY ? rv : CKR_DEVICE_ERROR;
}

/* What the first look at the file says. */
static enum kk_softhsm1_result classify(const struct kk_softhsm1 *database, int result)
{
    (void)failed(database, result, "cannot read the database");
    switch (result & 0xff) {
    case SQLITE_NOMEM:
        return KK_SOFTHSM1_NO_MEMORY;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return KK_SOFTHSM1_NO_DATABASE;
    default:
        return KK_SOFTHSM1_NOT_OPENED;
    }
}

static enum kk_softhsm1_result check_version(const struct kk_softhsm1 *database)
{
    KK_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(database->db, "PRAGMA user_version", -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
    }
    if (result != SQLITE_ROW) {
        return classify(database, result);
    }
    return sqlite3_column_int(statement, 0) == SCHEMA_VERSION ? KK_SOFTHSM1_OK
                                                              : KK_SOFTHSM1_WRONG_VERSION;
}

static enum kk_softhsm1_result check_tables(const struct kk_softhsm1 *database)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(tables); i++) {
        KK_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        int result = sqlite3_prepare_v2(database->db, tables[i].sql, -1, &statement, NULL);
        if (result != SQLITE_OK) {
            return (result & 0xff) == SQLITE_ERROR ? tables[i].missing : classify(database, result);
        }
    }
    return KK_SOFTHSM1_OK;
}

enum kk_softhsm1_result kk_softhsm1_open(const char *path, struct kk_softhsm1 **ret_database)
{
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = NULL;
    if (kk_alloc(sizeof *database, &database) != CKR_OK) {
        return KK_SOFTHSM1_NO_MEMORY;
    }
    database->path = path;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int result = sqlite3_open_v2(path, &database->db, flags, "unix");
    if (result != SQLITE_OK) {
        return classify(database, result);
    }
    kk_sqlite_distrust(database->db, VALUE_MAX);
    (void)sqlite3_busy_timeout(database->db, BUSY_MS);
    enum kk_softhsm1_result found = check_version(database);
    if (found == KK_SOFTHSM1_OK) {
        found = check_tables(database);
    }
    if (found == KK_SOFTHSM1_OK) {
        *ret_database = KK_STEAL(database);
    }
    return found;
}

void kk_softhsm1_close(struct kk_softhsm1 *database)
{
    if (database == NULL) {
        return;
    }
    (void)sqlite3_finalize(database->value);
    (void)sqlite3_close_v2(database->db);
    kk_free(database);
}

KK_RV kk_softhsm1_objects(struct kk_softhsm1 *database, uint64_t **ret_ids, size_t *ret_count)
{
    static const char sql[] = "SELECT objectID FROM Objects ORDER BY objectID";
    KK_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
    KK_CLEANUP(kk_freep) uint64_t *ids = NULL;
    size_t count = 0;
    size_t room = 0;
    int result = sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL);
    if (result != SQLITE_OK) {
        return failed(database, result, "cannot read the objects");
    }
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        if (count == room) {
            room = KK_MAX((size_t)64, room * 2);
            KK_TRY(kk_realloc_array(&ids, room, sizeof *ids));
        }
        ids[count] = (uint64_t)sqlite3_column_int64(statement, 0);
        count++;
    }
    if (result != SQLITE_DONE) {
        return failed(database, result, "cannot read the objects");
    }
    *ret_ids = KK_STEAL(ids);
    *ret_count = count;
    return CKR_OK;
}

static KK_RV read_value(struct kk_softhsm1 *database, uint64_t id, CK_ATTRIBUTE_TYPE type,
                        struct kk_secret **ret_value)
{
    sqlite3_stmt *statement = database->value;
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)type);
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) {
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (result != SQLITE_ROW) {
        return failed(database, result, "cannot read an attribute");
    }
    /* An empty value was stored as NULL. */
    const void *data = sqlite3_column_blob(statement, 0);
    int len = sqlite3_column_bytes(statement, 0);
    KK_ENSURE(data != NULL || len == 0, CKR_HOST_MEMORY);
    return kk_secret_from(KK_SPAN(data, (size_t)len), ret_value);
}

KK_RV kk_softhsm1_value(struct kk_softhsm1 *database, uint64_t id, CK_ATTRIBUTE_TYPE type,
                        struct kk_secret **ret_value)
{
    static const char sql[] = "SELECT value FROM Attributes WHERE objectID = ?1 AND type = ?2";
    if (database->value == NULL) {
        int result = sqlite3_prepare_v2(database->db, sql, -1, &database->value, NULL);
        if (result != SQLITE_OK) {
            return failed(database, result, "cannot read the attributes");
        }
    }
    CK_RV rv = read_value(database, id, type, ret_value);
    (void)sqlite3_reset(database->value);
    return rv;
}
