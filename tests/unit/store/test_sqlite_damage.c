/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sqlite engine on files that are damaged, strange, or newer than the program.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_internal.h"
#include "store_unit.h"

static const struct kk_store_ops *const ops = &kk_store_sqlite;

struct fixture {
    char *dir;
    char db[4096];
    char log[4096];
    struct kk_store_env *env;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    (void)snprintf(fixture.db, sizeof fixture.db, "%s/" TOKEN_A "/keykist.db", fixture.dir);
    (void)snprintf(fixture.log, sizeof fixture.log, "%s/log", fixture.dir);
    unit_log_to(fixture.log);
    assert_ok(ops->env_new(fixture.dir, 0077, &fixture.env));
    ops->close(unit_new_token(fixture.env, TOKEN_A, "one"));
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ops->env_free(fixture->env);
    unit_remove_dir(fixture->dir);
    return 0;
}

static const char *beside_db(const struct fixture *fixture, const char *ending)
{
    static char path[5000];
    (void)snprintf(path, sizeof path, "%s%s", fixture->db, ending);
    return path;
}

/* As a person with the sqlite3 program would. */
static void run_sql(const struct fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static CK_RV open_code(struct fixture *fixture)
{
    struct kk_store *store = NULL;
    CK_RV rv = ops->open(fixture->env, TOKEN_A, &store);
    ops->close(store);
    return rv;
}

static void overwrite(const char *path, off_t at, uint32_t seed, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint8_t byte = (uint8_t)(seed >> 24);
        assert_int_equal(pwrite(fd, &byte, 1, at + (off_t)i), 1);
    }
    (void)close(fd);
}

static void test_random_bytes_are_device_error(void **state)
{
    struct fixture *fixture = *state;
    overwrite(fixture->db, 0, 1, 4096);
    (void)unlink(beside_db(fixture, "-wal"));
    (void)unlink(beside_db(fixture, "-shm"));
    assert_int_equal(open_code(fixture), CKR_DEVICE_ERROR);
    assert_true(unit_file_holds(fixture->log, "keykist.db: "));
    assert_true(unit_file_holds(fixture->log, "file is not a database"));
}

static void test_empty_database_file_is_device_error(void **state)
{
    struct fixture *fixture = *state;
    (void)unlink(beside_db(fixture, "-wal"));
    (void)unlink(beside_db(fixture, "-shm"));
    assert_int_equal(truncate(fixture->db, 0), 0);
    assert_int_equal(open_code(fixture), CKR_DEVICE_ERROR);
}

static CK_RV visit_object(const struct kk_store_object *object, void *context)
{
    (void)object;
    ++*(size_t *)context;
    return CKR_OK;
}

static CK_RV visit_row(const struct kk_store_row *row, void *context)
{
    (void)row;
    ++*(size_t *)context;
    return CKR_OK;
}

/* Uses everything there is; whatever the codes, nothing may crash or hang. */
static void use_everything(struct kk_store *store)
{
    struct kk_store_tx *tx = NULL;
    struct kk_store_row row = {.table = 1, .no = 3, .blob = KK_SPAN_TEXT("new")};
    struct kk_store_object object = {.uuid = unit_uuid(9)};
    struct kk_buffer blob = {0};
    struct kk_uuid uuid = unit_uuid(5);
    const struct kk_store_condition conditions[] = {{.column = 0, .value = 1},
                                                    {.column = 1, .value = 5}};
    size_t visits = 0;
    uint64_t count = 0;
    if (ops->begin(store, KK_STORE_WRITE, &tx) != CKR_OK) {
        return;
    }
    CK_RV rv = ops->row_each(tx, 1, 0, true, visit_row, &visits);
    rv |= ops->object_find(tx, KK_STORE_PUBLIC_ONLY, conditions, 2, visit_object, &visits);
    rv |= ops->object_find(tx, KK_STORE_PRIVATE_ONLY, NULL, 0, visit_object, &visits);
    rv |= ops->object_get(tx, &uuid, &object, &blob);
    rv |= ops->object_count(tx, KK_STORE_PUBLIC_ONLY, &count);
    rv |= ops->row_put(tx, &row);
    object = (struct kk_store_object){.uuid = unit_uuid(9)};
    rv |= ops->object_put(tx, &object);
    rv |= ops->object_delete(tx, &uuid);
    rv |= ops->commit(tx);
    (void)rv;
    kk_buffer_clear(&blob);
}

