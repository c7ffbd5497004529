/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power cuts. Tokens are made, filled, changed and deleted on a disk that is recorded; then the
 * disk is built as it could be when the power went after any of the calls, and looked at: what was
 * acknowledged by then is there and whole, what was not is whole or absent, and the token works.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "book.h"
#include "disk.h"
#include "io.h"

#define LABEL "power"
#define OTHER_LABEL "another"
#define NEW_PIN "another pin of a guest"
#define NEW_SO_PIN "another so pin of a guest"

/* Enough of a log that it is brought into the database, and begun anew, twice. */
#define BIGS 11u
#define SMALLS 8u

static const char pin_name[THING_NAME] = "user's pin";
static const char so_pin_name[THING_NAME] = "so's pin";
static const char token_name[THING_NAME] = "the token";
static const char other_name[THING_NAME] = "the other";

/* --- the work --------------------------------------------------------------------------------- */

struct event {
    unsigned at; /* calls recorded by then */
    struct note note;
};

#define EVENTS_MAX 2000u
static struct event events[EVENTS_MAX];
static unsigned event_count;
static CK_SESSION_HANDLE session;

static void say(enum note_step step, const char name[THING_NAME], unsigned version)
{
    if (event_count == EVENTS_MAX) {
        guest_bail("too many events");
    }
    struct event *event = &events[event_count++];
    *event = (struct event){.at = disk_calls(),
                            .note = {.step = (uint8_t)step, .version = (uint16_t)version}};
    memcpy(event->note.name, name, THING_NAME);
}

static void need(CK_RV rv, const char *what)
{
    if (!guest_fine(rv, what)) {
        guest_bail("the work itself failed");
    }
}

static void change(struct thing *thing, unsigned version)
{
    say(NOTE_ASK, thing->name, version);
    need(thing_change(session, thing, version), "a change");
    say(NOTE_ACK, thing->name, version);
}

static CK_SLOT_ID blank_slot(void)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    need(p11->C_GetSlotList(CK_FALSE, slots, &count), "C_GetSlotList");
    return slots[count - 1];
}

static void init_token(CK_SLOT_ID slot, const char *label, const char name[THING_NAME],
                       unsigned version)
{
    CK_UTF8CHAR padded[32];
    CK_UTF8CHAR so_pin[] = GUEST_SO_PIN;
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label));
    say(NOTE_ASK, name, version);
    need(p11->C_InitToken(slot, so_pin, sizeof so_pin - 1, padded), "C_InitToken");
    say(NOTE_ACK, name, version);
}

static void init_pin(CK_SLOT_ID slot, const char *so_pin, const char *pin, unsigned version)
{
    CK_SESSION_HANDLE mine = guest_session(slot);
    need(guest_login(mine, CKU_SO, so_pin), "C_Login of the SO");
    say(NOTE_ASK, pin_name, version);
    need(p11->C_InitPIN(mine, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin)), "C_InitPIN");
    say(NOTE_ACK, pin_name, version);
    need(p11->C_Logout(mine), "C_Logout");
    need(p11->C_CloseSession(mine), "C_CloseSession");
}

static void set_pin(const char *name, const char *from, const char *to, unsigned version)
{
    say(NOTE_ASK, name, version);
    need(p11->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)from, strlen(from),
                       (CK_UTF8CHAR *)(uintptr_t)to, strlen(to)),
         "C_SetPIN");
    say(NOTE_ACK, name, version);
}

/* `first` on: keys, pairs and data made, some of them changed, some of these destroyed. */
static void make_smalls(unsigned first)
{
    static const enum thing_kind kinds[] = {THING_KEY, THING_PAIR, THING_DATA};
    for (unsigned i = 0; i < SMALLS; i++) {
        struct thing thing = thing_named(kinds[i % 3], 0, first + i);
        change(&thing, THING_MADE);
        if (i % 2 == 0) {
            change(&thing, 2);
        }
        if (i % 4 == 2) {
            change(&thing, thing.name[0] == THING_PAIR ? THING_HALF : THING_GONE);
        }
    }
}

static void make_bigs(unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct thing thing = thing_named(THING_BIG, 0, first + i);
        change(&thing, THING_MADE);
        if (i % 2 == 1) {
            change(&thing, THING_GONE);
        }
    }
}

/* A token that is made, made anew, and deleted. */
static void use_other_token(void)
{
    CK_SLOT_ID slot = blank_slot();
    init_token(slot, OTHER_LABEL, other_name, 1);
    init_token(slot, OTHER_LABEL, other_name, 2);
    if (vendor != NULL) {
        say(NOTE_ASK, other_name, THING_GONE);
        need(vendor->delete_token(slot), "delete_token");
        say(NOTE_ACK, other_name, THING_GONE);
    }
}

