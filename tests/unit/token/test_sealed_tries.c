/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_tries.c: the count of PIN tries, through kill -9, many processes, many threads,
 * and where nothing may be written.
 */
#include "sealed_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_decorator.h"

static struct kk_token_state state_of(struct kk_repository *repo)
{
    struct kk_token_state told;
    assert_ok(repo->ops->state(repo, &told));
    return told;
}

static CK_RV try_user(struct kk_repository *repo, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return login(repo, KK_ROLE_USER, pin, &unlock);
}

static CK_RV try_so(struct kk_repository *repo, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return login(repo, KK_ROLE_SO, pin, &unlock);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void test_ten_wrong_pins_lock_until_the_so_resets(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    for (unsigned long i = 1; i <= 10; i++) {
        assert_rv(try_user(rig->repo, "wrong"), CKR_PIN_INCORRECT);
        assert_int_equal(state_of(rig->repo).user_failed, i);
        assert_int_equal(state_of(rig->repo).user_locked, i == 10);
    }
    assert_rv(try_user(rig->repo, "user-secret"), CKR_PIN_LOCKED);
    rig_reopen(rig);
    assert_rv(try_user(rig->repo, "user-secret"), CKR_PIN_LOCKED);
    assert_rv(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, KK_SPAN(NULL, 0),
                                      text_span("user-secret"), text_span("another")),
              CKR_PIN_LOCKED);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("fresh")));
    assert_false(state_of(rig->repo).user_locked);
    assert_ok(try_user(rig->repo, "fresh"));
}

static void test_a_right_pin_resets_the_count(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 9; j++) {
            assert_rv(try_user(rig->repo, "wrong"), CKR_PIN_INCORRECT);
        }
        assert_ok(try_user(rig->repo, "user-secret"));
        assert_int_equal(state_of(rig->repo).user_failed, 0);
    }
}

static void test_zero_never_locks(void **state)
{
    struct rig *rig = *state;
    rig->settings.pin_max_tries = 0;
    rig_reopen(rig);
    rig_user(rig);
    for (int i = 0; i < 15; i++) {
        assert_rv(try_user(rig->repo, "wrong"), CKR_PIN_INCORRECT);
    }
    assert_ok(try_user(rig->repo, "user-secret"));
}

/* The SO waits longer each time, and the user meanwhile does not. */
static void test_the_so_is_slowed_down_and_never_locked(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    uint64_t first = now_ms();
    for (int i = 0; i < 6; i++) {
        assert_rv(try_so(rig->repo, "wrong"), CKR_PIN_INCORRECT);
    }
    assert_int_equal(state_of(rig->repo).so_failed, 6);
    uint64_t begin = now_ms();
    assert_ok(try_user(rig->repo, "user-secret"));
    assert_true(now_ms() - begin < 700);
    assert_ok(try_so(rig->repo, "so-secret"));
    assert_true(now_ms() - first >= 1450); /* 100, 200, 400 and 800 after the third to sixth */
    begin = now_ms();
    assert_ok(try_so(rig->repo, "so-secret"));
    assert_true(now_ms() - begin < 700);
}

static void test_a_row_of_tries_that_is_none_is_an_error(void **state)
{
    struct rig *rig = *state;
    struct kk_store_row row = {.table = KK_TABLE_TRIES,
                               .no = KK_KEY_ROW_USER,
                               .generation = 1,
                               .blob = KK_SPAN_TEXT("nonsense")};
    struct kk_token_state told;
    rig_user(rig);
    raw_row_put(rig, &row);
    assert_rv(try_user(rig->repo, "user-secret"), CKR_DEVICE_ERROR);
    assert_rv(rig->repo->ops->state(rig->repo, &told), CKR_DEVICE_ERROR);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("user-secret")));
    assert_ok(try_user(rig->repo, "user-secret"));
}

/* ---- processes that die ---- */

static unsigned long commits_left; /* a process kills itself in front of the commit after these */
static volatile bool *has_come;    /* it got there; shared with the parent */

static CK_RV die_at_commit(const char *call)
{
    if (strcmp(call, "commit") == 0 && commits_left-- == 0) {
        *has_come = true;
        (void)kill(getpid(), SIGKILL);
    }
    return CKR_OK;
}

static struct kk_store_ops deadly_ops;
static struct kk_store_decorator deadly = {
    .ops = &deadly_ops, .inner = &kk_store_sqlite, .before = die_at_commit};

