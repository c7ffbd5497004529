/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit of a durable write: what a bare SQLite database on the same disk needs to commit one
 * row and then its removal (WAL, synchronous=FULL, statements prepared once). The library is
 * loaded when the row is run; without it the row has no counterpart.
 */
#include "bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQLITE_OK_CODE = 0, SQLITE_DONE_CODE = 101, BUSY_MILLISECONDS = 30000 };

/* The few calls that are needed, by SQLite's documented interface. */
struct sqlite_calls {
    int (*open)(const char *, void **);
    int (*close)(void *);
    int (*exec)(void *, const char *, void *, void *, char **);
    int (*prepare)(void *, const char *, int, void **, const char **);
    int (*step)(void *);
    int (*reset)(void *);
    int (*finalize)(void *);
    int (*busy_timeout)(void *, int);
};

static const char *const statements[] = {
    "BEGIN IMMEDIATE", "INSERT INTO object(data) VALUES (zeroblob(512))",   "COMMIT",
    "BEGIN IMMEDIATE", "DELETE FROM object WHERE id = last_insert_rowid()", "COMMIT",
};

struct bare {
    void *library;
    struct sqlite_calls sqlite;
    void *database;
    void *statement[KK_BENCH_ARRAY_LEN(statements)];
};

static bool load_calls(struct bare *bare)
{
    static const char *const names[] = {
        "sqlite3_open", "sqlite3_close", "sqlite3_exec",     "sqlite3_prepare_v2",
        "sqlite3_step", "sqlite3_reset", "sqlite3_finalize", "sqlite3_busy_timeout"};
    void *call[KK_BENCH_ARRAY_LEN(names)];
    _Static_assert(sizeof(call) == sizeof(bare->sqlite), "one name per call, in order");
    bare->library = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; bare->library != NULL && i < KK_BENCH_ARRAY_LEN(names); i++) {
        call[i] = dlsym(bare->library, names[i]);
        if (call[i] == NULL) {
            return false;
        }
    }
    if (bare->library != NULL) {
        memcpy(&bare->sqlite, call, sizeof(call));
    }
    return bare->library != NULL;
}

static CK_RV setup(struct kk_bench_task *task)
{
    static const char schema[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                 "CREATE TABLE IF NOT EXISTS object"
                                 "(id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB)";
    struct bare *bare = calloc(1, sizeof(*bare));
    task->state = bare;
    if (bare == NULL || !load_calls(bare)) {
        return kk_bench_fail(&task->failure, "loading libsqlite3.so.0", CKR_GENERAL_ERROR);
    }
    char path[4096];
    snprintf(path, sizeof(path), "%s/bare.db", task->directory);
    if (bare->sqlite.open(path, &bare->database) != SQLITE_OK_CODE ||
        bare->sqlite.busy_timeout(bare->database, BUSY_MILLISECONDS) != SQLITE_OK_CODE ||
        bare->sqlite.exec(bare->database, schema, NULL, NULL, NULL) != SQLITE_OK_CODE) {
        return kk_bench_fail(&task->failure, "opening a SQLite database", CKR_GENERAL_ERROR);
    }
    for (size_t i = 0; i < KK_BENCH_ARRAY_LEN(statements); i++) {
        if (bare->sqlite.prepare(bare->database, statements[i], -1, &bare->statement[i], NULL) !=
            SQLITE_OK_CODE) {
            return kk_bench_fail(&task->failure, "sqlite3_prepare_v2", CKR_GENERAL_ERROR);
        }
    }
    return CKR_OK;
}

static CK_RV op(struct kk_bench_task *task)
{
    struct bare *bare = task->state;
    for (size_t i = 0; i < KK_BENCH_ARRAY_LEN(statements); i++) {
        int done = bare->sqlite.step(bare->statement[i]);
        bare->sqlite.reset(bare->statement[i]);
        if (done != SQLITE_DONE_CODE) {
            return kk_bench_fail(&task->failure, statements[i], CKR_GENERAL_ERROR);
        }
    }
    return CKR_OK;
}

static void teardown(struct kk_bench_task *task)
{
    struct bare *bare = task->state;
    if (bare == NULL) {
        return;
    }
    for (size_t i = 0; bare->database != NULL && i < KK_BENCH_ARRAY_LEN(statements); i++) {
        bare->sqlite.finalize(bare->statement[i]);
    }
    if (bare->database != NULL) {
        bare->sqlite.close(bare->database);
    }
    if (bare->library != NULL) {
        dlclose(bare->library);
    }
    free(bare);
    task->state = NULL;
}

const struct kk_bench_work kk_bench_raw_create = {setup, op, teardown};
