/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sqlite engine where it may not write or has no room: no permission, read-only mounts, a full
 * disk. Mounts are made in a child with namespaces of its own; without the right to do that (the
 * tests run as some user) these tests are skipped.
 */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_internal.h"
#include "store_unit.h"

/* A child's answer for "cannot be tried here". */
#define CANNOT 77

#define NOBODY 65534

/* In a child, where cmocka's own asserts would run the rest of the tests twice. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static const struct kk_store_ops *const ops = &kk_store_sqlite;

static int set_up(void **state)
{
    char *dir = unit_new_dir();
    struct kk_store_env *env = NULL;
    unit_log_to("/dev/null");
    assert_ok(ops->env_new(dir, 0077, &env));
    ops->close(unit_new_token(env, TOKEN_A, "one"));
    ops->env_free(env);
    *state = dir;
    return 0;
}

static int tear_down(void **state)
{
    unit_remove_dir(*state);
    return 0;
}

static void run_in_child(int (*function)(void *context), void *context)
{
    int code = unit_in_child(function, context);
    if (code == CANNOT) {
        /* Not skip(): older cmocka prints "not ok ... # SKIP", which fails under Meson. */
        print_message("# SKIP: this machine does not let us mount or become nobody\n");
        return;
    }
    assert_int_equal(code, 0);
}

/* What must work and what must not, on a token that can only be read. */
static int check_read_only(const char *dir, bool is_stable_expected)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_store *other = NULL;
    struct kk_store_tx *tx = NULL;
    struct kk_store_stamp stamp;
    void *lock = NULL;
    REQUIRE(ops->env_new(dir, 0077, &env) == CKR_OK);
    REQUIRE(ops->open(env, TOKEN_A, &store) == CKR_OK);
    REQUIRE(ops->read_only(store));
    REQUIRE(unit_reads_row(store, 1, "one"));
    REQUIRE(ops->fresh(store, &stamp) == CKR_OK);
    REQUIRE(stamp.stable == is_stable_expected);
    REQUIRE(ops->begin(store, KK_STORE_WRITE, &tx) == CKR_TOKEN_WRITE_PROTECTED);
    REQUIRE(ops->remove(store) == CKR_TOKEN_WRITE_PROTECTED);
    REQUIRE(ops->tries_lock(store, &lock) == CKR_OK);
    ops->tries_unlock(store, lock);
    REQUIRE(ops->create(env, TOKEN_B, &other) == CKR_TOKEN_WRITE_PROTECTED);
    REQUIRE(unit_reads_row(store, 1, "one"));
    ops->close(store);
    ops->env_free(env);
    return 0;
}

static bool become_nobody(void)
{
    return setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
}

static int open_as_nobody(void *context)
{
    if (geteuid() != 0 || !become_nobody()) {
        return CANNOT;
    }
    return check_read_only(context, true);
}

static void set_modes(const char *dir, mode_t dir_mode, mode_t file_mode)
{
    static const char *const files[] = {"keykist.db", "keykist.db-wal", "keykist.db-shm",
                                        "change",     "write.lock",     "tries.lock"};
    const char *token = unit_path(dir, TOKEN_A);
    assert_int_equal(chmod(dir, dir_mode), 0);
    assert_int_equal(chmod(token, dir_mode), 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(files); i++) {
        assert_int_equal(chmod(unit_path(token, files[i]), file_mode), 0);
    }
}

static void test_another_users_token_can_be_read(void **state)
{
    set_modes(*state, 0755, 0644);
    run_in_child(open_as_nobody, *state);
}

static int open_unreadable_as_nobody(void *context)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    if (geteuid() != 0 || !become_nobody()) {
        return CANNOT;
    }
    REQUIRE(ops->env_new(context, 0077, &env) == CKR_OK);
    REQUIRE(ops->open(env, TOKEN_A, &store) == CKR_TOKEN_WRITE_PROTECTED);
    REQUIRE(store == NULL);
    ops->env_free(env);
    return 0;
}

static void test_token_that_cannot_even_be_read(void **state)
{
    set_modes(*state, 0755, 0600);
    run_in_child(open_unreadable_as_nobody, *state);
}

static int env_without_permission(void *context)
{
    struct kk_store_env *env = NULL;
    if (geteuid() != 0 || !become_nobody()) {
        return CANNOT;
    }
    REQUIRE(ops->env_new(context, 0077, &env) == CKR_GENERAL_ERROR);
    return 0;
}

static void test_directory_that_cannot_be_read(void **state)
{
    set_modes(*state, 0700, 0600);
    run_in_child(env_without_permission, *state);
}

/* ---- mounts ---- */

