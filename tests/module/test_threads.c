/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of one process on one token: working side by side, and while another thread logs out,
 * closes the sessions or finalizes. A call may then fail, but only with a code that says why. Built
 * with -Db_sanitize=thread this is the test for data races.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "tests/sanitizers.h"

#define LABEL "threads"
#define WORKERS 4u
#define FOUND_MAX 32u
#define LONGEST_WAIT 60.0 /* seconds */

/* What may interrupt a round of work. */
enum trouble { PEACE, LOGOUT, CLOSING, FINALIZING };

struct allowed {
    enum trouble from; /* the least trouble that explains the code */
    CK_RV rv;
};

static const struct allowed allowed[] = {
    {PEACE, CKR_OK},
    {PEACE, CKR_OBJECT_HANDLE_INVALID}, /* another worker destroyed it */
    {PEACE, CKR_KEY_HANDLE_INVALID},
    {PEACE, CKR_OPERATION_NOT_INITIALIZED},
    {LOGOUT, CKR_USER_NOT_LOGGED_IN},
    {LOGOUT, CKR_USER_ALREADY_LOGGED_IN},
    {CLOSING, CKR_SESSION_HANDLE_INVALID},
    {CLOSING, CKR_SESSION_CLOSED},
    {FINALIZING, CKR_CRYPTOKI_NOT_INITIALIZED},
};

static CK_SLOT_ID slot;
static CK_SLOT_ID other_slot;
static atomic_int trouble;
static atomic_bool is_over;
static atomic_uint calls;
static atomic_uint rounds; /* of all workers */
static atomic_uint failures;

/* True when the work may go on. */
static bool fine(CK_RV rv, const char *what)
{
    atomic_fetch_add(&calls, 1);
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (allowed[i].rv == rv && (int)allowed[i].from <= atomic_load(&trouble)) {
            return rv == CKR_OK;
        }
    }
    guest_note("%s: %s", what, guest_code(rv));
    atomic_fetch_add(&failures, 1);
    return false;
}

/* --- a worker --------------------------------------------------------------------------------- */

struct worker {
    pthread_t thread;
    unsigned number;
    CK_SESSION_HANDLE session;
    unsigned rounds;
};

/* HMAC keys: each answers a data of its own with the MAC it has in its label. */
static CK_RV make_key(CK_SESSION_HANDLE session, bool on_token, CK_OBJECT_HANDLE *ret_key)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL token = on_token ? CK_TRUE : CK_FALSE;
    CK_ULONG len = 32;
    CK_MECHANISM mechanism = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &token, sizeof token}, {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SIGN, &yes, sizeof yes},      {CKA_VERIFY, &yes, sizeof yes},
        {CKA_VALUE_LEN, &len, sizeof len},
    };
    return p11->C_GenerateKey(session, &mechanism, template, 5, ret_key);
}

static bool use_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BYTE data[40] = {1};
    CK_BYTE mac[32];
    CK_ULONG len = sizeof mac;
    CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0};
    if (!fine(p11->C_SignInit(session, &mechanism, key), "C_SignInit") ||
        !fine(p11->C_Sign(session, data, sizeof data, mac, &len), "C_Sign") ||
        !fine(p11->C_VerifyInit(session, &mechanism, key), "C_VerifyInit")) {
        return false;
    }
    return fine(p11->C_Verify(session, data, sizeof data, mac, len), "C_Verify");
}

static bool find_some(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG *ret_count)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    if (!fine(p11->C_FindObjectsInit(session, &wanted, 1), "C_FindObjectsInit")) {
        return false;
    }
    bool good = fine(p11->C_FindObjects(session, found, FOUND_MAX, ret_count), "C_FindObjects");
    return fine(p11->C_FindObjectsFinal(session), "C_FindObjectsFinal") && good;
}

/* The pairs of the token, which all workers use at once. */
static CK_RV make_pair(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ATTRIBUTE domain)
{
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE pair[2];
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_template[] = {
        {CKA_TOKEN, &yes, sizeof yes}, {CKA_VERIFY, &yes, sizeof yes}, domain};
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_SIGN, &yes, sizeof yes}};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, 3, template, 2, &pair[0],
                                  &pair[1]);
}

static void make_pairs(void)
{
    CK_ULONG bits = 1024;
    CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE modulus = {CKA_MODULUS_BITS, &bits, sizeof bits};
    CK_ATTRIBUTE curve = {CKA_EC_PARAMS, p256, sizeof p256};
    CK_SESSION_HANDLE session = guest_session(slot);
    if (!guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "C_Login") ||
        !guest_fine(make_pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, modulus), "an RSA pair") ||
        !guest_fine(make_pair(session, CKM_EC_KEY_PAIR_GEN, curve), "an EC pair") ||
        !guest_fine(p11->C_CloseSession(session), "C_CloseSession")) {
        guest_bail("no pairs");
    }
}

