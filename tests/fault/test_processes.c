/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several processes, two threads in each, at work on one token: nobody gets a code that the work
 * does not explain, and what one does the others see at their next call. Tokens come and go under
 * the processes that use them.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "processes"
#define PROCESSES 4u
#define THREADS 2u
#define FOUND_MAX 64u

/* --- mixed work ------------------------------------------------------------------------------- */

static double work_until;

struct worker {
    pthread_t thread;
    CK_SLOT_ID slot;
    unsigned calls;
    unsigned gone; /* objects that another worker destroyed between finding and using */
    bool failed;
};

/* A code that needs no explanation, or one that another's destroying explains. */
static bool explained(struct worker *worker, CK_RV rv, const char *what)
{
    worker->calls++;
    if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID) {
        worker->gone++;
        return false;
    }
    if (!guest_fine(rv, what)) {
        worker->failed = true;
        return false;
    }
    return true;
}

static void use_key(struct worker *worker, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BYTE data[32] = {1};
    CK_ULONG len = sizeof data;
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    CK_RV rv = p11->C_EncryptInit(session, &mechanism, key);
    if (!explained(worker, rv, "C_EncryptInit")) {
        return;
    }
    rv = p11->C_Encrypt(session, data, sizeof data, data, &len);
    /* A key that was destroyed ends the operation that uses it. */
    if (rv == CKR_OPERATION_NOT_INITIALIZED) {
        worker->gone++;
        return;
    }
    (void)explained(worker, rv, "C_Encrypt");
}

static void change_key(struct worker *worker, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_DATE date = {{'2', '0', '3', '0'}, {'0', '1'}, {'0', '2'}};
    CK_ATTRIBUTE attribute = {CKA_START_DATE, &date, sizeof date};
    (void)explained(worker, p11->C_SetAttributeValue(session, key, &attribute, 1),
                    "C_SetAttributeValue");
}

static void sign_something(struct worker *worker, CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    CK_BYTE hash[32] = {2};
    CK_BYTE signature[64];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    if (!explained(worker, guest_find(session, &wanted, 1, &key, 1, &count), "finding the pair")) {
        return;
    }
    if (count != 1) {
        worker->failed = true;
        return;
    }
    if (explained(worker, p11->C_SignInit(session, &mechanism, key), "C_SignInit")) {
        (void)explained(worker, p11->C_Sign(session, hash, sizeof hash, signature, &len), "C_Sign");
    }
}

/* One round: a new key, then something with a key that was found. */
static void work_once(struct worker *worker, CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_OBJECT_HANDLE made = 0;
    CK_ULONG count = 0;
    uint8_t id[GUEST_ID_SIZE] = {(uint8_t)guest_random(256)};
    sign_something(worker, session);
    CK_RV rv = guest_key_make(session, id, &made);
    /* Its draft is a session object, which other threads of this application find and destroy. */
    (void)explained(worker, rv == CKR_OPERATION_NOT_INITIALIZED ? CKR_KEY_HANDLE_INVALID : rv,
                    "making a key");
    rv = guest_find(session, &wanted, 1, found, FOUND_MAX, &count);
    if (!explained(worker, rv, "finding") || count == 0) {
        return;
    }
    use_key(worker, session, found[guest_random((uint32_t)count)]);
    change_key(worker, session, found[guest_random((uint32_t)count)]);
    if (count > 8) {
        (void)explained(worker, p11->C_DestroyObject(session, found[guest_random((uint32_t)count)]),
                        "C_DestroyObject");
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    CK_SESSION_HANDLE session = guest_session(worker->slot);
    while (guest_seconds() < work_until && !worker->failed) {
        work_once(worker, session);
    }
    return NULL;
}

static int work_in_process(void *unused)
{
    struct worker workers[THREADS] = {0};
    bool failed = false;
    unsigned calls = 0;
    unsigned gone = 0;
    (void)unused;
    (void)guest_enter(LABEL);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].slot = guest_token_find(LABEL);
        failed |= pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        failed |= workers[i].failed;
        calls += workers[i].calls;
        gone += workers[i].gone;
    }
    guest_note("%u calls, %u met a key that another had destroyed", calls, gone);
    failed |= !guest_fine(p11->C_Finalize(NULL), "C_Finalize");
    return failed ? 1 : 0;
}

