/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed.c and the way of an object through it: made, opened, logged in, written, read,
 * found, changed, deleted, by one and by two who have the token open.
 */
#include "sealed_test.h"
#include "store_fault.h"

static void test_a_new_token_says_what_it_is(void **state)
{
    struct rig *rig = *state;
    struct kk_token_state told;
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    assert_memory_equal(told.serial, RIG_SERIAL, 16);
    assert_memory_equal(told.label, "a label                         ", 32);
    assert_false(told.user_pin_set);
    assert_false(told.user_locked);
    assert_false(told.read_only);
    rig_user(rig);
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    assert_true(told.user_pin_set);
}

static void test_pins_open_and_wrong_ones_do_not(void **state)
{
    struct rig *rig = *state;
    struct kk_unlock *unlock = NULL;
    assert_rv(login(rig->repo, KK_ROLE_USER, "user-secret", &unlock), CKR_USER_PIN_NOT_INITIALIZED);
    rig_user(rig);
    assert_rv(login(rig->repo, KK_ROLE_USER, "user-secreT", &unlock), CKR_PIN_INCORRECT);
    assert_rv(login(rig->repo, KK_ROLE_SO, "user-secret", &unlock), CKR_PIN_INCORRECT);
    assert_rv(login(rig->repo, KK_ROLE_USER, "", &unlock), CKR_PIN_INCORRECT);
    kk_unlock_unref(login_user(rig->repo));
    kk_unlock_unref(login_so(rig->repo));
}

static void test_objects_go_through_both_sides(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (int i = 0; i < 2; i++) {
        KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
        struct kk_uuid uuid = put_data(rig->repo, user, i == 0, "name", "content");
        assert_ok(rig->repo->ops->read(rig->repo, user, &uuid, &object));
        assert_int_equal(object->is_private, i == 0);
        assert_true(kk_span_equal(kk_attrs_bytes(object->attrs, CKA_VALUE), text_span("content")));
        assert_true(object->generation > 0);
        assert_rv(read_code(rig->repo, NULL, &uuid), i == 0 ? CKR_USER_NOT_LOGGED_IN : CKR_OK);
        assert_ok(erase(rig->repo, user, &uuid, object->generation));
        assert_rv(read_code(rig->repo, user, &uuid), CKR_OBJECT_HANDLE_INVALID);
        assert_rv(erase(rig->repo, user, &uuid, object->generation), CKR_OBJECT_HANDLE_INVALID);
    }
}

static void test_objects_outlive_a_restart(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid mine = put_data(rig->repo, user, true, "mine", "secret");
    struct kk_uuid all = put_data(rig->repo, NULL, false, "all", "open");
    kk_unlock_unref(user);
    rig_reopen(rig);
    user = login_user(rig->repo);
    assert_ok(read_code(rig->repo, user, &mine));
    assert_ok(read_code(rig->repo, user, &all));
    assert_ok(read_code(rig->repo, NULL, &all));
    kk_unlock_unref(user);
}

static void test_private_objects_need_a_login_to_be_written(void **state)
{
    struct rig *rig = *state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "a", "b");
    struct kk_uuid uuid = new_uuid();
    assert_rv(put_attrs(rig->repo, NULL, &uuid, attrs, 0, NULL), CKR_USER_NOT_LOGGED_IN);
    assert_rv(read_code(rig->repo, NULL, &uuid), CKR_OBJECT_HANDLE_INVALID);
}

static void test_find_uses_every_indexed_attribute(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    for (int i = 0; i < 20; i++) {
        (void)put_data(rig->repo, user, i % 2 == 0, i < 5 ? "few" : "many", "x");
    }
    assert_int_equal(find_label(rig->repo, user, true, NULL), 20);
    assert_int_equal(find_label(rig->repo, user, true, "few"), 5);
    assert_int_equal(find_label(rig->repo, user, true, "many"), 15);
    assert_int_equal(find_label(rig->repo, user, true, "none"), 0);
    assert_int_equal(find_label(rig->repo, NULL, false, "few"), 2);
    assert_int_equal(find_label(rig->repo, NULL, true, "few"), 2);
    assert_int_equal(find_label(rig->repo, so, false, "few"), 2);
}

