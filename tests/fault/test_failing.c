/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The n-th call to the system fails, or all from the n-th on, for every n: full disk, read-only
 * disk, no permission, I/O error, no file descriptors, no memory. What the application asked for
 * then either works or gets the code that names the cause; nothing acknowledged is lost; and when
 * the cause is gone the same call works, in this process and in a new one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "things.h"

#define LABEL "failing"
#define OTHER_LABEL "another"
#define NEW_PIN "another pin of a guest"
#define KEPT 6u

/* --- causes ----------------------------------------------------------------------------------- */

#define BIT(kind) (1u << (kind))

struct cause {
    const char *name;
    int error;
    unsigned kinds;
    CK_RV rv;
};

/* clang-format off */
#define WRITES (BIT(IO_CHANGE) | BIT(IO_CREATE) | BIT(IO_WRITE) | BIT(IO_SIZE) | BIT(IO_NAME) | BIT(IO_REMOVE))

static const struct cause causes[] = {
    {"a full disk", ENOSPC, BIT(IO_WRITE) | BIT(IO_SIZE) | BIT(IO_SYNC), CKR_DEVICE_MEMORY},
    {"a full directory", ENOSPC, BIT(IO_CREATE) | BIT(IO_NAME), CKR_DEVICE_MEMORY},
    {"a read-only disk", EROFS, WRITES, CKR_TOKEN_WRITE_PROTECTED},
    {"no permission", EACCES, BIT(IO_CHANGE) | BIT(IO_CREATE) | BIT(IO_NAME) | BIT(IO_REMOVE), CKR_TOKEN_WRITE_PROTECTED},
    {"I/O errors", EIO, WRITES | BIT(IO_OPEN) | BIT(IO_READ) | BIT(IO_SYNC) | BIT(IO_LOOK) | BIT(IO_MAP), CKR_DEVICE_ERROR},
    {"no file descriptors", EMFILE, BIT(IO_OPEN) | BIT(IO_CHANGE) | BIT(IO_CREATE), CKR_HOST_MEMORY},
    {"no memory", ENOMEM, BIT(IO_MEMORY) | BIT(IO_PAGES) | BIT(IO_MAP), CKR_HOST_MEMORY},
};
/* clang-format on */

static const struct cause *cause;
static bool goes_on;           /* every call from the n-th on fails */
static unsigned long fails_at; /* 0: none */
static unsigned long counted;
static struct io_call failed; /* the first one that did */

static int fail(const struct io_call *call)
{
    if (fails_at == 0 || (cause->kinds & BIT(call->kind)) == 0) {
        return 0;
    }
    counted++;
    bool is_hit = counted == fails_at || (goes_on && counted > fails_at);
    if (counted == fails_at) {
        failed = *call;
        failed.path = NULL;
    }
    return is_hit ? cause->error : 0;
}

static const struct io_hooks hooks = {.before = fail, .syncs_nothing = true};
static const struct io_hooks quick = {.syncs_nothing = true};

static void arm(unsigned long n)
{
    counted = 0;
    fails_at = n;
    io_hook(&hooks);
}

/* Whether anything failed. */
static bool disarm(void)
{
    bool was_hit = counted >= fails_at;
    fails_at = 0;
    io_hook(&quick);
    return was_hit;
}

/* --- steps ------------------------------------------------------------------------------------ */

static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;
static struct thing made;
static const char *pin = GUEST_PIN;

static const char *other_pin(void)
{
    return strcmp(pin, GUEST_PIN) == 0 ? NEW_PIN : GUEST_PIN;
}

struct leftovers {
    struct thing things[32];
    size_t count;
};

static bool is_kept(const struct thing *thing)
{
    return thing->name[1] == '9';
}

static void note_leftover(const struct thing *thing, unsigned version, bool whole, void *context)
{
    struct leftovers *left = context;
    (void)version;
    (void)whole;
    if (!is_kept(thing) && left->count < 32) {
        left->things[left->count++] = *thing;
    }
}