static bool find_one(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_KEY_TYPE type,
                     CK_OBJECT_HANDLE *ret_key)
{
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    if (!fine(p11->C_FindObjectsInit(session, wanted, 2), "C_FindObjectsInit")) {
        return false;
    }
    bool good = fine(p11->C_FindObjects(session, ret_key, 1, &count), "C_FindObjects");
    return fine(p11->C_FindObjectsFinal(session), "C_FindObjectsFinal") && good && count == 1;
}

static bool use_pair(CK_SESSION_HANDLE session, CK_KEY_TYPE type, CK_MECHANISM_TYPE how)
{
    CK_OBJECT_HANDLE key = 0;
    CK_OBJECT_HANDLE public_key = 0;
    CK_BYTE data[32] = {1};
    CK_BYTE signature[128];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM mechanism = {how, NULL, 0};
    return find_one(session, CKO_PRIVATE_KEY, type, &key) &&
           find_one(session, CKO_PUBLIC_KEY, type, &public_key) &&
           fine(p11->C_SignInit(session, &mechanism, key), "C_SignInit") &&
           fine(p11->C_Sign(session, data, sizeof data, signature, &len), "C_Sign") &&
           fine(p11->C_VerifyInit(session, &mechanism, public_key), "C_VerifyInit") &&
           fine(p11->C_Verify(session, data, sizeof data, signature, len), "C_Verify");
}

static bool set_id(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BYTE id[4] = {(CK_BYTE)guest_random(256)};
    CK_ATTRIBUTE attribute = {CKA_ID, id, sizeof id};
    return fine(p11->C_SetAttributeValue(session, key, &attribute, 1), "C_SetAttributeValue");
}

/* Makes, finds, uses, changes, destroys; false when something interrupted it. */
static bool work_once(struct worker *worker)
{
    CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_OBJECT_HANDLE made = 0;
    CK_ULONG count = 0;
    CK_SESSION_HANDLE session = worker->session;
    bool on_token = worker->rounds % 8 == 0;
    if (!fine(make_key(session, on_token, &made), "C_GenerateKey")) {
        return false;
    }
    (void)use_key(session, made);
    (void)use_pair(session, CKK_RSA, CKM_RSA_PKCS);
    (void)use_pair(session, CKK_EC, CKM_ECDSA);
    if (find_some(session, found, &count) && count > 0) {
        CK_OBJECT_HANDLE key = found[guest_random((uint32_t)count)];
        (void)use_key(session, key);
        (void)set_id(session, made);
        if (count > 16) {
            (void)fine(p11->C_DestroyObject(session, key), "C_DestroyObject");
        }
    }
    return fine(p11->C_DestroyObject(session, made), "C_DestroyObject");
}