static void test_a_change_makes_a_new_version(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "old", "x");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *first = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *second = NULL;
    assert_ok(rig->repo->ops->read(rig->repo, user, &uuid, &first));
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "new", "y");
    assert_ok(put_attrs(rig->repo, user, &uuid, attrs, first->generation, &second));
    assert_true(second->generation > first->generation);
    assert_int_equal(find_label(rig->repo, user, true, "old"), 0);
    assert_int_equal(find_label(rig->repo, user, true, "new"), 1);
    assert_rv(put_attrs(rig->repo, user, &uuid, attrs, first->generation, NULL),
              CKR_FUNCTION_REJECTED);
    assert_rv(erase(rig->repo, user, &uuid, first->generation), CKR_FUNCTION_REJECTED);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *open = data_attrs(false, "new", "y");
    assert_rv(put_attrs(rig->repo, user, &uuid, open, second->generation, NULL),
              CKR_TEMPLATE_INCONSISTENT);
    assert_ok(erase(rig->repo, user, &uuid, second->generation));
    assert_rv(put_attrs(rig->repo, user, &uuid, attrs, second->generation, NULL),
              CKR_OBJECT_HANDLE_INVALID);
}

static void test_a_change_is_whole_or_not_at_all(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "both", "x");
    struct kk_stored_change changes[3] = {
        {.kind = KK_CHANGE_PUT, .uuid = new_uuid(), .attrs = attrs},
        {.kind = KK_CHANGE_PUT, .uuid = new_uuid(), .attrs = attrs},
        {.kind = KK_CHANGE_DELETE, .uuid = new_uuid(), .expected_generation = 1},
    };
    struct kk_object *made[2] = {NULL, NULL};
    assert_rv(rig->repo->ops->change(rig->repo, user, changes, 3, NULL), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(find_label(rig->repo, user, true, NULL), 0);
    assert_ok(rig->repo->ops->change(rig->repo, user, changes, 2, made));
    assert_int_equal(find_label(rig->repo, user, true, NULL), 2);
    for (int i = 0; i < 2; i++) {
        assert_true(kk_uuid_equal(&made[i]->uuid, &changes[i].uuid));
        assert_ok(read_code(rig->repo, user, &made[i]->uuid));
        kk_object_unref(made[i]);
    }
}

