/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes and threads: a forked child is an application that has not called C_Initialize; threads
 * may work at once.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys.h"

/* An interface with CKF_INTERFACE_FORK_SAFE gives the child copies of everything instead. */
static void need_fork_rules(void)
{
    CK_INTERFACE_PTR found = NULL;
    if (F->C_GetInterface != NULL &&
        F->C_GetInterface((CK_UTF8CHAR_PTR) "PKCS 11", NULL, &found, 0) == CKR_OK &&
        (found->flags & CKF_INTERFACE_FORK_SAFE) != 0)
        check_skip("the interface is fork-safe");
}

/* Runs step in a child; gives its exit status, 200 + signal when it crashed. */
static int in_child(int (*step)(void))
{
    int status = 0;
    need_fork_rules();
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        _exit(step());
    }
    EXPECT_TRUE(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

static int child_get_info(void)
{
    CK_INFO info;
    return F->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : 1;
}

static void child_is_uninitialized(void)
{
    EXPECT_EQUAL(in_child(child_get_info), 0);
}

static int child_use_session(void)
{
    CK_SESSION_INFO info;
    CK_RV rv = F->C_GetSessionInfo(S, &info);
    return rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_SESSION_HANDLE_INVALID ? 0 : 1;
}

static void child_has_no_session(void)
{
    EXPECT_EQUAL(in_child(child_use_session), 0);
}

static int child_initialize(void)
{
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE session = 0;
    CK_SESSION_HANDLE parents = S;
    if (F->C_Initialize(NULL) != CKR_OK)
        return 1;
    if (F->C_GetSessionInfo(parents, &info) != CKR_SESSION_HANDLE_INVALID)
        return 2;
    if (F->C_OpenSession(env.slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        return 3;
    if (F->C_GetSessionInfo(session, &info) != CKR_OK || info.state != CKS_RO_PUBLIC_SESSION)
        return 4;
    if (login_rv(session, CKU_USER, USER_PIN) != CKR_OK)
        return 5;
    return F->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

static void child_initializes(void)
{
    EXPECT_EQUAL(in_child(child_initialize), 0);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static CK_OBJECT_HANDLE shared_key;

static int child_sign(void)
{
    CK_RV rv = F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), shared_key);
    return rv == CKR_OK ? 1 : 0;
}

static void child_has_no_login(void)
{
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    shared_key = key_hmac(32, CK_TRUE);
    EXPECT_EQUAL(in_child(child_sign), 0);
}

static int child_ends(void)
{
    return 0;
}

static void parent_goes_on(void)
{
    CK_BYTE mac[32];
    CK_ULONG length = sizeof mac;
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key_hmac(32, CK_TRUE)));
    EXPECT_OK(F->C_SignUpdate(S, (CK_BYTE_PTR) "data", 4));
    EXPECT_EQUAL(in_child(child_ends), 0);
    EXPECT_OK(F->C_SignFinal(S, mac, &length));
}

static int child_random(void)
{
    /* The child's numbers go back as an exit status each: seven bits of them. */
    CK_SESSION_HANDLE session = 0;
    CK_BYTE random[1];
    if (F->C_Initialize(NULL) != CKR_OK ||
        F->C_OpenSession(env.slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK ||
        F->C_GenerateRandom(session, random, sizeof random) != CKR_OK)
        return 199;
    return random[0] & 0x7f;
}

static void child_has_own_random(void)
{
    int same = 0;
    for (int i = 0; i < 4; i++) {
        int first = in_child(child_random), second = in_child(child_random);
        EXPECT_TRUE(first < 128 && second < 128);
        same += first == second;
    }
    EXPECT_TRUE(same < 4);
}

static int child_make_object(void)
{
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_TOKEN, CK_TRUE),
                               ATTR_B(CKA_PRIVATE, CK_FALSE), ATTR_S(CKA_LABEL, "of the child")};
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE object = 0;
    if (F->C_Initialize(NULL) != CKR_OK ||
        F->C_OpenSession(env.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) !=
            CKR_OK ||
        F->C_CreateObject(session, template, COUNT(template), &object) != CKR_OK)
        return 1;
    return F->C_Finalize(NULL) == CKR_OK ? 0 : 2;
}

static void child_object_is_seen(void)
{
    token_objects_made();
    EXPECT_EQUAL(in_child(child_make_object), 0);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "of the child")), 1);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 60 };

struct worker {
    pthread_t thread;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_BYTE number;
    CK_BYTE mac[32]; /* the right one */
    CK_RV rv;        /* the first failure */
    bool wrong;
};

/* Each thread signs data of its own, one byte: its number. */
static CK_RV sign_number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE number,
                         CK_BYTE *mac)
{
    CK_ULONG length = 32;
    CK_RV rv = F->C_SignInit(session, MECHANISM(CKM_SHA256_HMAC), key);
    return rv == CKR_OK ? F->C_Sign(session, &number, 1, mac, &length) : rv;
}