static void fill(struct fixture *fixture)
{
    struct kk_store *store = NULL;
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_WRITE);
    for (uint32_t i = 0; i < 400; i++) {
        const int64_t columns[KK_STORE_COLUMNS] = {1, i, -1, -1, -1, -1, -1, -1};
        unit_put_object(tx, i, i % 2 == 0, columns);
    }
    assert_ok(ops->commit(tx));
    ops->close(store);
    run_sql(fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static void test_damaged_pages_give_codes_and_no_crash(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    struct stat status;
    assert_int_equal(stat(fixture->db, &status), 0);
    char *copy = strdup(unit_path(fixture->dir, "copy"));
    char command[10000];
    (void)snprintf(command, sizeof command, "cp %s %s", fixture->db, copy);
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof command, "cp %s %s", copy, fixture->db);
    for (uint32_t round = 0; round < 60; round++) {
        off_t at = (off_t)(round * 7919u * 101u % (uint32_t)(status.st_size - 64));
        overwrite(fixture->db, at, round, 1 + round % 64);
        struct kk_store *store = NULL;
        if (ops->open(fixture->env, TOKEN_A, &store) == CKR_OK) {
            use_everything(store);
        }
        ops->close(store);
        (void)unlink(beside_db(fixture, "-wal"));
        (void)unlink(beside_db(fixture, "-shm"));
        assert_int_equal(system(command), 0);
    }
    assert_ok(open_code(fixture)); /* the copy is sound */
    free(copy);
}

static void test_shortened_database_is_device_error(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    (void)unlink(beside_db(fixture, "-wal"));
    (void)unlink(beside_db(fixture, "-shm"));
    assert_int_equal(truncate(fixture->db, 8192), 0);
    struct kk_store *store = NULL;
    struct kk_store_tx *tx = NULL;
    CK_RV rv = ops->open(fixture->env, TOKEN_A, &store);
    if (rv == CKR_OK) {
        struct kk_store_object object;
        struct kk_buffer blob = {0};
        struct kk_uuid uuid = unit_uuid(5);
        rv = ops->begin(store, KK_STORE_READ, &tx);
        rv = rv == CKR_OK ? ops->object_get(tx, &uuid, &object, &blob) : rv;
        ops->rollback(tx);
    }
    ops->close(store);
    assert_int_equal(rv, CKR_DEVICE_ERROR);
}

static void test_values_of_wrong_size_are_device_error(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    run_sql(fixture, "UPDATE objects SET tag = x'00' WHERE generation = 5;"
                     "UPDATE rows SET tag = x'' WHERE tbl = 1");
    struct kk_store *store = NULL;
    struct kk_store_object object;
    struct kk_store_row row;
    struct kk_buffer blob = {0};
    struct kk_uuid uuid = unit_uuid(5);
    size_t visits = 0;
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_READ);
    assert_int_equal(ops->object_get(tx, &uuid, &object, &blob), CKR_DEVICE_ERROR);
    assert_int_equal(ops->row_get(tx, 1, 1, &row, &blob), CKR_DEVICE_ERROR);
    assert_int_equal(ops->row_each(tx, 1, 0, false, visit_row, &visits), CKR_DEVICE_ERROR);
    assert_int_equal(ops->object_find(tx, KK_STORE_PUBLIC_ONLY, NULL, 0, visit_object, &visits),
                     CKR_DEVICE_ERROR);
    uuid = unit_uuid(6);
    assert_ok(ops->object_get(tx, &uuid, &object, &blob)); /* the others can be read */
    ops->rollback(tx);
    kk_buffer_clear(&blob);
    ops->close(store);
}

/* ---- formats ---- */

static void test_foreign_database_is_not_recognized(void **state)
{
    struct fixture *fixture = *state;
    run_sql(fixture, "PRAGMA application_id = 77");
    assert_int_equal(open_code(fixture), CKR_TOKEN_NOT_RECOGNIZED);
    assert_true(unit_file_holds(fixture->log, "application id 77"));
}

