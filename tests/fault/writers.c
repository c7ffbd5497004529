/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writers and their killer. They tell what they do through one pipe, which keeps the order of
 * what all of them say. Killing at boundaries is done by ptrace: a traced writer stops in front of
 * each system call and behind it, and at its last stop it is killed there.
 */
#include "writers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

const char writers_pin_name[THING_NAME] = {'U', 's', 'e', 'r'};

const char *writers_pin(unsigned version)
{
    return version % 2 == 1 ? GUEST_PIN : "another pin of a guest";
}

/* --- a writer --------------------------------------------------------------------------------- */

struct body {
    unsigned number;
    unsigned start; /* of its names */
    const struct killing_plan *plan;
};

static int pipe_ends[2];
static struct body self;
static CK_SESSION_HANDLE session;

static void tell(enum note_step step, const char name[THING_NAME], unsigned version, bool whole)
{
    struct note note = {.step = (uint8_t)step,
                        .writer = (uint8_t)self.number,
                        .version = (uint16_t)version,
                        .whole = whole};
    memcpy(note.name, name, sizeof note.name);
    if (write(pipe_ends[1], &note, sizeof note) != sizeof note) {
        _exit(92);
    }
}

static void need(CK_RV rv, const char *what)
{
    if (!guest_fine(rv, what)) {
        (void)fflush(stdout);
        _exit(93);
    }
}

static void change(struct thing *thing, unsigned version)
{
    tell(NOTE_ASK, thing->name, version, true);
    need(thing_change(session, thing, version), "a writer's change");
    tell(NOTE_ACK, thing->name, version, true);
}

static void change_pin(unsigned from)
{
    const char *old = writers_pin(from);
    const char *new = writers_pin(from + 1);
    tell(NOTE_ASK, writers_pin_name, from + 1, true);
    need(p11->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)old, strlen(old),
                       (CK_UTF8CHAR *)(uintptr_t)new, strlen(new)),
         "C_SetPIN");
    tell(NOTE_ACK, writers_pin_name, from + 1, true);
}

/* The acknowledged PIN, or one that was asked for after it. */
static unsigned log_in(void)
{
    unsigned version = book_acked(writers_pin_name);
    unsigned last = book_asked(writers_pin_name);
    CK_RV rv = CKR_PIN_INCORRECT;
    for (; version <= last; version++) {
        rv = guest_login(session, CKU_USER, writers_pin(version));
        if (rv != CKR_PIN_INCORRECT) {
            break;
        }
    }
    need(rv, "C_Login");
    return version;
}

struct leftovers {
    struct thing things[64];
    unsigned versions[64];
    size_t count;
};

static void say_found(const struct thing *thing, unsigned version, bool whole, void *context)
{
    struct leftovers *mine = context;
    tell(NOTE_FOUND, thing->name, version, whole);
    bool is_mine =
        (unsigned)(thing->name[1] - '0') * 10 + (unsigned)(thing->name[2] - '0') == self.number;
    if (is_mine && mine->count < 64) {
        mine->things[mine->count] = *thing;
        mine->versions[mine->count++] = version;
    }
}

static void destroy(struct thing *thing, unsigned version)
{
    if (thing->name[0] == THING_PAIR && version != THING_HALF) {
        change(thing, THING_HALF);
    }
    change(thing, THING_GONE);
}

/* Looks at everything, and says which version of the PIN it came in with. */
static unsigned look(struct leftovers *mine)
{
    need(p11->C_Initialize(NULL), "C_Initialize");
    session = guest_session(guest_token_find(WRITERS_LABEL));
    tell(NOTE_LOOK, writers_pin_name, 0, true);
    unsigned pin = log_in();
    tell(NOTE_FOUND, writers_pin_name, pin, true);
    need(things_each(session, say_found, mine), "looking at everything");
    tell(NOTE_DONE, writers_pin_name, 0, true);
    return pin;
}

/* One of each kind: made, changed, destroyed. One in eight rounds leaves its data object. Pairs
 * only where the two keys come as one: two files cannot. */
