/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads in one application: sessions that close, logins that end, keys that go while others
 * work with them. What counts is that nothing crashes, races (ThreadSanitizer), waits for ever or
 * breaks the order of the locks (debug builds), and that every code is one of those expected.
 */
#include <pthread.h>
#include <sched.h>

#include "support.h"

#include "cryptoki/names.h"

#define THREADS 4
#define ROUNDS 3000
#define SHARED 6u

static struct {
    struct world world;
    struct kk_app *keeper; /* stays logged in, so that logins are quick */
    _Atomic CK_SESSION_HANDLE sessions[SHARED];
    _Atomic CK_OBJECT_HANDLE keys[SHARED];
    atomic_uint strange; /* codes that nobody should see */
} all;

struct random {
    uint64_t state;
};

static unsigned int pick(struct random *random, unsigned int below)
{
    random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned int)(random->state >> 33) % below;
}

static void note(CK_RV rv)
{
    static const CK_RV strange[] = {CKR_GENERAL_ERROR,     CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
                                    CKR_FUNCTION_REJECTED, CKR_HOST_MEMORY,     CKR_ARGUMENTS_BAD};
    for (size_t i = 0; i < KK_ARRAY_LEN(strange); i++) {
        if (rv == strange[i]) {
            print_error("%s\n", kk_names_find(KK_NAMES_CKR, rv));
            all.strange++;
        }
    }
}

static void make_key(struct kk_app *app, CK_SESSION_HANDLE session, struct random *random)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG len = 16;
    CK_BBOOL token = pick(random, 2) == 0;
    CK_BBOOL private = pick(random, 2) == 0;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {
        {CKA_TOKEN, &token, 1}, {CKA_PRIVATE, &private, 1}, {CKA_VALUE_LEN, &len, sizeof len},
        {CKA_SIGN, &yes, 1},    {CKA_LABEL, "thread", 6},
    };
    CK_RV rv =
        kk_api_C_GenerateKey(app, session, &mechanism, attributes, KK_ARRAY_LEN(attributes), &key);
    note(rv);
    if (rv == CKR_OK) {
        all.keys[pick(random, SHARED)] = key;
    }
}

static void sign(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BYTE mac[16];
    CK_ULONG len = sizeof mac;
    note(sign_init(app, session, key));
    note(kk_api_C_SignUpdate(app, session, mac, 1));
    note(kk_api_C_SignFinal(app, session, mac, &len));
}

static void find(struct kk_app *app, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE handles[8];
    CK_ULONG count = 0;
    CK_ATTRIBUTE attribute = {CKA_LABEL, "thread", 6};
    note(kk_api_C_FindObjectsInit(app, session, &attribute, 1));
    note(kk_api_C_FindObjects(app, session, handles, 8, &count));
    note(kk_api_C_FindObjectsFinal(app, session));
}

static void change(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
                   struct random *random)
{
    CK_BYTE id = (CK_BYTE)pick(random, 256);
    CK_ATTRIBUTE attribute = {CKA_ID, &id, 1};
    note(kk_api_C_SetAttributeValue(app, session, key, &attribute, 1));
    note(kk_api_C_GetAttributeValue(app, session, key, &attribute, 1));
}

static void replace_session(struct kk_app *app, struct random *random)
{
    CK_SESSION_HANDLE fresh = 0;
    note(kk_api_C_OpenSession(app, all.world.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                              &fresh));
    note(kk_api_C_CloseSession(app, atomic_exchange(&all.sessions[pick(random, SHARED)], fresh)));
}

static void one_call(struct random *random)
{
    struct kk_app *app = all.world.app;
    CK_SESSION_HANDLE session = all.sessions[pick(random, SHARED)];
    CK_OBJECT_HANDLE key = all.keys[pick(random, SHARED)];
    switch (pick(random, 16)) {
    case 0:
        replace_session(app, random);
        break;
    case 1:
        note(kk_api_C_Logout(app, session));
        note(login(app, session, CKU_USER, "1234"));
        break;
    case 2:
        note(kk_api_C_DestroyObject(app, session, key));
        break;
    case 3:
    case 4:
        make_key(app, session, random);
        break;
    case 5:
        find(app, session);
        break;
    case 6:
        change(app, session, key, random);
        break;
    case 7:
        note(kk_api_C_SessionCancel(app, session, CKF_SIGN | CKF_FIND_OBJECTS));
        break;
    case 8:
        if (pick(random, 16) == 0) {
            note(kk_api_C_CloseAllSessions(app, all.world.slot));
        }
        break;
    default:
        sign(app, session, key);
    }
}