static void test_newer_format_is_not_recognized(void **state)
{
    struct fixture *fixture = *state;
    run_sql(fixture, "UPDATE format SET min_reader = 9, min_writer = 9; PRAGMA user_version = 9");
    assert_int_equal(open_code(fixture), CKR_TOKEN_NOT_RECOGNIZED);
    assert_true(unit_file_holds(fixture->log, "newer format (9"));
}

static void test_newer_writer_makes_an_older_program_read_only(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    struct kk_store_tx *tx = NULL;
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    unit_commit_row(store, 1, "still");
    run_sql(fixture, "UPDATE format SET min_writer = 3; PRAGMA user_version = 3"); /* meanwhile */
    assert_int_equal(ops->begin(store, KK_STORE_WRITE, &tx), CKR_TOKEN_WRITE_PROTECTED);
    assert_true(ops->read_only(store));
    assert_true(unit_reads_row(store, 1, "still"));
    assert_int_equal(ops->begin(store, KK_STORE_WRITE, &tx), CKR_TOKEN_WRITE_PROTECTED);
    ops->close(store);
}

static int64_t number(struct fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(fixture->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return value;
}

static void test_what_a_writer_must_know_only_rises(void **state)
{
    static const int needed[] = {2, 1, 9};
    static const int told[] = {2, 2, 9};
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    struct kk_store_tx *tx = NULL;
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    assert_ok(ops->begin(store, KK_STORE_WRITE, &tx));
    assert_ok(ops->need_writer(tx, 2));
    ops->rollback(tx);
    assert_int_equal(number(fixture, "SELECT min_writer FROM format"), KK_STORE_FORMAT_FIRST);
    for (size_t i = 0; i < KK_ARRAY_LEN(needed); i++) {
        assert_ok(ops->begin(store, KK_STORE_WRITE, &tx));
        assert_ok(ops->need_writer(tx, needed[i]));
        assert_ok(ops->commit(tx));
        assert_int_equal(number(fixture, "SELECT min_writer FROM format"), told[i]);
        assert_int_equal(number(fixture, "SELECT min_reader FROM format"), KK_STORE_FORMAT_FIRST);
    }
    assert_int_equal(ops->begin(store, KK_STORE_WRITE, &tx), CKR_TOKEN_WRITE_PROTECTED);
    ops->close(store);
}

static void test_newer_reader_stops_an_older_program_in_its_tracks(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    struct kk_store_tx *tx = NULL;
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    run_sql(fixture, "UPDATE format SET min_reader = 3, min_writer = 3; PRAGMA user_version = 3");
    assert_int_equal(ops->begin(store, KK_STORE_READ, &tx), CKR_TOKEN_NOT_RECOGNIZED);
    assert_int_equal(ops->begin(store, KK_STORE_WRITE, &tx), CKR_TOKEN_NOT_RECOGNIZED);
    ops->close(store);
}

static void test_files_written_are_what_the_format_says(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(fixture->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT a.application_id, u.user_version, j.journal_mode,"
                                        " f.min_reader, f.min_writer FROM pragma_application_id a,"
                                        " pragma_user_version u, pragma_journal_mode j, format f",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 0x4b4b5354);
    assert_int_equal(sqlite3_column_int(statement, 1), KK_STORE_FORMAT);
    assert_string_equal((const char *)sqlite3_column_text(statement, 2), "wal");
    assert_int_equal(sqlite3_column_int(statement, 3), KK_STORE_FORMAT_FIRST);
    assert_int_equal(sqlite3_column_int(statement, 4), KK_STORE_FORMAT_FIRST);
    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- the files beside the database ---- */

static void damage_change_file(struct fixture *fixture, off_t size)
{
    char path[5000];
    (void)snprintf(path, sizeof path, "%s/" TOKEN_A "/change", fixture->dir);
    if (size < 0) {
        assert_int_equal(unlink(path), 0);
    } else {
        assert_int_equal(truncate(path, size), 0);
    }
    struct kk_store *store = NULL;
    struct kk_store_stamp stamp;
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    assert_ok(ops->fresh(store, &stamp));
    assert_false(stamp.stable);
    assert_true(unit_reads_row(store, 1, "one"));
    unit_commit_row(store, 2, "two");
    assert_ok(ops->fresh(store, &stamp));
    assert_true(stamp.stable);
    ops->close(store);
    assert_true(unit_file_holds(fixture->log, "not a change counter"));
}

static void test_change_file_missing_short_or_long_is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    damage_change_file(fixture, -1);
    damage_change_file(fixture, 0);
    damage_change_file(fixture, 100);
    damage_change_file(fixture, 8192);
}

static void test_lock_files_missing_are_made_anew(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    void *lock = NULL;
    char path[5000];
    (void)snprintf(path, sizeof path, "%s/" TOKEN_A "/write.lock", fixture->dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/" TOKEN_A "/tries.lock", fixture->dir);
    assert_int_equal(unlink(path), 0);
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    assert_false(ops->read_only(store));
    unit_commit_row(store, 1, "two");
    assert_ok(ops->tries_lock(store, &lock));
    ops->tries_unlock(store, lock);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    ops->close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

static void test_closing_brings_the_log_into_the_database(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    struct kk_store *store = NULL;
    const char *log = beside_db(fixture, "-wal");
    assert_true(stat(log, &status) != 0 || status.st_size == 0);
    (void)unlink(log);
    (void)unlink(beside_db(fixture, "-shm"));
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    assert_true(unit_reads_row(store, 1, "one"));
    ops->close(store);
}

static void test_lost_changes_are_told_until_there_are_new_ones(void **state)
{
    struct fixture *fixture = *state;
    static const char line[] = "the last changes are missing";
    struct kk_store *store = NULL;
    assert_ok(open_code(fixture));
    assert_false(unit_file_holds(fixture->log, line));
    run_sql(fixture, "UPDATE rows SET generation = 0");
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    assert_true(unit_file_holds(fixture->log, line));
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 1, 5, "five");
    assert_ok(ops->commit(tx));
    ops->close(store);
    unit_log_to(beside_db(fixture, ".log"));
    assert_ok(open_code(fixture));
    assert_false(unit_file_holds(beside_db(fixture, ".log"), line));
    (void)unlink(beside_db(fixture, ".log"));
}

static bool is_sound(struct fixture *fixture, bool thorough)
{
    struct kk_store *store = NULL;
    bool sound = false;
    assert_ok(ops->open(fixture->env, TOKEN_A, &store));
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_READ);
    assert_ok(ops->check(tx, thorough, &sound));
    ops->rollback(tx);
    ops->close(store);
    return sound;
}

static void damage_index(struct fixture *fixture)
{
    run_sql(fixture, "PRAGMA writable_schema = ON;"
                     "UPDATE sqlite_master SET sql = replace(sql, ' tag)', ' blob)')"
                     " WHERE name = 'rows_by_generation'");
}

static void test_damaged_index_is_found_by_a_check(void **state)
{
    struct fixture *fixture = *state;
    assert_true(is_sound(fixture, true));
    damage_index(fixture);
    assert_false(is_sound(fixture, false));
    assert_true(unit_file_holds(fixture->log, "rows_by_generation"));
}

/* What counts is what is in it: free pages, where big objects were, cost nothing. */
static void test_a_quick_check_looks_at_all_that_is_in_up_to_a_mebibyte(void **state)
{
    struct fixture *fixture = *state;
    run_sql(fixture, "CREATE TABLE big (blob); INSERT INTO big VALUES (zeroblob(3000000))");
    damage_index(fixture);
    assert_true(is_sound(fixture, false)); /* not looked for */
    run_sql(fixture, "DELETE FROM big");
    assert_false(is_sound(fixture, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_bytes_are_device_error),
        TEST(empty_database_file_is_device_error),
        TEST(damaged_pages_give_codes_and_no_crash),
        TEST(shortened_database_is_device_error),
        TEST(values_of_wrong_size_are_device_error),
        TEST(foreign_database_is_not_recognized),
        TEST(newer_format_is_not_recognized),
        TEST(newer_writer_makes_an_older_program_read_only),
        TEST(newer_reader_stops_an_older_program_in_its_tracks),
        TEST(what_a_writer_must_know_only_rises),
        TEST(files_written_are_what_the_format_says),
        TEST(change_file_missing_short_or_long_is_made_anew),
        TEST(lock_files_missing_are_made_anew),
        TEST(closing_brings_the_log_into_the_database),
        TEST(lost_changes_are_told_until_there_are_new_ones),
        TEST(damaged_index_is_found_by_a_check),
        TEST(a_quick_check_looks_at_all_that_is_in_up_to_a_mebibyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