static void *sign_many(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < ROUNDS && worker->rv == CKR_OK; i++) {
        CK_BYTE mac[32] = {0};
        worker->rv = sign_number(worker->session, worker->key, worker->number, mac);
        worker->wrong = worker->wrong || memcmp(mac, worker->mac, sizeof mac) != 0;
    }
    return NULL;
}

static CK_RV object_round(struct worker *worker, int round)
{
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_FALSE),
                               ATTR_U(CKA_VALUE, (CK_ULONG)round)};
    CK_OBJECT_HANDLE object = 0, found = 0;
    CK_ULONG count = 0, value = 0;
    CK_ATTRIBUTE wanted = {CKA_VALUE, &value, sizeof value};
    CK_RV rv = F->C_CreateObject(worker->session, template, COUNT(template), &object);
    if (rv == CKR_OK)
        rv = F->C_FindObjectsInit(worker->session, template, 1);
    if (rv == CKR_OK)
        rv = F->C_FindObjects(worker->session, &found, 1, &count);
    if (rv == CKR_OK)
        rv = F->C_FindObjectsFinal(worker->session);
    if (rv == CKR_OK)
        rv = F->C_GetAttributeValue(worker->session, object, &wanted, 1);
    worker->wrong = worker->wrong || value != (CK_ULONG)round || count != 1;
    return rv == CKR_OK ? F->C_DestroyObject(worker->session, object) : rv;
}

static void *objects_many(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < ROUNDS && worker->rv == CKR_OK; i++)
        worker->rv = object_round(worker, i);
    return NULL;
}

static void *sessions_many(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < ROUNDS && worker->rv == CKR_OK; i++) {
        CK_SESSION_HANDLE session = 0;
        worker->rv = F->C_OpenSession(env.slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
        if (worker->rv == CKR_OK)
            worker->rv = F->C_CloseSession(session);
    }
    return NULL;
}

static void *keys_many(void *argument)
{
    struct worker *worker = argument;
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_VALUE_LEN, 16)};
    for (int i = 0; i < ROUNDS && worker->rv == CKR_OK; i++) {
        CK_OBJECT_HANDLE key = 0;
        worker->rv =
            F->C_GenerateKey(worker->session, MECHANISM(CKM_AES_KEY_GEN), template, 1, &key);
        if (worker->rv == CKR_OK)
            worker->rv = F->C_DestroyObject(worker->session, key);
    }
    return NULL;
}

static void run_threads(void *(*step)(void *))
{
    struct worker workers[THREADS];
    CK_OBJECT_HANDLE key = key_hmac(32, CK_TRUE);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .session = open_session(CKF_RW_SESSION), .key = key, .number = (CK_BYTE)i};
        EXPECT_OK(sign_number(S, key, (CK_BYTE)i, workers[i].mac));
    }
    for (size_t i = 0; i < THREADS; i++)
        EXPECT_TRUE(pthread_create(&workers[i].thread, NULL, step, &workers[i]) == 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT_OK(workers[i].rv);
        EXPECT_TRUE(!workers[i].wrong);
    }
}

static void threads_sign(void)
{
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    run_threads(sign_many);
}

static void threads_objects(void)
{
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    run_threads(objects_many);
}

static void threads_sessions(void)
{
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    run_threads(sessions_many);
}

static void threads_keys(void)
{
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    require_mechanism(CKM_AES_KEY_GEN, CKF_GENERATE);
    run_threads(keys_many);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, child_is_uninitialized, "Applications and processes", "a forked child has not called C_Initialize"),
    CHECK(FIX_USER, child_has_no_session, "Applications and processes", "a forked child has none of its parent's sessions"),
    CHECK(FIX_USER, child_has_no_login, "Applications and processes", "a forked child can't sign with its parent's login"),
    CHECK(FIX_USER, child_initializes, "Applications and processes", "a forked child can call C_Initialize; the parent is untouched"),
    CHECK(FIX_USER, parent_goes_on, "Applications and processes", "an operation of the parent goes on after a fork"),
    CHECK(FIX_USER, child_has_own_random, "C_GenerateRandom", "two children don't draw the same numbers"),
    CHECK(FIX_USER, child_object_is_seen, "Applications and processes", "another application's token object is seen"),
    CHECK(FIX_USER, threads_sign, "C_Initialize", "four threads sign at once with one key"),
    CHECK(FIX_USER, threads_objects, "C_Initialize", "four threads make, find, read and destroy objects at once"),
    CHECK(FIX_USER, threads_sessions, "C_Initialize", "four threads open and close sessions at once"),
    CHECK(FIX_USER, threads_keys, "C_Initialize", "four threads generate and destroy keys at once"),
};
/* clang-format on */

void chapter_process(void)
{
    check_add_table("process", checks);
}
