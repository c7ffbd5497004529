/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate.c and pool.c: forks while stores are open and in use.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "store/sqlite_internal.h"
#include "store_unit.h"
#include "tests/sanitizers.h"

/* What the child of a process with threads may do. */
enum { CHILD_MAY_ALLOCATE = !KK_ADDRESS_SANITIZED };

static const struct kk_store_ops *const ops = &kk_store_sqlite;

struct fixture {
    char *dir;
    struct kk_store_env *env;
    struct kk_store *store;
    _Atomic bool is_to_stop;
    _Atomic bool is_inside;
    _Atomic unsigned int commits;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.dir = unit_new_dir()};
    assert_ok(ops->env_new(fixture.dir, 0077, &fixture.env));
    fixture.store = unit_new_token(fixture.env, TOKEN_A, "one");
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

/* How many descriptors of this process lead into the directory. */
static int open_files_in(const char *dir)
{
    int count = 0;
    DIR *stream = opendir("/proc/self/fd");
    const struct dirent *entry = NULL;
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        char link[300];
        char target[4096];
        (void)snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        ssize_t len = readlink(link, target, sizeof target - 1);
        if (len > 0) {
            target[len] = '\0';
            count += strncmp(target, dir, strlen(dir)) == 0 ? 1 : 0;
        }
    }
    (void)closedir(stream);
    return count;
}

static int look_at_inherited_files(void *context)
{
    return open_files_in(((struct fixture *)context)->dir);
}

static void test_child_inherits_no_open_file(void **state)
{
    struct fixture *fixture = *state;
    void *lock = NULL;
    assert_ok(ops->tries_lock(fixture->store, &lock));
    assert_true(unit_reads_row(fixture->store, 1, "one"));
    assert_true(open_files_in(fixture->dir) >= 3); /* else this test shows nothing */
    assert_int_equal(unit_in_child(look_at_inherited_files, fixture), 0);
    ops->tries_unlock(fixture->store, lock);
    assert_true(unit_reads_row(fixture->store, 1, "one")); /* opened anew */
}

/* A child that goes on with the store it inherited. */
static int use_inherited_store(void *context)
{
    struct fixture *fixture = context;
    if (!unit_reads_row(fixture->store, 1, "one")) {
        return 1;
    }
    unit_commit_row(fixture->store, 2, "child");
    return unit_reads_row(fixture->store, 2, "child") ? 0 : 2;
}

static void test_child_and_parent_both_go_on_with_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_stamp before;
    struct kk_store_stamp after;
    assert_ok(ops->fresh(fixture->store, &before));
    assert_int_equal(unit_in_child(use_inherited_store, fixture), 0);
    assert_ok(ops->fresh(fixture->store, &after));
    assert_true(after.stable && after.value == before.value + 2);
    assert_true(unit_reads_row(fixture->store, 2, "child"));
    unit_commit_row(fixture->store, 2, "parent");
    assert_true(unit_reads_row(fixture->store, 2, "parent"));
}

static void *commit_on_and_on(void *context)
{
    struct fixture *fixture = context;
    while (!atomic_load(&fixture->is_to_stop)) {
        struct kk_store_tx *tx = NULL;
        if (ops->begin(fixture->store, KK_STORE_WRITE, &tx) != CKR_OK) {
            return fixture;
        }
        atomic_store(&fixture->is_inside, true);
        struct kk_store_row row = {.table = 3, .no = 1};
        CK_RV rv = ops->row_put(tx, &row);
        CK_RV committed = ops->commit(tx);
        if (rv != CKR_OK || committed != CKR_OK) {
            return fixture;
        }
        atomic_fetch_add(&fixture->commits, 1);
    }
    return NULL;
}

static void *read_on_and_on(void *context)
{
    struct fixture *fixture = context;
    while (!atomic_load(&fixture->is_to_stop)) {
        struct kk_store_tx *tx = NULL;
        if (ops->begin(fixture->store, KK_STORE_READ, &tx) != CKR_OK) {
            return fixture;
        }
        bool is_it = unit_row_is(tx, 1, 1, "one");
        ops->rollback(tx);
        if (!is_it) {
            return fixture;
        }
    }
    return NULL;
}

static int commit_in_child(void *context)
{
    struct fixture *fixture = context;
    if (!CHILD_MAY_ALLOCATE) {
        return 0;
    }
    if (open_files_in(fixture->dir) != 0) {
        return 1;
    }
    unit_commit_row(fixture->store, 5, "child");
    return unit_reads_row(fixture->store, 5, "child") ? 0 : 2;
}