static void work(void)
{
    need(p11->C_Initialize(NULL), "C_Initialize");
    CK_SLOT_ID slot = blank_slot();
    say(NOTE_ASK, so_pin_name, 1);
    init_token(slot, LABEL, token_name, 1);
    say(NOTE_ACK, so_pin_name, 1);
    init_pin(slot, GUEST_SO_PIN, GUEST_PIN, 1);
    session = guest_session(slot);
    need(guest_login(session, CKU_USER, GUEST_PIN), "C_Login");
    make_smalls(0);
    set_pin(pin_name, GUEST_PIN, NEW_PIN, 2);
    make_bigs(0, BIGS / 2);
    make_smalls(1000);
    need(p11->C_Finalize(NULL), "C_Finalize");

    need(p11->C_Initialize(NULL), "C_Initialize");
    slot = guest_token_find(LABEL);
    session = guest_session(slot);
    need(guest_login(session, CKU_SO, GUEST_SO_PIN), "C_Login of the SO");
    set_pin(so_pin_name, GUEST_SO_PIN, NEW_SO_PIN, 2);
    need(p11->C_Logout(session), "C_Logout");
    init_pin(slot, NEW_SO_PIN, GUEST_PIN, 3);
    need(guest_login(session, CKU_USER, GUEST_PIN), "C_Login");
    make_bigs(1000, BIGS - BIGS / 2);
    make_smalls(2000);
    use_other_token();
    need(p11->C_Finalize(NULL), "C_Finalize");
}

/* --- the look --------------------------------------------------------------------------------- */

struct look {
    unsigned boundary;
    bool is_thorough;
};

static int pipe_ends[2];

static void tell(enum note_step step, const char name[THING_NAME], unsigned version, bool whole)
{
    struct note note = {.step = (uint8_t)step, .version = (uint16_t)version, .whole = whole};
    memcpy(note.name, name, sizeof note.name);
    if (write(pipe_ends[1], &note, sizeof note) != sizeof note) {
        _exit(92);
    }
}

/* The half of a pair that nobody was told of, where the two keys are two files. */
static bool is_half_made(const struct thing *thing)
{
    bool is_half = thing->handle == 0 || thing->public_key == 0;
    return !guest_kind()->pairs_whole && thing->name[0] == THING_PAIR && is_half &&
           book_acked(thing->name) == THING_ABSENT;
}

static void tell_found(const struct thing *thing, unsigned version, bool whole, void *context)
{
    (void)context;
    if (is_half_made(thing)) {
        return;
    }
    tell(NOTE_FOUND, thing->name, version, whole);
}

/* Tries the PINs that may be right; the version of the one that is, 0 when there is none yet. */
static unsigned log_in(CK_USER_TYPE user, const char *name, const char *const pins[])
{
    unsigned last = book_asked(name);
    for (unsigned version = book_acked(name); version <= last; version++) {
        CK_RV rv = version > 0 ? guest_login(session, user, pins[version]) : CKR_PIN_INCORRECT;
        if (rv == CKR_OK) {
            return version;
        }
        if (rv != CKR_PIN_INCORRECT && rv != CKR_USER_PIN_NOT_INITIALIZED) {
            (void)guest_fine(rv, "C_Login");
            _exit(93);
        }
    }
    return 0;
}

/* The token takes changes, and keeps them. */
static bool takes_changes(void)
{
    struct thing thing = thing_named(THING_DATA, 98, 1);
    return guest_fine(thing_make(session, &thing, 2), "making something on the rebuilt disk") &&
           guest_fine(p11->C_DestroyObject(session, thing.handle), "destroying it");
}

static int look_at_token(CK_SLOT_ID slot, bool is_thorough)
{
    static const char *const pins[] = {NULL, GUEST_PIN, NEW_PIN, GUEST_PIN};
    static const char *const so_pins[] = {NULL, GUEST_SO_PIN, NEW_SO_PIN};
    session = guest_session(slot);
    if (session == 0) {
        return 1;
    }
    if (is_thorough) {
        unsigned so_pin = log_in(CKU_SO, so_pin_name, so_pins);
        tell(NOTE_FOUND, so_pin_name, so_pin, so_pin > 0);
        (void)p11->C_Logout(session);
    } else {
        tell(NOTE_FOUND, so_pin_name, book_asked(so_pin_name), true);
    }
    unsigned pin = log_in(CKU_USER, pin_name, pins);
    if (pin == 0) {
        return 0;
    }
    tell(NOTE_FOUND, pin_name, pin, true);
    if (!guest_fine(things_each(session, tell_found, NULL), "looking at everything") ||
        (is_thorough && !takes_changes())) {
        return 2;
    }
    return 0;
}

/* The other token: made once or twice, and its SO's PIN right. */
static int look_at_other(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE mine = guest_session(slot);
    CK_RV rv = guest_login(mine, CKU_SO, GUEST_SO_PIN);
    unsigned version = book_acked(other_name);
    tell(NOTE_FOUND, other_name, version > 0 ? version : 1, guest_fine(rv, "C_Login of the SO"));
    return 0;
}

