/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_verify.c, sealed_verify_rows.c, sealed_repair.c: each damage that is made is the
 * one that is found, and what is sound is in the new token.
 */
#include "sealed_test.h"

#include <stdlib.h>

#define OBJECTS 5
#define NEW_NAME "00000000-0000-4000-8000-00000000beef"
#define NEW_SERIAL "000000000000beef"

/* What a check told. */
struct told {
    size_t count;
    struct {
        char what[160];
        struct kk_uuid uuid;
        bool has_uuid;
        char label[32];
    } findings[32];
};

static void hear(void *context, const struct kk_finding *finding)
{
    struct told *told = context;
    assert_true(told->count < KK_ARRAY_LEN(told->findings));
    size_t i = told->count++;
    memset(&told->findings[i], 0, sizeof told->findings[i]);
    (void)snprintf(told->findings[i].what, sizeof told->findings[i].what, "%s", finding->what);
    told->findings[i].has_uuid = finding->uuid != NULL;
    if (finding->uuid != NULL) {
        told->findings[i].uuid = *finding->uuid;
    }
    if (finding->label.data != NULL) {
        memcpy(told->findings[i].label, finding->label.data,
               KK_MIN(finding->label.len, sizeof told->findings[i].label - 1));
    }
}

struct home {
    struct kk_uuid of_private[OBJECTS], of_public[OBJECTS];
};

static struct home make_home(struct rig *rig)
{
    struct home home;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (size_t i = 0; i < OBJECTS; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "private %zu", i);
        home.of_private[i] = put_data(rig->repo, user, true, label, "v");
        (void)snprintf(label, sizeof label, "public %zu", i);
        home.of_public[i] = put_data(rig->repo, user, false, label, "v");
    }
    return home;
}

static struct kk_span span_or_none(const char *text)
{
    return text != NULL ? text_span(text) : KK_SPAN(NULL, 0);
}

static struct kk_check_result check(struct rig *rig, const char *so_pin, const char *user_pin,
                                    struct told *told)
{
    const struct kk_check request = {.so_pin = span_or_none(so_pin),
                                     .user_pin = span_or_none(user_pin),
                                     .found = hear,
                                     .context = told};
    struct kk_check_result result = {0};
    told->count = 0;
    assert_ok(rig->repo->ops->check(rig->repo, &request, &result));
    assert_int_equal(result.findings, told->count);
    return result;
}

/* The one thing that is found; `uuid` and `label` NULL: none. */
static void finds(struct rig *rig, const char *user_pin, const char *what,
                  const struct kk_uuid *uuid, const char *label)
{
    struct told told = {0};
    (void)check(rig, NULL, user_pin, &told);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.findings[0].what, what);
    assert_int_equal(told.findings[0].has_uuid, uuid != NULL);
    if (uuid != NULL) {
        assert_true(kk_uuid_equal(&told.findings[0].uuid, uuid));
    }
    assert_string_equal(told.findings[0].label, label != NULL ? label : "");
}