static bool own_mounts(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool mount_read_only(const char *dir)
{
    return mount(dir, dir, NULL, MS_BIND, NULL) == 0 &&
           mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0;
}

static int open_on_read_only_mount(void *context)
{
    if (!own_mounts() || !mount_read_only(context)) {
        return CANNOT;
    }
    return check_read_only(context, true);
}

static void test_read_only_mount(void **state)
{
    run_in_child(open_on_read_only_mount, *state);
}

static void test_read_only_mount_without_log_files(void **state)
{
    const char *token = unit_path(*state, TOKEN_A);
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    assert_ok(ops->env_new(*state, 0077, &env));
    assert_ok(ops->open(env, TOKEN_A, &store));
    sqlite3 *db = NULL; /* as a copy of a token at rest is: all in one file */
    assert_int_equal(sqlite3_open(unit_path(token, "keykist.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    ops->close(store);
    ops->env_free(env);
    (void)unlink(unit_path(token, "keykist.db-wal"));
    (void)unlink(unit_path(token, "keykist.db-shm"));
    run_in_child(open_on_read_only_mount, *state);
}

static int open_with_wrong_change_file(void *context)
{
    if (!own_mounts() || !mount_read_only(context)) {
        return CANNOT;
    }
    return check_read_only(context, false);
}

static void test_read_only_with_a_wrong_change_file_is_never_stable(void **state)
{
    const char *change = unit_path(unit_path(*state, TOKEN_A), "change");
    assert_int_equal(truncate(change, 100), 0);
    run_in_child(open_with_wrong_change_file, *state);
    assert_int_equal(unlink(change), 0);
    run_in_child(open_with_wrong_change_file, *state);
}

static CK_RV put_big_object(struct kk_store *store, uint32_t number)
{
    static const uint8_t zeros[300000];
    struct kk_store_tx *tx = NULL;
    struct kk_store_object object = {.uuid = unit_uuid(number), .blob = KK_SPAN_ARRAY(zeros)};
    KK_TRY(ops->begin(store, KK_STORE_WRITE, &tx));
    CK_RV rv = ops->object_put(tx, &object);
    if (rv != CKR_OK) {
        ops->rollback(tx);
        return rv;
    }
    return ops->commit(tx);
}

static int fill_disk(void *context)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_store_stamp stamp;
    CK_RV rv = CKR_OK;
    uint32_t number = 0;
    if (!own_mounts() || mount("small", context, "tmpfs", 0, "size=4m") != 0) {
        return CANNOT;
    }
    REQUIRE(ops->env_new(context, 0077, &env) == CKR_OK);
    store = unit_new_token(env, TOKEN_A, "one");
    while (rv == CKR_OK && number < 100) {
        rv = put_big_object(store, number++);
    }
    REQUIRE(rv == CKR_DEVICE_MEMORY);
    REQUIRE(put_big_object(store, number) == CKR_DEVICE_MEMORY);
    REQUIRE(ops->fresh(store, &stamp) == CKR_OK && stamp.stable);
    REQUIRE(unit_reads_row(store, 1, "one"));
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_READ);
    uint64_t count = 0;
    REQUIRE(ops->object_count(tx, KK_STORE_PUBLIC_ONLY, &count) == CKR_OK);
    ops->rollback(tx);
    REQUIRE(count == number - 1); /* each that was answered with CKR_OK, and no other */

    struct kk_store *other = NULL; /* opened anew, it is sound */
    REQUIRE(ops->open(env, TOKEN_A, &other) == CKR_OK);
    REQUIRE(unit_reads_row(other, 1, "one"));
    ops->close(other);
    ops->close(store);
    ops->env_free(env);
    return 0;
}

static void test_full_disk_is_device_memory_and_loses_nothing(void **state)
{
    run_in_child(fill_disk, *state);
}

static int create_on_full_disk(void *context)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    if (!own_mounts() || mount("small", context, "tmpfs", 0, "size=16k") != 0) {
        return CANNOT;
    }
    REQUIRE(ops->env_new(context, 0077, &env) == CKR_OK);
    REQUIRE(ops->create(env, TOKEN_A, &store) == CKR_DEVICE_MEMORY);
    REQUIRE(store == NULL);
    REQUIRE(access(unit_path(context, ".new-" TOKEN_A), F_OK) != 0);
    ops->env_free(env);
    return 0;
}

static void test_create_on_a_full_disk_leaves_nothing(void **state)
{
    run_in_child(create_on_full_disk, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_users_token_can_be_read),
        TEST(token_that_cannot_even_be_read),
        TEST(directory_that_cannot_be_read),
        TEST(read_only_mount),
        TEST(read_only_mount_without_log_files),
        TEST(read_only_with_a_wrong_change_file_is_never_stable),
        TEST(full_disk_is_device_memory_and_loses_nothing),
        TEST(create_on_a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