static int look(void *argument)
{
    static const struct io_hooks quick = {.syncs_nothing = true};
    const struct look *wanted = argument;
    (void)alarm(60);
    io_hook(&quick);
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 90;
    }
    CK_SLOT_ID slot = guest_token_find(LABEL);
    CK_SLOT_ID other = guest_token_find(OTHER_LABEL);
    int code = 0;
    tell(NOTE_LOOK, token_name, 0, true);
    if (slot != GUEST_NO_SLOT) {
        tell(NOTE_FOUND, token_name, 1, true);
        code = look_at_token(slot, wanted->is_thorough);
    }
    if (code == 0 && other != GUEST_NO_SLOT) {
        code = look_at_other(other);
    }
    tell(NOTE_DONE, token_name, 0, true);
    return code == 0 && p11->C_Finalize(NULL) != CKR_OK ? 94 : code;
}

/* --- cuts ------------------------------------------------------------------------------------- */

static const char *const losses[] = {"all", "names", "nothing", "some"};
static unsigned cuts;
static unsigned bad_cuts;
static unsigned long objects;
static char rebuilt[4200];

static void take_notes(void)
{
    struct note note;
    (void)close(pipe_ends[1]);
    while (read(pipe_ends[0], &note, sizeof note) == sizeof note) {
        book_take(&note);
    }
    (void)close(pipe_ends[0]);
}

/* Builds the disk and looks at it. The book's bounds are those of this boundary. */
static void cut(unsigned boundary, enum disk_loss loss)
{
    struct look wanted = {boundary, guest_random(3) == 0};
    book_begin();
    for (unsigned i = 0; i < event_count && events[i].at <= boundary; i++) {
        book_take(&events[i].note);
    }
    disk_build(boundary, loss, rebuilt);
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(look, &wanted);
    take_notes();
    int code = guest_wait(pid);
    struct book_result result = book_result();
    cuts++;
    objects += result.found;
    if (code != 0 || !book_is_good() || result.looks != 1) {
        bad_cuts++;
        guest_note("power cut after call %u of %u, unsynced: %s lost: look %d, %lu broken, %lu "
                   "wrong, %lu lost",
                   boundary, disk_calls(), losses[loss], code, result.broken, result.wrong,
                   result.lost);
        if (getenv("KEYKIST_FAULT_KEEP") != NULL) {
            guest_bail("the disk is left in %s", rebuilt);
        }
    }
    disk_delete(rebuilt);
}

/* At each acknowledgement, with everything unsynced lost: what a missing fsync cannot survive. */
static void cut_at_acknowledgements(void)
{
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].note.step == NOTE_ACK) {
            cut(events[i].at, i % 4 == 3 ? DISK_LOSES_NAMES : DISK_LOSES_ALL);
        }
    }
    guest_ok(bad_cuts == 0, "the power is cut at each of %u acknowledgements", cuts);
}

static void cut_by_chance(unsigned many)
{
    unsigned before = bad_cuts;
    for (unsigned i = 0; i < many; i++) {
        cut(guest_random(disk_calls() + 1), (enum disk_loss)guest_random(DISK_LOSSES));
    }
    guest_ok(bad_cuts == before, "the power is cut %u times by chance", many);
}

/* The stretches where much depends on the order: a token's making, and what follows a sync. */
static void cut_at_syncs(unsigned step)
{
    unsigned before = bad_cuts;
    unsigned count = 0;
    for (unsigned at = guest_random(step); at <= disk_calls(); at++) {
        if (disk_is_sync(at) || (at > 0 && disk_is_sync(at - 1))) {
            if (count++ % step == 0) {
                cut(at, (enum disk_loss)guest_random(DISK_LOSSES));
            }
        }
    }
    guest_ok(bad_cuts == before, "the power is cut before and after syncs, every %u-th", step);
}

static void cut_everywhere(void)
{
    unsigned before = bad_cuts;
    for (unsigned at = 0; at <= disk_calls(); at++) {
        cut(at, (enum disk_loss)guest_random(DISK_LOSSES));
    }
    guest_ok(bad_cuts == before, "the power is cut at each of %u boundaries", disk_calls() + 1);
}

int main(int argc, char **argv)
{
    char tokens[4200];
    if (argc != 2) {
        return 2;
    }
    (void)snprintf(tokens, sizeof tokens, "%s/recorded", guest_folder());
    (void)snprintf(rebuilt, sizeof rebuilt, "%s/rebuilt", guest_folder());
    guest_use_tokens(tokens, "");
    guest_load(argv[1]);
    disk_record(tokens);
    work();
    disk_stop();
    guest_note("%u calls recorded, %u events", disk_calls(), event_count);
    guest_ok(disk_calls() > 500 && event_count > 50, "the work is recorded");
    guest_use_tokens(rebuilt, "");
    disk_delete(rebuilt);
    cut_at_acknowledgements();
    cut_at_syncs(guest_amount(4, 1));
    cut_by_chance(guest_amount(60, 600));
    if (guest_amount(0, 1) == 1) {
        cut_everywhere();
    }
    guest_count("power-cuts", cuts);
    guest_count("objects-looked-at", objects);
    return guest_end();
}
