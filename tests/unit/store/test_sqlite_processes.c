/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sqlite engine among processes: no update is lost, a commit is seen, a killed writer is
 * cleaned up after, a removed token is gone.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "store/sqlite_internal.h"
#include "store_unit.h"

#define PROCESSES 8
#define ADDITIONS 30

static const struct kk_store_ops *const ops = &kk_store_sqlite;

struct fixture {
    char *dir;
    struct kk_store_env *env;
    struct kk_store *store;
    int pipe[2]; /* a child's "I am there" */
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    assert_ok(ops->env_new(fixture.dir, 0077, &fixture.env));
    fixture.store = unit_new_token(fixture.env, TOKEN_A, "one");
    assert_int_equal(pipe(fixture.pipe), 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ops->close(fixture->store);
    ops->env_free(fixture->env);
    unit_remove_dir(fixture->dir);
    (void)close(fixture->pipe[0]);
    (void)close(fixture->pipe[1]);
    return 0;
}

static void say_ready(struct fixture *fixture)
{
    ssize_t wrote = write(fixture->pipe[1], "x", 1);
    (void)wrote;
}

static void wait_until_ready(struct fixture *fixture)
{
    char byte = 0;
    assert_int_equal(read(fixture->pipe[0], &byte, 1), 1);
}

/* A process that knows the directory only. */
static struct kk_store *open_anew(struct fixture *fixture)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    if (ops->env_new(fixture->dir, 0077, &env) != CKR_OK ||
        ops->open(env, TOKEN_A, &store) != CKR_OK) {
        return NULL;
    }
    return store;
}

static bool add_one(struct kk_store *store)
{
    struct kk_store_tx *tx = NULL;
    struct kk_store_row row;
    struct kk_buffer blob = {0};
    if (ops->begin(store, KK_STORE_WRITE, &tx) != CKR_OK) {
        return false;
    }
    CK_RV rv = ops->row_get(tx, 2, 0, &row, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        row = (struct kk_store_row){.table = 2, .no = 0};
        rv = CKR_OK;
    }
    row.generation++;
    rv = rv == CKR_OK ? ops->row_put(tx, &row) : rv;
    CK_RV committed = ops->commit(tx);
    kk_buffer_clear(&blob);
    return rv == CKR_OK && committed == CKR_OK;
}

static int add_many(void *context)
{
    struct kk_store *store = open_anew(context);
    for (int i = 0; i < ADDITIONS; i++) {
        if (store == NULL || !add_one(store)) {
            return 1;
        }
    }
    return 0;
}

static uint64_t sum_of(struct kk_store *store)
{
    struct kk_store_row row = {0};
    struct kk_buffer blob = {0};
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_READ);
    assert_ok(ops->row_get(tx, 2, 0, &row, &blob));
    ops->rollback(tx);
    kk_buffer_clear(&blob);
    return row.generation;
}

static uint64_t stamp_of(struct kk_store *store, bool *ret_stable)
{
    struct kk_store_stamp stamp = {0};
    assert_ok(ops->fresh(store, &stamp));
    *ret_stable = stamp.stable;
    return stamp.value;
}

static void test_no_update_of_eight_processes_is_lost(void **state)
{
    struct fixture *fixture = *state;
    bool is_stable = false;
    uint64_t before = stamp_of(fixture->store, &is_stable);
    pid_t children[PROCESSES];
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = unit_start_child(add_many, fixture);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        assert_int_equal(unit_wait(children[i]), 0);
    }
    assert_true(sum_of(fixture->store) == PROCESSES * ADDITIONS);
    uint64_t after = stamp_of(fixture->store, &is_stable);
    assert_true(is_stable);
    assert_true(after == before + 2 * PROCESSES * ADDITIONS);
}

static int commit_once(void *context)
{
    struct kk_store *store = open_anew(context);
    return store != NULL && add_one(store) ? 0 : 1;
}

static void test_commit_of_another_process_is_seen(void **state)
{
    struct fixture *fixture = *state;
    bool is_stable = false;
    assert_true(unit_reads_row(fixture->store, 1, "one"));
    uint64_t before = stamp_of(fixture->store, &is_stable);
    assert_int_equal(unit_in_child(commit_once, fixture), 0);
    assert_true(stamp_of(fixture->store, &is_stable) == before + 2);
    assert_true(is_stable);
    assert_true(sum_of(fixture->store) == 1);
}

/* Dies at a commit with the counter odd: before SQLite's commit, or after it. */
static int die_in_commit(struct fixture *fixture, bool is_committed)
{
    struct kk_store *store = open_anew(fixture);
    struct kk_store_tx *tx = NULL;
    if (store == NULL) {
        return 1;
    }
    if (is_committed && !add_one(store)) {
        return 1;
    }
    if (ops->begin(store, KK_STORE_WRITE, &tx) != CKR_OK) {
        return 1;
    }
    struct kk_store_row row = {.table = 1, .no = 1, .generation = 2, .blob = KK_SPAN_TEXT("lost")};
    CK_RV rv = is_committed ? CKR_OK : ops->row_put(tx, &row);
    kk_change_file_step(&kk_sqlite_store_of(store)->change);
    say_ready(fixture);
    (void)raise(rv == CKR_OK ? SIGKILL : SIGTERM);
    return 2;
}

static int die_before_commit(void *context)
{
    return die_in_commit(context, false);
}

static int die_after_commit(void *context)
{
    return die_in_commit(context, true);
}

