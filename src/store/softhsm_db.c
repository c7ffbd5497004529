/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading SoftHSM's databases.
 */
#include "store/softhsm_db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/uuid.h"
#include "store/distrust.h"
#include "store/failure.h"
#include "store/gate.h"
#include "store/path.h"

#include "base/banned.h"

#define DB "sqlite3.db"
#define BUSY_MS 5000
#define VALUE_MAX (16 << 20) /* as in the files of its tokens */

/* ---- which there are ---- */

/* Without memory of its own: what could not be looked at would pass for a token that is gone. */
static bool is_token(DIR *stream, const char *name)
{
    char path[KK_UUID_TEXT + sizeof "/" DB];
    struct stat status;
    int len = snprintf(path, sizeof path, "%s/" DB, name);
    return len > 0 && (size_t)len < sizeof path &&
           fstatat(dirfd(stream), path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode);
}

KK_RV kk_softhsm_db_list(const char *location, kk_softhsm_db_name_visit *visit, void *context)
{
    KK_CLEANUP(kk_path_dir_close) DIR *stream = NULL;
    KK_TRY(kk_path_open_tokens(location, &stream));
    const struct dirent *entry = NULL;
    while ((entry = readdir(stream)) != NULL) {
        struct kk_uuid uuid;
        if (kk_uuid_parse(entry->d_name, &uuid) && is_token(stream, entry->d_name)) {
            KK_TRY(visit(entry->d_name, context));
        }
    }
    return CKR_OK;
}

KK_RV kk_softhsm_db_stamp(const char *path, uint64_t *ret_stamp)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return kk_failure_code_of_errno(errno);
    }
    *ret_stamp = ((uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec +
                  (uint64_t)status.st_size + (uint64_t)status.st_ino) *
                 2;
    return CKR_OK;
}

/* ---- reading ---- */

struct query {
    sqlite3 *db;
    sqlite3_stmt *statement;
    bool inside;
};

static void query_end(struct query *query)
{
    (void)sqlite3_finalize(query->statement);
    (void)sqlite3_close(query->db);
    if (query->inside) {
        kk_gate_leave();
    }
}

/* Nothing is written here: whatever is wrong lies in the file. */
static CK_RV failed(const struct query *query, int result, const char *path)
{
    CK_RV rv = kk_failure_sqlite(query->db, result, path, "cannot read");
    return rv == CKR_DEVICE_MEMORY ? CKR_DEVICE_ERROR : rv;
}

/* It comes from elsewhere: nothing in its schema is trusted to run. */
static KK_RV query_begin(const char *path, const char *sql, struct query *query)
{
    KK_ENSURE(kk_path_beside_is_sound(path), CKR_DEVICE_ERROR);
    kk_gate_start();
    kk_gate_enter();
    query->inside = true;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    int result = sqlite3_open_v2(path, &query->db, flags, NULL);
    if (result == SQLITE_OK) {
        kk_sqlite_distrust(query->db, VALUE_MAX);
        (void)sqlite3_busy_timeout(query->db, BUSY_MS);
        result = sqlite3_prepare_v2(query->db, sql, -1, &query->statement, NULL);
    }
    return result == SQLITE_OK ? CKR_OK : failed(query, result, path);
}

static KK_RV step(const char *path, struct query *query, bool *ret_row)
{
    int result = sqlite3_step(query->statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return failed(query, result, path);
    }
    *ret_row = result == SQLITE_ROW;
    return CKR_OK;
}

static void take_row(sqlite3_stmt *statement, struct kk_softhsm_db_row *row)
{
    row->type = (uint64_t)sqlite3_column_int64(statement, 0);
    row->table = (enum kk_softhsm_db_table)sqlite3_column_int(statement, 1);
    row->number = (uint64_t)sqlite3_column_int64(statement, 2);
    const void *bytes = sqlite3_column_blob(statement, 3);
    int len = sqlite3_column_bytes(statement, 3);
    row->bytes = KK_SPAN(bytes, bytes != NULL && len > 0 ? (size_t)len : 0);
}

KK_RV kk_softhsm_db_rows(const char *path, uint64_t object, kk_softhsm_db_row_visit *visit,
                         void *context)
{
    static const char sql[] =
        "SELECT type, 1, value, NULL FROM attribute_boolean WHERE object_id = ?1 UNION ALL "
        "SELECT type, 2, value, NULL FROM attribute_integer WHERE object_id = ?1 UNION ALL "
        "SELECT type, 3, 0, CAST(value AS BLOB) FROM attribute_binary WHERE object_id = ?1 "
        "UNION ALL "
        "SELECT type, 4, 0, CAST(value AS BLOB) FROM attribute_array WHERE object_id = ?1 "
        "ORDER BY 1";
    KK_CLEANUP(query_end) struct query query = {0};
    bool has_row = true;
    KK_TRY(query_begin(path, sql, &query));
    (void)sqlite3_bind_int64(query.statement, 1, (sqlite3_int64)object);
    KK_TRY(step(path, &query, &has_row));
    while (has_row) {
        struct kk_softhsm_db_row row;
        take_row(query.statement, &row);
        KK_TRY(visit(&row, context));
        KK_TRY(step(path, &query, &has_row));
    }
    return CKR_OK;
}

KK_RV kk_softhsm_db_objects(const char *path, kk_softhsm_db_object_visit *visit, void *context)
{
    KK_CLEANUP(query_end) struct query query = {0};
    bool has_row = true;
    KK_TRY(query_begin(path, "SELECT id FROM object WHERE id > 1 ORDER BY id", &query));
    KK_TRY(step(path, &query, &has_row));
    while (has_row) {
        KK_TRY(visit((uint64_t)sqlite3_column_int64(query.statement, 0), context));
        KK_TRY(step(path, &query, &has_row));
    }
    return CKR_OK;
}
