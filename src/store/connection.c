/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: settings, schema, statements.
 *
 * The settings keep SQLite's hands off what the token's write lock guards: it never checkpoints by
 * itself, not at a commit and not when the last connection closes, and leaves the log where it is.
 */
#include "store/connection.h"

#include <errno.h>

#include "base/memory.h"
#include "store/busy.h"
#include "store/failure.h"

#include "base/banned.h"

KK_STATIC_ASSERT(SQLITE_VERSION_NUMBER >= 3037000, "STRICT tables");

#define OBJECT_COLUMNS "c0,c1,c2,c3,c4,c5,c6,c7"

/* clang-format off */
static const char *const texts[KK_SQL_COUNT] = {
    [KK_SQL_BEGIN_READ] = "BEGIN",
    [KK_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [KK_SQL_COMMIT] = "COMMIT",
    [KK_SQL_ROLLBACK] = "ROLLBACK",
    [KK_SQL_FORMAT] = "SELECT min_reader, min_writer FROM format",
    [KK_SQL_NEED_WRITER] = "UPDATE format SET min_writer = ?1 WHERE min_writer < ?1",
    [KK_SQL_APPLICATION_ID] = "PRAGMA application_id",
    [KK_SQL_USER_VERSION] = "PRAGMA user_version",
    [KK_SQL_GENERATION] = "SELECT max(generation) FROM rows",
    [KK_SQL_ROW_GET] = "SELECT generation, tag, blob FROM rows WHERE tbl = ?1 AND no = ?2",
    [KK_SQL_ROW_PUT] =
        "INSERT INTO rows (tbl, no, generation, tag, blob) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (tbl, no) DO UPDATE SET generation = excluded.generation,"
        " tag = excluded.tag, blob = excluded.blob",
    [KK_SQL_ROW_DELETE] = "DELETE FROM rows WHERE tbl = ?1 AND no = ?2",
    /* Generations go as signed numbers: those above 2^63 - 1 would sort below, and no counter that
     * begins at 0 gets there. */
    [KK_SQL_ROW_EACH] =
        "SELECT no, generation, tag FROM rows INDEXED BY rows_by_generation"
        " WHERE tbl = ?1 AND generation > ?2 ORDER BY no",
    [KK_SQL_OBJECT_GET] =
        "SELECT generation, private, tag, " OBJECT_COLUMNS ", blob FROM objects WHERE uuid = ?1",
    [KK_SQL_OBJECT_PUT] =
        "INSERT INTO objects (uuid, generation, private, tag, " OBJECT_COLUMNS ", blob)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        " ON CONFLICT (uuid) DO UPDATE SET generation = excluded.generation,"
        " private = excluded.private, tag = excluded.tag, c0 = excluded.c0, c1 = excluded.c1,"
        " c2 = excluded.c2, c3 = excluded.c3, c4 = excluded.c4, c5 = excluded.c5,"
        " c6 = excluded.c6, c7 = excluded.c7, blob = excluded.blob",
    [KK_SQL_OBJECT_DELETE] = "DELETE FROM objects WHERE uuid = ?1",
    [KK_SQL_OBJECT_COUNT] =
        "SELECT count(*) FROM objects INDEXED BY objects_by_uuid WHERE private = ?1",
    [KK_SQL_OBJECT_CLEAR] = "DELETE FROM objects WHERE private = ?1",
};

#define COLUMN_INDEX(n) \
    "CREATE INDEX objects_c" #n " ON objects (private, c" #n ", uuid) WHERE c" #n " IS NOT NULL"

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

static const char *const schema[] = {
    "BEGIN IMMEDIATE",
    "PRAGMA application_id = " TEXT_OF(KK_SQLITE_APPLICATION_ID),
    "PRAGMA user_version = " TEXT_OF(KK_STORE_FORMAT),
    "CREATE TABLE format (min_reader INTEGER NOT NULL, min_writer INTEGER NOT NULL) STRICT",
    "INSERT INTO format VALUES (" TEXT_OF(KK_STORE_FORMAT_FIRST) ", "
    TEXT_OF(KK_STORE_FORMAT_FIRST) ")",
    "CREATE TABLE rows (tbl INTEGER NOT NULL, no INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " tag BLOB NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (tbl, no)) STRICT",
    "CREATE INDEX rows_by_generation ON rows (tbl, generation, no, tag)",
    "CREATE TABLE objects (uuid BLOB NOT NULL PRIMARY KEY, generation INTEGER NOT NULL,"
    " private INTEGER NOT NULL, tag BLOB NOT NULL, c0 INTEGER, c1 INTEGER, c2 INTEGER,"
    " c3 INTEGER, c4 INTEGER, c5 INTEGER, c6 INTEGER, c7 INTEGER, blob BLOB NOT NULL) STRICT",
    "CREATE INDEX objects_by_uuid ON objects (private, uuid, generation, tag)",
    COLUMN_INDEX(0), COLUMN_INDEX(1), COLUMN_INDEX(2), COLUMN_INDEX(3),
    COLUMN_INDEX(4), COLUMN_INDEX(5), COLUMN_INDEX(6), COLUMN_INDEX(7),
    "COMMIT",
};
/* clang-format on */

