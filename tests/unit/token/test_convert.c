/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/convert.c: a token becomes one of another kind with all that is in it, or stays what it
 * is when somebody else is at work on it.
 */
#include "token/convert.h"

#include <sys/wait.h>

#include "engine_test.h"

#define OBJECTS 3

/* Somebody else, who does something at one step of the conversion. */
struct other {
    struct kk_engine *engine;
    struct kk_token *token;
    struct kk_unlock *user;
    CK_ULONG at; /* 0: at every step */
    void (*act)(struct other *other);
    struct kk_uuid uuids[OBJECTS];
    bool failed;
};

struct fixture {
    struct house house;
    struct kk_engine *engine;
    struct kk_token *token;
    struct other other;
};

static struct kk_uuid add(struct kk_token *token, struct kk_unlock *user, const char *label)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, label, "x");
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    assert_ok(kk_token_create(token, user, &fresh, 1, NULL));
    return fresh.uuid;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct other *other = &fixture.other;
    *other = (struct other){0};
    house_open(&fixture.house);
    fixture.engine = house_engine(&fixture.house);
    fixture.token = token_with_user(fixture.engine);
    other->engine = house_engine(&fixture.house);
    other->token = only_token(other->engine);
    assert_ok(kk_token_login(other->token, KK_ROLE_USER, NO_NAME, USER_PIN, &other->user));
    for (size_t i = 0; i < OBJECTS; i++) {
        char label[8];
        (void)snprintf(label, sizeof label, "%zu", i);
        other->uuids[i] = add(other->token, other->user, label);
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    kk_token_logout(fixture->other.token, fixture->other.user);
    kk_token_unref(fixture->other.token);
    kk_engine_free(fixture->other.engine);
    kk_token_unref(fixture->token);
    kk_engine_free(fixture->engine);
    house_close(&fixture->house);
    return 0;
}

static CK_RV watch(void *context, CK_ULONG done, CK_ULONG total)
{
    struct other *other = context;
    assert_int_equal(total, 2 * OBJECTS);
    assert_true(done <= total);
    if (other->act != NULL && (other->at == 0 || other->at == done)) {
        other->act(other);
    }
    return CKR_OK;
}

static CK_RV convert(struct fixture *fixture, const char *kind)
{
    struct kk_convert_result result = {0};
    const struct kk_convert request = {.kind = kind,
                                       .so_pin = SO_PIN,
                                       .user_pin = USER_PIN,
                                       .progress = watch,
                                       .context = &fixture->other};
    return kk_engine_convert(fixture->engine, fixture->token, &request, &result);
}

/* The token is of this kind, the only one of its place, and has so many objects. */
static void assert_is(struct fixture *fixture, const char *kind, size_t objects)
{
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = house_engine(&fixture->house);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(engine);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *all = NULL;
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    struct kk_unlock *user = NULL;
    size_t count = 0;
    assert_string_equal(kk_token_kind(token), kind);
    assert_false(house_log_has(&fixture->house, "it is left out"));
    assert_ok(kk_attrs_new(&all));
    assert_ok(kk_token_login(token, KK_ROLE_USER, NO_NAME, USER_PIN, &user));
    assert_ok(kk_token_find(token, user, true, all, &uuids, &count));
    assert_int_equal(count, objects);
    kk_token_logout(token, user);
}

static void test_there_and_back(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(convert(fixture, "softhsm2"));
    assert_is(fixture, "softhsm2", OBJECTS);
    kk_token_unref(fixture->token);
    fixture->token = only_token(fixture->engine);
    assert_ok(convert(fixture, "sealed"));
    assert_is(fixture, "sealed", OBJECTS);
}

static void destroy(struct other *other, size_t i)
{
    struct kk_object *object = NULL;
    assert_ok(kk_token_get(other->token, other->user, true, &other->uuids[i], &object));
    const struct kk_from_version from = {.old = object};
    assert_ok(kk_token_destroy(other->token, other->user, &from));
    kk_object_unref(object);
}

/* One key goes and another one comes, as in a rotation: as many as before. */
static void rotate(struct other *other)
{
    destroy(other, 0);
    other->uuids[0] = add(other->token, other->user, "the next one");
}

static void test_as_many_is_not_the_same(void **state)
{
    struct fixture *fixture = *state;
    fixture->other.act = rotate;
    fixture->other.at = 2 * OBJECTS; /* all were held against each other */
    assert_rv(convert(fixture, "softhsm2"), CKR_FUNCTION_REJECTED);
    assert_is(fixture, "sealed", OBJECTS);
    assert_ok(kk_token_state(fixture->other.token, &(struct kk_token_state){0}));
    fixture->other.act = NULL;
    assert_ok(convert(fixture, "softhsm2"));
    assert_is(fixture, "softhsm2", OBJECTS);
}