static KK_RV deadly_env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env)
{
    return kk_store_decorator_env_new(&deadly, location, umask, ret_env);
}

/* Opens the token in a store that kills and makes one try. */
static int one_try(const struct rig *rig, enum kk_role role, const char *pin, unsigned long commits)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_repository *repo = NULL;
    deadly_ops = kk_store_decorator_ops;
    deadly_ops.env_new = deadly_env_new;
    commits_left = commits;
    if (deadly_ops.env_new(rig->dir, 0077, &env) != CKR_OK ||
        env->ops->open(env, RIG_NAME, &store) != CKR_OK ||
        kk_sealed_open(crypto, store, &rig->settings, &repo) != CKR_OK) {
        return 100;
    }
    CK_RV rv = role == KK_ROLE_USER ? try_user(repo, pin) : try_so(repo, pin);
    return rv == CKR_OK ? 0 : rv == CKR_PIN_INCORRECT ? 1 : rv == CKR_PIN_LOCKED ? 2 : 3;
}

static pid_t start_try(const struct rig *rig, const char *pin, unsigned long commits)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(one_try(rig, KK_ROLE_USER, pin, commits));
    }
    return pid;
}

static int end_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* One that kills itself, and is not killed by anything else (a machine out of memory): what that
 * does to the count cannot be known. */
static void killed_try(const struct rig *rig, unsigned long commits)
{
    *has_come = false;
    assert_int_equal(end_of(start_try(rig, "wrong", commits)), -SIGKILL);
    if (!*has_come) {
        fail_msg("a try was killed, and not by this test");
    }
}

/* Killed after the KDF said no, before that was on the disk: each has used up its try. */
static void test_eleven_wrong_pins_with_kill_between_them_lock(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    for (unsigned long i = 0; i < 10; i++) {
        killed_try(rig, 1);
        assert_int_equal(state_of(rig->repo).user_failed, i);
    }
    assert_int_equal(end_of(start_try(rig, "wrong", 99)), 2);
    assert_rv(try_user(rig->repo, "user-secret"), CKR_PIN_LOCKED);
}

/* Killed before the try was written down: nothing was learnt, nothing counts. */
static void test_a_process_killed_before_its_try_costs_nothing(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    for (int i = 0; i < 12; i++) {
        killed_try(rig, 0);
    }
    assert_ok(try_user(rig->repo, "user-secret"));
}

/* The SO's delay is on the disk before the try, too. */
static void test_being_killed_does_not_save_the_delay(void **state)
{
    struct rig *rig = *state;
    uint64_t begin = now_ms();
    for (int i = 0; i < 5; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            _exit(one_try(rig, KK_ROLE_SO, "wrong", 1));
        }
        assert_int_equal(end_of(pid), -SIGKILL);
    }
    assert_ok(try_so(rig->repo, "so-secret"));
    assert_true(now_ms() - begin >= 650); /* 100, 200 and 400 after the third to fifth */
}

static void test_eight_processes_get_ten_tries_together(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    int wrong = 0;
    int locked = 0;
    for (int round = 0; round < 2; round++) {
        pid_t pids[8];
        for (size_t i = 0; i < KK_ARRAY_LEN(pids); i++) {
            pids[i] = start_try(rig, "wrong", 99);
        }
        for (size_t i = 0; i < KK_ARRAY_LEN(pids); i++) {
            int end = end_of(pids[i]);
            wrong += end == 1 ? 1 : 0;
            locked += end == 2 ? 1 : 0;
        }
    }
    assert_int_equal(wrong, 10);
    assert_int_equal(locked, 6);
}

static void test_eleven_right_processes_at_once_all_succeed(void **state)
{
    struct rig *rig = *state;
    pid_t pids[11];
    rig_user(rig);
    for (size_t i = 0; i < KK_ARRAY_LEN(pids); i++) {
        pids[i] = start_try(rig, "user-secret", 99);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(pids); i++) {
        assert_int_equal(end_of(pids[i]), 0);
    }
    assert_int_equal(state_of(rig->repo).user_failed, 0);
}

/* ---- threads ---- */

static void *right_try(void *repo)
{
    return (void *)(uintptr_t)try_user(repo, "user-secret");
}