static void *work(void *seed)
{
    struct random random = {(uintptr_t)seed};
    for (int i = 0; i < ROUNDS; i++) {
        one_call(&random);
    }
    return NULL;
}

static void keep_logged_in(void)
{
    CK_SLOT_ID slots[4];
    CK_ULONG count = 4;
    assert_ok(kk_app_new(all.world.engine, &all.keeper));
    assert_ok(kk_api_C_GetSlotList(all.keeper, CK_TRUE, slots, &count));
    assert_ok(login(all.keeper, open_session(all.keeper, slots[0]), CKU_USER, "1234"));
}

static void test_threads_that_end_each_others_sessions_logins_and_keys(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    world_open(&all.world);
    keep_logged_in();
    for (size_t i = 0; i < SHARED; i++) {
        all.sessions[i] = open_session(all.world.app, all.world.slot);
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(all.strange, 0);
    kk_app_free(all.keeper);
    world_close(&all.world);
}

static struct {
    struct world world;
    atomic_bool over;
    _Atomic CK_OBJECT_HANDLE object;
} pair;

static void *look_for_tokens(void *unused)
{
    CK_SLOT_ID slots[32];
    while (!pair.over) {
        CK_ULONG count = KK_ARRAY_LEN(slots);
        assert_ok(kk_api_C_GetSlotList(pair.world.app, CK_TRUE, NULL, &count));
    }
    return unused;
}

static CK_SLOT_ID last_slot(void)
{
    CK_SLOT_ID slots[32];
    CK_ULONG count = KK_ARRAY_LEN(slots);
    assert_ok(kk_api_C_GetSlotList(pair.world.app, CK_TRUE, NULL, &count));
    assert_ok(kk_api_C_GetSlotList(pair.world.app, CK_TRUE, slots, &count));
    return slots[count - 1];
}

static void test_new_tokens_stay_while_another_thread_looks(void **state)
{
    (void)state;
    pthread_t thread;
    CK_UTF8CHAR label[32] = {0};
    CK_SLOT_ID made[8];
    world_open(&pair.world);
    pair.over = false;
    assert_int_equal(pthread_create(&thread, NULL, look_for_tokens, NULL), 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(made); i++) {
        made[i] = last_slot();
        assert_ok(kk_api_C_InitToken(pair.world.app, made[i], (CK_UTF8CHAR *)"56785678", 8, label));
    }
    pair.over = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(made); i++) {
        CK_TOKEN_INFO info;
        assert_ok(kk_api_C_GetTokenInfo(pair.world.app, made[i], &info));
        assert_true((info.flags & CKF_TOKEN_INITIALIZED) != 0);
    }
    world_close(&pair.world);
}

static void *change_what_goes(void *unused)
{
    CK_SESSION_HANDLE session = open_session(pair.world.app, pair.world.slot);
    while (!pair.over) {
        CK_ATTRIBUTE attribute = {CKA_LABEL, (CK_UTF8CHAR *)"changed", 7};
        CK_RV rv = kk_api_C_SetAttributeValue(pair.world.app, session, pair.object, &attribute, 1);
        assert_true(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID);
    }
    return unused;
}

static void test_an_object_that_another_thread_changes_can_be_destroyed(void **state)
{
    (void)state;
    pthread_t thread;
    world_open(&pair.world);
    pair.over = false;
    assert_int_equal(pthread_create(&thread, NULL, change_what_goes, NULL), 0);
    for (int i = 0; i < 100; i++) {
        pair.object = make_aes(&pair.world, CK_TRUE);
        (void)sched_yield();
        assert_ok(kk_api_C_DestroyObject(pair.world.app, pair.world.session, pair.object));
    }
    pair.over = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    world_close(&pair.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_that_end_each_others_sessions_logins_and_keys),
        cmocka_unit_test(test_new_tokens_stay_while_another_thread_looks),
        cmocka_unit_test(test_an_object_that_another_thread_changes_can_be_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