/* What was made goes, and what a call made that failed. */
static CK_RV drop_made(void)
{
    static struct leftovers left;
    left.count = 0;
    CK_RV rv = things_each(session, note_leftover, &left);
    for (size_t i = 0; i < left.count && rv == CKR_OK; i++) {
        const CK_OBJECT_HANDLE handles[] = {left.things[i].public_key, left.things[i].handle};
        for (size_t j = 0; j < 2 && rv == CKR_OK; j++) {
            rv = handles[j] != 0 ? p11->C_DestroyObject(session, handles[j]) : rv;
        }
    }
    return rv;
}

/* Each has a name of its own: a call that failed may have made one. */
static struct thing new_thing(enum thing_kind kind)
{
    static unsigned number = 1000;
    return thing_named(kind, 0, number++);
}

static CK_RV stop(void)
{
    return p11->C_Finalize(NULL);
}

static CK_RV start(void)
{
    CK_RV rv = p11->C_Initialize(NULL);
    slot = rv == CKR_OK ? guest_token_find(LABEL) : slot;
    return rv;
}

static CK_RV only_initialize(void)
{
    return p11->C_Initialize(NULL);
}

static CK_RV open_session(void)
{
    return p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
}

static CK_RV start_and_open(void)
{
    CK_RV rv = start();
    return rv == CKR_OK ? open_session() : rv;
}

static CK_RV close_session(void)
{
    return session != 0 ? p11->C_CloseSession(session) : CKR_OK;
}

static CK_RV start_with_user(void)
{
    CK_RV rv = start_and_open();
    return rv == CKR_OK ? guest_login(session, CKU_USER, pin) : rv;
}

static CK_RV start_with_so(void)
{
    CK_RV rv = start_and_open();
    return rv == CKR_OK ? guest_login(session, CKU_SO, GUEST_SO_PIN) : rv;
}

static CK_RV list_slots(void)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    return p11->C_GetSlotList(CK_TRUE, slots, &count);
}

static CK_RV ask_token(void)
{
    CK_TOKEN_INFO info;
    return p11->C_GetTokenInfo(slot, &info);
}

static CK_RV log_in(void)
{
    return guest_login(session, CKU_USER, pin);
}

static CK_RV log_in_so(void)
{
    return guest_login(session, CKU_SO, GUEST_SO_PIN);
}

static CK_RV log_out(void)
{
    CK_RV rv = p11->C_Logout(session);
    return rv == CKR_USER_NOT_LOGGED_IN ? CKR_OK : rv;
}

static CK_RV make_key(void)
{
    made = new_thing(THING_KEY);
    return thing_make(session, &made, THING_MADE);
}

static CK_RV make_pair(void)
{
    made = new_thing(THING_PAIR);
    return thing_make(session, &made, THING_MADE);
}

static CK_RV make_data(void)
{
    made = new_thing(THING_DATA);
    return thing_make(session, &made, THING_MADE);
}

static CK_RV change_data(void)
{
    return thing_change(session, &made, 2);
}

/* What the first try may have destroyed is destroyed. */
static CK_RV destroy_data(void)
{
    CK_RV rv = p11->C_DestroyObject(session, made.handle);
    return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_OK : rv;
}

static CK_RV find_all(void)
{
    CK_OBJECT_HANDLE found[64];
    CK_ULONG count = 0;
    return guest_find(session, NULL, 0, found, 64, &count);
}

/* The first use in a process opens the object. */
static CK_RV use_first(void)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_BYTE block[16] = {0};
    CK_ULONG len = sizeof block;
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    CK_RV rv = guest_find(session, &wanted, 1, &key, 1, &count);
    if (rv == CKR_OK && count == 0) { /* all that could not be read is left out */
        rv = CKR_DEVICE_ERROR;
    }
    rv = rv == CKR_OK ? p11->C_EncryptInit(session, &mechanism, key) : rv;
    return rv == CKR_OK ? p11->C_Encrypt(session, block, sizeof block, block, &len) : rv;
}

static CK_RV change_pin(void)
{
    const char *to = other_pin();
    CK_RV rv = p11->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin),
                             (CK_UTF8CHAR *)(uintptr_t)to, strlen(to));
    if (rv == CKR_PIN_INCORRECT && fails_at == 0) { /* the one that failed did change it */
        rv = p11->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)to, strlen(to),
                           (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
        to = pin;
    }
    pin = rv == CKR_OK ? to : pin;
    return rv;
}