static void check_recovery(struct fixture *fixture, int (*die)(void *))
{
    bool is_stable = false;
    uint64_t before = stamp_of(fixture->store, &is_stable);
    assert_true(is_stable);
    assert_int_equal(unit_in_child(die, fixture), -1);
    wait_until_ready(fixture);
    uint64_t odd = stamp_of(fixture->store, &is_stable);
    assert_false(is_stable);
    assert_true(odd > before);
    assert_true(unit_reads_row(fixture->store, 1, "one")); /* readers go on, caching nothing */
    assert_false((stamp_of(fixture->store, &is_stable), is_stable));

    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    uint64_t even = stamp_of(fixture->store, &is_stable);
    assert_true(is_stable && even == odd + 1);
    ops->rollback(tx);
    assert_true(add_one(fixture->store));
    assert_true(stamp_of(fixture->store, &is_stable) == even + 2);
    assert_true(unit_reads_row(fixture->store, 1, "one"));
}

static void test_writer_killed_before_its_commit_is_undone(void **state)
{
    struct fixture *fixture = *state;
    check_recovery(fixture, die_before_commit);
    assert_true(sum_of(fixture->store) == 1);
}

static void test_writer_killed_after_its_commit_is_kept(void **state)
{
    struct fixture *fixture = *state;
    check_recovery(fixture, die_after_commit);
    assert_true(sum_of(fixture->store) == 2);
}

static int add_for_ever(void *context)
{
    struct kk_store *store = open_anew(context);
    say_ready(context);
    while (store != NULL && add_one(store)) {
    }
    return 1;
}

/* Whatever the moment, the token is whole and what was counted is there. */
static void test_writers_killed_at_any_moment(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = 0;
    assert_true(add_one(fixture->store));
    for (int i = 0; i < 12; i++) {
        pid_t child = unit_start_child(add_for_ever, fixture);
        wait_until_ready(fixture);
        (void)usleep((useconds_t)(1000 + 1717 * i));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(unit_wait(child), -1);
        uint64_t sum = sum_of(fixture->store);
        assert_true(sum >= last);
        assert_true(add_one(fixture->store));
        last = sum_of(fixture->store);
        assert_true(last == sum + 1);
        bool is_stable = false;
        (void)stamp_of(fixture->store, &is_stable);
        assert_true(is_stable);
    }
}

static int remove_token(void *context)
{
    struct kk_store *store = open_anew(context);
    return store != NULL && ops->remove(store) == CKR_OK ? 0 : 1;
}

static void test_token_removed_by_another_process_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_stamp stamp;
    struct kk_store_tx *reader = unit_begin(fixture->store, KK_STORE_READ);
    struct kk_store_tx *tx = NULL;
    assert_int_equal(unit_in_child(remove_token, fixture), 0);
    assert_int_equal(ops->fresh(fixture->store, &stamp), CKR_DEVICE_REMOVED);
    assert_true(unit_row_is(reader, 1, 1, "one")); /* one that is under way ends in peace */
    ops->rollback(reader);
    assert_int_equal(ops->begin(fixture->store, KK_STORE_READ, &tx), CKR_DEVICE_REMOVED);
    assert_int_equal(ops->begin(fixture->store, KK_STORE_WRITE, &tx), CKR_DEVICE_REMOVED);
    assert_int_not_equal(access(ops->path(fixture->store), F_OK), 0);
}

static int wait_to_write(void *context)
{
    struct fixture *fixture = context;
    struct kk_store *store = open_anew(fixture);
    struct kk_store_tx *tx = NULL;
    say_ready(fixture);
    return store != NULL && ops->begin(store, KK_STORE_WRITE, &tx) == CKR_DEVICE_REMOVED ? 0 : 1;
}

static void test_writer_that_waits_while_the_token_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct kk_sqlite_store *store = kk_sqlite_store_of(fixture->store);
    struct kk_ofd_lock *lock = NULL;
    assert_ok(kk_ofd_lock_take(store->paths->write_lock, 0600, 1000, &lock));
    pid_t child = unit_start_child(wait_to_write, fixture);
    wait_until_ready(fixture);
    (void)usleep(50000);
    kk_change_file_mark_gone(&store->change);
    assert_ok(kk_sqlite_dir_remove(store->paths->dir, fixture->dir));
    kk_ofd_lock_release(lock);
    assert_int_equal(unit_wait(child), 0);
}

static void test_token_deleted_by_hand_is_device_removed(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = NULL;
    struct kk_store_env *env = NULL;
    assert_ok(ops->env_new(fixture->dir, 0077, &env));
    char *aside = strdup(unit_path(fixture->dir, "aside"));
    assert_int_equal(rename(ops->path(fixture->store), aside), 0);
    assert_int_equal(ops->begin(fixture->store, KK_STORE_READ, &tx), CKR_DEVICE_REMOVED);
    assert_int_equal(ops->begin(fixture->store, KK_STORE_WRITE, &tx), CKR_DEVICE_REMOVED);
    struct kk_store *other = unit_new_token(env, TOKEN_A, "another one of that name");
    assert_int_equal(ops->begin(fixture->store, KK_STORE_READ, &tx), CKR_DEVICE_REMOVED);
    assert_int_equal(ops->begin(fixture->store, KK_STORE_WRITE, &tx), CKR_DEVICE_REMOVED);
    ops->close(other);
    ops->env_free(env);
    free(aside);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_update_of_eight_processes_is_lost),
        TEST(commit_of_another_process_is_seen),
        TEST(writer_killed_before_its_commit_is_undone),
        TEST(writer_killed_after_its_commit_is_kept),
        TEST(writers_killed_at_any_moment),
        TEST(token_removed_by_another_process_is_gone),
        TEST(writer_that_waits_while_the_token_is_removed),
        TEST(token_deleted_by_hand_is_device_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