static const char *const settings[] = {
    "PRAGMA synchronous = FULL",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 0",
    "PRAGMA journal_size_limit = 16777216",
    "PRAGMA secure_delete = ON", /* what was replaced or deleted is no thief's to find */
};

static const struct {
    int option;
    int value;
} options[] = {
    {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}, {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},   {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},      {SQLITE_DBCONFIG_ENABLE_FKEY, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},          {SQLITE_DBCONFIG_DQS_DDL, 0},
};

void kk_connection_close(struct kk_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    for (size_t i = 0; i < KK_SQL_COUNT; i++) {
        (void)sqlite3_finalize(connection->fixed[i]);
    }
    for (size_t i = 0; i < KK_CONNECTION_SEARCHES; i++) {
        (void)sqlite3_finalize(connection->searches[i]);
    }
    (void)sqlite3_close_v2(connection->db);
    kk_free(connection);
}

/* In place of SQLite's own hook, which would checkpoint. */
static int note_wal_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct kk_connection *)context)->wal_pages = pages;
    return SQLITE_OK;
}

static int run_texts(sqlite3 *db, const char *const *list, size_t count)
{
    int result = SQLITE_OK;
    for (size_t i = 0; i < count && result == SQLITE_OK; i++) {
        result = sqlite3_exec(db, list[i], NULL, NULL, NULL);
    }
    return result;
}

static int configure(struct kk_connection *connection)
{
    sqlite3 *db = connection->db;
    int persist = 1;
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_timeout(db, (int)atomic_load(&kk_store_busy_ms));
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)KK_STORE_BLOB_MAX + 4096);
    for (size_t i = 0; i < KK_ARRAY_LEN(options); i++) {
        (void)sqlite3_db_config(db, options[i].option, options[i].value, NULL);
    }
    int result = run_texts(db, settings, KK_ARRAY_LEN(settings));
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    (void)sqlite3_wal_hook(db, note_wal_pages, connection);
    return result;
}

/* "file:<path, with what an address can't hold as %xx>?immutable=1" */
static KK_RV immutable_name(const char *path, char **ret_name)
{
    static const char digits[] = "0123456789abcdef";
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer name = {0};
    kk_buffer_put_span(&name, KK_SPAN_TEXT("file:"));
    for (const char *at = path; *at != '\0'; at++) {
        uint8_t c = (uint8_t)*at;
        bool is_plain = c == '/' || c == '-' || c == '.' || (c >= '0' && c <= '9') ||
                        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (is_plain) {
            kk_buffer_put_u8(&name, c);
        } else {
            const char escape[] = {'%', digits[c >> 4], digits[c & 15]};
            kk_buffer_put(&name, escape, sizeof escape);
        }
    }
    kk_buffer_put_span(&name, KK_SPAN_TEXT("?immutable=1"));
    KK_TRY(kk_buffer_check(&name));
    return kk_memdup(name.data, name.len, ret_name);
}