static bool has(const struct told *told, const char *what)
{
    for (size_t i = 0; i < told->count; i++) {
        if (strcmp(told->findings[i].what, what) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- a repair, and the token that it makes ---- */

struct made {
    CK_RV rv;
    struct kk_check_result result;
    struct told told;
    struct kk_repository *repo; /* NULL after a failure */
};

static struct made repair_as(struct rig *rig, const char *serial, const char *so_pin,
                             const char *user_pin)
{
    struct made made = {0};
    struct kk_store *store = NULL;
    const struct kk_check request = {.so_pin = span_or_none(so_pin),
                                     .user_pin = span_or_none(user_pin),
                                     .found = hear,
                                     .context = &made.told};
    assert_ok(rig->ops->create(rig->env, NEW_NAME, &store));
    made.rv = rig->repo->ops->repair(rig->repo, &request, store, serial, &made.result, &made.repo);
    if (made.rv != CKR_OK) {
        assert_ok(store->ops->remove(store));
        store->ops->close(store);
    }
    return made;
}

static struct made repair(struct rig *rig, const char *so_pin, const char *user_pin)
{
    return repair_as(rig, NEW_SERIAL, so_pin, user_pin);
}

static struct made repair_both(struct rig *rig)
{
    return repair(rig, "so-secret", "user-secret");
}

static void made_close(struct made *made)
{
    assert_ok(made->repo->ops->remove(made->repo));
    made->repo->ops->close(made->repo);
}

/* The new token has all of the old one's objects but those, is sound, and its roles log in. */
static void made_has(struct made *made, const struct home *home, const struct kk_uuid *but)
{
    assert_ok(made->rv);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(made->repo);
    struct told told = {0};
    const struct kk_check request = {
        .user_pin = text_span("user-secret"), .found = hear, .context = &told};
    struct kk_check_result result = {0};
    for (size_t i = 0; i < OBJECTS; i++) {
        bool out = but != NULL && kk_uuid_equal(but, &home->of_private[i]);
        assert_rv(read_code(made->repo, user, &home->of_private[i]),
                  out ? CKR_OBJECT_HANDLE_INVALID : CKR_OK);
        out = but != NULL && kk_uuid_equal(but, &home->of_public[i]);
        assert_rv(read_code(made->repo, user, &home->of_public[i]),
                  out ? CKR_OBJECT_HANDLE_INVALID : CKR_OK);
    }
    assert_int_equal(find_label(made->repo, user, true, "private 0"),
                     but != NULL && kk_uuid_equal(but, &home->of_private[0]) ? 0 : 1);
    assert_ok(made->repo->ops->check(made->repo, &request, &result));
    assert_int_equal(result.findings, 0);
    assert_int_equal(result.private_objects, made->result.private_objects);
    assert_int_equal(result.public_objects, made->result.public_objects);
}

/* ---- a sound token ---- */

static void test_a_sound_token_has_no_findings(void **state)
{
    struct rig *rig = *state;
    struct told told = {0};
    make_home(rig);
    struct kk_check_result result = check(rig, NULL, NULL, &told);
    assert_int_equal(result.findings, 0);
    assert_false(result.private_checked);
    assert_int_equal(result.public_objects, OBJECTS);
    result = check(rig, NULL, "user-secret", &told);
    assert_int_equal(result.findings, 0);
    assert_true(result.private_checked);
    assert_int_equal(result.private_objects, OBJECTS);
    result = check(rig, "so-secret", NULL, &told);
    assert_int_equal(result.findings, 0);
    assert_true(result.private_checked);
    const struct kk_check request = {.user_pin = text_span("wrong")};
    assert_rv(rig->repo->ops->check(rig->repo, &request, &result), CKR_PIN_INCORRECT);
    struct kk_token_state told_state;
    assert_ok(rig->repo->ops->state(rig->repo, &told_state));
    assert_int_equal(told_state.user_failed, 1);
}

static void test_a_sound_token_is_taken_along_whole(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct made made = repair_both(rig);
    struct kk_token_state told;
    made_has(&made, &home, NULL);
    assert_int_equal(made.told.count, 0);
    assert_ok(made.repo->ops->state(made.repo, &told));
    assert_memory_equal(told.serial, NEW_SERIAL, 16);
    assert_memory_equal(told.label, "a label      ", 13);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(made.repo);
    assert_ok(made.repo->ops->init_pin(made.repo, so, text_span("user-secret")));
    made_close(&made);
}

/* ---- damaged objects ---- */

static void flip(struct rig *rig, const struct kk_uuid *uuid, size_t from_end)
{
    struct kk_store_object object = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    raw_get(rig, uuid, &object, &blob);
    blob.data[blob.len - from_end] ^= 1;
    raw_put(rig, &object);
}

static void test_a_changed_object(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    flip(rig, &home.of_private[2], 1);
    finds(rig, "user-secret", "its bytes were changed", &home.of_private[2], NULL);
    struct made made = repair_both(rig);
    made_has(&made, &home, &home.of_private[2]);
    assert_int_equal(made.result.private_objects, OBJECTS - 1);
    assert_int_equal(made.told.count, 1);
    made_close(&made);
}

/* Without a PIN too: K_pub is at hand. */
static void test_a_changed_public_object(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    flip(rig, &home.of_public[1], 40);
    finds(rig, NULL, "its bytes were changed", &home.of_public[1], NULL);
    finds(rig, "user-secret", "its bytes were changed", &home.of_public[1], NULL);
}

static void test_a_changed_column(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct kk_store_object object = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    raw_get(rig, &home.of_private[0], &object, &blob);
    object.columns[0] ^= 1;
    raw_put(rig, &object);
    finds(rig, "user-secret", "its bytes were changed", &home.of_private[0], NULL);
}

static void test_a_missing_object(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    raw_delete(rig, &home.of_private[3]);
    finds(rig, "user-secret", "it is missing", &home.of_private[3], NULL);
    struct made made = repair_both(rig);
    made_has(&made, &home, &home.of_private[3]);
    made_close(&made);
}

/* An old version is no sound one: it opens, and is left out. */
static void test_an_old_version_put_back(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct kk_store_object old = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "newer", "v");
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    raw_get(rig, &home.of_private[1], &old, &blob);
    assert_ok(rig->repo->ops->read(rig->repo, user, &home.of_private[1], &object));
    assert_ok(put_attrs(rig->repo, user, &object->uuid, attrs, object->generation, NULL));
    raw_put(rig, &old);
    finds(rig, "user-secret", "it is another version than the token's list has",
          &home.of_private[1], "private 1");
    struct made made = repair_both(rig);
    made_has(&made, &home, &home.of_private[1]);
    made_close(&made);
}

static void test_a_deleted_object_put_back(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct kk_store_object old = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    raw_get(rig, &home.of_private[4], &old, &blob);
    assert_ok(erase(rig->repo, user, &home.of_private[4], old.generation));
    raw_put(rig, &old);
    finds(rig, "user-secret", "it is not in the token's list", &home.of_private[4], "private 4");
    struct made made = repair_both(rig);
    made_has(&made, &home, &home.of_private[4]);
    made_close(&made);
}

/* ---- damaged lists ---- */

static void flip_row(struct rig *rig, uint32_t table, uint32_t no, size_t from_end)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_ok(raw_row_get(rig, table, no, &row, &blob));
    blob.data[blob.len - from_end] ^= 1;
    raw_row_put(rig, &row);
}

/* The object cannot be held against its list, so it is taken along, and said. */
static void test_a_changed_bucket(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct told told = {0};
    flip_row(rig, KK_TABLE_BUCKETS, kk_bucket_no(&home.of_private[0]), 1);
    (void)check(rig, NULL, "user-secret", &told);
    assert_true(has(&told, "a part of the list of private objects is damaged"));
    assert_true(has(&told, "the part of the token's list that it stood in is damaged or missing: "
                           "it may be an old version"));
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    made_close(&made);
}

static void test_a_missing_bucket(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct told told = {0};
    raw_row_delete(rig, KK_TABLE_BUCKETS_PUBLIC, kk_bucket_no(&home.of_public[0]));
    (void)check(rig, NULL, NULL, &told);
    assert_true(has(&told, "a part of the list of public objects is missing, or an old one"));
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    made_close(&made);
}

static void test_a_changed_root(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct told told = {0};
    flip_row(rig, KK_TABLE_ROOTS, KK_SIDE_PRIVATE, 1);
    (void)check(rig, NULL, "user-secret", &told);
    assert_int_equal(told.count, 1);
    assert_true(has(&told, "the root of the private objects' list is damaged"));
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    made_close(&made);
}

/* ---- damaged rows ---- */

static void test_a_changed_key_row(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    flip_row(rig, KK_TABLE_KEYS, KK_KEY_ROW_SO, 1);
    finds(rig, "user-secret", "the SO's key row is not the one that the token's root knows", NULL,
          NULL);
    /* The user is proven, the SO's PIN cannot be: it is the new token's. */
    struct made made = repair(rig, "another", "user-secret");
    made_has(&made, &home, NULL);
    struct kk_unlock *so = NULL;
    assert_ok(login(made.repo, KK_ROLE_SO, "another", &so));
    kk_unlock_unref(so);
    made_close(&made);
    /* A wrong PIN for the sound row gets nowhere. */
    made = repair(rig, "another", "wrong");
    assert_rv(made.rv, CKR_PIN_INCORRECT);
}

static void test_an_own_key_row_that_is_old(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_ok(raw_row_get(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER, &row, &blob));
    assert_ok(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, KK_SPAN(NULL, 0),
                                      text_span("user-secret"), text_span("newer")));
    raw_row_put(rig, &row);
    finds(rig, "user-secret", "the user's key row is not the one that the token's root knows", NULL,
          NULL);
    (void)home;
}