static int all_whole(void *unused)
{
    static CK_OBJECT_HANDLE found[20000];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_ULONG count = 0;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    (void)unused;
    if (!guest_fine(guest_find(session, &wanted, 1, found, 20000, &count), "finding")) {
        return 1;
    }
    for (CK_ULONG i = 0; i < count; i++) {
        if (!guest_key_whole(session, found[i])) {
            return 2;
        }
    }
    guest_note("%lu keys left", (unsigned long)count);
    return 0;
}

static int make_token(void *unused)
{
    CK_OBJECT_HANDLE pair[2];
    CK_BBOOL yes = CK_TRUE;
    CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, p256, sizeof p256},
                                      {CKA_TOKEN, &yes, sizeof yes}};
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_SIGN, &yes, sizeof yes}};
    (void)unused;
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize") ||
        guest_token_make(LABEL) == GUEST_NO_SLOT || p11->C_Finalize(NULL) != CKR_OK) {
        return 1;
    }
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    CK_RV rv = p11->C_GenerateKeyPair(session, &mechanism, public_template, 2, template, 2,
                                      &pair[0], &pair[1]);
    return guest_fine(rv, "C_GenerateKeyPair") ? 0 : 1;
}

static void work_in_many(void)
{
    pid_t pids[PROCESSES];
    unsigned failed = 0;
    work_until = guest_seconds() + guest_amount(8, 300);
    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = guest_fork(work_in_process, NULL);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        failed += guest_wait(pids[i]) != 0;
    }
    guest_ok(failed == 0, "%u processes of %u threads worked side by side", PROCESSES, THREADS);
    guest_ok(guest_wait(guest_fork(all_whole, NULL)) == 0, "every key that is left is whole");
}

/* --- seeing each other ------------------------------------------------------------------------ */

/* Two processes that take turns: a byte each way. */
static int to_other[2];
static int to_me[2];

static void pass_turn(int to)
{
    if (write(to, "", 1) != 1) {
        _exit(95);
    }
}

static void wait_turn(int from)
{
    char byte;
    if (read(from, &byte, 1) != 1) {
        _exit(96);
    }
}

static CK_ATTRIBUTE id_attribute(uint8_t id[GUEST_ID_SIZE])
{
    return (CK_ATTRIBUTE){CKA_ID, id, GUEST_ID_SIZE};
}

static CK_RV relabel(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const char *year)
{
    CK_DATE date = {{0}, {'1', '2'}, {'2', '4'}};
    memcpy(date.year, year, sizeof date.year);
    CK_ATTRIBUTE attribute = {CKA_END_DATE, &date, sizeof date};
    return p11->C_SetAttributeValue(session, key, &attribute, 1);
}

/* The other one: makes a key, changes it, destroys it; a token made and deleted. */
static int be_the_other(void *unused)
{
    uint8_t id[GUEST_ID_SIZE] = "seen by others";
    CK_OBJECT_HANDLE key = 0;
    (void)unused;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    wait_turn(to_other[0]);
    bool good = guest_fine(guest_key_make(session, id, &key), "making a key");
    pass_turn(to_me[1]);
    for (unsigned i = 0; i < 100; i++) {
        char year[5];
        (void)snprintf(year, sizeof year, "2%03u", i);
        wait_turn(to_other[0]);
        good = good && guest_fine(relabel(session, key, year), "changing a key");
        pass_turn(to_me[1]);
    }
    wait_turn(to_other[0]);
    good = good && guest_fine(p11->C_DestroyObject(session, key), "C_DestroyObject");
    pass_turn(to_me[1]);
    wait_turn(to_other[0]);
    good = good && guest_token_make("made by another") != GUEST_NO_SLOT;
    pass_turn(to_me[1]);
    return good ? 0 : 1;
}

static void ask_other(void)
{
    pass_turn(to_other[1]);
    wait_turn(to_me[0]);
}

static bool has_year(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned number)
{
    char year[5];
    CK_DATE date = {{0}, {0}, {0}};
    CK_ATTRIBUTE attribute = {CKA_END_DATE, &date, sizeof date};
    (void)snprintf(year, sizeof year, "2%03u", number);
    return guest_fine(p11->C_GetAttributeValue(session, key, &attribute, 1), "reading a date") &&
           memcmp(date.year, year, 4) == 0;
}

