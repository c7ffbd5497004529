/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_edit.c and sealed_change.c: many objects in a commit, buckets that fill and
 * empty, and every call without memory.
 */
#include "sealed_test.h"

/* Objects of one bucket: their uuids begin alike. */
static struct kk_uuid uuid_in_bucket(uint8_t number)
{
    struct kk_uuid uuid = new_uuid();
    uuid.bytes[0] = 0xab;
    uuid.bytes[1] = 0xc0;
    uuid.bytes[15] = number;
    return uuid;
}

static bool sound(struct rig *rig)
{
    struct kk_unlock *unlock = NULL;
    rig->settings.integrity = KK_INTEGRITY_STRICT;
    rig_reopen(rig);
    CK_RV rv = login(rig->repo, KK_ROLE_USER, "user-secret", &unlock);
    kk_unlock_unref(unlock);
    return rv == CKR_OK && !rig_log_has(rig, "ERROR");
}

static void test_a_commit_of_many_objects_fills_many_buckets(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "many", "x");
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *open = data_attrs(false, "many", "x");
    struct kk_stored_change changes[300];
    for (size_t i = 0; i < KK_ARRAY_LEN(changes); i++) {
        changes[i] = (struct kk_stored_change){
            .kind = KK_CHANGE_PUT,
            .uuid = i % 3 == 0 ? uuid_in_bucket((uint8_t)i) : new_uuid(),
            .attrs = i % 2 == 0 ? attrs : open,
        };
    }
    assert_ok(rig->repo->ops->change(rig->repo, user, changes, KK_ARRAY_LEN(changes), NULL));
    for (size_t i = 0; i < KK_ARRAY_LEN(changes); i++) {
        assert_ok(read_code(rig->repo, user, &changes[i].uuid));
    }
    assert_int_equal(find_label(rig->repo, user, true, "many"), KK_ARRAY_LEN(changes));
    kk_unlock_unref(user);
    assert_true(sound(rig));
}

/* An emptied bucket keeps its row, and the sum with it. */
static void test_a_bucket_may_empty_and_fill_again(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "l", "x");
    for (int round = 0; round < 3; round++) {
        struct kk_object *objects[5];
        for (uint8_t i = 0; i < 5; i++) {
            struct kk_uuid uuid = uuid_in_bucket((uint8_t)(i * 7 % 5));
            assert_ok(put_attrs(rig->repo, user, &uuid, attrs, 0, &objects[i]));
        }
        for (size_t i = 0; i < 5; i++) {
            assert_ok(erase(rig->repo, user, &objects[i]->uuid, objects[i]->generation));
            kk_object_unref(objects[i]);
        }
    }
    kk_unlock_unref(user);
    assert_true(sound(rig));
}

/* One commit that makes, changes and deletes the same object. */
static void test_changes_of_one_commit_see_each_other(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "l", "x");
    struct kk_uuid first = put_data(rig->repo, user, true, "first", "x");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    assert_ok(rig->repo->ops->read(rig->repo, user, &first, &object));
    uint64_t next = object->generation + 1;
    struct kk_stored_change changes[] = {
        {.kind = KK_CHANGE_PUT, .uuid = new_uuid(), .attrs = attrs},
        {.kind = KK_CHANGE_PUT,
         .uuid = first,
         .attrs = attrs,
         .expected_generation = object->generation},
        {.kind = KK_CHANGE_DELETE, .uuid = first, .expected_generation = next},
    };
    assert_ok(rig->repo->ops->change(rig->repo, user, changes, KK_ARRAY_LEN(changes), NULL));
    assert_int_equal(find_label(rig->repo, user, true, NULL), 1);
    kk_unlock_unref(user);
    assert_true(sound(rig));
}

/* ---- without memory ---- */

struct scene {
    struct rig *rig;
    struct kk_unlock *user;
    struct kk_unlock *so;
    struct kk_uuid uuid;
    struct kk_attrs *attrs;
};

static CK_RV do_change(struct scene *scene)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    struct kk_uuid uuid = uuid_in_bucket(1);
    return put_attrs(scene->rig->repo, scene->user, &uuid, scene->attrs, 0, &object);
}

static CK_RV do_read(struct scene *scene)
{
    return read_code(scene->rig->repo, scene->user, &scene->uuid);
}

static CK_RV do_find(struct scene *scene)
{
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    return scene->rig->repo->ops->find(scene->rig->repo, scene->user, true, scene->attrs, &uuids,
                                       &count);
}

static CK_RV do_unlock(struct scene *scene)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return login(scene->rig->repo, KK_ROLE_USER, "user-secret", &unlock);
}

static CK_RV do_set_pin(struct scene *scene)
{
    struct kk_repository *repo = scene->rig->repo;
    return repo->ops->set_pin(repo, KK_ROLE_USER, KK_SPAN(NULL, 0), text_span("user-secret"),
                              text_span("user-secret"));
}

static CK_RV do_init_pin(struct scene *scene)
{
    struct kk_repository *repo = scene->rig->repo;
    return repo->ops->init_pin(repo, scene->so, text_span("user-secret"));
}

static CK_RV do_open(struct scene *scene)
{
    struct rig *rig = scene->rig;
    struct kk_repository *repo = NULL;
    struct kk_store *store = NULL;
    KK_TRY(rig->ops->open(rig->env, RIG_NAME, &store));
    CK_RV rv = kk_sealed_open(crypto, store, &rig->settings, &repo);
    if (rv != CKR_OK) {
        store->ops->close(store);
        return rv;
    }
    repo->ops->close(repo);
    return CKR_OK;
}

static CK_RV do_reinitialise(struct scene *scene)
{
    static const char label[32] = "anew                            ";
    struct kk_repository *repo = scene->rig->repo;
    return repo->ops->reinitialise(repo, text_span("so-secret"), label);
}

/* Fails the n-th allocation for every n until the call succeeds. */
static void run_dry(struct scene *scene, CK_RV (*call)(struct scene *scene))
{
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long n = 1; rv != CKR_OK; n++) {
        kk_alloc_fail_at(n);
        rv = call(scene);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        assert_true(n < 1000);
    }
}

static void test_no_call_half_works_without_memory(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct scene scene = {.rig = rig, .user = login_user(rig->repo), .so = login_so(rig->repo)};
    scene.uuid = put_data(rig->repo, scene.user, true, "l", "x");
    scene.attrs = data_attrs(true, "l", "x");
    static CK_RV (*const calls[])(struct scene *scene) = {
        do_change, do_read, do_find, do_unlock, do_set_pin, do_init_pin, do_open,
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(calls); i++) {
        run_dry(&scene, calls[i]);
        assert_ok(do_read(&scene));
        assert_ok(do_unlock(&scene));
        assert_int_equal(find_label(rig->repo, scene.user, true, NULL), 2);
    }
    kk_unlock_unref(scene.user);
    kk_unlock_unref(scene.so);
    assert_true(sound(rig));
    run_dry(&scene, do_reinitialise);
    assert_rv(do_unlock(&scene), CKR_USER_PIN_NOT_INITIALIZED);
    kk_attrs_free(scene.attrs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ENGINES(test_a_commit_of_many_objects_fills_many_buckets),
        ON_ENGINES(test_a_bucket_may_empty_and_fill_again),
        ON_ENGINES(test_changes_of_one_commit_see_each_other),
        ON_ENGINES(test_no_call_half_works_without_memory),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