static void relabel(struct other *other)
{
    struct kk_object *object = NULL;
    struct kk_object *changed = NULL;
    for (size_t i = 0; i < OBJECTS; i++) {
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
        assert_ok(kk_token_get(other->token, other->user, true, &other->uuids[i], &object));
        assert_ok(kk_attrs_dup(object->attrs, &attrs));
        assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, text_span("changed")));
        const struct kk_from_version from = {.old = object};
        assert_ok(kk_token_replace(other->token, other->user, &from, attrs, &changed));
        kk_object_unref(changed);
        kk_object_unref(object);
    }
}

static void test_a_late_change_is_not_lost(void **state)
{
    struct fixture *fixture = *state;
    fixture->other.act = relabel;
    fixture->other.at = 2 * OBJECTS;
    assert_rv(convert(fixture, "softhsm2"), CKR_FUNCTION_REJECTED);
    assert_is(fixture, "sealed", OBJECTS);
}

static void log_in_and_out(struct other *other)
{
    struct kk_unlock *so = NULL;
    assert_rv(kk_token_login(other->token, KK_ROLE_SO, NO_NAME, USER_PIN, &so), CKR_PIN_INCORRECT);
    assert_ok(kk_token_login(other->token, KK_ROLE_SO, NO_NAME, SO_PIN, &so));
    kk_token_logout(other->token, so);
}

/* What others do to the token's PIN tries is no change of its objects. */
static void test_logins_are_no_change(void **state)
{
    struct fixture *fixture = *state;
    fixture->other.act = log_in_and_out;
    assert_ok(convert(fixture, "softhsm2"));
    assert_is(fixture, "softhsm2", OBJECTS);
}

/* The token is converted, and then what was set aside comes back beside it, out of a copy of the
 * tokens' place, say: whoever looks for tokens sees the old one first. `with_new`: the converted
 * one was used meanwhile. */
static void convert_and_put_back(struct fixture *fixture, bool with_new)
{
    char command[512];
    char name[64];
    (void)snprintf(name, sizeof name, "%s", kk_token_name(fixture->token));
    assert_ok(convert(fixture, "softhsm2"));
    if (with_new) {
        KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = house_engine(&fixture->house);
        KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(engine);
        struct kk_unlock *user = NULL;
        assert_ok(kk_token_login(token, KK_ROLE_USER, NO_NAME, USER_PIN, &user));
        (void)add(token, user, "made since");
        kk_token_logout(token, user);
    }
    (void)snprintf(command, sizeof command, "cp -a %s/.backup/*-%s %s/%s", fixture->house.dir, name,
                   fixture->house.dir, name);
    assert_int_equal(system(command), 0);
    kk_token_unref(fixture->token);
    fixture->token = only_token(fixture->engine);
    assert_string_equal(kk_token_kind(fixture->token), "sealed");
    (void)snprintf(command, sizeof command, "rm -rf %s/.backup", fixture->house.dir);
    assert_int_equal(system(command), 0);
}

static size_t count_directories(const struct fixture *fixture)
{
    char command[160];
    (void)snprintf(command, sizeof command, "exit $(ls %s | wc -l)", fixture->house.dir);
    int status = system(command);
    assert_true(WIFEXITED(status));
    return (size_t)WEXITSTATUS(status);
}

static void test_what_a_dead_one_left_goes(void **state)
{
    struct fixture *fixture = *state;
    convert_and_put_back(fixture, false);
    assert_int_equal(count_directories(fixture), 2);
    assert_ok(convert(fixture, "softhsm2"));
    assert_int_equal(count_directories(fixture), 1);
}

static void test_a_token_that_was_used_since_is_not_left_over(void **state)
{
    struct fixture *fixture = *state;
    convert_and_put_back(fixture, true);
    assert_int_equal(count_directories(fixture), 2);
    assert_rv(convert(fixture, "softhsm2"), CKR_FUNCTION_REJECTED);
    assert_int_equal(count_directories(fixture), 2);
    assert_true(house_log_has(&fixture->house, "is none that a conversion left"));
}

/* ---- trust ---- */

static void trust_one(struct fixture *fixture)
{
    struct other *other = &fixture->other;
    struct kk_object *object = NULL;
    struct kk_object *changed = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    assert_ok(kk_token_get(other->token, other->user, true, &other->uuids[1], &object));
    assert_ok(kk_attrs_dup(object->attrs, &attrs));
    assert_ok(kk_attrs_set_flag(attrs, CKA_TRUSTED, true));
    const struct kk_from_version from = {.old = object};
    assert_ok(kk_token_replace(other->token, other->user, &from, attrs, &changed));
    kk_object_unref(changed);
    kk_object_unref(object);
}

