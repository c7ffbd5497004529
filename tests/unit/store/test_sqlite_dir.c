/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sqlite_env.c and sqlite_dir.c: what counts as a token, modes of files, half-made and half-removed
 * tokens, foreign files.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/sqlite_internal.h"
#include "store_unit.h"

static const struct kk_store_ops *const ops = &kk_store_sqlite;

struct fixture {
    char *dir;
    char log[4096];
    struct kk_store_env *env;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    (void)snprintf(fixture.log, sizeof fixture.log, "%s/log", fixture.dir);
    unit_log_to(fixture.log);
    assert_ok(ops->env_new(fixture.dir, 0077, &fixture.env));
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

static CK_RV count_name(const char *name, void *context)
{
    (void)name;
    ++*(size_t *)context;
    return CKR_OK;
}

static size_t tokens_listed(struct kk_store_env *env)
{
    size_t count = 0;
    assert_ok(ops->env_list(env, count_name, &count));
    return count;
}

static void make_dir(const struct fixture *fixture, const char *name, const char *file)
{
    assert_int_equal(mkdir(unit_path(fixture->dir, name), 0700), 0);
    if (file != NULL) {
        unit_write_file(unit_path(unit_path(fixture->dir, name), file), "x", 1);
    }
}

/* ---- environments ---- */

static void test_missing_or_unreadable_directory_is_general_error(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_env *env = NULL;
    const char *missing = unit_path(fixture->dir, "nowhere");
    assert_int_equal(ops->env_new(missing, 0077, &env), CKR_GENERAL_ERROR);
    assert_true(unit_file_holds(fixture->log, missing));
    assert_true(unit_file_holds(fixture->log, "No such file or directory"));
    assert_int_not_equal(access(missing, F_OK), 0); /* and is not made */
    const char *file = unit_path(fixture->dir, "file");
    unit_write_file(file, "", 0);
    assert_int_equal(ops->env_new(file, 0077, &env), CKR_GENERAL_ERROR);
    assert_null(env);
}

static void test_relative_location_survives_a_change_of_directory(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_env *env = NULL;
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(fixture->dir), 0);
    assert_int_equal(mkdir("tokens", 0700), 0);
    assert_ok(ops->env_new("tokens///", 0077, &env));
    assert_int_equal(chdir("/"), 0);
    struct kk_store *store = unit_new_token(env, TOKEN_A, "one");
    assert_true(unit_reads_row(store, 1, "one"));
    assert_string_equal(ops->path(store), unit_path(fixture->dir, "tokens/" TOKEN_A));
    ops->close(store);
    ops->env_free(env);
    assert_int_equal(chdir(here), 0);
}

static void test_only_uuids_with_a_database_are_tokens(void **state)
{
    struct fixture *fixture = *state;
    ops->close(unit_new_token(fixture->env, TOKEN_A, "one"));
    make_dir(fixture, "lost+found", NULL);
    make_dir(fixture, "not-a-uuid", "keykist.db");
    make_dir(fixture, "33333333-3333-4333-8333-333333333333", NULL);
    make_dir(fixture, "44444444-4444-4444-8444-444444444444", "token.object");
    make_dir(fixture, "55555555-5555-4555-8555-555555555555", "sqlite3.db");
    unit_write_file(unit_path(fixture->dir, "66666666-6666-4666-8666-666666666666"), "x", 1);
    assert_int_equal(tokens_listed(fixture->env), 1);
}

static void test_token_without_database_is_not_present(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    make_dir(fixture, TOKEN_B, "token.object");
    assert_int_equal(ops->open(fixture->env, TOKEN_B, &store), CKR_TOKEN_NOT_PRESENT);
}

static void set_age(const char *path, long seconds)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    const struct timespec times[2] = {now, now};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_unfinished_token_is_deleted_after_an_hour(void **state)
{
    struct fixture *fixture = *state;
    make_dir(fixture, ".new-" TOKEN_A, "keykist.db");
    make_dir(fixture, ".new-" TOKEN_B, "keykist.db");
    make_dir(fixture, ".new-something", "keykist.db");
    set_age(unit_path(fixture->dir, ".new-" TOKEN_A), 3700);
    set_age(unit_path(fixture->dir, ".new-" TOKEN_B), 3500);
    set_age(unit_path(fixture->dir, ".new-something"), 9999);
    assert_int_equal(tokens_listed(fixture->env), 0);
    assert_int_not_equal(access(unit_path(fixture->dir, ".new-" TOKEN_A), F_OK), 0);
    assert_int_equal(access(unit_path(fixture->dir, ".new-" TOKEN_B), F_OK), 0);
    assert_int_equal(access(unit_path(fixture->dir, ".new-something"), F_OK), 0);
    assert_true(unit_file_holds(fixture->log, ".new-" TOKEN_A ": a token that was never finished"));
}

/* ---- modes ---- */