static void test_a_missing_key_row(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct told told = {0};
    raw_row_delete(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER);
    (void)check(rig, "so-secret", NULL, &told);
    assert_int_equal(told.count, 1);
    assert_true(has(&told, "the user's key row is missing"));
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    made_close(&made);
    raw_row_delete(rig, KK_TABLE_KEYS, KK_KEY_ROW_SO);
    (void)check(rig, NULL, NULL, &told);
    assert_true(has(&told, "the SO's key row is missing"));
    made = repair_both(rig);
    assert_rv(made.rv, CKR_DEVICE_ERROR);
}

static void test_a_changed_token_row(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_ok(raw_row_get(rig, KK_TABLE_TOKEN, 0, &row, &blob));
    blob.data[36] = 'X'; /* the label */
    raw_row_put(rig, &row);
    finds(rig, "user-secret", "the label, serial number or settings were tampered with", NULL,
          NULL);
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    made_close(&made);
}

static void test_a_missing_public_key_row(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct told told = {0};
    raw_row_delete(rig, KK_TABLE_PUB, 0);
    rig_reopen(rig);
    (void)check(rig, NULL, "user-secret", &told);
    assert_int_equal(told.count, 2);
    assert_true(has(&told, "the row of the public objects' key is missing or another one"));
    assert_true(has(&told, "the key of the public objects cannot be opened"));
    struct made made = repair_both(rig);
    assert_ok(made.rv);
    assert_int_equal(made.result.private_objects, OBJECTS);
    assert_int_equal(made.result.public_objects, 0);
    made_close(&made);
    (void)home;
}

