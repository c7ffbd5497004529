/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/token.c: two who have one token open (as two processes), and what each remembers.
 */
#include "engine_test.h"

#include <pthread.h>

struct pair {
    struct house house;
    struct kk_engine *engines[2];
    struct kk_token *tokens[2];
    struct kk_unlock *users[2];
};

static int pair_setup(void **state)
{
    struct pair *pair = NULL;
    assert_ok(kk_alloc(sizeof *pair, &pair));
    house_open(&pair->house);
    pair->engines[0] = house_engine(&pair->house);
    pair->tokens[0] = token_with_user(pair->engines[0]);
    pair->engines[1] = house_engine(&pair->house);
    pair->tokens[1] = only_token(pair->engines[1]);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(
            kk_token_login(pair->tokens[i], KK_ROLE_USER, NO_NAME, USER_PIN, &pair->users[i]));
    }
    crypto = pair->engines[0]->crypto;
    *state = pair;
    return 0;
}

static int pair_teardown(void **state)
{
    struct pair *pair = *state;
    for (size_t i = 0; i < 2; i++) {
        kk_token_logout(pair->tokens[i], pair->users[i]);
        kk_token_unref(pair->tokens[i]);
        kk_engine_free(pair->engines[i]);
    }
    house_close(&pair->house);
    kk_free(pair);
    return 0;
}

static struct kk_object *create(struct pair *pair, size_t who, bool is_private, const char *label)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(is_private, label, "x");
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    struct kk_object *object = NULL;
    assert_ok(kk_token_create(pair->tokens[who], pair->users[who], &fresh, 1, &object));
    return object;
}

static CK_RV get(struct pair *pair, size_t who, const struct kk_uuid *uuid,
                 struct kk_object **ret_object)
{
    return kk_token_get(pair->tokens[who], pair->users[who], true, uuid, ret_object);
}

static size_t find(struct pair *pair, size_t who, struct kk_unlock *unlock, bool user,
                   const char *label)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    assert_ok(kk_attrs_new(&tmpl));
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_LABEL, text_span(label)));
    assert_ok(kk_token_find(pair->tokens[who], unlock, user, tmpl, &uuids, &count));
    return count;
}

static void test_a_snapshot_is_read_once(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *made = create(pair, 0, true, "l");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *one = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *two = NULL;
    assert_ok(get(pair, 0, &made->uuid, &one));
    assert_ok(get(pair, 0, &made->uuid, &two));
    assert_ptr_equal(one, two);
}

static void test_another_processs_change_is_seen(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *made = create(pair, 0, true, "old");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *theirs = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *changed = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *seen = NULL;
    assert_int_equal(find(pair, 0, pair->users[0], true, "old"), 1);
    assert_ok(get(pair, 1, &made->uuid, &theirs));
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "new", "y");
    assert_ok(kk_token_replace(pair->tokens[1], pair->users[1],
                               &(struct kk_from_version){.old = theirs}, attrs, &changed));
    assert_true(atomic_load(&theirs->superseded));
    assert_int_equal(find(pair, 0, pair->users[0], true, "old"), 0);
    assert_int_equal(find(pair, 0, pair->users[0], true, "new"), 1);
    assert_ok(get(pair, 0, &made->uuid, &seen));
    assert_int_equal(seen->generation, changed->generation);
    assert_rv(
        kk_token_destroy(pair->tokens[0], pair->users[0], &(struct kk_from_version){.old = made}),
        CKR_FUNCTION_REJECTED);
    assert_ok(
        kk_token_destroy(pair->tokens[0], pair->users[0], &(struct kk_from_version){.old = seen}));
    assert_true(atomic_load(&seen->destroyed));
    assert_rv(get(pair, 1, &made->uuid, &theirs), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(find(pair, 1, pair->users[1], true, "new"), 0);
}

/* Gives the present version another label; a refusal when it says "no". */
static CK_RV relabel(void *context, const struct kk_object *present, struct kk_attrs **ret_attrs)
{
    unsigned *calls = context;
    const struct kk_attr *label = kk_attrs_find(present->attrs, CKA_LABEL);
    (*calls)++;
    if (label->len == 2 && memcmp(label->value.bytes, "no", 2) == 0) {
        return CKR_ACTION_PROHIBITED;
    }
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_dup(present->attrs, &attrs));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, text_span("rebased")));
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}

static CK_RV let_go(void *context, const struct kk_object *present, struct kk_attrs **ret_attrs)
{
    struct kk_attrs *attrs = NULL;
    CK_RV rv = relabel(context, present, &attrs);
    kk_attrs_free(attrs);
    assert_null(*ret_attrs);
    return rv;
}

