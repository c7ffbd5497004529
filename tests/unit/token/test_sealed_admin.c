/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_admin.c: what the SO does, with and without recovery, and what is left when the
 * process is killed or the store fails in the middle of it.
 */
#include "sealed_test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_decorator.h"
#include "store_fault.h"

static CK_RV try_pin(struct kk_repository *repo, enum kk_role role, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return login(repo, role, pin, &unlock);
}

static CK_RV init_pin(struct kk_repository *repo, struct kk_unlock *so, const char *pin)
{
    return repo->ops->init_pin(repo, so, text_span(pin));
}

static void test_a_reset_pin_keeps_the_objects(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    kk_unlock_unref(user);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    assert_ok(init_pin(rig->repo, so, "a-new-pin"));
    assert_rv(try_pin(rig->repo, KK_ROLE_USER, "user-secret"), CKR_PIN_INCORRECT);
    assert_ok(login(rig->repo, KK_ROLE_USER, "a-new-pin", &user));
    assert_ok(read_code(rig->repo, user, &uuid));
    kk_unlock_unref(user);
}

static uint64_t root_generation(struct rig *rig, uint32_t side)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row;
    assert_ok(raw_row_get(rig, KK_TABLE_ROOTS, side, &row, &blob));
    return row.generation;
}

/* So that what other processes remember is seen to be old. */
static void test_generations_never_go_back(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "anew                            ";
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    (void)put_data(rig->repo, user, true, "l", "v");
    (void)put_data(rig->repo, user, false, "l", "v");
    kk_unlock_unref(user);
    uint64_t before[2] = {root_generation(rig, 0), root_generation(rig, 1)};
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
    assert_true(root_generation(rig, 0) > before[0]);
    assert_true(root_generation(rig, 1) > before[1]);
}

static void test_only_the_so_sets_the_users_pin(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_rv(init_pin(rig->repo, user, "a-new-pin"), CKR_USER_NOT_LOGGED_IN);
    assert_rv(init_pin(rig->repo, NULL, "a-new-pin"), CKR_USER_NOT_LOGGED_IN);
    assert_ok(try_pin(rig->repo, KK_ROLE_USER, "user-secret"));
}

static void test_a_weak_pin_is_said_where_there_is_no_pepper(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *pin;
        bool weak;
    } pins[] = {
        {"1234", true}, {"1234567", true}, {"12345678", false}, {"abcde", true}, {"abcdef", false}};
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    for (size_t i = 0; i < KK_ARRAY_LEN(pins); i++) {
        kk_log_configure(KK_LOG_DEBUG, KK_LOG_FILE, rig->log);
        rig_log_clear(rig);
        assert_ok(init_pin(rig->repo, so, pins[i].pin));
        assert_int_equal(rig_log_has(rig, "is weak"), pins[i].weak && rig->pepper == NULL);
    }
}

/* The SO has no key to private objects, so that a reset PIN loses them. */
static void test_without_recovery_the_so_opens_nothing(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "no recovery                     ";
    rig->settings.so_recovery = false;
    rig_reopen(rig);
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid mine = put_data(rig->repo, user, true, "l", "v");
    struct kk_uuid open = put_data(rig->repo, user, false, "l", "v");
    assert_rv(read_code(rig->repo, so, &mine), CKR_USER_NOT_LOGGED_IN);
    assert_ok(read_code(rig->repo, so, &open));
    rig->settings.so_recovery = true; /* fixed when the token was made */
    rig_reopen(rig);
    assert_ok(init_pin(rig->repo, so, "a-new-pin"));
    assert_rv(read_code(rig->repo, so, &mine), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(read_code(rig->repo, so, &open));
    /* a login of before has keys of nothing */
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "l", "v");
    assert_rv(put_attrs(rig->repo, user, &mine, attrs, 0, NULL), CKR_USER_NOT_LOGGED_IN);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *fresh = NULL;
    assert_ok(login(rig->repo, KK_ROLE_USER, "a-new-pin", &fresh));
    assert_ok(put_attrs(rig->repo, fresh, &mine, attrs, 0, NULL));
    assert_ok(read_code(rig->repo, fresh, &mine));
    assert_ok(try_pin(rig->repo, KK_ROLE_SO, "so-secret"));
    assert_false(rig_log_has(rig, "ERROR"));
}