/* ---- PINs, trust, the state half way through a rekey ---- */

static void test_who_may_repair(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    assert_rv(repair(rig, NULL, "user-secret").rv, CKR_ARGUMENTS_BAD);
    assert_rv(repair(rig, "wrong", NULL).rv, CKR_PIN_INCORRECT);
    assert_rv(repair(rig, "wrong", "user-secret").rv, CKR_PIN_INCORRECT);
    assert_rv(repair(rig, "so-secret", "wrong").rv, CKR_PIN_INCORRECT);
    struct made made = repair(rig, "so-secret", NULL); /* the new token has no user */
    assert_ok(made.rv);
    assert_int_equal(made.result.private_objects, OBJECTS);
    made_close(&made);
    (void)home;
}

static void test_the_so_alone_where_it_opens_nothing(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    const struct kk_rekey off = {.so_pin = text_span("so-secret"),
                                 .user_pin = text_span("user-secret"),
                                 .so_recovery = KK_SO_RECOVERY_OFF};
    struct told told = {0};
    assert_ok(rig->repo->ops->rekey(rig->repo, &off));
    struct kk_check_result result = check(rig, "so-secret", NULL, &told);
    assert_int_equal(result.findings, 0);
    assert_false(result.private_checked);
    assert_rv(repair(rig, "so-secret", NULL).rv, CKR_USER_NOT_LOGGED_IN);
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    struct kk_token_state told_state;
    assert_ok(made.repo->ops->state(made.repo, &told_state));
    assert_true(told_state.reset_empties);
    made_close(&made);
}

static CK_RV stop_at_once(void *context, CK_ULONG done, CK_ULONG total)
{
    (void)context;
    (void)done;
    (void)total;
    return CKR_FUNCTION_CANCELED;
}