static bool begin(struct worker *worker)
{
    CK_UTF8CHAR pin[] = GUEST_PIN;
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    if (!fine(p11->C_OpenSession(slot, flags, NULL, NULL, &worker->session), "C_OpenSession")) {
        return false;
    }
    CK_RV rv = p11->C_Login(worker->session, CKU_USER, pin, sizeof pin - 1);
    return rv == CKR_USER_ALREADY_LOGGED_IN || fine(rv, "C_Login");
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    bool begun = false;
    while (!atomic_load(&is_over)) {
        worker->rounds++;
        atomic_fetch_add(&rounds, 1);
        if (!begun) {
            begun = begin(worker);
        } else if (!work_once(worker)) {
            CK_RV rv = p11->C_CloseSession(worker->session);
            (void)fine(rv, "C_CloseSession");
            begun = false;
        }
    }
    return NULL;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void pause_ms(unsigned ms)
{
    struct timespec span = {.tv_nsec = (long)ms * 1000000};
    (void)nanosleep(&span, NULL);
}

/* A PIN set anew, another token made over and over, what a program asks at its start. */
static void cause_administration(void)
{
    CK_UTF8CHAR pin[] = GUEST_PIN;
    CK_UTF8CHAR so_pin[] = GUEST_SO_PIN;
    CK_UTF8CHAR label[] = "another                         ";
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_SESSION_HANDLE session = 0;
    CK_TOKEN_INFO info;
    CK_BYTE bytes[32] = {1};
    CK_ULONG count = 0;
    if (fine(p11->C_OpenSession(slot, flags, NULL, NULL, &session), "C_OpenSession")) {
        (void)fine(p11->C_SetPIN(session, pin, sizeof pin - 1, pin, sizeof pin - 1), "C_SetPIN");
        (void)fine(p11->C_SeedRandom(session, bytes, sizeof bytes), "C_SeedRandom");
        (void)fine(p11->C_GenerateRandom(session, bytes, sizeof bytes), "C_GenerateRandom");
        (void)fine(p11->C_CloseSession(session), "C_CloseSession");
    }
    (void)fine(p11->C_InitToken(other_slot, so_pin, sizeof so_pin - 1, label), "C_InitToken");
    (void)fine(p11->C_GetSlotList(CK_TRUE, NULL, &count), "C_GetSlotList");
    (void)fine(p11->C_GetTokenInfo(slot, &info), "C_GetTokenInfo");
    (void)fine(p11->C_GetMechanismList(slot, NULL, &count), "C_GetMechanismList");
}

static void cause_logout(void)
{
    CK_SESSION_HANDLE session = 0;
    if (fine(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "opening")) {
        (void)fine(p11->C_Logout(session), "C_Logout");
        (void)fine(p11->C_CloseSession(session), "closing");
    }
}

static void cause_closing(void)
{
    (void)fine(p11->C_CloseAllSessions(slot), "C_CloseAllSessions");
}

static void cause_finalizing(void)
{
    (void)fine(p11->C_Finalize(NULL), "C_Finalize");
    pause_ms(guest_random(3));
    (void)fine(p11->C_Initialize(NULL), "C_Initialize");
}

/* Long enough for a login and some work between two troubles, and sometimes too short for it. */
static void pause_before(enum trouble kind)
{
    pause_ms(5 + guest_random(kind <= LOGOUT ? 40 : 250));
}

/* A disk may be so slow that a round takes longer than all that was planned: then it is waited
 * for, though not for ever. */
static bool is_enough(double begun, double seconds)
{
    double elapsed = guest_seconds() - begun;
    return elapsed >= seconds &&
           (atomic_load(&rounds) > WORKERS || elapsed >= seconds + LONGEST_WAIT);
}

static void run(enum trouble kind, void (*cause)(void), double seconds, const char *what)
{
    struct worker workers[WORKERS] = {0};
    unsigned causes = 0;
    double begun = guest_seconds();
    atomic_store(&trouble, (int)kind);
    atomic_store(&is_over, false);
    atomic_store(&calls, 0);
    atomic_store(&rounds, 0);
    atomic_store(&failures, 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].number = i;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            guest_bail("no threads");
        }
    }
    for (; !is_enough(begun, seconds); causes++) {
        pause_before(kind);
        if (cause != NULL) {
            cause();
        }
    }
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    guest_note("%u rounds, %u calls, %u times %s", atomic_load(&rounds), atomic_load(&calls),
               causes, what);
    guest_ok(atomic_load(&failures) == 0 && atomic_load(&rounds) > WORKERS, "threads and %s", what);
    (void)p11->C_CloseAllSessions(slot);
}

/* A child that begins anew while the parent's other threads are in the middle of calls. */
static int begin_anew(void *unused)
{
    CK_INFO info;
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    (void)unused;
    (void)alarm(120);
    if (p11->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED) {
        return 1;
    }
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    if (!guest_fine(guest_find(session, NULL, 0, &key, 1, &count), "finding") || count != 1) {
        return 2;
    }
    return guest_fine(p11->C_Finalize(NULL), "C_Finalize") ? 0 : 3;
}

static void cause_forking(void)
{
    int code = guest_wait(guest_fork(begin_anew, NULL));
    if (code != 0) {
        guest_note("a child ended with %d", code);
        atomic_fetch_add(&failures, 1);
    }
}

/* After all that a quiet login finds everything whole. */
static void check_rest(void)
{
    CK_OBJECT_HANDLE found[2000];
    CK_ULONG count = 0;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_SESSION_HANDLE session = guest_session(slot);
    atomic_store(&trouble, PEACE);
    bool good = fine(guest_login(session, CKU_USER, GUEST_PIN), "C_Login") &&
                fine(guest_find(session, &wanted, 1, found, 2000, &count), "finding");
    for (CK_ULONG i = 0; good && i < count; i++) {
        good = use_key(session, found[i]);
    }
    guest_ok(good, "afterwards %lu keys are left and all work", (unsigned long)count);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    double seconds = guest_amount(2, 60);
    guest_load(argv[1]);
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 1;
    }
    /* The slot of a new token has its lasting number after the next C_Initialize. */
    if (guest_token_make(LABEL) == GUEST_NO_SLOT || guest_token_make("another") == GUEST_NO_SLOT ||
        p11->C_Finalize(NULL) != CKR_OK || p11->C_Initialize(NULL) != CKR_OK) {
        guest_bail("no token");
    }
    slot = guest_token_find(LABEL);
    other_slot = guest_token_find("another");
    make_pairs();
    run(PEACE, NULL, seconds, "nothing else");
    run(PEACE, cause_administration, seconds, "administration");
    run(LOGOUT, cause_logout, seconds, "logouts");
    run(CLOSING, cause_closing, seconds, "C_CloseAllSessions");
    run(FINALIZING, cause_finalizing, seconds, "C_Finalize");
    if (!KK_SANITIZED) {
        run(PEACE, cause_forking, seconds, "forks");
    }
    check_rest();
    guest_ok(p11->C_Finalize(NULL) == CKR_OK, "C_Finalize");
    return guest_end();
}
