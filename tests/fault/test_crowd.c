/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many at once: eight processes of four threads at mixed work, in which every object is checked
 * against what its name and version say; processes that all start at once, also where the last one
 * was killed or a file is missing; logins that are each application's own; a token that is made
 * anew, and one that is deleted, under the feet of those who use it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "things.h"

#define LABEL "crowd"
#define FEET_LABEL "under the feet"
#define PROCESSES 8u
#define THREADS 4u
#define STARTERS 16u

static char tokens[4200];

static void need(CK_RV rv, const char *what)
{
    if (!guest_fine(rv, what)) {
        (void)fflush(stdout);
        _exit(93);
    }
}

/* --- mixed work ------------------------------------------------------------------------------- */

static double work_until;
static unsigned process_number;
static _Atomic unsigned long rounds;
static _Atomic bool failed;

static void fail(const char *what)
{
    atomic_store(&failed, true);
    guest_note("process %u: %s", process_number, what);
}

/* Another's objects may go at any time; one's own are as one left them. */
static void use_others(CK_SESSION_HANDLE session)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_SECRET_KEY, CKO_DATA, CKO_PRIVATE_KEY};
    CK_OBJECT_CLASS class = classes[guest_random(3)];
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE found[64];
    CK_ULONG count = 0;
    char label[64];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    if (!guest_fine(guest_find(session, &wanted, 1, found, 64, &count), "finding")) {
        fail("a search failed");
        return;
    }
    if (count > 0) {
        CK_RV rv =
            p11->C_GetAttributeValue(session, found[guest_random((uint32_t)count)], &attribute, 1);
        if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID) {
            fail(guest_code(rv));
        }
    }
}

struct own {
    struct thing thing;
    unsigned version;
    unsigned seen;
    bool whole;
};

static void see_own(const struct thing *thing, unsigned version, bool whole, void *context)
{
    struct own *own = context;
    if (memcmp(thing->name, own->thing.name, THING_NAME) == 0) {
        own->seen++;
        own->whole = whole && version == own->version;
    }
}

static bool is_as_left(CK_SESSION_HANDLE session, struct own *own)
{
    own->seen = 0;
    own->whole = false;
    return guest_fine(things_each(session, see_own, own), "a look") &&
           own->seen == (own->version == THING_GONE ? 0u : 1u) &&
           (own->version == THING_GONE || own->whole);
}

static void work_round(CK_SESSION_HANDLE session, unsigned thread, unsigned round)
{
    static const enum thing_kind kinds[] = {THING_KEY, THING_PAIR, THING_DATA};
    struct own own = {.version = THING_MADE};
    own.thing = thing_named(kinds[round % 3], process_number * THREADS + thread, round);
    bool good = guest_fine(thing_change(session, &own.thing, THING_MADE), "making");
    use_others(session);
    own.version = 2;
    good = good && guest_fine(thing_change(session, &own.thing, 2), "changing");
    if (good && round % 8 == 0 && !is_as_left(session, &own)) {
        fail("one's own object is not as one left it");
    }
    if (good && own.thing.public_key != 0) {
        good = guest_fine(thing_change(session, &own.thing, THING_HALF), "destroying");
    }
    good = good && guest_fine(thing_change(session, &own.thing, THING_GONE), "destroying");
    own.version = THING_GONE;
    if (good && round % 8 == 1 && !is_as_left(session, &own)) {
        fail("what was destroyed is found");
    }
    if (!good) {
        fail("one's own object");
    }
    atomic_fetch_add(&rounds, 1);
}

static void *work(void *number)
{
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    for (unsigned round = 0; guest_seconds() < work_until && !atomic_load(&failed); round++) {
        work_round(session, (unsigned)(uintptr_t)number, round);
    }
    return NULL;
}

static int work_in_process(void *number)
{
    pthread_t threads[THREADS];
    process_number = (unsigned)(uintptr_t)number;
    (void)guest_enter(LABEL);
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) {
            return 94;
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    guest_count("rounds", atomic_load(&rounds));
    bool good = guest_fine(p11->C_Finalize(NULL), "C_Finalize");
    return good && !atomic_load(&failed) ? 0 : 1;
}

static void check_work(void)
{
    pid_t pids[PROCESSES];
    unsigned bad = 0;
    work_until = guest_seconds() + guest_amount(8, 120);
    for (uintptr_t i = 0; i < PROCESSES; i++) {
        pids[i] = guest_fork(work_in_process, (void *)i);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        bad += guest_wait(pids[i]) != 0;
    }
    guest_ok(bad == 0, "%u processes of %u threads: no wrong result, no unexpected code", PROCESSES,
             THREADS);
}

/* --- starts ----------------------------------------------------------------------------------- */

static int pipe_ends[2];

