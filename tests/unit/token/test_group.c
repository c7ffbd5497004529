/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/group.c over a repository that is as slow as a disk: how many transactions there are,
 * and that everybody gets what is his.
 */
#include "sealed_test.h"
#include "token/group.h"

#include <pthread.h>
#include <time.h>

#define THREADS 8
#define ROUNDS 20

/* Counts its transactions, makes an object per change, refuses those of `refused`. */
struct slow {
    struct kk_repository head;
    struct kk_repository_ops ops;
    long ms;
    atomic_int calls, under_way, most_changes;
    struct kk_uuid refused;
};

static CK_RV slow_change(struct kk_repository *repository, KK_UNUSED struct kk_unlock *unlock,
                         const struct kk_stored_change *changes, size_t count,
                         struct kk_object **ret_objects)
{
    struct slow *slow = (struct slow *)repository;
    assert_int_equal(atomic_fetch_add(&slow->under_way, 1), 0);
    atomic_fetch_add(&slow->calls, 1);
    if ((int)count > atomic_load(&slow->most_changes)) {
        atomic_store(&slow->most_changes, (int)count);
    }
    (void)nanosleep(&(struct timespec){.tv_nsec = slow->ms * 1000000}, NULL);
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < count && rv == CKR_OK; i++) {
        assert_ptr_equal(changes[i].context, unlock);
        bool refuses = memcmp(&changes[i].uuid, &slow->refused, sizeof slow->refused) == 0;
        rv = refuses ? CKR_DEVICE_MEMORY : CKR_OK;
    }
    for (size_t i = 0; i < count && rv == CKR_OK && ret_objects != NULL; i++) {
        struct kk_attrs *copy = NULL;
        assert_ok(kk_attrs_dup(changes[i].attrs, &copy));
        assert_ok(kk_object_new(&changes[i].uuid, 1, copy, &ret_objects[i]));
    }
    atomic_fetch_sub(&slow->under_way, 1);
    return rv;
}

struct writer {
    struct kk_group *group;
    struct slow *slow;
    struct kk_unlock *unlock;
    bool wants_object;
    unsigned rounds;
    CK_RV rv;
    struct kk_uuid uuid; /* zero: a new one each time */
};

static void *write_some(void *context)
{
    static const struct kk_uuid none;
    struct writer *writer = context;
    for (unsigned i = 0; i < writer->rounds; i++) {
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "label", "x");
        KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
        bool is_set = memcmp(&writer->uuid, &none, sizeof none) != 0;
        struct kk_stored_change change = {.kind = KK_CHANGE_PUT,
                                          .uuid = is_set ? writer->uuid : new_uuid(),
                                          .attrs = attrs,
                                          .context = writer->unlock};
        writer->rv = kk_group_change(writer->group, &writer->slow->head, writer->unlock, &change, 1,
                                     writer->wants_object ? &object : NULL);
        if (writer->rv == CKR_OK && writer->wants_object) {
            assert_memory_equal(&object->uuid, &change.uuid, sizeof change.uuid);
        }
    }
    return NULL;
}

/* Sets the group up, lets all write, gives what was counted in `slow`. */
static void run(struct slow *slow, struct writer writers[THREADS])
{
    pthread_t threads[THREADS];
    struct kk_group *group = NULL;
    slow->ops = (struct kk_repository_ops){.name = "slow", .change = slow_change};
    slow->head.ops = &slow->ops;
    assert_ok(kk_group_new(&group));
    for (size_t i = 0; i < THREADS; i++) {
        writers[i].group = group;
        writers[i].slow = slow;
        assert_int_equal(pthread_create(&threads[i], NULL, write_some, &writers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    kk_group_free(group);
}

static void test_several_threads_share_a_transaction(void **state)
{
    struct slow slow = {.ms = 8};
    struct writer writers[THREADS] = {0};
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        writers[i].rounds = ROUNDS;
        writers[i].wants_object = i % 2 == 0;
    }
    run(&slow, writers);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(writers[i].rv, CKR_OK);
    }
    assert_true(atomic_load(&slow.calls) <= THREADS * ROUNDS / 4);
    assert_true(atomic_load(&slow.most_changes) <= THREADS);
}

static void test_a_refused_change_is_nobody_elses(void **state)
{
    struct slow slow = {.ms = 5, .refused = new_uuid()};
    struct writer writers[THREADS] = {0};
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        writers[i].rounds = 3;
        writers[i].wants_object = true;
    }
    writers[3].uuid = slow.refused;
    run(&slow, writers);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(writers[i].rv, i == 3 ? CKR_DEVICE_MEMORY : CKR_OK);
    }
}

/* slow_change() compares. */
static void test_different_logins_are_never_in_one_transaction(void **state)
{
    struct slow slow = {.ms = 3};
    struct kk_unlock unlocks[2] = {{.role = KK_ROLE_USER}, {.role = KK_ROLE_USER}};
    struct writer writers[THREADS] = {0};
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        writers[i].rounds = 5;
        writers[i].unlock = &unlocks[i % 2];
    }
    run(&slow, writers);
    assert_true(atomic_load(&slow.most_changes) > 1);
    assert_true(atomic_load(&slow.most_changes) <= THREADS / 2);
}

static void test_a_thread_alone_waits_for_nobody(void **state)
{
    struct slow slow = {.ms = 0};
    struct writer writers[THREADS] = {{.rounds = 50}};
    (void)state;
    run(&slow, writers);
    assert_int_equal(atomic_load(&slow.calls), 50);
    assert_int_equal(atomic_load(&slow.most_changes), 1);
}

static int setup(void **state)
{
    (void)state;
    assert_ok(kk_crypto_new(&crypto));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kk_crypto_free(crypto);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_threads_share_a_transaction),
        cmocka_unit_test(test_a_refused_change_is_nobody_elses),
        cmocka_unit_test(test_different_logins_are_never_in_one_transaction),
        cmocka_unit_test(test_a_thread_alone_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
