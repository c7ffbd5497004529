/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/convert.c: a token becomes one of another kind with all that is in it, or stays what it
 * is when somebody else is at work on it.
 */
#include "token/convert.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_there_and_back),
        TEST(test_as_many_is_not_the_same),
        TEST(test_a_late_change_is_not_lost),
        TEST(test_logins_are_no_change),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
