/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that are killed at any moment: while they make, change and destroy objects, while they
 * change a PIN, while they try one. What the module acknowledged stays, nothing is half, and a
 * killed try is a try.
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

static void sleep_ms(double ms)
{
    struct timespec span = {.tv_sec = (time_t)(ms / 1000)};
    span.tv_nsec = (long)((ms - (double)span.tv_sec * 1000) * 1e6);
    (void)nanosleep(&span, NULL);
}

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
                sleep_ms(rest * 1000);
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

static const char *pin_tried;

/* 0: it opens, with everything in it; 1: it is wrong; more: anything else. */
static int try_pin(void *argument)
{
    CK_USER_TYPE user = *(CK_USER_TYPE *)argument;
    CK_OBJECT_HANDLE found[4];
    CK_ULONG count = 0;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    CK_RV rv = guest_login(session, user, pin_tried);
    if (rv == CKR_PIN_INCORRECT) {
        return 1;
    }
    if (!guest_fine(rv, "C_Login")) {
        return 2;
    }
    if (user == CKU_SO) {
        return 0;
    }
    rv = guest_find(session, NULL, 0, found, 4, &count);
    for (CK_ULONG i = 0; i < count; i++) {
        if (!guest_key_whole(session, found[i])) {
            return 3;
        }
    }
    return guest_fine(rv, "finding") && count > 0 ? 0 : 4;
}

