/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two applications on one engine: what they share (tokens, objects, tries) and what they do not
 * (sessions, logins, handles, session objects).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_slow.h"
#include "support.h"

static char folder[64];

/* KK_TEST_STORE: memory (default), slow (never stable, each call pauses), sqlite. */
static const struct kk_store_ops *store_under_test(const char **ret_tokendir)
{
    const char *name = getenv("KK_TEST_STORE");
    *ret_tokendir = NULL;
    if (name != NULL && strcmp(name, "slow") == 0) {
        return kk_store_slow(&kk_store_memory, 200, true);
    }
    if (name != NULL && strcmp(name, "sqlite") == 0) {
        (void)snprintf(folder, sizeof folder, "/tmp/keykist-app-XXXXXX");
        *ret_tokendir = mkdtemp(folder);
        assert_non_null(*ret_tokendir);
        return &kk_store_sqlite;
    }
    return &kk_store_memory;
}

static int set_up(void **state)
{
    static struct world world;
    const char *tokendir = NULL;
    const struct kk_store_ops *store = store_under_test(&tokendir);
    world_open_on(&world, store, tokendir);
    *state = &world;
    return 0;
}

static void remove_folder(void)
{
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    folder[0] = 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    if (folder[0] != 0) {
        remove_folder();
    }
    return 0;
}

/* The token's slot for the second application: its own number, from the serial. */
static CK_SLOT_ID other_slot(const struct world *world)
{
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(world->other, true, false, &slots, &count));
    assert_int_equal(count, 2);
    CK_SLOT_ID slot = slots[0];
    kk_free(slots);
    return slot;
}

static void test_slot_number_is_kept_by_the_application_that_made_the_token(void **state)
{
    struct world *world = *state;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    assert_ok(kk_app_slot_token(world->app, world->slot, &token));
    assert_int_equal(world->slot, 0);
    assert_int_equal(other_slot(world), kk_token_slot_id(token));
}

static void test_a_login_is_the_applications_own(void **state)
{
    struct world *world = *state;
    CK_SESSION_HANDLE mine = session_open(world->app, world->slot, true);
    CK_SESSION_HANDLE theirs = session_open(world->other, other_slot(world), true);
    CK_OBJECT_HANDLE handle = 0;
    assert_ok(session_login(world->app, mine, CKU_USER, PIN));
    assert_int_equal(session_login(world->app, mine, CKU_USER, PIN), CKR_USER_ALREADY_LOGGED_IN);
    assert_ok(data_create(world->app, mine, "private", true, true, &handle));
    assert_int_equal(find_count(world->app, mine, "private", NULL), 1);
    assert_int_equal(find_count(world->other, theirs, "private", NULL), 0);
    assert_int_equal(data_create(world->other, theirs, "no", true, true, &handle),
                     CKR_USER_NOT_LOGGED_IN);
    assert_ok(session_login(world->other, theirs, CKU_USER, PIN));
    assert_int_equal(find_count(world->other, theirs, "private", NULL), 1);
    assert_ok(session_logout(world->app, mine));
    assert_int_equal(find_count(world->app, mine, "private", NULL), 0);
    assert_int_equal(find_count(world->other, theirs, "private", NULL), 1);
}

static void test_session_objects_are_not_shared_between_applications(void **state)
{
    struct world *world = *state;
    CK_SESSION_HANDLE mine = session_open(world->app, world->slot, false);
    CK_SESSION_HANDLE second = session_open(world->app, world->slot, false);
    CK_SESSION_HANDLE theirs = session_open(world->other, other_slot(world), false);
    CK_OBJECT_HANDLE handle = 0;
    assert_ok(data_create(world->app, mine, "mine", false, false, &handle));
    assert_int_equal(find_count(world->app, second, "mine", NULL), 1);
    assert_int_equal(find_count(world->other, theirs, "mine", NULL), 0);
    assert_ok(kk_session_close(world->app, mine));
    assert_int_equal(find_count(world->app, second, "mine", NULL), 0);
}

static void test_one_application_sees_what_the_other_changed(void **state)
{
    struct world *world = *state;
    CK_SESSION_HANDLE mine = session_open(world->app, world->slot, true);
    CK_SESSION_HANDLE theirs = session_open(world->other, other_slot(world), true);
    CK_OBJECT_HANDLE handle = 0;
    CK_OBJECT_HANDLE found = 0;
    assert_int_equal(find_count(world->other, theirs, "shared", NULL), 0);
    assert_ok(data_create(world->app, mine, "shared", true, false, &handle));
    assert_int_equal(find_count(world->other, theirs, "shared", &found), 1);
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world->other, theirs, &call));
        assert_ok(kk_call_destroy_object(&call, found));
    }
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    assert_ok(kk_call_begin(world->app, mine, &call));
    assert_int_equal(kk_call_object(&call, handle, &object), CKR_OBJECT_HANDLE_INVALID);
}

