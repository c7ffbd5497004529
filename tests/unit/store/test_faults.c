/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decorators themselves, and every engine with the n-th allocation failing.
 */
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "store_fault.h"
#include "store_slow.h"
#include "store_unit.h"

struct fixture {
    char *dir;
    struct kk_store_env *env;
    struct kk_store *store;
};

static void begin_on(struct fixture *fixture, const struct kk_store_ops *ops)
{
    fixture->dir = unit_new_dir();
    assert_ok(ops->env_new(fixture->dir, 0077, &fixture->env));
    fixture->store = unit_new_token(fixture->env, TOKEN_A, "one");
}

static void end(struct fixture *fixture)
{
    const struct kk_store_ops *ops = fixture->env->ops;
    ops->close(fixture->store);
    ops->env_free(fixture->env);
    unit_remove_dir(fixture->dir);
}

/* ---- decorators ---- */

static void test_nth_call_fails_once(void **state)
{
    (void)state;
    const struct kk_store_ops *ops = kk_store_fault(&kk_store_memory);
    struct fixture fixture;
    begin_on(&fixture, ops);
    struct kk_store_stamp stamp;
    kk_store_fault_at("fresh", 2, CKR_DEVICE_ERROR);
    assert_ok(ops->fresh(fixture.store, &stamp));
    assert_int_equal(ops->fresh(fixture.store, &stamp), CKR_DEVICE_ERROR);
    assert_ok(ops->fresh(fixture.store, &stamp));
    assert_true(unit_reads_row(fixture.store, 1, "one")); /* other calls are not counted */
    assert_int_equal(kk_store_fault_count(), 3);
    kk_store_fault_from("fresh", 2, CKR_DEVICE_ERROR);
    assert_ok(ops->fresh(fixture.store, &stamp));
    assert_int_equal(ops->fresh(fixture.store, &stamp), CKR_DEVICE_ERROR);
    assert_int_equal(ops->fresh(fixture.store, &stamp), CKR_DEVICE_ERROR);
    kk_store_fault_at(NULL, 1, CKR_DEVICE_REMOVED);
    struct kk_store_tx *tx = NULL;
    assert_int_equal(ops->begin(fixture.store, KK_STORE_READ, &tx), CKR_DEVICE_REMOVED);
    assert_null(tx);
    kk_store_fault_at(NULL, 0, CKR_OK);
    end(&fixture);
}

static void test_failed_commit_is_rolled_back(void **state)
{
    (void)state;
    const struct kk_store_ops *ops = kk_store_fault(&kk_store_sqlite);
    struct fixture fixture;
    begin_on(&fixture, ops);
    struct kk_store_tx *tx = unit_begin(fixture.store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 1, 1, "two");
    kk_store_fault_at("commit", 1, CKR_DEVICE_MEMORY);
    assert_int_equal(ops->commit(tx), CKR_DEVICE_MEMORY);
    assert_true(unit_reads_row(fixture.store, 1, "one"));
    unit_commit_row(fixture.store, 1, "three");
    assert_true(unit_reads_row(fixture.store, 1, "three"));
    end(&fixture);
}

static void test_slow_engine_takes_its_time_and_may_forbid_caching(void **state)
{
    (void)state;
    const struct kk_store_ops *ops = kk_store_slow(&kk_store_memory, 20000, true);
    struct fixture fixture;
    begin_on(&fixture, ops);
    struct kk_store_stamp stamp;
    struct timespec from;
    struct timespec to;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    assert_ok(ops->fresh(fixture.store, &stamp));
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true((to.tv_sec - from.tv_sec) * 1000000000 + (to.tv_nsec - from.tv_nsec) >= 20000000);
    assert_false(stamp.stable);
    end(&fixture);
}

/* ---- allocation failures ---- */

static CK_RV ignore_row(const struct kk_store_row *row, void *context)
{
    (void)row;
    (void)context;
    return CKR_OK;
}

static CK_RV ignore_object(const struct kk_store_object *object, void *context)
{
    (void)object;
    (void)context;
    return CKR_OK;
}

static CK_RV ignore_name(const char *name, void *context)
{
    (void)name;
    (void)context;
    return CKR_OK;
}