static void test_half_way_through_a_rekey(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct told told = {0};
    const struct kk_rekey half = {.so_pin = text_span("so-secret"),
                                  .user_pin = text_span("user-secret"),
                                  .progress = stop_at_once};
    assert_rv(rig->repo->ops->rekey(rig->repo, &half), CKR_FUNCTION_CANCELED);
    assert_int_equal(check(rig, NULL, NULL, &told).findings, 0);
    assert_int_equal(check(rig, NULL, "user-secret", &told).findings, 0);
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    made_close(&made);
    flip_row(rig, KK_TABLE_REKEY, 0, 1);
    rig_reopen(rig);
    (void)check(rig, NULL, "user-secret", &told);
    assert_true(has(&told, "the row of the keys from before the rekey is missing or another one"));
}

static void test_unproven_trust_is_not_taken_along(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(false, "forged", "v");
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    struct kk_uuid uuid = new_uuid();
    assert_ok(kk_attrs_set_flag(attrs, CKA_TRUSTED, true));
    assert_ok(put_attrs(rig->repo, NULL, &uuid, attrs, 0, NULL));
    struct made made = repair_both(rig);
    assert_ok(made.rv);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(made.repo);
    assert_ok(made.repo->ops->read(made.repo, user, &uuid, &object));
    assert_false(kk_attrs_flag(object->attrs, CKA_TRUSTED, false));
    made_close(&made);
    (void)home;
}

/* Stopped before its end, there is no new token. */
static void test_a_repair_that_is_stopped_makes_nothing(void **state)
{
    struct rig *rig = *state;
    struct home home = make_home(rig);
    struct kk_store *store = NULL;
    struct kk_store *again = NULL;
    struct kk_repository *repo = NULL;
    struct kk_check_result result = {0};
    const struct kk_check request = {.so_pin = text_span("so-secret"),
                                     .user_pin = text_span("user-secret"),
                                     .progress = stop_at_once};
    assert_ok(rig->ops->create(rig->env, NEW_NAME, &store));
    assert_rv(rig->repo->ops->repair(rig->repo, &request, store, NEW_SERIAL, &result, &repo),
              CKR_FUNCTION_CANCELED);
    store->ops->close(store); /* as a process that is killed does */
    assert_rv(rig->ops->open(rig->env, NEW_NAME, &again), CKR_TOKEN_NOT_PRESENT);
    struct made made = repair_both(rig);
    made_has(&made, &home, NULL);
    made_close(&made);
}

/* ---- named users ---- */

static CK_RV login_named(struct kk_repository *repo, const char *name, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return repo->ops->unlock(repo, KK_ROLE_USER, text_span(name), text_span(pin), NULL, &unlock);
}