static void see_changes(CK_SESSION_HANDLE session)
{
    uint8_t id[GUEST_ID_SIZE] = "seen by others";
    CK_ATTRIBUTE wanted = id_attribute(id);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 9;
    (void)guest_find(session, &wanted, 1, &key, 1, &count);
    guest_ok(count == 0, "a key is not there yet");
    ask_other();
    CK_RV rv = guest_find(session, &wanted, 1, &key, 1, &count);
    guest_ok(rv == CKR_OK && count == 1 && guest_key_whole(session, key),
             "a key made by another process is found and used at the next call");
    unsigned seen = 0;
    for (unsigned i = 0; i < 100; i++) {
        ask_other();
        seen += has_year(session, key, i) && guest_key_whole(session, key);
    }
    guest_ok(seen == 100, "each of 100 changes is seen at the next call (%u)", seen);
    CK_BYTE data[16] = {0};
    CK_ULONG len = sizeof data;
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    (void)p11->C_EncryptInit(session, &mechanism, key);
    ask_other();
    rv = p11->C_Encrypt(session, data, sizeof data, data, &len);
    guest_ok(rv == CKR_OPERATION_NOT_INITIALIZED, "an operation ends with its key (%s)",
             guest_code(rv));
    rv = p11->C_EncryptInit(session, &mechanism, key);
    guest_ok(rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID,
             "the handle of a key that another destroyed (%s)", guest_code(rv));
    rv = guest_find(session, &wanted, 1, &key, 1, &count);
    guest_ok(rv == CKR_OK && count == 0, "and it is found no more");
}

/* Deletes a token's directory as an administrator would, with the program that does it. */
static bool delete_token(const char *util, const char *module, const char *label)
{
    char command[8192];
    (void)snprintf(command, sizeof command, "'%s' --module '%s' --delete-token --token '%s' >&2",
                   util, module, label);
    return system(command) == 0;
}

static void see_tokens(const char *util, const char *module)
{
    CK_TOKEN_INFO info;
    CK_SESSION_INFO session_info;
    CK_ULONG count = 0;
    CK_RV list = p11->C_GetSlotList(CK_TRUE, NULL, &count);
    CK_SLOT_ID slot = guest_token_find("made by another");
    guest_ok(list == CKR_OK && slot == GUEST_NO_SLOT, "a token is not there yet");
    ask_other();
    list = p11->C_GetSlotList(CK_TRUE, NULL, &count);
    slot = guest_token_find("made by another");
    guest_ok(list == CKR_OK && slot != GUEST_NO_SLOT,
             "a token made by another process appears at the next C_GetSlotList");
    CK_SESSION_HANDLE session = guest_session(slot);
    CK_RV rv = guest_login(session, CKU_USER, GUEST_PIN);
    guest_ok(rv == CKR_OK, "and is usable (%s)", guest_code(rv));
    guest_ok(delete_token(util, module, "made by another"), "it is deleted by a third process");
    rv = p11->C_GetTokenInfo(slot, &info);
    guest_ok(rv == CKR_TOKEN_NOT_PRESENT, "C_GetTokenInfo says so (%s)", guest_code(rv));
    rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    guest_ok(rv == CKR_TOKEN_NOT_PRESENT, "C_OpenSession says so (%s)", guest_code(rv));
    rv = p11->C_GetSessionInfo(session, &session_info);
    guest_ok(rv == CKR_SESSION_HANDLE_INVALID, "its sessions are gone (%s)", guest_code(rv));
    guest_ok(guest_token_find(LABEL) != GUEST_NO_SLOT, "the other token is still there");
}

static void see_each_other(const char *util, const char *module)
{
    if (pipe(to_other) != 0 || pipe(to_me) != 0) {
        guest_bail("no pipes");
    }
    pid_t other = guest_fork(be_the_other, NULL);
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    see_changes(session);
    see_tokens(util, module);
    guest_ok(guest_wait(other) == 0, "the other process did its part");
    guest_ok(p11->C_Finalize(NULL) == CKR_OK, "C_Finalize");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    guest_load(argv[1]);
    if (guest_wait(guest_fork(make_token, NULL)) != 0) {
        guest_bail("cannot make a token");
    }
    see_each_other(argv[2], argv[1]);
    work_in_many();
    return guest_end();
}