/* Something of everything in one write transaction that replaces row (1, 1) and object 1. */
static CK_RV change_things(struct kk_store_tx *tx, const char *text)
{
    const struct kk_store_ops *ops = tx->ops;
    struct kk_store_row row = {.table = 1, .no = 1, .blob = KK_SPAN(text, strlen(text))};
    struct kk_store_object object = {.uuid = unit_uuid(1), .is_private = true};
    object.columns_set = 3;
    object.blob = row.blob;
    const struct kk_store_condition conditions[] = {{.column = 0}, {.column = 1}};
    struct kk_uuid uuid = unit_uuid(2);
    KK_TRY(ops->row_put(tx, &row));
    KK_TRY(ops->object_put(tx, &object));
    object.uuid = uuid;
    KK_TRY(ops->object_put(tx, &object));
    KK_TRY(ops->object_find(tx, KK_STORE_PRIVATE_ONLY, conditions, 2, ignore_object, NULL));
    KK_TRY(ops->row_each(tx, 1, 0, true, ignore_row, NULL));
    KK_TRY(ops->object_delete(tx, &uuid));
    object.is_private = false;
    KK_TRY(ops->object_put(tx, &object));
    return ops->object_clear(tx, KK_STORE_PUBLIC_ONLY);
}

static CK_RV use_store(struct kk_store *store, const char *text)
{
    struct kk_store_tx *tx = NULL;
    void *lock = NULL;
    KK_TRY(store->ops->tries_lock(store, &lock));
    store->ops->tries_unlock(store, lock);
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &tx));
    CK_RV rv = change_things(tx, text);
    if (rv != CKR_OK) {
        store->ops->rollback(tx);
        return rv;
    }
    return store->ops->commit(tx);
}

static CK_RV use_engine(struct kk_store_env *env, struct kk_store *store, const char *text)
{
    const struct kk_store_ops *ops = env->ops;
    struct kk_store *other = NULL;
    KK_TRY(ops->env_list(env, ignore_name, NULL));
    KK_TRY(ops->open(env, TOKEN_A, &other));
    ops->close(KK_STEAL(other));
    KK_TRY(ops->create(env, TOKEN_B, &other));
    CK_RV rv = use_store(other, "b");
    rv = rv == CKR_OK ? ops->remove(other) : rv;
    ops->close(other);
    return rv == CKR_OK ? use_store(store, text) : rv;
}

/* What a removal that failed left. */
static void remove_other(struct kk_store_env *env)
{
    struct kk_store *other = NULL;
    CK_RV rv = env->ops->open(env, TOKEN_B, &other);
    if (rv == CKR_OK) {
        assert_ok(env->ops->remove(other));
    } else {
        assert_int_equal(rv, CKR_TOKEN_NOT_PRESENT);
    }
    env->ops->close(other);
}

/* Whatever allocation fails, the answer is CKR_HOST_MEMORY, the token is what it was or what it was
 * to be, and the next use works. */
static void fail_each_allocation(const struct kk_store_ops *ops)
{
    struct fixture fixture;
    begin_on(&fixture, ops);
    assert_ok(use_store(fixture.store, "0"));
    CK_RV rv = CKR_HOST_MEMORY;
    char before[20] = "0";
    unsigned long n = 0;
    while (rv != CKR_OK) {
        char text[20];
        (void)snprintf(text, sizeof text, "%lu", ++n);
        kk_alloc_fail_at(n);
        rv = use_engine(fixture.env, fixture.store, text);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        remove_other(fixture.env);
        assert_true(unit_reads_row(fixture.store, 1, rv == CKR_OK ? text : before));
        (void)snprintf(text, sizeof text, "again %lu", n);
        assert_ok(use_store(fixture.store, text));
        assert_true(unit_reads_row(fixture.store, 1, text));
        (void)snprintf(before, sizeof before, "%s", text);
        assert_true(n < 5000);
    }
    assert_true(n > 10);
    end(&fixture);
}

static void test_failed_allocations_in_memory_engine(void **state)
{
    (void)state;
    fail_each_allocation(&kk_store_memory);
}

static void test_failed_allocations_in_sqlite_engine(void **state)
{
    (void)state;
    fail_each_allocation(&kk_store_sqlite);
}

static void test_failed_allocations_in_env_new(void **state)
{
    (void)state;
    static const struct kk_store_ops *const engines[] = {&kk_store_memory, &kk_store_sqlite};
    for (size_t i = 0; i < KK_ARRAY_LEN(engines); i++) {
        struct kk_store_env *env = NULL;
        CK_RV rv = CKR_HOST_MEMORY;
        for (unsigned long n = 1; rv != CKR_OK; n++) {
            kk_alloc_fail_at(n);
            rv = engines[i]->env_new("/tmp", 0077, &env);
            kk_alloc_fail_at(0);
            assert_true(rv == CKR_OK || (rv == CKR_HOST_MEMORY && env == NULL));
        }
        engines[i]->env_free(env);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth_call_fails_once),
        cmocka_unit_test(test_failed_commit_is_rolled_back),
        cmocka_unit_test(test_slow_engine_takes_its_time_and_may_forbid_caching),
        cmocka_unit_test(test_failed_allocations_in_memory_engine),
        cmocka_unit_test(test_failed_allocations_in_sqlite_engine),
        cmocka_unit_test(test_failed_allocations_in_env_new),
    };
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