static struct home home_with_two(struct rig *rig)
{
    struct home home = make_home(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    assert_ok(rig->repo->ops->user_add(rig->repo, so, text_span("alice"), text_span("alice's")));
    assert_ok(rig->repo->ops->user_add(rig->repo, so, text_span("bob"), text_span("bob's")));
    return home;
}

static bool told_of(const struct told *told, const char *name, const char *what)
{
    for (size_t i = 0; i < told->count; i++) {
        if (strcmp(told->findings[i].label, name) == 0) {
            assert_string_equal(told->findings[i].what, what);
            return true;
        }
    }
    return false;
}

#define NOT_THERE "the named user is not in the new token, to be added there anew"

static void test_named_users_stay_where_the_serial_does(void **state)
{
    struct rig *rig = *state;
    struct home home = home_with_two(rig);
    assert_rv(login_named(rig->repo, "bob", "wrong"), CKR_PIN_INCORRECT);
    struct made made = repair_as(rig, RIG_SERIAL, "so-secret", "user-secret");
    made_has(&made, &home, NULL);
    assert_int_equal(made.told.count, 0);
    assert_ok(login_named(made.repo, "alice", "alice's"));
    assert_rv(login_named(made.repo, "alice", "bob's"), CKR_PIN_INCORRECT);
    for (int i = 0; i < 9; i++) { /* the one of before counts */
        assert_rv(login_named(made.repo, "bob", "wrong"), CKR_PIN_INCORRECT);
    }
    assert_rv(login_named(made.repo, "bob", "bob's"), CKR_PIN_LOCKED);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *alice = NULL;
    assert_ok(made.repo->ops->unlock(made.repo, KK_ROLE_USER, text_span("alice"),
                                     text_span("alice's"), NULL, &alice));
    assert_ok(read_code(made.repo, alice, &home.of_private[0]));
    struct kk_uuid uuid = put_data(made.repo, alice, true, "hers", "v");
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(made.repo);
    assert_ok(read_code(made.repo, user, &uuid));
    assert_false(rig_log_has(rig, "tampered"));
    made_close(&made);
}

/* The SO's PIN alone opens all there is, too. */
static void test_named_users_stay_without_the_users_pin(void **state)
{
    struct rig *rig = *state;
    (void)home_with_two(rig);
    struct made made = repair_as(rig, RIG_SERIAL, "so-secret", NULL);
    assert_ok(made.rv);
    assert_ok(login_named(made.repo, "alice", "alice's"));
    made_close(&made);
}

static void test_named_users_who_are_lost_are_told(void **state)
{
    struct rig *rig = *state;
    (void)home_with_two(rig);
    struct made made = repair_both(rig);
    assert_ok(made.rv);
    assert_int_equal(made.told.count, 2);
    assert_int_equal(made.result.findings, 2);
    assert_true(told_of(&made.told, "alice", NOT_THERE));
    assert_true(told_of(&made.told, "bob", NOT_THERE));
    assert_true(rig_log_has(rig, "named user \"bob\": "));
    assert_rv(login_named(made.repo, "alice", "alice's"), CKR_USER_PIN_NOT_INITIALIZED);
    made_close(&made);
}

/* Somebody put alice's old row back, say: bob stays, she does not. */
static void test_a_named_user_with_a_damaged_row_goes(void **state)
{
    struct rig *rig = *state;
    struct home home = home_with_two(rig);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row = {0};
    assert_ok(raw_row_get(rig, KK_TABLE_KEYS, 2, &row, &blob));
    blob.data[blob.len - 1] ^= 1;
    row.blob = kk_buffer_span(&blob);
    raw_row_put(rig, &row);
    struct made made = repair_as(rig, RIG_SERIAL, "so-secret", "user-secret");
    made_has(&made, &home, NULL);
    assert_true(
        told_of(&made.told, "alice", "the named user's key row is damaged: to be added anew"));
    assert_false(told_of(&made.told, "bob", ""));
    assert_rv(login_named(made.repo, "alice", "alice's"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_ok(login_named(made.repo, "bob", "bob's"));
    made_close(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ENGINES(test_named_users_stay_where_the_serial_does),
        ON_ENGINES(test_named_users_stay_without_the_users_pin),
        ON_ENGINES(test_named_users_who_are_lost_are_told),
        ON_ENGINES(test_a_named_user_with_a_damaged_row_goes),
        ON_ALL(test_a_sound_token_has_no_findings),
        ON_ALL(test_a_sound_token_is_taken_along_whole),
        ON_ENGINES(test_a_changed_object),
        ON_ALL(test_a_changed_public_object),
        ON_ENGINES(test_a_changed_column),
        ON_ENGINES(test_a_missing_object),
        ON_ENGINES(test_an_old_version_put_back),
        ON_ENGINES(test_a_deleted_object_put_back),
        ON_ENGINES(test_a_changed_bucket),
        ON_ENGINES(test_a_missing_bucket),
        ON_ENGINES(test_a_changed_root),
        ON_ENGINES(test_a_changed_key_row),
        ON_ENGINES(test_an_own_key_row_that_is_old),
        ON_ENGINES(test_a_missing_key_row),
        ON_ENGINES(test_a_changed_token_row),
        ON_ENGINES(test_a_missing_public_key_row),
        ON_ENGINES(test_who_may_repair),
        ON_ENGINES(test_the_so_alone_where_it_opens_nothing),
        ON_ALL(test_half_way_through_a_rekey),
        ON_ENGINES(test_unproven_trust_is_not_taken_along),
        ON_ENGINES(test_a_repair_that_is_stopped_makes_nothing),
    };
    return cmocka_run_group_tests_name("sealed_repair", tests, crypto_setup, crypto_teardown);
}