static void test_eleven_right_threads_at_once_all_succeed(void **state)
{
    struct rig *rig = *state;
    pthread_t threads[11];
    rig_user(rig);
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, right_try, rig->repo), 0);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        void *rv = NULL;
        assert_int_equal(pthread_join(threads[i], &rv), 0);
        assert_int_equal((uintptr_t)rv, CKR_OK);
    }
    assert_int_equal(state_of(rig->repo).user_failed, 0);
}

/* ---- read-only ---- */

static bool always(const struct kk_store *store)
{
    (void)store;
    return true;
}

static CK_RV pass(const char *call)
{
    static const char *const writes[] = {"begin_write", "row_put", "object_put", "tries_lock"};
    for (size_t i = 0; i < KK_ARRAY_LEN(writes); i++) {
        if (strcmp(call, writes[i]) == 0) {
            return CKR_TOKEN_WRITE_PROTECTED;
        }
    }
    return CKR_OK;
}

static struct kk_store_ops read_only_ops;
static struct kk_store_decorator read_only = {.ops = &read_only_ops, .before = pass};

static KK_RV read_only_env_new(const char *location, unsigned int umask,
                               struct kk_store_env **ret_env)
{
    return kk_store_decorator_env_new(&read_only, location, umask, ret_env);
}

static void test_a_read_only_store_works_and_counts_in_memory(void **state)
{
    struct rig *rig = *state;
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_repository *repo = NULL;
    static const char label[32] = "another label                   ";
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    kk_unlock_unref(user);
    read_only_ops = kk_store_decorator_ops;
    read_only_ops.env_new = read_only_env_new;
    read_only_ops.read_only = always;
    read_only.inner = rig->ops;
    rig->settings.pin_max_tries = 4;
    rig->settings.pin_kdf = KK_KDF_DEFAULT; /* would rewrite the row */
    assert_ok(read_only_ops.env_new(rig->dir, 0077, &env));
    assert_ok(read_only_ops.open(env, RIG_NAME, &store));
    assert_ok(kk_sealed_open(crypto, store, &rig->settings, &repo));
    assert_true(state_of(repo).read_only);
    user = login_user(repo);
    assert_ok(read_code(repo, user, &uuid));
    assert_int_equal(find_label(repo, user, true, "l"), 1);
    assert_rv(erase(repo, user, &uuid, 1), CKR_TOKEN_WRITE_PROTECTED);
    assert_rv(repo->ops->set_pin(repo, KK_ROLE_USER, KK_SPAN(NULL, 0), text_span("user-secret"),
                                 text_span("another")),
              CKR_TOKEN_WRITE_PROTECTED);
    assert_rv(repo->ops->reinitialise(repo, text_span("so-secret"), label),
              CKR_TOKEN_WRITE_PROTECTED);
    uint64_t begin = now_ms();
    for (unsigned long i = 1; i <= 4; i++) {
        assert_rv(try_user(repo, "wrong"), CKR_PIN_INCORRECT);
        assert_int_equal(state_of(repo).user_failed, i);
    }
    assert_true(now_ms() - begin >= 100); /* the fourth waited */
    assert_true(state_of(repo).user_locked);
    assert_rv(try_user(repo, "user-secret"), CKR_PIN_LOCKED);
    kk_unlock_unref(user);
    repo->ops->close(repo);
    env->ops->env_free(env);
}

int main(void)
{
    has_come =
        mmap(NULL, sizeof *has_come, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (has_come == MAP_FAILED) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        ON_ENGINES(test_ten_wrong_pins_lock_until_the_so_resets),
        ON_ENGINES(test_a_right_pin_resets_the_count),
        ON(test_zero_never_locks, rig_memory),
        ON_ENGINES(test_the_so_is_slowed_down_and_never_locked),
        ON_ENGINES(test_a_row_of_tries_that_is_none_is_an_error),
        ON(test_eleven_wrong_pins_with_kill_between_them_lock, rig_sqlite),
        ON(test_a_process_killed_before_its_try_costs_nothing, rig_sqlite),
        ON(test_being_killed_does_not_save_the_delay, rig_sqlite),
        ON(test_eight_processes_get_ten_tries_together, rig_sqlite),
        ON(test_eleven_right_processes_at_once_all_succeed, rig_sqlite),
        ON_ENGINES(test_eleven_right_threads_at_once_all_succeed),
        ON(test_a_read_only_store_works_and_counts_in_memory, rig_sqlite),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
