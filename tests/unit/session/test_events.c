/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slot events: tokens that come and go, seen by two applications on one engine, without a tokens'
 * directory that could tell.
 */
#include <pthread.h>
#include <unistd.h>

#include "support.h"

static struct world world;

static int set_up(KK_UNUSED void **state)
{
    world_open(&world);
    return 0;
}

static int tear_down(KK_UNUSED void **state)
{
    world_close(&world);
    return 0;
}

static CK_RV ask(struct kk_app *app, CK_SLOT_ID *ret_slot)
{
    return kk_app_slot_event(app, false, ret_slot);
}

static void forget_events(struct kk_app *app)
{
    CK_SLOT_ID slot = 0;
    CK_RV rv = CKR_OK;
    while ((rv = ask(app, &slot)) == CKR_OK) {
    }
    assert_int_equal(rv, CKR_NO_EVENT);
}

static void forget_all_events(void)
{
    forget_events(world.app);
    forget_events(world.other);
}

/* The empty slot, which a new token takes. */
static CK_SLOT_ID empty_slot(struct kk_app *app)
{
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(app, true, false, &slots, &count));
    CK_SLOT_ID slot = slots[count - 1];
    kk_free(slots);
    return slot;
}

static size_t count_slots(struct kk_app *app, bool look)
{
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    assert_ok(kk_app_slots(app, look, false, &slots, &count));
    kk_free(slots);
    return count;
}

static void make_token(struct kk_app *app, CK_SLOT_ID slot)
{
    assert_ok(kk_app_init_token(app, slot, SO_PIN, LABEL));
}

static void delete_token(struct kk_app *app, CK_SLOT_ID slot)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    assert_ok(kk_app_slot_token(app, slot, &token));
    assert_ok(kk_engine_delete_token(app->engine, token));
}

static void test_a_new_token_is_an_event_of_its_slot_for_each_application(void **state)
{
    (void)state;
    CK_SLOT_ID mine = 0;
    CK_SLOT_ID theirs = 0;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    forget_all_events();
    CK_SLOT_ID slot = empty_slot(world.app);
    make_token(world.app, slot);
    assert_ok(ask(world.app, &mine));
    assert_int_equal(mine, slot);
    assert_int_equal(ask(world.app, &mine), CKR_NO_EVENT);
    assert_ok(kk_app_slot_token(world.app, slot, &token));
    assert_ok(ask(world.other, &theirs));
    assert_int_equal(theirs, kk_token_slot_id(token));
    assert_int_equal(ask(world.other, &theirs), CKR_NO_EVENT);
}

static void test_a_token_that_goes_is_an_event_and_its_slot_stays_until_listed(void **state)
{
    (void)state;
    CK_SLOT_ID slot = 0;
    bool present = true;
    forget_all_events();
    size_t before = count_slots(world.app, true);
    delete_token(world.app, world.slot);
    assert_ok(ask(world.app, &slot));
    assert_int_equal(slot, world.slot);
    assert_ok(kk_app_slot_is_present(world.app, slot, &present));
    assert_false(present);
    assert_int_equal(count_slots(world.app, false), before);
    assert_int_equal(count_slots(world.app, true), before - 1);
    assert_int_equal(kk_app_slot_is_present(world.app, slot, &present), CKR_SLOT_ID_INVALID);
    assert_int_equal(ask(world.app, &slot), CKR_NO_EVENT);
}

static void test_looking_at_the_list_takes_no_event_away(void **state)
{
    (void)state;
    CK_SLOT_ID slot = 0;
    forget_all_events();
    make_token(world.app, empty_slot(world.app));
    size_t before = count_slots(world.other, false);
    assert_int_equal(count_slots(world.other, true), before + 1);
    assert_ok(ask(world.other, &slot));
    make_token(world.app, empty_slot(world.app));
    assert_ok(ask(world.other, &slot));
    assert_int_equal(count_slots(world.other, false), before + 1);
    assert_int_equal(count_slots(world.other, true), before + 2);
}

static void test_initialising_a_token_anew_is_no_event(void **state)
{
    (void)state;
    CK_SLOT_ID slot = 0;
    forget_all_events();
    make_token(world.app, world.slot);
    assert_int_equal(ask(world.app, &slot), CKR_NO_EVENT);
    assert_int_equal(ask(world.other, &slot), CKR_NO_EVENT);
}

struct waiter {
    struct kk_app *app;
    pthread_t thread;
    CK_RV rv;
    CK_SLOT_ID slot;
};

static void *wait_for_event(void *context)
{
    struct waiter *waiter = context;
    waiter->rv = kk_app_slot_event(waiter->app, true, &waiter->slot);
    return NULL;
}

static void start(struct waiter *waiter, struct kk_app *app)
{
    waiter->app = app;
    assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_event, waiter), 0);
}

static void test_two_waiters_get_two_events(void **state)
{
    (void)state;
    struct waiter waiters[2] = {0};
    forget_all_events();
    start(&waiters[0], world.other);
    start(&waiters[1], world.other);
    (void)usleep(20000);
    make_token(world.app, empty_slot(world.app));
    make_token(world.app, empty_slot(world.app));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(waiters[i].thread, NULL), 0);
        assert_ok(waiters[i].rv);
    }
    assert_int_not_equal(waiters[0].slot, waiters[1].slot);
}

static void test_the_end_of_one_application_leaves_the_others_waiting(void **state)
{
    (void)state;
    struct waiter mine[2] = {0};
    struct waiter theirs = {0};
    forget_all_events();
    start(&mine[0], world.app);
    start(&mine[1], world.app);
    start(&theirs, world.other);
    (void)usleep(20000);
    kk_app_end_waits(world.app);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(mine[i].thread, NULL), 0);
        assert_int_equal(mine[i].rv, CKR_CRYPTOKI_NOT_INITIALIZED);
    }
    assert_int_equal(kk_app_slot_event(world.app, true, &mine[0].slot),
                     CKR_CRYPTOKI_NOT_INITIALIZED);
    make_token(world.app, empty_slot(world.app));
    assert_int_equal(pthread_join(theirs.thread, NULL), 0);
    assert_ok(theirs.rv);
}

static void *make_tokens(void *context)
{
    for (int i = 0; i < 8; i++) {
        make_token(context, empty_slot(context));
    }
    return NULL;
}

/* A waiter looks while tokens are being made: each token is told once, of the slot that it got. */
static void test_tokens_in_the_making_are_told_once(void **state)
{
    (void)state;
    pthread_t maker;
    CK_SLOT_ID slots[8];
    forget_all_events();
    assert_int_equal(pthread_create(&maker, NULL, make_tokens, world.app), 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(slots); i++) {
        assert_ok(kk_app_slot_event(world.app, true, &slots[i]));
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(slots[k], slots[i]);
        }
    }
    assert_int_equal(pthread_join(maker, NULL), 0);
    CK_SLOT_ID slot = 0;
    assert_int_equal(ask(world.app, &slot), CKR_NO_EVENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_new_token_is_an_event_of_its_slot_for_each_application, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_token_that_goes_is_an_event_and_its_slot_stays_until_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_looking_at_the_list_takes_no_event_away, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_initialising_a_token_anew_is_no_event, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_two_waiters_get_two_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_of_one_application_leaves_the_others_waiting,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tokens_in_the_making_are_told_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
