/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making, changing and destroying objects, alone and beside another application.
 */
#include "support.h"

#include <string.h>

static struct world world;
static CK_SESSION_HANDLE session;
static CK_SESSION_HANDLE theirs; /* the other application's */

static int set_up(void **state)
{
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    (void)state;
    world_open(&world);
    session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    assert_ok(kk_app_slots(world.other, true, false, &slots, &count));
    theirs = session_open(world.other, slots[0], true);
    kk_free(slots);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static CK_OBJECT_HANDLE data(const char *label, bool token, bool is_private)
{
    CK_OBJECT_HANDLE handle = 0;
    assert_ok(data_create(world.app, session, label, token, is_private, &handle));
    return handle;
}

static void test_a_read_only_session_changes_session_objects_only(void **state)
{
    (void)state;
    CK_SESSION_HANDLE reader = session_open(world.app, world.slot, false);
    CK_OBJECT_HANDLE stored = data("stored", true, false);
    CK_OBJECT_HANDLE own = 0;
    assert_int_equal(data_create(world.app, reader, "no", true, false, &own),
                     CKR_SESSION_READ_ONLY);
    assert_int_equal(object_label(world.app, reader, stored, "no"), CKR_SESSION_READ_ONLY);
    assert_int_equal(object_destroy(world.app, reader, stored), CKR_SESSION_READ_ONLY);
    assert_ok(data_create(world.app, reader, "own", false, false, &own));
    assert_ok(object_label(world.app, reader, own, "mine"));
    assert_ok(object_destroy(world.app, reader, own));
}

static void test_an_application_without_login_sees_what_another_changed(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE mine = data("first", true, false);
    CK_OBJECT_HANDLE same = 0;
    assert_int_equal(find_count(world.other, theirs, "first", &same), 1);
    assert_ok(object_ask(world.other, theirs, same));
    assert_ok(object_label(world.app, session, mine, "second"));
    assert_int_equal(find_count(world.other, theirs, "first", NULL), 0);
    assert_int_equal(find_count(world.other, theirs, "second", NULL), 1);
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    assert_ok(kk_call_begin(world.other, theirs, &call));
    assert_ok(kk_call_object(&call, same, &object));
    const struct kk_attr *label = kk_attrs_find(object->attrs, CKA_LABEL);
    assert_int_equal(label->len, 6);
    assert_memory_equal(label->value.bytes, "second", 6);
}

static void test_two_applications_change_one_object_in_turns(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE mine = data("turns", true, false);
    CK_OBJECT_HANDLE same = 0;
    assert_int_equal(find_count(world.other, theirs, "turns", &same), 1);
    for (int i = 0; i < 3; i++) {
        assert_ok(object_label(world.app, session, mine, "a"));
        assert_ok(object_label(world.other, theirs, same, "b"));
    }
    assert_ok(object_label(world.app, session, mine, "c"));
    assert_ok(object_destroy(world.other, theirs, same));
    assert_int_equal(object_destroy(world.app, session, mine), CKR_OBJECT_HANDLE_INVALID);
}

static void test_session_objects_go_with_their_session_and_private_ones_with_the_login(void **state)
{
    (void)state;
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, false);
    CK_OBJECT_HANDLE lasting = 0;
    CK_OBJECT_HANDLE passing = data("passing", false, false);
    CK_OBJECT_HANDLE private = 0;
    assert_ok(data_create(world.app, second, "lasting", false, false, &lasting));
    assert_ok(data_create(world.app, second, "private", false, true, &private));
    assert_ok(kk_session_close(world.app, session));
    assert_int_equal(object_ask(world.app, second, passing), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(object_ask(world.app, second, private));
    assert_ok(session_logout(world.app, second));
    assert_int_equal(object_ask(world.app, second, private), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(session_login(world.app, second, CKU_USER, PIN));
    assert_int_equal(find_count(world.app, second, "private", NULL), 0);
    assert_ok(object_ask(world.app, second, lasting));
}

static void test_a_session_that_closes_takes_what_is_left_of_its_objects(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE made[5];
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, false);
    CK_OBJECT_HANDLE others = data("others", false, false);
    for (size_t i = 0; i < KK_ARRAY_LEN(made); i++) {
        assert_ok(data_create(world.app, second, "left", false, i == 3, &made[i]));
    }
    assert_ok(object_destroy(world.app, session, made[2]));
    assert_ok(object_destroy(world.app, session, made[0]));
    assert_ok(object_label(world.app, session, made[1], "left"));
    assert_int_equal(find_count(world.app, session, "left", NULL), 3);
    assert_ok(kk_session_close(world.app, second));
    assert_int_equal(find_count(world.app, session, "left", NULL), 0);
    assert_ok(object_ask(world.app, session, others));
}

static CK_RV make_pair(bool public_token, bool private_token)
{
    static uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    CK_BBOOL flags[2] = {public_token, private_token};
    CK_ATTRIBUTE public_key[] = {{CKA_EC_PARAMS, ed25519, sizeof ed25519},
                                 {CKA_TOKEN, &flags[0], 1},
                                 {CKA_LABEL, (void *)(uintptr_t)"half", 4}};
    CK_ATTRIBUTE private_key[] = {{CKA_TOKEN, &flags[1], 1},
                                  {CKA_LABEL, (void *)(uintptr_t)"half", 4}};
    CK_OBJECT_HANDLE keys[2];
    struct kk_param param;
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *public_tmpl = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *private_tmpl = NULL;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(world.app, session, &call));
    KK_TRY(kk_template_copy(public_key, 3, KK_VERB_GENERATE, &public_tmpl));
    KK_TRY(kk_template_copy(private_key, 2, KK_VERB_GENERATE, &private_tmpl));
    return kk_call_generate_pair(
        &call, kk_registry_find(world.engine->registry, CKM_EC_EDWARDS_KEY_PAIR_GEN), &param,
        public_tmpl, private_tmpl, &keys[0], &keys[1]);
}

