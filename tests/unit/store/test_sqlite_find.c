/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cost of what SQLite is asked: searches follow the number of results, metadata comes from
 * covering indexes; and the log is kept as the settings say.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/connection.h"
#include "store_unit.h"

#define OBJECTS 20000

static const struct kk_store_ops *const ops = &kk_store_sqlite;

struct fixture {
    char *dir;
    struct kk_store_env *env;
    struct kk_store *store;
};

/* Column 0: one of two values; 1: each its own; 2: 5,000 alike; 3: with a gap at every other. */
static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    assert_ok(ops->env_new(fixture.dir, 0077, &fixture.env));
    fixture.store = unit_new_token(fixture.env, TOKEN_A, "one");
    struct kk_store_tx *tx = unit_begin(fixture.store, KK_STORE_WRITE);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        const int64_t columns[KK_STORE_COLUMNS] = {
            i % 2, i, i / 5000, i % 2 == 0 ? -1 : (int64_t)(i % 10), -1, -1, -1, -1};
        unit_put_object(tx, i, true, columns);
    }
    for (uint32_t no = 0; no < 4096; no++) {
        unit_put_row(tx, 5, no, no, "bucket");
    }
    assert_ok(ops->commit(tx));
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ops->close(fixture->store);
    ops->env_free(fixture->env);
    unit_remove_dir(fixture->dir);
    return 0;
}

static CK_RV count_object(const struct kk_store_object *object, void *context)
{
    (void)object;
    ++*(size_t *)context;
    return CKR_OK;
}

static CK_RV count_row(const struct kk_store_row *row, void *context)
{
    (void)row;
    ++*(size_t *)context;
    return CKR_OK;
}

/* Steps of SQLite's machine in all searches on a connection, and that none went over a table. */
static long steps_of(struct kk_store_tx *tx)
{
    const struct kk_connection *connection = kk_sqlite_tx_of(tx)->connection;
    long steps = 0;
    for (size_t i = 0; i < KK_CONNECTION_SEARCHES; i++) {
        if (connection->searches[i] != NULL) {
            steps += sqlite3_stmt_status(connection->searches[i], SQLITE_STMTSTATUS_VM_STEP, 1);
            assert_int_equal(
                sqlite3_stmt_status(connection->searches[i], SQLITE_STMTSTATUS_FULLSCAN_STEP, 1),
                0);
        }
    }
    return steps;
}

static size_t find(struct kk_store_tx *tx, const struct kk_store_condition *conditions,
                   size_t count)
{
    size_t found = 0;
    assert_ok(ops->object_find(tx, KK_STORE_PRIVATE_ONLY, conditions, count, count_object, &found));
    return found;
}

static void test_search_costs_what_it_finds(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        size_t found;
        size_t count;
        struct kk_store_condition conditions[3];
    } searches[] = {
        {1, 1, {{.column = 1, .value = 777}}},
        {0, 1, {{.column = 1, .value = 99999}}},
        {2, 1, {{.column = 1, .value = 777, .alt_set = true, .alt = 778}}},
        {1, 3, {{.column = 0, .value = 1}, {.column = 2, .value = 0}, {.column = 1, .value = 777}}},
        {0, 2, {{.column = 0, .value = 0}, {.column = 1, .value = 777}}},
    };
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    for (size_t i = 0; i < KK_ARRAY_LEN(searches); i++) {
        assert_int_equal(find(tx, searches[i].conditions, searches[i].count), searches[i].found);
        assert_true(steps_of(tx) < 1500); /* of 20,000 objects */
    }
    ops->rollback(tx);
}

static void test_search_with_many_results_is_linear_in_them(void **state)
{
    struct fixture *fixture = *state;
    const struct kk_store_condition wide[] = {{.column = 0, .value = 1}, {.column = 2, .value = 3}};
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_int_equal(find(tx, wide, 2), 2500);
    assert_true(steps_of(tx) < 5000 * 40);
    assert_int_equal(find(tx, wide, 1), OBJECTS / 2);
    assert_true(steps_of(tx) < OBJECTS / 2 * 40);
    assert_int_equal(find(tx, NULL, 0), OBJECTS);
    assert_true(steps_of(tx) < OBJECTS * 40);
    ops->rollback(tx);
}

static void test_newer_rows_cost_what_they_are(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    size_t count = 0;
    assert_ok(ops->row_each(tx, 5, 4090, true, count_row, &count));
    assert_int_equal(count, 5);
    sqlite3_stmt *statement = kk_sqlite_tx_of(tx)->connection->fixed[KK_SQL_ROW_EACH];
    assert_true(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1) < 500);
    ops->rollback(tx);
}

static void test_more_kinds_of_search_than_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    for (uint32_t i = 0; i < 3 * KK_CONNECTION_SEARCHES; i++) {
        const struct kk_store_condition conditions[] = {
            {.column = i % 8, .value = 1, .alt_set = i % 2 == 0, .alt = 1},
            {.column = 1, .value = 11},
            {.column = i / 8 % 8, .value = 77},
        };
        assert_int_equal(find(tx, conditions, 3), 0);
    }
    const struct kk_store_condition one = {.column = 1, .value = 11};
    assert_int_equal(find(tx, &one, 1), 1);
    ops->rollback(tx);
}

/* ---- the log ---- */

static off_t size_of(const struct fixture *fixture, const char *name)
{
    struct stat status;
    char path[5000];
    (void)snprintf(path, sizeof path, "%s/" TOKEN_A "/%s", fixture->dir, name);
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void test_small_commits_stay_in_the_log_also_after_close(void **state)
{
    struct fixture *fixture = *state;
    unit_commit_row(fixture->store, 1, "begins a new log if the old one was brought in");
    off_t db = size_of(fixture, "keykist.db");
    ops->close(fixture->store);
    fixture->store = NULL;
    assert_true(size_of(fixture, "keykist.db-wal") > 0);
    assert_true(size_of(fixture, "keykist.db-shm") > 0);
    assert_int_equal(size_of(fixture, "keykist.db"), db);
    assert_ok(ops->open(fixture->env, TOKEN_A, &fixture->store));
    assert_true(
        unit_reads_row(fixture->store, 1, "begins a new log if the old one was brought in"));
}

static void test_log_is_brought_in_when_it_is_long(void **state)
{
    struct fixture *fixture = *state;
    assert_true(size_of(fixture, "keykist.db") > 1000 * 4096); /* set_up's commit was long */
    static uint8_t bytes[100000];
    for (uint32_t i = 0; i < 150; i++) {
        struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
        struct kk_store_row row = {.table = 9, .no = i % 10, .blob = KK_SPAN_ARRAY(bytes)};
        assert_ok(ops->row_put(tx, &row));
        assert_ok(ops->commit(tx));
    }
    /* 150 commits wrote 15 MB: without checkpoints all of that would lie in the log. */
    assert_true(size_of(fixture, "keykist.db-wal") < 25 * 1000 * 4096);
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_true(kk_sqlite_tx_of(tx)->connection->wal_pages < 1100);
    ops->rollback(tx);
}

#define TEST(name) cmocka_unit_test(test_##name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(search_costs_what_it_finds),
        TEST(search_with_many_results_is_linear_in_them),
        TEST(newer_rows_cost_what_they_are),
        TEST(more_kinds_of_search_than_are_kept),
        TEST(small_commits_stay_in_the_log_also_after_close),
        TEST(log_is_brought_in_when_it_is_long),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