static void test_an_overtaken_change_is_made_anew_from_the_present_version(void **state)
{
    struct pair *pair = *state;
    unsigned calls = 0;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *old = create(pair, 0, true, "old");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *theirs = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *ours = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *stale = data_attrs(true, "stale", "x");
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "theirs", "y");
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *no = data_attrs(true, "no", "y");
    struct kk_from_version from = {.old = old, .rebase = relabel, .context = &calls};
    assert_ok(kk_token_replace(pair->tokens[1], pair->users[1], &from, attrs, &theirs));
    assert_int_equal(calls, 0); /* nobody overtook it */
    assert_ok(kk_token_replace(pair->tokens[0], pair->users[0], &from, stale, &ours));
    assert_int_equal(calls, 1);
    assert_int_equal(find(pair, 1, pair->users[1], true, "rebased"), 1);
    assert_int_equal(find(pair, 1, pair->users[1], true, "stale"), 0);
    assert_true(
        kk_attr_equal(kk_attrs_find(ours->attrs, CKA_VALUE),
                      kk_attrs_find(theirs->attrs, CKA_VALUE))); /* what they wrote is kept */

    from.old = ours;
    assert_ok(kk_token_replace(pair->tokens[1], pair->users[1], &from, no, NULL));
    from.rebase = let_go;
    assert_rv(kk_token_destroy(pair->tokens[0], pair->users[0], &from), CKR_ACTION_PROHIBITED);
    assert_int_equal(find(pair, 0, pair->users[0], true, "no"), 1);
    from.old = theirs;
    from.rebase = relabel;
    assert_rv(kk_token_replace(pair->tokens[0], pair->users[0], &from, stale, NULL),
              CKR_ACTION_PROHIBITED);
    assert_int_equal(find(pair, 1, pair->users[1], true, "no"), 1);
}

static void test_private_objects_are_for_users_only(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *made = create(pair, 0, true, "l");
    kk_object_unref(create(pair, 0, false, "l"));
    KK_CLEANUP(kk_object_unrefp) struct kk_object *got = NULL;
    struct kk_unlock *so = NULL;
    assert_ok(get(pair, 0, &made->uuid, &got)); /* in the cache now */
    assert_int_equal(find(pair, 0, pair->users[0], true, "l"), 2);
    assert_ok(kk_token_login(pair->tokens[0], KK_ROLE_SO, NO_NAME, SO_PIN, &so));
    struct kk_object *none = NULL;
    assert_int_equal(kk_token_get(pair->tokens[0], so, false, &made->uuid, &none),
                     CKR_OBJECT_HANDLE_INVALID);
    CK_RV rv = kk_token_get(pair->tokens[0], NULL, false, &made->uuid, &none);
    assert_true(rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(find(pair, 0, so, false, "l"), 1);
    assert_int_equal(find(pair, 0, NULL, false, "l"), 1);
    kk_token_logout(pair->tokens[0], so);
}

static void test_the_last_logout_forgets_private_snapshots(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *made = create(pair, 0, true, "l");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *before = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *after = NULL;
    assert_ok(get(pair, 0, &made->uuid, &before));
    kk_token_logout(pair->tokens[0], pair->users[0]);
    pair->users[0] = NULL;
    assert_rv(kk_token_get(pair->tokens[0], NULL, false, &made->uuid, &after),
              CKR_USER_NOT_LOGGED_IN);
    assert_ok(kk_token_login(pair->tokens[0], KK_ROLE_USER, NO_NAME, USER_PIN, &pair->users[0]));
    assert_ok(get(pair, 0, &made->uuid, &after));
    assert_ptr_not_equal(before, after);
}

static void test_a_reinitialised_token_has_another_incarnation(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *made = create(pair, 0, true, "l");
    uint64_t before = kk_token_incarnation(pair->tokens[1]);
    uint64_t epoch = 0;
    struct kk_object *none = NULL;
    assert_ok(kk_token_fresh(pair->tokens[1], &epoch));
    assert_int_equal(kk_token_incarnation(pair->tokens[1]), before);
    assert_ok(kk_token_reinitialise(pair->tokens[0], SO_PIN, label_one));
    assert_ok(kk_token_fresh(pair->tokens[1], &epoch));
    assert_true(kk_token_incarnation(pair->tokens[1]) != before);
    assert_rv(get(pair, 1, &made->uuid, &none), CKR_SESSION_HANDLE_INVALID);
}

static void test_a_forged_trust_is_not_kept_from_before_the_login(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(false, "cert", "x");
    assert_ok(kk_attrs_set_flag(attrs, CKA_TRUSTED, true));
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    assert_ok(kk_token_create(pair->tokens[1], NULL, &fresh, 1, NULL));
    kk_token_logout(pair->tokens[0], pair->users[0]);
    pair->users[0] = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *before = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *after = NULL;
    assert_ok(kk_token_get(pair->tokens[0], NULL, false, &fresh.uuid, &before));
    assert_true(kk_attrs_flag(before->attrs, CKA_TRUSTED, false));
    assert_ok(kk_token_login(pair->tokens[0], KK_ROLE_USER, NO_NAME, USER_PIN, &pair->users[0]));
    assert_ok(get(pair, 0, &fresh.uuid, &after));
    assert_false(kk_attrs_flag(after->attrs, CKA_TRUSTED, true));
}

/* Somebody else is logged in already, so that this login costs no KDF and no commit: what was read
 * before it is looked at again all the same. */
static void test_every_login_makes_snapshots_be_looked_at_again(void **state)
{
    struct pair *pair = *state;
    struct kk_token *token = pair->tokens[0];
    struct kk_unlock *second = NULL;
    uint64_t before = 0;
    uint64_t after = 0;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(false, "cert", "x");
    assert_ok(kk_attrs_set_flag(attrs, CKA_TRUSTED, true));
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    assert_ok(kk_token_create(pair->tokens[1], NULL, &fresh, 1, NULL));
    KK_CLEANUP(kk_object_unrefp) struct kk_object *unproven = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *judged = NULL;
    assert_ok(kk_token_get(token, NULL, false, &fresh.uuid, &unproven));
    assert_true(kk_attrs_flag(unproven->attrs, CKA_TRUSTED, false));
    assert_ok(kk_token_fresh(token, &before));
    assert_ok(kk_token_login(token, KK_ROLE_USER, NO_NAME, USER_PIN, &second));
    assert_ok(kk_token_fresh(token, &after));
    assert_true(after != before);
    assert_ok(kk_token_get(token, second, true, &fresh.uuid, &judged));
    assert_false(kk_attrs_flag(judged->attrs, CKA_TRUSTED, true));
    kk_token_logout(token, second);
}

static void test_pins_are_verified_and_changed(void **state)
{
    struct pair *pair = *state;
    struct kk_token *token = pair->tokens[0];
    assert_ok(kk_token_verify_pin(token, pair->users[0], KK_ROLE_USER, NO_NAME, USER_PIN));
    assert_rv(kk_token_verify_pin(token, pair->users[0], KK_ROLE_USER, NO_NAME, SO_PIN),
              CKR_PIN_INCORRECT);
    assert_ok(kk_token_set_pin(token, KK_ROLE_USER, NO_NAME, USER_PIN, text_span("another")));
    assert_rv(kk_token_verify_pin(token, pair->users[0], KK_ROLE_USER, NO_NAME, USER_PIN),
              CKR_PIN_INCORRECT);
    assert_ok(
        kk_token_verify_pin(token, pair->users[0], KK_ROLE_USER, NO_NAME, text_span("another")));
    struct kk_token_state told;
    assert_ok(kk_token_state(token, &told));
    assert_true(told.user_pin_set);
    assert_int_equal(told.user_failed, 0);
}

static void test_a_key_is_parsed_once(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "k", "x");
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_SECRET_KEY));
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_TYPE, CKK_AES));
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, text_span("0123456789abcdef")));
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    assert_ok(kk_token_create(pair->tokens[0], pair->users[0], &fresh, 1, &object));
    struct kk_key *one = NULL;
    struct kk_key *two = NULL;
    assert_ok(kk_token_key(pair->tokens[0], object, &one));
    assert_ok(kk_token_key(pair->tokens[0], object, &two));
    assert_ptr_equal(one, two);
    kk_key_unref(one);
    kk_key_unref(two);
    assert_ok(kk_token_destroy(pair->tokens[0], pair->users[0],
                               &(struct kk_from_version){.old = object}));
    assert_null(object->key); /* goes with the object, not with its last holder */
}