static void test_handles_of_private_objects_die_at_logout(void **state)
{
    struct world *world = *state;
    CK_SESSION_HANDLE session = session_open(world->app, world->slot, true);
    CK_OBJECT_HANDLE private_handle = 0;
    CK_OBJECT_HANDLE public_handle = 0;
    assert_ok(session_login(world->app, session, CKU_USER, PIN));
    assert_ok(data_create(world->app, session, "p1", true, true, &private_handle));
    assert_ok(data_create(world->app, session, "p2", true, false, &public_handle));
    assert_ok(session_logout(world->app, session));
    assert_ok(session_login(world->app, session, CKU_USER, PIN));
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *gone = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *kept = NULL;
    assert_ok(kk_call_begin(world->app, session, &call));
    assert_int_equal(kk_call_object(&call, private_handle, &gone), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(kk_call_object(&call, public_handle, &kept));
}

static void test_initialising_anew_ends_the_sessions_of_the_other_application(void **state)
{
    struct world *world = *state;
    CK_SESSION_HANDLE theirs = session_open(world->other, other_slot(world), true);
    assert_ok(session_login(world->other, theirs, CKU_USER, PIN));
    assert_ok(kk_app_init_token(world->app, world->slot, SO_PIN, LABEL));
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    assert_int_equal(kk_call_begin(world->other, theirs, &call), CKR_SESSION_HANDLE_INVALID);
    CK_SESSION_HANDLE fresh = session_open(world->other, other_slot(world), true);
    assert_int_equal(session_login(world->other, fresh, CKU_USER, PIN),
                     CKR_USER_PIN_NOT_INITIALIZED);
}

static void test_initialising_is_refused_with_own_sessions_open(void **state)
{
    struct world *world = *state;
    (void)session_open(world->app, world->slot, false);
    assert_int_equal(kk_app_init_token(world->app, world->slot, SO_PIN, LABEL), CKR_SESSION_EXISTS);
}

static void test_a_deleted_token_ends_its_sessions(void **state)
{
    struct world *world = *state;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    CK_SLOT_ID slot = other_slot(world);
    CK_SESSION_HANDLE theirs = session_open(world->other, slot, true);
    assert_ok(kk_app_slot_token(world->app, world->slot, &token));
    assert_ok(kk_engine_delete_token(world->engine, token));
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    assert_int_equal(kk_call_begin(world->other, theirs, &call), CKR_SESSION_HANDLE_INVALID);
    CK_SESSION_HANDLE none = 0;
    assert_int_equal(kk_session_open(world->other, slot, CKF_SERIAL_SESSION, &none),
                     CKR_TOKEN_NOT_PRESENT);
}

/* ---- an object that another application changes without a pause ---- */

struct relentless {
    struct world *world;
    CK_SLOT_ID slot;
    atomic_bool over;
    atomic_uint changes;
    CK_RV last;
};

static void *change_without_pause(void *argument)
{
    struct relentless *them = argument;
    struct kk_app *app = them->world->other;
    CK_OBJECT_HANDLE object = 0;
    CK_SESSION_HANDLE session = session_open(app, them->slot, true);
    assert_int_equal(find_count(app, session, "contended", &object), 1);
    while (!atomic_load(&them->over)) {
        them->last = object_label(app, session, object, "contended");
        them->changes += them->last == CKR_OK ? 1 : 0;
    }
    return NULL;
}

static void test_a_change_is_not_kept_out_by_another_applications(void **state)
{
    struct world *world = *state;
    struct relentless them = {.world = world, .slot = other_slot(world)};
    pthread_t thread;
    CK_OBJECT_HANDLE object = 0;
    CK_SESSION_HANDLE session = session_open(world->app, world->slot, true);
    assert_ok(session_login(world->app, session, CKU_USER, PIN));
    assert_ok(data_create(world->app, session, "contended", true, false, &object));
    assert_int_equal(pthread_create(&thread, NULL, change_without_pause, &them), 0);
    while (atomic_load(&them.changes) < 3) {
        (void)sched_yield();
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_ok(object_label(world->app, session, object, "contended"));
    }
    assert_ok(object_destroy(world->app, session, object));
    atomic_store(&them.over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(them.last == CKR_OK || them.last == CKR_OBJECT_HANDLE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_slot_number_is_kept_by_the_application_that_made_the_token),
        TEST(test_a_login_is_the_applications_own),
        TEST(test_session_objects_are_not_shared_between_applications),
        TEST(test_one_application_sees_what_the_other_changed),
        TEST(test_handles_of_private_objects_die_at_logout),
        TEST(test_initialising_anew_ends_the_sessions_of_the_other_application),
        TEST(test_initialising_is_refused_with_own_sessions_open),
        TEST(test_a_deleted_token_ends_its_sessions),
        TEST(test_a_change_is_not_kept_out_by_another_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