struct told {
    size_t count;
    struct kk_uuid uuid;
    char label[8];
};

static void note(void *context, const struct kk_finding *finding)
{
    struct told *told = context;
    told->count++;
    told->uuid = *finding->uuid;
    (void)snprintf(told->label, sizeof told->label, "%.*s", (int)finding->label.len,
                   (const char *)finding->label.data);
}

static struct told convert_told(struct fixture *fixture, const char *kind, bool drops_trust)
{
    struct kk_convert_result result = {0};
    struct told told = {0};
    const struct kk_convert request = {.kind = kind,
                                       .so_pin = SO_PIN,
                                       .user_pin = USER_PIN,
                                       .drops_trust = drops_trust,
                                       .found = note,
                                       .context = &told};
    assert_ok(kk_engine_convert(fixture->engine, fixture->token, &request, &result));
    kk_token_unref(fixture->token);
    fixture->token = only_token(fixture->engine);
    return told;
}

static bool is_trusted(struct fixture *fixture)
{
    struct kk_unlock *user = NULL;
    struct kk_object *object = NULL;
    assert_ok(kk_token_login(fixture->token, KK_ROLE_USER, NO_NAME, USER_PIN, &user));
    assert_ok(kk_token_get(fixture->token, user, true, &fixture->other.uuids[1], &object));
    bool trusted = kk_attrs_flag(object->attrs, CKA_TRUSTED, false);
    kk_object_unref(object);
    kk_token_logout(fixture->token, user);
    return trusted;
}

static void test_trust_that_nothing_proves_is_told(void **state)
{
    struct fixture *fixture = *state;
    trust_one(fixture);
    assert_int_equal(convert_told(fixture, "softhsm2", false).count, 0); /* it was proven */
    assert_true(is_trusted(fixture));
    struct told told = convert_told(fixture, "sealed", false);
    assert_int_equal(told.count, 1);
    assert_true(kk_uuid_equal(&told.uuid, &fixture->other.uuids[1]));
    assert_string_equal(told.label, "1");
    assert_true(house_log_has(&fixture->house, "CKA_TRUSTED was taken over"));
    assert_true(is_trusted(fixture));
}

static void test_trust_is_not_taken_over_when_that_is_asked_for(void **state)
{
    struct fixture *fixture = *state;
    trust_one(fixture);
    assert_int_equal(convert_told(fixture, "softhsm2", true).count, 0);
    assert_true(is_trusted(fixture));
    assert_int_equal(convert_told(fixture, "sealed", true).count, 1);
    assert_false(is_trusted(fixture));
    assert_true(house_log_has(&fixture->house, "CKA_TRUSTED was not taken over"));
    assert_is(fixture, "sealed", OBJECTS);
}

/* ---- deleting ---- */

static CK_RV refuse(KK_UNUSED struct kk_repository *repository)
{
    return CKR_TOKEN_WRITE_PROTECTED;
}

static bool has_aside(const struct fixture *fixture)
{
    char command[160];
    (void)snprintf(command, sizeof command, "test -n \"$(ls %s/.backup 2> /dev/null)\"",
                   fixture->house.dir);
    return system(command) == 0;
}

static void test_what_was_set_aside_outlives_a_token_that_is_not_deleted(void **state)
{
    struct fixture *fixture = *state;
    (void)convert_told(fixture, "softhsm2", false);
    assert_true(has_aside(fixture));
    struct kk_repository *repository = kk_token_repository(fixture->token);
    const struct kk_repository_ops *right = repository->ops;
    struct kk_repository_ops wrong = *right;
    wrong.remove = refuse;
    repository->ops = &wrong;
    assert_rv(kk_engine_delete_token(fixture->engine, fixture->token), CKR_TOKEN_WRITE_PROTECTED);
    repository->ops = right;
    assert_true(has_aside(fixture));
    assert_is(fixture, "softhsm2", OBJECTS);
    assert_ok(kk_engine_delete_token(fixture->engine, fixture->token));
    assert_false(has_aside(fixture));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_dead_one_left_goes),
        TEST(test_a_token_that_was_used_since_is_not_left_over),
        TEST(test_there_and_back),
        TEST(test_trust_that_nothing_proves_is_told),
        TEST(test_trust_is_not_taken_over_when_that_is_asked_for),
        TEST(test_what_was_set_aside_outlives_a_token_that_is_not_deleted),
        TEST(test_as_many_is_not_the_same),
        TEST(test_a_late_change_is_not_lost),
        TEST(test_logins_are_no_change),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