static int pin_opens(CK_USER_TYPE user, const char *pin)
{
    pin_tried = pin;
    return guest_wait(guest_fork(try_pin, &user));
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
    sleep_ms(guest_random(ms * 10) / 10.0);
    (void)kill(pid, SIGKILL);
    int ended = guest_wait(pid);
    (void)close(pipe_ends[0]);
    int old = pin_opens(pins.user, pins.from);
    int new = pin_opens(pins.user, pins.to);
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

/* --- tries ------------------------------------------------------------------------------------ */

/* A slow derivation, so that it is hit surely. */
static void use_slow_tokens(void)
{
    char path[4200];
    char tokens[4200];
    (void)snprintf(tokens, sizeof tokens, "mkdir -p '%s/slow'", guest_folder());
    (void)snprintf(path, sizeof path, "%s/slow.conf", guest_folder());
    FILE *file = fopen(path, "w");
    if (file == NULL || system(tokens) != 0) {
        guest_bail("cannot make the slow configuration");
    }
    (void)fprintf(file,
                  "directories.tokendir = %s/slow\nlog.target = file\nlog.file = %s/log\n"
                  "pin.kdf = strong\n",
                  guest_folder(), guest_folder());
    (void)fclose(file);
    (void)setenv("SOFTHSM2_CONF", path, 1);
}

static int make_token(void *unused)
{
    uint8_t id[GUEST_ID_SIZE] = {1};
    CK_OBJECT_HANDLE key = 0;
    (void)unused;
    if (p11->C_Initialize(NULL) != CKR_OK || guest_token_make(LABEL) == GUEST_NO_SLOT ||
        p11->C_Finalize(NULL) != CKR_OK) {
        return 1;
    }
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    return guest_fine(guest_key_make(session, id, &key), "a first key") ? 0 : 1;
}

static int wait_then_log_in(void *argument)
{
    const char *pin = argument;
    char go;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    (void)!read(pipe_ends[0], &go, 1);
    CK_RV rv = guest_login(session, CKU_USER, pin);
    return rv == CKR_OK ? 0 : rv == CKR_PIN_INCORRECT ? 1 : rv == CKR_PIN_LOCKED ? 2 : 3;
}

static int flags_locked(void *unused)
{
    CK_TOKEN_INFO info;
    (void)unused;
    return p11->C_Initialize(NULL) == CKR_OK &&
                   p11->C_GetTokenInfo(guest_token_find(LABEL), &info) == CKR_OK &&
                   (info.flags & CKF_USER_PIN_LOCKED) != 0
               ? 0
               : 1;
}

/* Starts `count` at once with this PIN; how often each answer came. */
static void race(const char *pin, unsigned count, unsigned answers[4])
{
    pid_t pids[32];
    char go[32] = {0};
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    for (unsigned i = 0; i < count; i++) {
        pids[i] = guest_fork(wait_then_log_in, (void *)(uintptr_t)pin);
    }
    (void)!write(pipe_ends[1], go, count);
    for (unsigned i = 0; i < count; i++) {
        int code = guest_wait(pids[i]);
        answers[code >= 0 && code < 3 ? code : 3]++;
    }
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

static int unlock_by_so(void *unused)
{
    (void)unused;
    CK_UTF8CHAR pin[] = GUEST_PIN;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    return guest_fine(guest_login(session, CKU_SO, GUEST_SO_PIN), "C_Login of the SO") &&
                   guest_fine(p11->C_InitPIN(session, pin, sizeof pin - 1), "C_InitPIN")
               ? 0
               : 1;
}

static int log_in_watched(void *argument)
{
    const char *pin = argument;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    tell((struct note){.step = READY});
    return guest_login(session, CKU_USER, pin) == CKR_OK ? 0 : 1;
}

/* A try of this PIN, killed `ms` after it began (0: never); how many milliseconds it took. */
static double watched_try(const char *pin, double ms)
{
    struct note note;
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(log_in_watched, (void *)(uintptr_t)pin);
    (void)!read(pipe_ends[0], &note, sizeof note);
    double start = guest_seconds();
    if (ms > 0) {
        sleep_ms(ms);
        (void)kill(pid, SIGKILL);
    }
    (void)guest_wait(pid);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
    return (guest_seconds() - start) * 1000;
}

/* Tries that are killed in the middle, until the PIN is locked; 0: it never was. */
static unsigned killed_tries(unsigned most)
{
    double whole = watched_try(GUEST_PIN, 0);
    guest_note("a try takes %.0f ms", whole);
    for (unsigned tries = 1; tries <= most; tries++) {
        (void)watched_try("wrong pin", whole / 2);
        if (guest_wait(guest_fork(flags_locked, NULL)) == 0) {
            return tries;
        }
    }
    return 0;
}

static void check_tries(void)
{
    unsigned answers[4] = {0};
    race(GUEST_PIN, 11, answers);
    guest_ok(answers[0] == 11, "eleven right PINs at once all open");
    memset(answers, 0, sizeof answers);
    race("wrong pin", 16, answers);
    guest_note("%u wrong, %u locked, %u else", answers[1], answers[2], answers[0] + answers[3]);
    guest_ok(answers[1] == 10 && answers[2] == 6, "sixteen wrong ones at once get ten tries");
    guest_ok(pin_opens(CKU_USER, GUEST_PIN) == 2, "then the right one is refused");
    guest_ok(guest_wait(guest_fork(unlock_by_so, NULL)) == 0, "the SO sets the PIN anew");
    guest_ok(pin_opens(CKU_USER, GUEST_PIN) == 0, "which opens everything");
}

static void check_killed_tries(void)
{
    use_slow_tokens();
    if (guest_wait(guest_fork(make_token, NULL)) != 0) {
        guest_bail("cannot make a token");
    }
    unsigned tries = killed_tries(30);
    guest_note("locked after %u killed tries", tries);
    guest_ok(tries >= 10, "killed tries count: the PIN is locked in the end");
    guest_ok(pin_opens(CKU_USER, GUEST_PIN) == 2, "the right PIN is refused then");
    guest_ok(guest_wait(guest_fork(unlock_by_so, NULL)) == 0, "the SO sets the PIN anew");
    guest_ok(pin_opens(CKU_USER, GUEST_PIN) == 0, "which opens everything");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    guest_load(argv[1]);
    if (guest_wait(guest_fork(make_token, NULL)) != 0) {
        guest_bail("cannot make a token");
    }
    unsigned kills = guest_amount(20, 300);
    guest_ok(kill_changes(CKU_USER, GUEST_PIN, kills),
             "the user's PIN is the old or the new one after each of %u kills", kills);
    guest_ok(kill_changes(CKU_SO, GUEST_SO_PIN, kills / 2), "so is the SO's after each of %u kills",
             kills / 2);
    check_tries();
    state_count = 1; /* the first key */
    states[0] = (struct key_state){.id = {1}, .may_be_present = true};
    kill_writers(guest_amount(60, 3000));
    check_killed_tries();
    return guest_end();
}
