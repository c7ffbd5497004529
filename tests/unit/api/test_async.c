/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous calls while their sessions close, their users log out and their application ends:
 * nothing crashes, races or hangs, and nothing is written to the caller's memory afterwards.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "session/async.h"
#include "session/session.h"
#include "support.h"

#define ROUNDS 200

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

static CK_SESSION_HANDLE open_async(void)
{
    CK_SESSION_HANDLE session = 0;
    assert_ok(kk_api_C_OpenSession(world.app, world.slot,
                                   CKF_SERIAL_SESSION | CKF_RW_SESSION | CKF_ASYNC_SESSION, NULL,
                                   NULL, &session));
    return session;
}

static CK_RV start_pair(CK_SESSION_HANDLE session, CK_ULONG bits, CK_BBOOL token)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_OBJECT_HANDLE keys[2];
    CK_ATTRIBUTE public_template[] = {
        {CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_TOKEN, &token, 1}, {CKA_LABEL, "pair", 4}};
    CK_ATTRIBUTE private_template[] = {{CKA_TOKEN, &token, 1}, {CKA_LABEL, "pair", 4}};
    return kk_api_C_GenerateKeyPair(world.app, session, &mechanism, public_template, 3,
                                    private_template, 2, &keys[0], &keys[1]);
}

static CK_RV fetch(CK_SESSION_HANDLE session, const char *function, CK_ASYNC_DATA *result)
{
    CK_RV rv = CKR_PENDING;
    while (rv == CKR_PENDING) {
        *result = (CK_ASYNC_DATA){0};
        rv = kk_api_C_AsyncComplete(world.app, session, (CK_UTF8CHAR_PTR)(uintptr_t)function,
                                    result);
        (void)usleep(500);
    }
    return rv;
}

static CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE session)
{
    CK_ASYNC_DATA result;
    assert_int_equal(start_pair(session, 1024, CK_FALSE), CKR_PENDING);
    assert_ok(fetch(session, "C_GenerateKeyPair", &result));
    return result.hAdditionalObject;
}

static CK_RV start_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *signature)
{
    CK_ULONG length = 128;
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_RV rv = kk_api_C_SignInit(world.app, session, &mechanism, key);
    return rv != CKR_OK ? rv
                        : kk_api_C_Sign(world.app, session, (CK_BYTE_PTR)(uintptr_t)"x", 1,
                                        signature, &length);
}

static void test_results_of_many_sessions_are_their_own(void **state)
{
    (void)state;
    CK_SESSION_HANDLE sessions[8];
    CK_BYTE signatures[8][128];
    CK_ASYNC_DATA result;
    for (size_t i = 0; i < KK_ARRAY_LEN(sessions); i++) {
        sessions[i] = open_async();
    }
    CK_OBJECT_HANDLE key = make_key(sessions[0]);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < KK_ARRAY_LEN(sessions); i++) {
            assert_int_equal(start_sign(sessions[i], key, signatures[i]), CKR_PENDING);
        }
        for (size_t i = 0; i < KK_ARRAY_LEN(sessions); i++) {
            assert_ok(fetch(sessions[i], "C_Sign", &result));
            assert_ptr_equal(result.pValue, signatures[i]);
            assert_int_equal(result.ulValue, 128);
            assert_memory_equal(signatures[i], signatures[0], 128);
        }
    }
}

/* Generation that nobody waits for is broken off: 16,384 bits would take minutes. */
static void test_closing_does_not_wait_and_ends_the_work(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_async();
    assert_int_equal(start_pair(session, 16384, CK_TRUE), CKR_PENDING);
    (void)usleep(20000);
    assert_ok(kk_api_C_CloseSession(world.app, session));
    session = open_async();
    (void)make_key(session);
}

static void test_a_cancelled_call_leaves_the_session_to_others(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_async();
    assert_int_equal(start_pair(session, 16384, CK_TRUE), CKR_PENDING);
    assert_int_equal(start_pair(session, 1024, CK_TRUE), CKR_OPERATION_ACTIVE);
    assert_ok(kk_api_C_SessionCancel(world.app, session, CKF_GENERATE_KEY_PAIR));
    (void)make_key(session);
}

static void *log_in_and_out(void *stop)
{
    while (!atomic_load((atomic_bool *)stop)) {
        (void)kk_api_C_Logout(world.app, world.session);
        (void)login(world.app, world.session, CKU_USER, "1234");
    }
    return NULL;
}

static void *close_sessions(void *shared)
{
    _Atomic CK_SESSION_HANDLE *handle = shared;
    for (CK_SESSION_HANDLE session = 0; session != CK_INVALID_HANDLE - 1;) {
        session = atomic_exchange(handle, 0);
        if (session == 1) {
            break;
        }
        if (session != 0) {
            (void)kk_api_C_CloseSession(world.app, session);
        }
    }
    return NULL;
}

static void test_calls_race_with_logout_and_closing(void **state)
{
    (void)state;
    pthread_t threads[2];
    atomic_bool stop = false;
    CK_BYTE signature[128];
    _Atomic CK_SESSION_HANDLE to_close = 0;
    assert_int_equal(pthread_create(&threads[0], NULL, log_in_and_out, &stop), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, close_sessions, &to_close), 0);
    for (int round = 0; round < ROUNDS; round++) {
        CK_SESSION_HANDLE session = open_async();
        CK_ASYNC_DATA result = {0};
        if (start_pair(session, 1024, round % 2 == 0) == CKR_PENDING && round % 3 == 0 &&
            fetch(session, "C_GenerateKeyPair", &result) == CKR_OK) {
            (void)start_sign(session, result.hAdditionalObject, signature);
        }
        while (atomic_load(&to_close) != 0) {
            (void)usleep(10);
        }
        atomic_store(&to_close, session);
    }
    while (atomic_load(&to_close) != 0) {
        (void)usleep(10);
    }
    atomic_store(&to_close, 1);
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
}

static void test_the_end_waits_for_no_long_work(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(start_pair(open_async(), 16384, CK_TRUE), CKR_PENDING);
    }
    kk_session_close_all(world.app);
    kk_async_end(world.app);
    CK_SESSION_HANDLE session = open_async();
    /* No thread any more: the call itself does the work. */
    assert_ok(login(world.app, session, CKU_USER, "1234"));
    assert_ok(start_pair(session, 1024, CK_FALSE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_results_of_many_sessions_are_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_closing_does_not_wait_and_ends_the_work, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_cancelled_call_leaves_the_session_to_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_calls_race_with_logout_and_closing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_waits_for_no_long_work, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