static int start_once(void *unused)
{
    char go;
    (void)unused;
    (void)!read(pipe_ends[0], &go, 1);
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    struct thing thing = thing_named(THING_DATA, 70 + guest_random(20), (unsigned)getpid());
    need(thing_make(session, &thing, 1), "the first object of a process");
    need(thing_change(session, &thing, THING_GONE), "destroying it");
    return guest_fine(p11->C_Finalize(NULL), "C_Finalize") ? 0 : 1;
}

static int die_at_work(void *unused)
{
    (void)unused;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    struct thing thing = thing_named(THING_DATA, 69, 1);
    if (write(pipe_ends[1], "", 1) != 1) {
        return 92;
    }
    while (thing_make(session, &thing, 1) == CKR_OK &&
           thing_change(session, &thing, THING_GONE) == CKR_OK) {
    }
    return 1;
}

static void kill_one_at_work(void)
{
    char there;
    pid_t pid = guest_fork(die_at_work, NULL);
    (void)!read(pipe_ends[0], &there, 1);
    guest_sleep_ms(guest_random(20));
    (void)kill(pid, SIGKILL);
    (void)guest_wait(pid);
}

/* What may be missing of a token when all start: its files that only live processes need. */
static void remove_volatile(unsigned which)
{
    char command[9000];
    const char *const *files = guest_kind()->volatile_files;
    unsigned count = 0;
    while (files[count] != NULL) {
        count++;
    }
    (void)snprintf(command, sizeof command, "rm -f '%s'/*/'%s'", tokens, files[which % count]);
    if (system(command) != 0) {
        guest_bail("cannot remove a file");
    }
}

static void check_starts(void)
{
    unsigned times = guest_amount(6, 60);
    unsigned bad = 0;
    char go[STARTERS] = {0};
    for (unsigned i = 0; i < times; i++) {
        pid_t pids[STARTERS];
        if (pipe(pipe_ends) != 0) {
            guest_bail("no pipe");
        }
        kill_one_at_work();
        if (i % 2 == 1) {
            remove_volatile(i / 2);
        }
        for (unsigned j = 0; j < STARTERS; j++) {
            pids[j] = guest_fork(start_once, NULL);
        }
        (void)!write(pipe_ends[1], go, sizeof go);
        for (unsigned j = 0; j < STARTERS; j++) {
            bad += guest_wait(pids[j]) != 0;
        }
        (void)close(pipe_ends[0]);
        (void)close(pipe_ends[1]);
    }
    guest_count("starts", times * STARTERS);
    guest_ok(bad == 0, "%u times %u processes start at once, after one that was killed", times,
             STARTERS);
}

/* --- logins ----------------------------------------------------------------------------------- */

static int look_logged_out(void *unused)
{
    CK_SESSION_INFO info;
    CK_OBJECT_HANDLE found[8];
    CK_ULONG count = 0;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    (void)unused;
    need(p11->C_Initialize(NULL), "C_Initialize");
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    need(p11->C_GetSessionInfo(session, &info), "C_GetSessionInfo");
    need(guest_find(session, &wanted, 1, found, 8, &count), "finding");
    bool is_out = info.state == CKS_RW_PUBLIC_SESSION && count == 0;
    need(guest_login(session, CKU_SO, GUEST_SO_PIN), "the SO beside another's user");
    need(p11->C_Logout(session), "C_Logout");
    need(p11->C_Finalize(NULL), "C_Finalize");
    return is_out ? 0 : 1;
}

static int check_logins_in_child(void *unused)
{
    CK_SESSION_INFO info;
    (void)unused;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    struct thing thing = thing_named(THING_KEY, 68, 1);
    need(thing_make(session, &thing, 1), "a private key");
    int other = guest_wait(guest_fork(look_logged_out, NULL));
    need(p11->C_GetSessionInfo(session, &info), "C_GetSessionInfo");
    bool is_in = info.state == CKS_RW_USER_FUNCTIONS && guest_key_whole(session, thing.handle);
    need(thing_change(session, &thing, THING_GONE), "destroying it");
    return other == 0 && is_in ? 0 : 1;
}

/* --- under the feet --------------------------------------------------------------------------- */

/* What may meet who uses a token that is made anew or deleted at that moment. */
static const CK_RV feet_codes[] = {
    CKR_OK,
    CKR_SESSION_HANDLE_INVALID,
    CKR_TOKEN_NOT_PRESENT,
    CKR_DEVICE_REMOVED,
    CKR_SLOT_ID_INVALID,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_KEY_HANDLE_INVALID,
    CKR_USER_NOT_LOGGED_IN,
    CKR_USER_PIN_NOT_INITIALIZED,
    CKR_TOKEN_NOT_RECOGNIZED,
    CKR_OPERATION_NOT_INITIALIZED,
};