/* Two who have the token open see each other's commits, and write in turns. */
static void test_two_write_in_turns(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_repository *other = rig_open(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = login_user(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = login_user(other);
    struct kk_uuid uuids[40];
    for (size_t i = 0; i < KK_ARRAY_LEN(uuids); i++) {
        bool first = i % 2 == 0;
        uuids[i] = put_data(first ? rig->repo : other, first ? mine : theirs, i % 3 != 0, "l", "v");
        for (size_t j = 0; j <= i; j++) {
            assert_ok(read_code(rig->repo, mine, &uuids[j]));
            assert_ok(read_code(other, theirs, &uuids[j]));
        }
    }
    assert_int_equal(find_label(rig->repo, mine, true, "l"), KK_ARRAY_LEN(uuids));
    assert_int_equal(find_label(other, theirs, true, "l"), KK_ARRAY_LEN(uuids));
    assert_false(rig_log_has(rig, "damaged"));
    assert_false(rig_log_has(rig, "tampered"));
    other->ops->close(other);
}

/* The same bucket from two sides: what one has in its cache is old, and no damage. */
static void test_a_bucket_changed_by_another_is_read_again(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_repository *other = rig_open(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = login_user(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = login_user(other);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "same", "x");
    struct kk_uuid uuid = new_uuid();
    for (uint8_t i = 0; i < 20; i++) {
        uuid.bytes[15] = i;
        assert_ok(put_attrs(i % 2 == 0 ? rig->repo : other, i % 2 == 0 ? mine : theirs, &uuid,
                            attrs, 0, NULL));
        assert_ok(read_code(rig->repo, mine, &uuid));
        assert_ok(read_code(other, theirs, &uuid));
    }
    assert_int_equal(find_label(other, theirs, true, "same"), 20);
    assert_false(rig_log_has(rig, "damaged"));
    other->ops->close(other);
}

static void test_initialising_anew_voids_what_was(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "another label                   ";
    rig_user(rig);
    struct kk_repository *other = rig_open(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = login_user(other);
    struct kk_uuid uuid = put_data(other, theirs, true, "gone", "x");
    struct kk_uuid open = put_data(other, theirs, false, "gone", "x");
    struct kk_token_state before;
    struct kk_token_state after;
    struct kk_unlock *unlock = NULL;
    assert_ok(other->ops->state(other, &before));
    assert_rv(rig->repo->ops->reinitialise(rig->repo, text_span("wrong"), label),
              CKR_PIN_INCORRECT);
    assert_ok(read_code(other, theirs, &uuid));
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
    assert_rv(read_code(other, theirs, &uuid), CKR_SESSION_HANDLE_INVALID);
    assert_rv(read_code(other, NULL, &open), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(other->ops->state(other, &after));
    assert_memory_equal(before.serial, after.serial, 16);
    assert_memory_not_equal(before.epoch, after.epoch, 16);
    assert_memory_equal(after.label, label, 32);
    assert_false(after.user_pin_set);
    assert_rv(login(other, KK_ROLE_USER, "user-secret", &unlock), CKR_USER_PIN_NOT_INITIALIZED);
    assert_int_equal(find_label(other, NULL, false, NULL), 0);
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *again = login_user(other);
    uuid = put_data(rig->repo, NULL, false, "new", "x");
    assert_ok(read_code(other, again, &uuid));
    assert_false(rig_log_has(rig, "damaged"));
    assert_false(rig_log_has(rig, "tampered"));
    other->ops->close(other);
}

static void test_the_so_writes_public_objects_only_where_it_may(void **state)
{
    struct rig *rig = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, so, false, "so's", "x");
    assert_ok(read_code(rig->repo, so, &uuid));
    assert_ok(read_code(rig->repo, NULL, &uuid));
}

static void test_what_is_no_token_is_not_recognised(void **state)
{
    struct rig *rig = *state;
    struct kk_store *store = NULL;
    struct kk_repository *repo = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row;
    assert_ok(raw_row_get(rig, KK_TABLE_TOKEN, 0, &row, &blob));
    blob.data[1] = 2; /* a newer version */
    raw_row_put(rig, &row);
    assert_ok(rig->ops->open(rig->env, RIG_NAME, &store));
    assert_rv(kk_sealed_open(crypto, store, &rig->settings, &repo), CKR_TOKEN_NOT_RECOGNIZED);
    assert_true(rig_log_has(rig, "its first row is damaged or of a newer format"));
    blob.data[1] = 1;
    blob.data[20] = 'x'; /* the serial number */
    raw_row_put(rig, &row);
    assert_rv(kk_sealed_open(crypto, store, &rig->settings, &repo), CKR_DEVICE_ERROR);
    assert_true(rig_log_has(rig, "its first row is damaged\n"));
    raw_row_delete(rig, KK_TABLE_TOKEN, 0);
    assert_rv(kk_sealed_open(crypto, store, &rig->settings, &repo), CKR_TOKEN_NOT_RECOGNIZED);
    assert_true(rig_log_has(rig, "its first row is missing"));
    rig->ops->close(store);
}

/* The store tells of its own failures; nothing is said of the row then, which may be sound. */
static void test_a_store_that_cannot_be_read_is_no_bad_row(void **state)
{
    static const char *const calls[] = {"begin_read", "row_get"};
    struct rig *rig = *state;
    const struct kk_store_ops *ops = kk_store_fault(rig->ops);
    struct kk_repository *repo = NULL;
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    assert_ok(ops->env_new(rig->dir, 0077, &env));
    for (size_t i = 0; i < KK_ARRAY_LEN(calls); i++) {
        assert_ok(ops->open(env, RIG_NAME, &store));
        kk_store_fault_from(calls[i], 1, CKR_DEVICE_ERROR);
        assert_rv(kk_sealed_open(crypto, store, &rig->settings, &repo), CKR_DEVICE_ERROR);
        kk_store_fault_at(NULL, 0, CKR_OK);
        assert_false(rig_log_has(rig, "its first row"));
        assert_ok(kk_sealed_open(crypto, store, &rig->settings, &repo));
        repo->ops->close(repo);
    }
    env->ops->env_free(env);
}

static void test_a_removed_token_is_gone(void **state)
{
    struct rig *rig = *state;
    struct kk_token_state told;
    struct kk_repository *other = rig_open(rig);
    assert_ok(rig->repo->ops->remove(rig->repo));
    assert_rv(other->ops->state(other, &told), CKR_DEVICE_REMOVED);
    other->ops->close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_a_new_token_says_what_it_is),
        ON_ALL(test_pins_open_and_wrong_ones_do_not),
        ON_ALL(test_objects_go_through_both_sides),
        ON_ALL(test_objects_outlive_a_restart),
        ON_ENGINES(test_private_objects_need_a_login_to_be_written),
        ON_ENGINES(test_find_uses_every_indexed_attribute),
        ON_ENGINES(test_a_change_makes_a_new_version),
        ON_ENGINES(test_a_change_is_whole_or_not_at_all),
        ON_ENGINES(test_two_write_in_turns),
        ON_ENGINES(test_a_bucket_changed_by_another_is_read_again),
        ON_ALL(test_initialising_anew_voids_what_was),
        ON_ENGINES(test_the_so_writes_public_objects_only_where_it_may),
        ON_ENGINES(test_what_is_no_token_is_not_recognised),
        ON(test_a_store_that_cannot_be_read_is_no_bad_row, rig_sqlite),
        ON_ENGINES(test_a_removed_token_is_gone),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
