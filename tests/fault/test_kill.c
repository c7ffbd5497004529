/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that are killed at any moment: while they make, change and destroy objects, and while
 * they change a PIN. What the module acknowledged stays, and nothing is half.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "kill"
#define KEYS_MAX 20000
#define WRITERS 3u
#define CHANGES 4u /* per key, about */
#define NEW_PIN "another pin of a guest"

/* --- the writers ------------------------------------------------------------------------------ */

enum step { CREATE, MODIFY, DESTROY, READY };

/* What a writer tells before (`done` 0) and after a change. */
struct note {
    uint8_t id[GUEST_ID_SIZE];
    uint8_t step;
    uint8_t done;
    char year[4]; /* MODIFY */
};

static int pipe_ends[2];

static void tell(struct note note)
{
    if (write(pipe_ends[1], &note, sizeof note) != sizeof note) {
        _exit(92);
    }
}

static CK_RV set_year(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const char year[4])
{
    CK_DATE date = {{0}, {'0', '1'}, {'0', '1'}};
    memcpy(date.year, year, sizeof date.year);
    CK_ATTRIBUTE attribute = {CKA_START_DATE, &date, sizeof date};
    return p11->C_SetAttributeValue(session, key, &attribute, 1);
}

static CK_RV change(CK_SESSION_HANDLE session, struct note *note, CK_OBJECT_HANDLE *key)
{
    switch ((enum step)note->step) {
    case CREATE:
        return guest_key_make(session, note->id, key);
    case MODIFY:
        return set_year(session, *key, note->year);
    case DESTROY:
        return p11->C_DestroyObject(session, *key);
    case READY:
        break;
    }
    return CKR_OK;
}

/* Makes keys, changes them, destroys every other one, until it is killed. */
static int write_keys(void *unused)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    tell((struct note){.step = READY});
    (void)unused;
    for (unsigned turn = 0;; turn++) {
        CK_OBJECT_HANDLE key = 0;
        struct note note = {.step = CREATE};
        for (size_t i = 0; i < sizeof note.id; i++) {
            note.id[i] = (uint8_t)guest_random(256);
        }
        for (unsigned i = 0; i < CHANGES; i++) {
            bool is_last = i == CHANGES - 1;
            note.step = i == 0 ? CREATE : is_last && turn % 2 == 0 ? DESTROY : MODIFY;
            note.year[0] = '2';
            for (size_t j = 1; j < sizeof note.year; j++) {
                note.year[j] = (char)('0' + guest_random(10));
            }
            note.done = 0;
            tell(note);
            CK_RV rv = change(session, &note, &key);
            if (!guest_fine(rv, "a writer's change")) {
                return 93;
            }
            note.done = 1;
            tell(note);
        }
    }
}

/* --- what is expected ------------------------------------------------------------------------- */

struct key_state {
    uint8_t id[GUEST_ID_SIZE];
    bool may_be_absent;
    bool may_be_present;
    char year[4];  /* acknowledged; zeroes: none */
    char other[4]; /* asked for; equal to year: acknowledged */
    bool seen;
};

static struct key_state states[KEYS_MAX];
static size_t state_count;

static struct key_state *state_of(const uint8_t id[GUEST_ID_SIZE])
{
    for (size_t i = state_count; i-- > 0;) {
        if (memcmp(states[i].id, id, GUEST_ID_SIZE) == 0) {
            return &states[i];
        }
    }
    return NULL;
}

static void expect(const struct note *note)
{
    struct key_state *state = state_of(note->id);
    if (state == NULL) {
        if (state_count == KEYS_MAX) {
            guest_bail("too many keys");
        }
        state = &states[state_count++];
        memcpy(state->id, note->id, sizeof state->id);
    }
    switch ((enum step)note->step) {
    case CREATE:
        state->may_be_present = true;
        state->may_be_absent = note->done == 0;
        break;
    case MODIFY:
        memcpy(state->other, note->year, sizeof state->other);
        if (note->done) {
            memcpy(state->year, note->year, sizeof state->year);
        }
        break;
    case DESTROY:
        state->may_be_absent = true;
        state->may_be_present = note->done == 0;
        break;
    case READY:
        break;
    }
}