static bool is_explained(CK_RV rv)
{
    for (size_t i = 0; i < sizeof feet_codes / sizeof feet_codes[0]; i++) {
        if (feet_codes[i] == rv) {
            return true;
        }
    }
    guest_note("under the feet: %s", guest_code(rv));
    return false;
}

static unsigned strange;

static CK_RV met(CK_RV rv)
{
    strange += !is_explained(rv);
    return rv;
}

/* Uses the token as long as it can, then comes again; a wrong result or a strange code ends it. */
static int stand_on_token(void *unused)
{
    unsigned made = 0;
    (void)unused;
    need(p11->C_Initialize(NULL), "C_Initialize");
    for (unsigned number = 0; guest_seconds() < work_until && strange == 0; number++) {
        CK_SESSION_HANDLE session = 0;
        CK_ULONG count = 0;
        need(p11->C_GetSlotList(CK_TRUE, NULL, &count), "C_GetSlotList");
        CK_SLOT_ID slot = guest_token_find(FEET_LABEL);
        CK_RV rv = slot == GUEST_NO_SLOT
                       ? CKR_TOKEN_NOT_PRESENT
                       : met(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                                NULL, &session));
        rv = rv == CKR_OK ? met(guest_login(session, CKU_USER, GUEST_PIN)) : rv;
        while (rv == CKR_OK && guest_seconds() < work_until) {
            struct thing thing = thing_named(THING_DATA, (unsigned)getpid() % 90, number++);
            rv = met(thing_make(session, &thing, 2));
            rv = rv == CKR_OK ? met(thing_change(session, &thing, THING_GONE)) : rv;
            made += rv == CKR_OK;
        }
        (void)p11->C_CloseSession(session);
    }
    guest_count("under-the-feet", made);
    need(p11->C_Finalize(NULL), "C_Finalize");
    return strange == 0 ? 0 : 1;
}

/* Makes the token anew, sets its PIN, lets them work a moment, and every third time deletes it. */
static int pull_token_away(void *unused)
{
    CK_UTF8CHAR label[] = FEET_LABEL "                  ";
    CK_UTF8CHAR so_pin[] = GUEST_SO_PIN;
    CK_UTF8CHAR pin[] = GUEST_PIN;
    (void)unused;
    need(p11->C_Initialize(NULL), "C_Initialize");
    for (unsigned times = 0; guest_seconds() < work_until; times++) {
        CK_SLOT_ID slot = guest_token_find(FEET_LABEL);
        slot = slot != GUEST_NO_SLOT ? slot : guest_slot_blank();
        need(p11->C_InitToken(slot, so_pin, sizeof so_pin - 1, label), "C_InitToken");
        CK_SESSION_HANDLE session = guest_session(slot);
        need(guest_login(session, CKU_SO, GUEST_SO_PIN), "C_Login of the SO");
        need(p11->C_InitPIN(session, pin, sizeof pin - 1), "C_InitPIN");
        need(p11->C_CloseSession(session), "C_CloseSession");
        guest_sleep_ms(20 + guest_random(100));
        if (times % 3 == 2 && vendor != NULL) {
            need(vendor->delete_token(slot), "delete_token");
            guest_sleep_ms(guest_random(30));
        }
    }
    return guest_fine(p11->C_Finalize(NULL), "C_Finalize") ? 0 : 1;
}

static void check_feet(void)
{
    pid_t pids[5];
    unsigned bad = 0;
    work_until = guest_seconds() + guest_amount(6, 60);
    for (unsigned i = 0; i < 5; i++) {
        pids[i] = guest_fork(i == 0 ? pull_token_away : stand_on_token, NULL);
    }
    for (unsigned i = 0; i < 5; i++) {
        int code = guest_wait(pids[i]);
        if (code != 0) {
            guest_note("process %u of those ended with %d", i, code);
        }
        bad += code != 0;
    }
    guest_ok(bad == 0, "a token is made anew and deleted under the feet of four processes");
}

static int make_token(void *unused)
{
    (void)unused;
    need(p11->C_Initialize(NULL), "C_Initialize");
    return guest_token_make(LABEL) != GUEST_NO_SLOT && p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    (void)snprintf(tokens, sizeof tokens, "%s/crowded", guest_folder());
    guest_use_tokens(tokens, "pin.max_tries = 0"); /* a killed try is a try */
    guest_load(argv[1]);
    if (guest_wait(guest_fork(make_token, NULL)) != 0) {
        guest_bail("cannot make a token");
    }
    check_starts();
    guest_ok(guest_wait(guest_fork(check_logins_in_child, NULL)) == 0,
             "a login is its application's own");
    check_work();
    check_feet();
    return guest_end();
}