static void test_forks_while_other_threads_are_in_the_store(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < 2 ? commit_on_and_on : read_on_and_on, fixture),
            0);
    }
    for (int i = 0; i < 25; i++) {
        assert_int_equal(unit_in_child(commit_in_child, fixture), 0);
    }
    atomic_store(&fixture->is_to_stop, true);
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_true(atomic_load(&fixture->commits) > 0);
    assert_true(!CHILD_MAY_ALLOCATE || unit_reads_row(fixture->store, 5, "child"));
}

static int do_nothing(void *context)
{
    (void)context;
    return 0;
}

static void *begin_and_wait(void *context)
{
    struct fixture *fixture = context;
    struct kk_store_tx *tx = NULL;
    if (ops->begin(fixture->store, KK_STORE_WRITE, &tx) != CKR_OK) {
        return fixture;
    }
    atomic_store(&fixture->is_inside, true);
    (void)usleep(150000);
    atomic_store(&fixture->is_inside, false);
    struct kk_store_row row = {.table = 3, .no = 1};
    CK_RV rv = ops->row_put(tx, &row);
    return ops->commit(tx) == CKR_OK && rv == CKR_OK ? NULL : fixture;
}

static void test_fork_waits_for_a_transaction_under_way(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, begin_and_wait, fixture), 0);
    while (!atomic_load(&fixture->is_inside)) {
        (void)usleep(1000);
    }
    pid_t child = unit_start_child(do_nothing, NULL);
    assert_false(atomic_load(&fixture->is_inside)); /* fork() came back after its end only */
    assert_int_equal(unit_wait(child), 0);
    void *failed = NULL;
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
}

static void *take_tries(void *context)
{
    struct fixture *fixture = context;
    void *lock = NULL;
    if (ops->tries_lock(fixture->store, &lock) != CKR_OK) {
        return fixture;
    }
    ops->tries_unlock(fixture->store, lock);
    return NULL;
}

/* Neither a lock that is held nor one that is waited for keeps a fork waiting: both may be long. */
static void test_fork_does_not_wait_for_the_tries_lock(void **state)
{
    struct fixture *fixture = *state;
    void *lock = NULL;
    pthread_t thread;
    assert_ok(ops->tries_lock(fixture->store, &lock));
    assert_int_equal(pthread_create(&thread, NULL, take_tries, fixture), 0);
    (void)usleep(30000);
    assert_int_equal(unit_in_child(look_at_inherited_files, fixture), 0);
    ops->tries_unlock(fixture->store, lock);
    void *failed = NULL;
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
}

static void test_fork_by_the_thread_that_is_inside(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 6, 1, "in the middle");
    assert_int_equal(unit_in_child(do_nothing, NULL), 0);
    assert_ok(ops->commit(tx));
    assert_true(unit_reads_row(fixture->store, 6, "in the middle"));
}

static int end_inherited_transaction(void *context)
{
    struct kk_store_tx *tx = context;
    return ops->commit(tx) == CKR_FUNCTION_FAILED ? 0 : 1;
}

static int roll_inherited_transaction_back(void *context)
{
    struct kk_store_tx *tx = context;
    ops->rollback(tx);
    return 0;
}

static void test_inherited_transaction_cannot_be_committed(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 6, 1, "parent's");
    assert_int_equal(unit_in_child(end_inherited_transaction, tx), 0);
    assert_int_equal(unit_in_child(roll_inherited_transaction_back, tx), 0);
    assert_ok(ops->commit(tx));
    assert_true(unit_reads_row(fixture->store, 6, "parent's"));
}

static void *fork_often(void *context)
{
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(0);
        }
        if (child < 0 || unit_wait(child) != 0) {
            return context;
        }
    }
    return NULL;
}

static void test_two_threads_fork_at_once(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[2];
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fork_often, fixture), 0);
    }
    for (int i = 0; i < 20; i++) {
        unit_commit_row(fixture->store, 8, "meanwhile");
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(child_inherits_no_open_file),
        TEST(child_and_parent_both_go_on_with_the_store),
        TEST(forks_while_other_threads_are_in_the_store),
        TEST(fork_waits_for_a_transaction_under_way),
        TEST(fork_does_not_wait_for_the_tries_lock),
        TEST(fork_by_the_thread_that_is_inside),
        TEST(inherited_transaction_cannot_be_committed),
        TEST(two_threads_fork_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