/* A repository that had the token open sees that its private objects went. */
static void test_without_recovery_others_notice_a_reset(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "no recovery                     ";
    rig->settings.so_recovery = false;
    rig_reopen(rig);
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
    rig_user(rig);
    struct kk_repository *other = rig_open(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = login_user(other);
    struct kk_uuid uuid = put_data(other, theirs, true, "l", "v");
    assert_ok(read_code(other, theirs, &uuid));
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    assert_ok(init_pin(rig->repo, so, "a-new-pin"));
    assert_rv(read_code(other, theirs, &uuid), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(find_label(other, theirs, true, NULL), 0);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *fresh = NULL;
    assert_ok(login(other, KK_ROLE_USER, "a-new-pin", &fresh));
    uuid = put_data(other, fresh, true, "l", "v");
    assert_ok(read_code(other, fresh, &uuid));
    assert_false(rig_log_has(rig, "ERROR"));
    other->ops->close(other);
}

static void test_nothing_is_made_while_the_pepper_is_missing(void **state)
{
    struct rig *rig = *state;
    struct kk_store *store = NULL;
    struct kk_repository *repo = NULL;
    static const char label[32] = "none                            ";
    static const char name[] = "0b7c1a52-3c1e-4bd6-9d6a-0123456789ff";
    rig->settings.pepper_missing = true;
    assert_ok(rig->ops->create(rig->env, name, &store));
    assert_rv(kk_sealed_create(crypto, store, &rig->settings, text_span("so-secret"), label,
                               "9d6a0123456789ff", &repo),
              CKR_DEVICE_ERROR);
    assert_null(repo);
    rig->ops->close(store);
}

/* ---- killed in the middle ---- */

static unsigned long calls_left;

static CK_RV die_at_call(const char *call)
{
    (void)call;
    if (calls_left-- == 0) {
        (void)kill(getpid(), SIGKILL);
    }
    return CKR_OK;
}

static struct kk_store_ops deadly_ops;
static struct kk_store_decorator deadly = {
    .ops = &deadly_ops, .inner = &kk_store_sqlite, .before = die_at_call};

static KK_RV deadly_env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env)
{
    return kk_store_decorator_env_new(&deadly, location, umask, ret_env);
}

static int change_pin(const struct rig *rig, unsigned long calls)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_repository *repo = NULL;
    deadly_ops = kk_store_decorator_ops;
    deadly_ops.env_new = deadly_env_new;
    calls_left = calls;
    if (deadly_ops.env_new(rig->dir, 0077, &env) != CKR_OK ||
        env->ops->open(env, RIG_NAME, &store) != CKR_OK ||
        kk_sealed_open(crypto, store, &rig->settings, &repo) != CKR_OK) {
        return 100;
    }
    CK_RV rv = repo->ops->set_pin(repo, KK_ROLE_USER, KK_SPAN(NULL, 0), text_span("user-secret"),
                                  text_span("a-new-pin"));
    return rv == CKR_OK ? 0 : 1;
}

/* Killed in front of the n-th call to the store, for every n: one of both PINs opens, the other
 * does not, and nothing is damaged. */