static void write_round(unsigned round)
{
    struct thing key = thing_named(THING_KEY, self.number, self.start + round);
    struct thing pair = thing_named(THING_PAIR, self.number, self.start + round);
    struct thing data = thing_named(THING_DATA, self.number, self.start + round);
    change(&key, THING_MADE);
    change(&key, 2);
    if (guest_kind()->pairs_whole) {
        change(&pair, THING_MADE);
    }
    change(&data, THING_MADE);
    change(&data, 2);
    change(&key, THING_GONE);
    if (guest_kind()->pairs_whole) {
        destroy(&pair, THING_MADE);
    }
    change(&data, THING_GONE);
}

static int write_things(void *argument)
{
    static struct leftovers mine;
    self = *(const struct body *)argument;
    unsigned pin = look(&mine);
    for (size_t i = 0; i < mine.count; i++) {
        destroy(&mine.things[i], mine.versions[i]);
    }
    if (self.plan->how == KILL_AT_BOUNDARY &&
        (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)) {
        return 94;
    }
    bool is_whole_script = self.plan->kills == 0;
    for (unsigned round = 0; round == 0 || !is_whole_script; round++) {
        write_round(round);
        if (self.plan->changes_pin) {
            change_pin(pin++);
        }
    }
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 95;
}

static int look_only(void *unused)
{
    static struct leftovers mine;
    (void)unused;
    self = (struct body){.number = WRITERS_MAX - 1};
    (void)look(&mine);
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 95;
}

/* --- the token -------------------------------------------------------------------------------- */

#define KEPT_WRITER 99u /* whose objects nobody destroys */
#define KEPT 4u

static int make_token(void *unused)
{
    (void)unused;
    need(p11->C_Initialize(NULL), "C_Initialize");
    if (guest_token_make(WRITERS_LABEL) == GUEST_NO_SLOT) {
        return 1;
    }
    need(p11->C_Finalize(NULL), "C_Finalize");
    session = guest_enter(WRITERS_LABEL);
    static const enum thing_kind kinds[] = {THING_KEY, THING_PAIR, THING_DATA};
    for (unsigned i = 0; i < 3 * KEPT; i++) {
        struct thing kept = thing_named(kinds[i % 3], KEPT_WRITER, i);
        change(&kept, THING_MADE);
    }
    return 0;
}

static void drain(void)
{
    struct note note;
    while (read(pipe_ends[0], &note, sizeof note) == sizeof note) {
        book_take(&note);
    }
}

void writers_prepare(void)
{
    if (pipe(pipe_ends) != 0 || fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) != 0) {
        guest_bail("no pipe");
    }
    if (guest_wait(guest_fork(make_token, NULL)) != 0) {
        guest_bail("cannot make a token");
    }
    book_begin();
    drain();
    struct note pin = {.step = NOTE_ASK, .version = 1};
    memcpy(pin.name, writers_pin_name, sizeof pin.name);
    book_take(&pin);
    pin.step = NOTE_ACK;
    book_take(&pin);
}

/* --- the killer ------------------------------------------------------------------------------- */

struct writer {
    struct body body;
    pid_t pid;
    unsigned left; /* boundaries */
    unsigned passed;
    double until; /* when it dies, or 0 */
    bool is_killed;
};

struct killer {
    const struct killing_plan *plan;
    struct writer writers[WRITERS_MAX];
    unsigned kills;
    unsigned alive;
    unsigned next; /* boundary, of a sweep */
    unsigned boundaries;
    bool is_over;
};

static void start_writer(struct killer *killer, struct writer *writer)
{
    static unsigned names;
    const struct killing_plan *plan = killer->plan;
    drain(); /* the child knows what is in the book */
    names += 1000;
    writer->body.start = names;
    writer->body.plan = plan;
    writer->passed = 0;
    writer->is_killed = false;
    if (plan->how == KILL_AT_MOMENT) {
        writer->until = guest_seconds() + guest_random(plan->last * 10) / 10000.0;
    } else if (plan->kills == 0) {
        writer->left = killer->next;
        killer->next += plan->step;
    } else {
        writer->left = 1 + guest_random(plan->last);
    }
    writer->pid = guest_fork(write_things, &writer->body);
    killer->alive++;
}