static CK_RV init_pin(void)
{
    CK_RV rv = p11->C_InitPIN(session, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
    return rv;
}

static CK_RV init_token(CK_SLOT_ID at)
{
    CK_UTF8CHAR label[] = OTHER_LABEL "                         ";
    CK_UTF8CHAR so_pin[] = GUEST_SO_PIN;
    return p11->C_InitToken(at, so_pin, sizeof so_pin - 1, label);
}

static CK_SLOT_ID other_slot; /* of the token made anew, deleted */

static CK_SLOT_ID blank; /* found before anything fails */

static CK_RV find_blank(void)
{
    blank = guest_slot_blank();
    return blank != GUEST_NO_SLOT ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV make_token(void)
{
    return init_token(blank);
}

static CK_RV make_token_anew(void)
{
    return init_token(other_slot);
}

static CK_RV find_other(void)
{
    CK_RV rv = start();
    rv = rv == CKR_OK && guest_token_find(OTHER_LABEL) == GUEST_NO_SLOT
             ? init_token(guest_slot_blank())
             : rv;
    other_slot = guest_token_find(OTHER_LABEL);
    return rv;
}

static CK_RV delete_token(void)
{
    CK_RV rv = vendor->delete_token(other_slot);
    bool is_gone = rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_SLOT_ID_INVALID ||
                   rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_RECOGNIZED;
    return is_gone && fails_at == 0 ? CKR_OK : rv;
}

/* All tokens of that label: a C_InitToken that failed may have made one. */
static CK_RV delete_others(void)
{
    CK_RV rv = CKR_OK;
    CK_SLOT_ID at = guest_token_find(OTHER_LABEL);
    while (rv == CKR_OK && at != GUEST_NO_SLOT) {
        rv = vendor->delete_token(at);
        at = guest_token_find(OTHER_LABEL);
    }
    return rv;
}

static CK_RV delete_others_and_stop(void)
{
    CK_RV rv = delete_others();
    return rv == CKR_OK ? stop() : rv;
}

/* `before` is done once for each n, `run` fails and is done again, `after` undoes it all. */
struct step {
    const char *name;
    CK_RV (*before)(void);
    CK_RV (*prepare)(void);
    CK_RV (*run)(void);
    CK_RV (*undo)(void);
    CK_RV (*after)(void);
};

static CK_RV nothing(void)
{
    return CKR_OK;
}

/* Steps that are done in one process side by side, and those that need a new start. */
/* clang-format off */
static const struct step steps[] = {
    {"C_Initialize", nothing, nothing, only_initialize, stop, nothing},
    {"C_GetSlotList", nothing, start, list_slots, stop, nothing},
    {"C_GetTokenInfo", nothing, start, ask_token, stop, nothing},
    {"C_OpenSession", nothing, start, open_session, stop, nothing},
    {"C_Login", nothing, start_and_open, log_in, stop, nothing},
    {"C_Login of the SO", nothing, start_and_open, log_in_so, stop, nothing},
    {"a second C_Login", start_and_open, nothing, log_in, log_out, stop},
    {"C_FindObjects", nothing, start_with_user, find_all, stop, nothing},
    {"the first use of a key", nothing, start_with_user, use_first, stop, nothing},
    {"making a key", start_with_user, nothing, make_key, drop_made, stop},
    {"C_GenerateKeyPair", start_with_user, nothing, make_pair, drop_made, stop},
    {"C_CreateObject", start_with_user, nothing, make_data, drop_made, stop},
    {"C_SetAttributeValue", start_with_user, make_data, change_data, drop_made, stop},
    {"C_DestroyObject", start_with_user, make_data, destroy_data, drop_made, stop},
    {"C_SetPIN", start_with_user, nothing, change_pin, nothing, stop},
    {"C_InitPIN", start_with_so, nothing, init_pin, nothing, stop},
    {"C_InitToken", start, find_blank, make_token, delete_others, stop},
    {"C_InitToken again", find_other, nothing, make_token_anew, nothing, delete_others_and_stop},
    {"delete_token", nothing, find_other, delete_token, stop, nothing},
    {"C_CloseSession", nothing, start_with_user, close_session, stop, nothing},
    {"C_Finalize", nothing, start_with_user, stop, nothing, nothing},
};
/* clang-format on */

/* --- checks ----------------------------------------------------------------------------------- */

struct tally {
    unsigned kept;
    unsigned others;
    unsigned broken;
    unsigned named; /* of the others */
    char last[THING_NAME];
};

static void tally_thing(const struct thing *thing, unsigned version, bool whole, void *context)
{
    struct tally *tally = context;
    (void)version;
    tally->kept += is_kept(thing);
    tally->others += !is_kept(thing);
    tally->broken += !whole;
    if (!is_kept(thing) && thing->name[0] != 0) {
        tally->named++;
        memcpy(tally->last, thing->name, THING_NAME);
    }
}

static bool all_there(void)
{
    struct tally tally = {0};
    CK_RV rv = things_each(session, tally_thing, &tally);
    if (rv != CKR_OK || tally.kept != KEPT || tally.broken != 0 || tally.others > 2) {
        guest_note("a look: %s, %u of %u kept objects, %u broken, %u others", guest_code(rv),
                   tally.kept, KEPT, tally.broken, tally.others);
        return false;
    }
    return true;
}

/* A process of its own: 0 when all is well. */
static int look_anew(void *unused)
{
    (void)unused;
    (void)alarm(60);
    io_hook(&quick);
    CK_RV rv = start_with_user();
    if (rv == CKR_PIN_INCORRECT) { /* a C_SetPIN that failed may have changed it */
        pin = other_pin();
        rv = log_in();
    }
    return guest_fine(rv, "a new process's login") && all_there() ? 0 : 1;
}

static unsigned long runs;
static unsigned long refused;
static unsigned long wrong;

static void complain(const struct step *step, unsigned long n, const char *what, CK_RV rv)
{
    wrong++;
    if (wrong <= 40) {
        guest_note("%s, %s %lu (%s, %zu bytes): %s: %s", step->name, goes_on ? "from" : "at", n,
                   failed.name, failed.len, what, guest_code(rv));
    }
}

static bool must(const struct step *step, unsigned long n, const char *what, CK_RV (*call)(void))
{
    CK_RV rv = call();
    if (rv != CKR_OK) {
        complain(step, n, what, rv);
    }
    return rv == CKR_OK;
}

/* The code of the cause. What can be said of a directory or a configuration that cannot be read is
 * CKR_GENERAL_ERROR: the standard has nothing better for C_Initialize. A file that could not be
 * made, and can be when that is looked into, is CKR_DEVICE_ERROR. */
static bool names_cause(const struct step *step, CK_RV rv)
{
    bool is_start = step->run == only_initialize || step->run == list_slots;
    return rv == cause->rv || (is_start && cause->error == EIO && rv == CKR_GENERAL_ERROR) ||
           (!goes_on && failed.kind == IO_CREATE && rv == CKR_DEVICE_ERROR);
}

static bool makes_objects(const struct step *step)
{
    return step->run == make_key || step->run == make_pair || step->run == make_data;
}

/* What a call made that failed is not there; unless the disk refused to take it back, too. Drafts
 * of keys, which have no name, are session objects. */
static void check_nothing_left(const struct step *step, unsigned long n)
{
    struct tally tally = {0};
    bool may_stay = (goes_on && (cause->kinds & BIT(IO_REMOVE)) != 0) ||
                    (failed.kind == IO_SYNC && guest_kind()->stays_unsynced);
    CK_RV rv = things_each(session, tally_thing, &tally);
    if (rv != CKR_OK || (tally.named != 0 && !may_stay)) {
        complain(step, n, "a call that failed left an object, or nothing can be seen", rv);
        guest_note("%u objects, the last of them %.16s", tally.named, tally.last);
    }
}

/* One failure. False: no call failed any more, or it makes no sense to go on. */
static bool run_step(const struct step *step, unsigned long n)
{
    if (!must(step, n, "before it", step->prepare)) {
        return false;
    }
    arm(n);
    CK_RV rv = step->run();
    bool was_hit = disarm();
    runs++;
    refused += rv != CKR_OK;
    if (rv != CKR_OK && (!was_hit || !names_cause(step, rv))) {
        complain(step, n, "an unexpected code", rv);
    }
    if (rv != CKR_OK && makes_objects(step)) {
        check_nothing_left(step, n);
    }
    if (rv != CKR_OK && !must(step, n, "again, when the cause is gone", step->run)) {
        return false;
    }
    return must(step, n, "undoing it", step->undo) && was_hit;
}

/* Between two n: every one with little to do, or at most so many. */
static unsigned long next_n(unsigned long n)
{
    return guest_amount(0, 1) == 1 ? n + 1 : n + 1 + guest_random(1 + (uint32_t)(n / 6));
}

static void try_step(const struct step *step)
{
    unsigned long n = 1;
    unsigned long before = wrong;
    if (step->run == delete_token && vendor == NULL) {
        return;
    }
    if (!must(step, 0, "at first", step->before)) {
        return;
    }
    while (run_step(step, n) && wrong < before + 8) {
        if (n % 16 == 1 && guest_wait(guest_fork(look_anew, NULL)) != 0) {
            complain(step, n, "a new process finds", CKR_DEVICE_ERROR);
        }
        n = next_n(n);
    }
    (void)must(step, n, "at last", step->after);
    if (guest_wait(guest_fork(look_anew, NULL)) != 0) {
        complain(step, n, "in the end a new process finds", CKR_DEVICE_ERROR);
    }
}

static int be_struck(void *unused)
{
    const char *only = getenv("KEYKIST_FAULT_STEP");
    (void)unused;
    io_hook(&quick);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bool is_chosen = goes_on || guest_amount(guest_random(2), 1) == 1;
        if (only == NULL ? is_chosen : strcmp(only, steps[i].name) == 0) {
            (void)alarm((unsigned)guest_amount(300, 7200));
            try_step(&steps[i]);
        }
    }
    guest_note("%s, %s: %lu failures, %lu calls refused, %lu wrong", cause->name,
               goes_on ? "lasting" : "once", runs, refused, wrong);
    guest_count("failed-calls", runs);
    return wrong == 0 ? 0 : 1;
}

static int make_first(void *unused)
{
    (void)unused;
    if (p11->C_Initialize(NULL) != CKR_OK || guest_token_make(LABEL) == GUEST_NO_SLOT ||
        p11->C_Finalize(NULL) != CKR_OK) {
        return 1;
    }
    session = guest_enter(LABEL);
    static const enum thing_kind kinds[] = {THING_KEY, THING_PAIR, THING_DATA};
    CK_RV rv = CKR_OK;
    for (unsigned i = 0; i < KEPT && rv == CKR_OK; i++) {
        struct thing kept = thing_named(kinds[i % 3], 90, i);
        rv = thing_make(session, &kept, 2);
    }
    return guest_fine(rv, "the first objects") ? 0 : 1;
}

static void strike(const struct cause *by, bool is_lasting)
{
    char tokens[4200];
    const char *only = getenv("KEYKIST_FAULT_CAUSE");
    if (only != NULL && strcmp(only, by->name) != 0) {
        return;
    }
    (void)snprintf(tokens, sizeof tokens, "%s/%td%d", guest_folder(), by - causes, is_lasting);
    guest_use_tokens(tokens, "");
    if (guest_wait(guest_fork(make_first, NULL)) != 0) {
        guest_bail("cannot make a token");
    }
    cause = by;
    goes_on = is_lasting;
    int code = guest_wait(guest_fork(be_struck, NULL));
    if (code > 1) {
        guest_note("ended by signal %d; SIGALRM: a step took too long", code - 128);
    }
    guest_ok(code == 0, "%s, %s", by->name,
             is_lasting ? "from the n-th call on" : "at the n-th call");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    guest_load(argv[1]);
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        strike(&causes[i], false);
        strike(&causes[i], true);
    }
    return guest_end();
}