/* Takes what one writer told; false at the end of its pipe. */
static bool take_note(int from, bool *ret_ready)
{
    struct note note;
    ssize_t len = read(from, &note, sizeof note);
    if (len != sizeof note) {
        return false;
    }
    if (note.step == READY) {
        *ret_ready = true;
    } else {
        expect(&note);
    }
    return true;
}

/* --- the check -------------------------------------------------------------------------------- */

struct check_result {
    size_t found;
    size_t broken;
    size_t unknown;
    size_t stale;
    size_t lost;
};

static void check_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct check_result *result)
{
    uint8_t id[GUEST_ID_SIZE];
    CK_DATE date = {{0}, {0}, {0}};
    CK_ATTRIBUTE attributes[] = {{CKA_ID, id, sizeof id}, {CKA_START_DATE, &date, sizeof date}};
    result->found++;
    if (!guest_key_whole(session, key) ||
        !guest_fine(p11->C_GetAttributeValue(session, key, attributes, 2), "reading a key")) {
        result->broken++;
        return;
    }
    struct key_state *state = state_of(id);
    if (state == NULL || state->seen || !state->may_be_present) {
        result->unknown++;
        return;
    }
    state->seen = true;
    if (attributes[1].ulValueLen == 0) {
        memset(date.year, 0, sizeof date.year);
    }
    result->stale += memcmp(date.year, state->year, sizeof date.year) != 0 &&
                     memcmp(date.year, state->other, sizeof date.year) != 0;
}

static int check_keys(void *argument)
{
    static CK_OBJECT_HANDLE found[KEYS_MAX];
    struct check_result result = {0};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_ULONG count = 0;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    (void)argument;
    if (!guest_fine(guest_find(session, &wanted, 1, found, KEYS_MAX, &count), "finding keys")) {
        return 1;
    }
    for (CK_ULONG i = 0; i < count; i++) {
        check_key(session, found[i], &result);
    }
    for (size_t i = 0; i < state_count; i++) {
        result.lost += !states[i].seen && !states[i].may_be_absent;
    }
    guest_note("%zu keys: %zu broken, %zu not expected, %zu stale, %zu lost", result.found,
               result.broken, result.unknown, result.stale, result.lost);
    (void)p11->C_Finalize(NULL);
    return result.broken + result.unknown + result.stale + result.lost == 0 ? 0 : 1;
}

static bool all_whole(void)
{
    return guest_wait(guest_fork(check_keys, NULL)) == 0;
}

/* --- killing writers -------------------------------------------------------------------------- */

struct writer {
    pid_t pid;
    int from;
    double until; /* when it dies */
    bool ready;
};

static struct writer start_writer(void)
{
    struct writer writer = {0};
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    writer.pid = guest_fork(write_keys, NULL);
    (void)close(pipe_ends[1]);
    writer.from = pipe_ends[0];
    /* One in four may die before it has logged in. */
    writer.until = guest_random(4) == 0 ? guest_seconds() + guest_random(60) / 1000.0 : 0;
    return writer;
}

/* How many writers ended in another way than by our signal. */
static unsigned end_writer(struct writer *writer)
{
    bool ready = false;
    (void)kill(writer->pid, SIGKILL);
    int code = guest_wait(writer->pid);
    while (take_note(writer->from, &ready)) {
    }
    (void)close(writer->from);
    return code != 128 + SIGKILL;
}

/* Reads on while it lives. Each writer has a pipe of its own, so its notes are in order. */
static void watch(struct writer *writer)
{
    bool ready = false;
    while (!writer->ready && (writer->until == 0 || guest_seconds() < writer->until) &&
           take_note(writer->from, &ready)) {
        if (ready && !writer->ready) {
            writer->ready = true;
            writer->until = guest_seconds() + guest_random(80) / 1000.0;
        }
    }
}