/* The VFS is named, since an application may have made another one the default. */
static KK_RV open_db(const struct kk_sqlite_store *store, sqlite3 **ret_db)
{
    const char *path = store->paths->db;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    KK_CLEANUP(kk_freep) char *name = NULL;
    if (atomic_load(&store->immutable)) {
        KK_TRY(immutable_name(path, &name));
        flags |= SQLITE_OPEN_URI;
    }
    flags |= atomic_load(&store->read_only) ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int result = sqlite3_open_v2(name == NULL ? path : name, ret_db, flags, "unix");
    return result == SQLITE_OK ? CKR_OK : kk_failure_sqlite(*ret_db, result, path, "cannot open");
}

KK_RV kk_connection_open(const struct kk_sqlite_store *store, struct kk_connection **ret_connection)
{
    KK_CLEANUP(kk_connection_closep) struct kk_connection *connection = NULL;
    KK_TRY(kk_alloc(sizeof *connection, &connection));
    errno = 0; /* what it is after a failure is that failure's */
    KK_TRY(open_db(store, &connection->db));
    int result = configure(connection);
    if (result != SQLITE_OK) {
        return kk_failure_sqlite(connection->db, result, store->paths->db, "cannot set up");
    }
    *ret_connection = KK_STEAL(connection);
    return CKR_OK;
}

KK_RV kk_connection_create_schema(struct kk_connection *connection, const char *path)
{
    static const char *const to_wal[] = {"PRAGMA journal_mode = WAL"};
    errno = 0;
    int result = run_texts(connection->db, to_wal, 1);
    if (result == SQLITE_OK) {
        result = run_texts(connection->db, schema, KK_ARRAY_LEN(schema));
    }
    return result == SQLITE_OK
               ? CKR_OK
               : kk_failure_sqlite(connection->db, result, path, "cannot make the tables");
}

static KK_RV prepare(struct kk_connection *connection, const char *text,
                     sqlite3_stmt **ret_statement)
{
    int result = sqlite3_prepare_v3(connection->db, text, -1, SQLITE_PREPARE_PERSISTENT,
                                    ret_statement, NULL);
    if (result != SQLITE_OK) {
        return kk_failure_sqlite(connection->db, result,
                                 sqlite3_db_filename(connection->db, "main"), "cannot prepare");
    }
    return CKR_OK;
}

KK_RV kk_connection_fixed(struct kk_connection *connection, enum kk_sql sql,
                          sqlite3_stmt **ret_statement)
{
    errno = 0; /* what it is after a failure is that failure's */
    if (connection->fixed[sql] == NULL) {
        KK_TRY(prepare(connection, texts[sql], &connection->fixed[sql]));
    }
    *ret_statement = connection->fixed[sql];
    return CKR_OK;
}

KK_RV kk_connection_search(struct kk_connection *connection, const char *text,
                           sqlite3_stmt **ret_statement)
{
    errno = 0;
    for (size_t i = 0; i < KK_CONNECTION_SEARCHES; i++) {
        sqlite3_stmt *kept = connection->searches[i];
        if (kept != NULL && strcmp(sqlite3_sql(kept), text) == 0) {
            *ret_statement = kept;
            return CKR_OK;
        }
    }
    sqlite3_stmt **slot = &connection->searches[connection->next_search];
    connection->next_search = (connection->next_search + 1) % KK_CONNECTION_SEARCHES;
    (void)sqlite3_finalize(KK_STEAL(*slot));
    KK_TRY(prepare(connection, text, slot));
    *ret_statement = *slot;
    return CKR_OK;
}

KK_RV kk_connection_run(struct kk_connection *connection, enum kk_sql sql, int *ret_result)
{
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_connection_fixed(connection, sql, &statement));
    int result = sqlite3_step(statement);
    *ret_result = result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
    return CKR_OK;
}