static void kill_writer(struct killer *killer, struct writer *writer)
{
    (void)kill(writer->pid, SIGKILL);
    writer->is_killed = true;
    killer->kills++;
}

/* It is gone: by our hand, or because its script is over. */
static void bury(struct killer *killer, struct writer *writer, int status)
{
    const struct killing_plan *plan = killer->plan;
    drain();
    book_drop_look(writer->body.number);
    killer->alive--;
    bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!(writer->is_killed && WIFSIGNALED(status)) && !(plan->kills == 0 && is_done)) {
        guest_bail("writer %u ended by itself, with %s %d", writer->body.number,
                   WIFSIGNALED(status) ? "signal" : "code",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    if (is_done) {
        killer->boundaries = writer->passed;
        killer->is_over = true;
    }
    if (plan->kills > 0 && killer->kills >= plan->kills) {
        killer->is_over = true;
    }
    if (!killer->is_over) {
        start_writer(killer, writer);
    }
}

static void go_on(struct killer *killer, struct writer *writer, int status)
{
    int signal = WSTOPSIG(status);
    if (signal == SIGSTOP) {
        (void)ptrace(PTRACE_SETOPTIONS, writer->pid, NULL,
                     (void *)(uintptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
        signal = 0;
    } else if (signal == (SIGTRAP | 0x80)) {
        signal = 0;
        writer->passed++;
        if (--writer->left == 0 || (killer->is_over && killer->plan->kills > 0)) {
            kill_writer(killer, writer);
            return;
        }
    }
    if (ptrace(PTRACE_SYSCALL, writer->pid, NULL, (void *)(uintptr_t)signal) != 0 &&
        errno != ESRCH) {
        guest_bail("cannot trace");
    }
}

static struct writer *writer_of(struct killer *killer, pid_t pid)
{
    for (unsigned i = 0; i < killer->plan->writers; i++) {
        if (killer->writers[i].pid == pid) {
            return &killer->writers[i];
        }
    }
    guest_bail("a child that is none of ours");
}

/* Kills those whose time has come; how long, in ms, until the next one's. */
static int kill_late(struct killer *killer)
{
    double now = guest_seconds();
    double first = now + 1;
    for (unsigned i = 0; i < killer->plan->writers; i++) {
        struct writer *writer = &killer->writers[i];
        if (!writer->is_killed && (now >= writer->until || killer->is_over)) {
            kill_writer(killer, writer);
        } else if (!writer->is_killed && writer->until < first) {
            first = writer->until;
        }
    }
    return (int)((first - now) * 1000) + 1;
}

static void wait_for_one(struct killer *killer)
{
    int status = 0;
    bool is_timed = killer->plan->how == KILL_AT_MOMENT;
    int pause = is_timed ? kill_late(killer) : 0;
    pid_t pid = waitpid(-1, &status, is_timed ? WNOHANG | __WALL : __WALL);
    drain();
    if (pid == 0) {
        struct pollfd from = {.fd = pipe_ends[0], .events = POLLIN};
        (void)poll(&from, 1, pause < 2 ? pause : 2);
        return;
    }
    if (pid < 0) {
        guest_bail("cannot wait for the writers");
    }
    struct writer *writer = writer_of(killer, pid);
    if (WIFSTOPPED(status)) {
        go_on(killer, writer, status);
    } else {
        bury(killer, writer, status);
    }
}

unsigned writers_kill(const struct killing_plan *plan, unsigned *ret_boundaries)
{
    static struct killer killer;
    killer = (struct killer){.plan = plan, .next = plan->first};
    for (unsigned i = 0; i < plan->writers; i++) {
        killer.writers[i].body.number = i;
        start_writer(&killer, &killer.writers[i]);
    }
    while (killer.alive > 0) {
        wait_for_one(&killer);
    }
    if (guest_wait(guest_fork(look_only, NULL)) != 0) {
        guest_bail("the token cannot be looked at");
    }
    drain();
    *ret_boundaries = killer.boundaries;
    return killer.kills;
}