/* Wherever memory runs out: both halves of a pair are made, or none. */
static void check_all_or_nothing(bool public_token, bool private_token)
{
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long n = 1; rv != CKR_OK; n++) {
        assert_true(n < 5000);
        kk_alloc_fail_at(n);
        rv = make_pair(public_token, private_token);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        size_t index = 0;
        KK_WITH_LOCK(&world.app->state_lock)
        {
            index = kk_index_count(world.app->slots[0]->session_objects);
        }
        if (rv != CKR_OK) {
            assert_int_equal(find_count(world.app, session, "half", NULL), 0);
            assert_int_equal(index, 0);
        }
    }
    assert_int_equal(find_count(world.app, session, "half", NULL), 2);
}

static void test_a_pair_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    check_all_or_nothing(true, false);
}

static void test_a_pair_in_the_session_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    check_all_or_nothing(false, false);
}

static void test_a_key_parsed_during_a_logout_is_not_kept(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, true, true);
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_key_unrefp) struct kk_key *parsed = NULL;
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(kk_call_object(&call, key, &object));
    assert_ok(apart(session_logout, world.app, session));
    assert_ok(kk_call_parsed_key(&call, object, &parsed));
    assert_null(object->key);
}

static void test_a_destroyed_key_is_not_kept_parsed(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, true, false);
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_key_unrefp) struct kk_key *parsed = NULL;
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(kk_call_object(&call, key, &object));
    assert_ok(kk_call_parsed_key(&call, object, &parsed));
    assert_non_null(object->key);
    assert_ok(kk_call_destroy_object(&call, key));
    assert_null(object->key);
}

static void test_no_session_object_outlives_a_session_that_closed_meanwhile(void **state)
{
    (void)state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE handle = 0;
    CK_SESSION_HANDLE second = session_open(world.app, world.slot, true);
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    assert_ok(kk_call_begin(world.app, second, &call));
    assert_ok(kk_template_copy(&attribute, 1, KK_VERB_CREATE, &tmpl));
    assert_ok(apart(kk_session_close, world.app, second));
    assert_int_equal(kk_call_create_object(&call, tmpl, &handle), CKR_SESSION_CLOSED);
    kk_call_end(&call);
    assert_int_equal(find_count(world.app, session, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_read_only_session_changes_session_objects_only),
        TEST(test_an_application_without_login_sees_what_another_changed),
        TEST(test_two_applications_change_one_object_in_turns),
        TEST(test_session_objects_go_with_their_session_and_private_ones_with_the_login),
        TEST(test_a_session_that_closes_takes_what_is_left_of_its_objects),
        TEST(test_a_pair_is_made_whole_or_not_at_all),
        TEST(test_a_pair_in_the_session_is_made_whole_or_not_at_all),
        TEST(test_a_key_parsed_during_a_logout_is_not_kept),
        TEST(test_a_destroyed_key_is_not_kept_parsed),
        TEST(test_no_session_object_outlives_a_session_that_closed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