static void test_a_killed_pin_change_leaves_one_pin_whole(void **state)
{
    struct rig *rig = *state;
    rig->settings.pin_max_tries = 0;
    rig_reopen(rig);
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    kk_unlock_unref(user);
    int status = 0;
    unsigned long killed = 0;
    for (unsigned long n = 0; !WIFEXITED(status) || n == 0; n++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            _exit(change_pin(rig, n));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status) ? 1 : 0;
        rig_log_clear(rig);
        bool changed = try_pin(rig->repo, KK_ROLE_USER, "a-new-pin") == CKR_OK;
        assert_int_equal(changed, WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_ok(login(rig->repo, KK_ROLE_USER, changed ? "a-new-pin" : "user-secret", &user));
        assert_ok(read_code(rig->repo, user, &uuid));
        assert_false(rig_log_has(rig, "ERROR"));
        kk_unlock_unref(user);
        assert_true(n < 200);
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(killed > 20);
}

/* ---- stores that fail ---- */

struct faulty {
    struct kk_store_env *env;
    struct kk_repository *repo;
};

static struct faulty faulty_open(struct rig *rig)
{
    struct faulty faulty = {0};
    struct kk_store *store = NULL;
    const struct kk_store_ops *ops = kk_store_fault(rig->ops);
    assert_ok(ops->env_new(rig->dir, 0077, &faulty.env));
    assert_ok(ops->open(faulty.env, RIG_NAME, &store));
    assert_ok(kk_sealed_open(crypto, store, &rig->settings, &faulty.repo));
    return faulty;
}

static void faulty_close(struct faulty *faulty)
{
    faulty->repo->ops->close(faulty->repo);
    faulty->env->ops->env_free(faulty->env);
}

/* Fails the n-th call for every n, until the work is done without a failure. After each the token
 * is sound, and holds what the answers said. */
static void test_a_failing_store_never_leaves_a_half_change(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct faulty faulty = faulty_open(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(faulty.repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "l", "v");
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *open = data_attrs(false, "l", "v");
    CK_RV rv = CKR_DEVICE_MEMORY;
    size_t objects = 0;
    unsigned long n = 0;
    while (rv != CKR_OK) {
        struct kk_stored_change changes[2] = {
            {.kind = KK_CHANGE_PUT, .uuid = new_uuid(), .attrs = attrs},
            {.kind = KK_CHANGE_PUT, .uuid = new_uuid(), .attrs = open},
        };
        struct kk_object *made[2] = {NULL, NULL};
        kk_store_fault_at(NULL, ++n, CKR_DEVICE_MEMORY);
        rv = faulty.repo->ops->change(faulty.repo, user, changes, 2, made);
        kk_store_fault_at(NULL, 0, CKR_OK);
        objects += rv == CKR_OK ? 2 : 0;
        assert_int_equal(rv == CKR_OK, made[0] != NULL && made[1] != NULL);
        kk_object_unref(made[0]);
        kk_object_unref(made[1]);
        for (int i = 0; i < 2; i++) {
            CK_RV want = rv == CKR_OK ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
            assert_rv(read_code(rig->repo, mine, &changes[i].uuid), want);
            assert_rv(read_code(faulty.repo, user, &changes[i].uuid), want);
        }
        assert_int_equal(find_label(rig->repo, mine, true, NULL), objects);
        assert_ok(try_pin(rig->repo, KK_ROLE_USER, "user-secret"));
    }
    assert_true(n > 8);
    assert_false(rig_log_has(rig, "ERROR"));
    faulty_close(&faulty);
}

/* The same for everything that asks for a PIN: afterwards exactly one of the PINs opens. */
static void test_a_failing_store_never_loses_a_pin(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct faulty faulty = faulty_open(rig);
    CK_RV rv = CKR_DEVICE_MEMORY;
    unsigned long n = 0;
    while (rv != CKR_OK) {
        kk_store_fault_at(NULL, ++n, CKR_DEVICE_MEMORY);
        rv = faulty.repo->ops->set_pin(faulty.repo, KK_ROLE_USER, KK_SPAN(NULL, 0),
                                       text_span("user-secret"), text_span("a-new-pin"));
        kk_store_fault_at(NULL, 0, CKR_OK);
        assert_rv(try_pin(rig->repo, KK_ROLE_USER, rv == CKR_OK ? "a-new-pin" : "user-secret"),
                  CKR_OK);
    }
    assert_true(n > 15);
    n = 0;
    do {
        kk_store_fault_at(NULL, ++n, CKR_DEVICE_MEMORY);
        rv = try_pin(faulty.repo, KK_ROLE_USER, "a-new-pin");
        kk_store_fault_at(NULL, 0, CKR_OK);
        assert_ok(try_pin(rig->repo, KK_ROLE_USER, "a-new-pin"));
    } while (rv != CKR_OK);
    assert_true(n > 15);
    assert_false(rig_log_has(rig, "ERROR"));
    faulty_close(&faulty);
}

static void test_a_failing_store_never_leaves_a_half_token(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "another label                   ";
    rig_user(rig);
    struct faulty faulty = faulty_open(rig);
    CK_RV rv = CKR_DEVICE_MEMORY;
    unsigned long n = 0;
    while (rv != CKR_OK) {
        kk_store_fault_at(NULL, ++n, CKR_DEVICE_MEMORY);
        rv = faulty.repo->ops->reinitialise(faulty.repo, text_span("so-secret"), label);
        unsigned long counted = kk_store_fault_count();
        kk_store_fault_at(NULL, 0, CKR_OK);
        CK_RV user = try_pin(rig->repo, KK_ROLE_USER, "user-secret");
        assert_ok(try_pin(rig->repo, KK_ROLE_SO, "so-secret"));
        assert_true(user == CKR_OK || user == CKR_USER_PIN_NOT_INITIALIZED);
        if (rv == CKR_OK) {
            assert_rv(user, CKR_USER_PIN_NOT_INITIALIZED);
        } else if (user != CKR_OK) {
            rig_user(rig); /* committed, and the look at it afterwards failed */
        }
        assert_true(counted > 0);
    }
    assert_true(n > 20);
    faulty_close(&faulty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_a_reset_pin_keeps_the_objects),
        ON_ENGINES(test_generations_never_go_back),
        ON_ENGINES(test_only_the_so_sets_the_users_pin),
        ON(test_a_weak_pin_is_said_where_there_is_no_pepper, rig_memory),
        ON(test_a_weak_pin_is_said_where_there_is_no_pepper, rig_memory_pepper),
        ON_ALL(test_without_recovery_the_so_opens_nothing),
        ON_ENGINES(test_without_recovery_others_notice_a_reset),
        ON_ENGINES(test_nothing_is_made_while_the_pepper_is_missing),
        ON(test_a_killed_pin_change_leaves_one_pin_whole, rig_sqlite),
        ON(test_a_failing_store_never_leaves_a_half_change, rig_sqlite),
        ON(test_a_failing_store_never_loses_a_pin, rig_sqlite),
        ON(test_a_failing_store_never_leaves_a_half_token, rig_sqlite),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