static mode_t mode_of(const struct fixture *fixture, const char *name)
{
    struct stat status;
    assert_int_equal(stat(unit_path(fixture->dir, name), &status), 0);
    return status.st_mode & 07777;
}

static void check_modes(const struct fixture *fixture, mode_t file, mode_t dir)
{
    static const char *const files[] = {"keykist.db", "keykist.db-wal", "keykist.db-shm",
                                        "change",     "write.lock",     "tries.lock"};
    assert_int_equal(mode_of(fixture, TOKEN_B), dir);
    for (size_t i = 0; i < KK_ARRAY_LEN(files); i++) {
        char name[200];
        (void)snprintf(name, sizeof name, TOKEN_B "/%s", files[i]);
        assert_int_equal(mode_of(fixture, name), file);
    }
}

static void test_modes_follow_both_umasks(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        unsigned int configured;
        mode_t process;
        mode_t file;
        mode_t dir;
    } rows[] = {
        {0077, 0000, 0600, 0700}, {0077, 0022, 0600, 0700}, {0007, 0022, 0640, 0750},
        {0007, 0002, 0660, 0770}, {0027, 0077, 0600, 0700},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        struct kk_store_env *env = NULL;
        mode_t before = umask(rows[i].process);
        assert_ok(ops->env_new(fixture->dir, rows[i].configured, &env));
        struct kk_store *store = unit_new_token(env, TOKEN_B, "one");
        assert_true(unit_reads_row(store, 1, "one"));
        check_modes(fixture, rows[i].file, rows[i].dir);
        assert_ok(ops->remove(store));
        ops->close(store);
        ops->env_free(env);
        (void)umask(before);
    }
}

/* ---- coming and going ---- */

static void test_new_token_lies_under_its_own_name_only(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    assert_ok(ops->create(fixture->env, TOKEN_A, &store));
    assert_int_equal(access(unit_path(fixture->dir, ".new-" TOKEN_A), F_OK), 0);
    assert_int_not_equal(access(unit_path(fixture->dir, TOKEN_A), F_OK), 0);
    unit_commit_row(store, 1, "one");
    assert_int_not_equal(access(unit_path(fixture->dir, ".new-" TOKEN_A), F_OK), 0);
    assert_int_equal(access(unit_path(fixture->dir, TOKEN_A), F_OK), 0);
    assert_string_equal(ops->path(store), unit_path(fixture->dir, TOKEN_A));
    ops->close(store);
}

static void test_first_commit_fails_when_the_name_was_taken_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    assert_ok(ops->create(fixture->env, TOKEN_A, &store));
    make_dir(fixture, TOKEN_A, "precious");
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 1, 1, "one");
    assert_int_equal(ops->commit(tx), CKR_DEVICE_ERROR);
    ops->close(store);
    assert_int_equal(access(unit_path(fixture->dir, TOKEN_A "/precious"), F_OK), 0);
    assert_int_not_equal(access(unit_path(fixture->dir, ".new-" TOKEN_A), F_OK), 0);
}

static void test_remove_leaves_what_is_not_the_tokens(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = unit_new_token(fixture->env, TOKEN_A, "one");
    uint64_t before = 0;
    uint64_t after = 0;
    unit_write_file(unit_path(fixture->dir, TOKEN_A "/notes.txt"), "mine", 4);
    (void)usleep(250000);
    assert_ok(ops->env_stamp(fixture->env, &before));
    assert_ok(ops->remove(store));
    assert_ok(ops->env_stamp(fixture->env, &after));
    ops->close(store);
    assert_int_equal(access(unit_path(fixture->dir, TOKEN_A "/notes.txt"), F_OK), 0);
    assert_int_not_equal(access(unit_path(fixture->dir, TOKEN_A "/keykist.db"), F_OK), 0);
    assert_true(unit_file_holds(fixture->log, TOKEN_A "/notes.txt: not a file of the removed"));
    assert_int_equal(tokens_listed(fixture->env), 0);
    assert_true(before != after); /* though the directory is still there */
}

static void test_half_removed_token_is_not_present_and_removed(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = unit_new_token(fixture->env, TOKEN_A, "one");
    struct kk_store *other = NULL;
    kk_change_file_mark_gone(&kk_sqlite_store_of(store)->change); /* and its remover dies */
    assert_int_equal(ops->open(fixture->env, TOKEN_A, &other), CKR_TOKEN_NOT_PRESENT);
    assert_int_not_equal(access(unit_path(fixture->dir, TOKEN_A), F_OK), 0);
    ops->close(store);
}