static void kill_writers(unsigned kills)
{
    struct writer writers[WRITERS];
    unsigned surprises = 0;
    for (unsigned done = 0; done < kills; done += WRITERS) {
        for (unsigned i = 0; i < WRITERS; i++) {
            writers[i] = start_writer();
        }
        for (unsigned i = 0; i < WRITERS; i++) {
            if (writers[i].until == 0) {
                watch(&writers[i]);
            }
            double rest = writers[i].until - guest_seconds();
            if (rest > 0) {
                guest_sleep_ms(rest * 1000);
            }
            surprises += end_writer(&writers[i]);
        }
        if (done % 30 == 0 && !all_whole()) {
            guest_ok(false, "everything is whole after %u kills", done + WRITERS);
        }
    }
    guest_ok(surprises == 0, "no writer ended by itself");
    guest_ok(all_whole(), "every acknowledged change is there and whole after %u kills", kills);
}

/* --- killing a change of a PIN ---------------------------------------------------------------- */

struct pins {
    CK_USER_TYPE user;
    const char *from;
    const char *to;
};

static int change_pin(void *argument)
{
    const struct pins *pins = argument;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    if (pins->user == CKU_SO && guest_login(session, CKU_SO, pins->from) != CKR_OK) {
        return 91;
    }
    tell((struct note){.step = READY});
    CK_RV rv = p11->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)pins->from, strlen(pins->from),
                             (CK_UTF8CHAR *)(uintptr_t)pins->to, strlen(pins->to));
    return guest_fine(rv, "C_SetPIN") ? 0 : 94;
}

/* One change, killed after at most `ms`; the PIN that is right afterwards, NULL when none is. */
static const char *kill_change(struct pins pins, unsigned ms)
{
    struct note note;
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(change_pin, &pins);
    (void)close(pipe_ends[1]);
    (void)!read(pipe_ends[0], &note, sizeof note);
    guest_sleep_ms(guest_random(ms * 10) / 10.0);
    (void)kill(pid, SIGKILL);
    int ended = guest_wait(pid);
    (void)close(pipe_ends[0]);
    int old = guest_pin_opens(LABEL, pins.user, pins.from);
    int new = guest_pin_opens(LABEL, pins.user, pins.to);
    if (ended == 0 && new != 0) {
        guest_note("an acknowledged change is lost (%d)", new);
        return NULL;
    }
    if (!(old == 0 && new == 1) && !(old == 1 && new == 0)) {
        guest_note("the old PIN gives %d, the new one %d", old, new);
        return NULL;
    }
    return new == 0 ? pins.to : pins.from;
}

/* A change that nobody kills; how long it took in milliseconds, 0 when it failed. */
static unsigned time_change(struct pins pins)
{
    struct note note;
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(change_pin, &pins);
    (void)!read(pipe_ends[0], &note, sizeof note);
    double start = guest_seconds();
    int ended = guest_wait(pid);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
    return ended == 0 ? 1 + (unsigned)((guest_seconds() - start) * 1000) : 0;
}

static bool kill_changes(CK_USER_TYPE user, const char *first, unsigned kills)
{
    const char *pins[] = {first, NEW_PIN};
    unsigned changed = 0;
    unsigned present = 0;
    unsigned there = time_change((struct pins){user, first, NEW_PIN});
    unsigned back = time_change((struct pins){user, NEW_PIN, first});
    for (unsigned i = 0; i < kills && there > 0 && back > 0; i++) {
        struct pins change = {user, pins[present], pins[1 - present]};
        const char *right = kill_change(change, (there + back) * 3 / 4);
        if (right == NULL) {
            return false;
        }
        changed += right == change.to;
        present = right == pins[1];
    }
    guest_note("%u of %u killed changes, of %u ms each, took place", changed, kills, back);
    /* Back to what the other tests use. */
    return there > 0 && back > 0 &&
           (present == 0 || time_change((struct pins){user, NEW_PIN, first}) > 0);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    guest_load(argv[1]);
    guest_token_prepare(LABEL);
    unsigned kills = guest_amount(20, 300);
    guest_ok(kill_changes(CKU_USER, GUEST_PIN, kills),
             "the user's PIN is the old or the new one after each of %u kills", kills);
    guest_ok(kill_changes(CKU_SO, GUEST_SO_PIN, kills / 2), "so is the SO's after each of %u kills",
             kills / 2);
    state_count = 1; /* the first key */
    states[0] = (struct key_state){.id = {1}, .may_be_present = true};
    kill_writers(guest_amount(60, 3000));
    return guest_end();
}