/* ---- threads ---- */

struct worker {
    struct pair *pair;
    size_t who;
    size_t number;
    size_t failures;
};

static void *work(void *context)
{
    struct worker *worker = context;
    for (size_t i = 0; i < 15; i++) {
        KK_CLEANUP(kk_object_unrefp) struct kk_object *got = NULL;
        KK_CLEANUP(kk_object_unrefp) struct kk_object *made =
            create(worker->pair, worker->who, (i + worker->number) % 2 == 0, "threads");
        CK_RV rv = get(worker->pair, worker->who, &made->uuid, &got);
        worker->failures += rv != CKR_OK || got->generation != made->generation;
        worker->failures +=
            find(worker->pair, worker->who, worker->pair->users[worker->who], true, "threads") == 0;
        if (i % 3 == 0 && got != NULL) {
            rv = kk_token_destroy(worker->pair->tokens[worker->who],
                                  worker->pair->users[worker->who],
                                  &(struct kk_from_version){.old = got});
            worker->failures += rv != CKR_OK;
        }
    }
    return NULL;
}

static void test_threads_of_two_processes_work_at_once(void **state)
{
    struct pair *pair = *state;
    struct worker workers[6];
    pthread_t threads[6];
    for (size_t i = 0; i < 6; i++) {
        workers[i] = (struct worker){.pair = pair, .who = i % 2, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].failures, 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(find(pair, i, pair->users[i], true, "threads"), 60);
    }
    assert_false(house_log_has(&pair->house, "ERROR"));
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, pair_setup, pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_a_snapshot_is_read_once),
        ROW(test_another_processs_change_is_seen),
        ROW(test_an_overtaken_change_is_made_anew_from_the_present_version),
        ROW(test_private_objects_are_for_users_only),
        ROW(test_the_last_logout_forgets_private_snapshots),
        ROW(test_a_reinitialised_token_has_another_incarnation),
        ROW(test_a_forged_trust_is_not_kept_from_before_the_login),
        ROW(test_every_login_makes_snapshots_be_looked_at_again),
        ROW(test_pins_are_verified_and_changed),
        ROW(test_a_key_is_parsed_once),
        ROW(test_threads_of_two_processes_work_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