static void test_moved_token_opens_under_its_new_parent(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    ops->close(unit_new_token(fixture->env, TOKEN_A, "one"));
    make_dir(fixture, "else where, 100%?", NULL);
    const char *parent = unit_path(fixture->dir, "else where, 100%?");
    assert_int_equal(rename(unit_path(fixture->dir, TOKEN_A), unit_path(parent, TOKEN_A)), 0);
    assert_ok(ops->env_new(parent, 0077, &env));
    assert_ok(ops->open(env, TOKEN_A, &store));
    assert_true(unit_reads_row(store, 1, "one"));
    unit_commit_row(store, 1, "two");
    ops->close(store);
    ops->env_free(env);
}

static void test_network_file_systems_are_known(void **state)
{
    (void)state;
    assert_true(kk_sqlite_dir_is_network(0x6969));            /* NFS */
    assert_true(kk_sqlite_dir_is_network((long)0xff534d42));  /* CIFS */
    assert_true(kk_sqlite_dir_is_network((int)0xfe534d42));   /* SMB 2, as a signed 32-bit word */
    assert_true(kk_sqlite_dir_is_network(0x517b));            /* SMB */
    assert_true(kk_sqlite_dir_is_network(0x00c36400));        /* Ceph */
    assert_true(kk_sqlite_dir_is_network(0x5346414f));        /* AFS */
    assert_false(kk_sqlite_dir_is_network(0xef53));           /* ext4 */
    assert_false(kk_sqlite_dir_is_network(0x01021994));       /* tmpfs */
    assert_false(kk_sqlite_dir_is_network((long)0x9123683e)); /* btrfs */
    assert_false(kk_sqlite_dir_is_network(0x794c7630));       /* overlayfs */
}

/* ---- what others put there ---- */

/* Somebody who may only read the token, and who gives up after a while. */
static int open_as_a_stranger(void *context)
{
    const struct fixture *fixture = context;
    struct kk_store *store = NULL;
    (void)alarm(10);
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) {
        return 1;
    }
    return ops->open(fixture->env, TOKEN_A, &store) == CKR_TOKEN_NOT_RECOGNIZED ? 0 : 2;
}

static void test_pipe_beside_the_database_holds_nobody_up(void **state)
{
    static const char *const names[] = {"keykist.db-wal", "keykist.db-shm", "keykist.db-journal"};
    struct fixture *fixture = *state;
    ops->close(unit_new_token(fixture->env, TOKEN_A, "one"));
    const char *dir = unit_path(fixture->dir, TOKEN_A);
    assert_int_equal(chmod(unit_path(dir, "keykist.db"), 0444), 0);
    assert_int_equal(chmod(unit_path(dir, "change"), 0444), 0);
    assert_int_equal(chmod(fixture->dir, 0755), 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        const char *path = unit_path(unit_path(fixture->dir, TOKEN_A), names[i]);
        (void)unlink(path);
        assert_int_equal(mkfifo(path, 0444), 0);
        assert_int_equal(chmod(path, 0444), 0);
        assert_int_equal(chmod(unit_path(fixture->dir, TOKEN_A), 0555), 0);
        int result = unit_in_child(open_as_a_stranger, fixture);
        assert_int_equal(chmod(unit_path(fixture->dir, TOKEN_A), 0755), 0);
        assert_int_equal(result, 0);
        assert_int_equal(unlink(path), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

/* One who had opened the token before it was deleted, and makes its log anew for a while. */
static void *make_logs(void *path)
{
    struct timespec begun;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) {
            (void)close(fd);
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < 40);
    return NULL;
}

static void test_removal_gets_past_those_who_have_it_open(void **state)
{
    struct fixture *fixture = *state;
    static const char name[] = "11111111-2222-3333-4444-555555555555";
    char dir[4096];
    char shm[4200];
    pthread_t thread;
    (void)snprintf(dir, sizeof dir, "%s/%s", fixture->dir, name);
    (void)snprintf(shm, sizeof shm, "%s/keykist.db-shm", dir);
    for (int i = 0; i < 5; i++) {
        make_dir(fixture, name, "keykist.db");
        assert_int_equal(pthread_create(&thread, NULL, make_logs, shm), 0);
        (void)usleep(3000);
        assert_ok(kk_sqlite_dir_remove(dir, fixture->dir));
        assert_int_equal(access(dir, F_OK), -1);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(missing_or_unreadable_directory_is_general_error),
        TEST(relative_location_survives_a_change_of_directory),
        TEST(only_uuids_with_a_database_are_tokens),
        TEST(token_without_database_is_not_present),
        TEST(unfinished_token_is_deleted_after_an_hour),
        TEST(modes_follow_both_umasks),
        TEST(new_token_lies_under_its_own_name_only),
        TEST(first_commit_fails_when_the_name_was_taken_meanwhile),
        TEST(remove_leaves_what_is_not_the_tokens),
        TEST(half_removed_token_is_not_present_and_removed),
        TEST(moved_token_opens_under_its_new_parent),
        TEST(network_file_systems_are_known),
        TEST(pipe_beside_the_database_holds_nobody_up),
        TEST(removal_gets_past_those_who_have_it_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
