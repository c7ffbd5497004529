/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that are killed while they change a PIN: the token opens with the old one or the new
 * one, never with both or none, and with the new one once the change was acknowledged.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "kill"
#define NEW_PIN "another pin of a guest"

static int pipe_ends[2];

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
    if (write(pipe_ends[1], "", 1) != 1) {
        return 92;
    }
    CK_RV rv = p11->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)pins->from, strlen(pins->from),
                             (CK_UTF8CHAR *)(uintptr_t)pins->to, strlen(pins->to));
    return guest_fine(rv, "C_SetPIN") ? 0 : 94;
}

/* One change, killed after at most `ms`; the PIN that is right afterwards, NULL when none is. */
static const char *kill_change(struct pins pins, unsigned ms)
{
    char ready;
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(change_pin, &pins);
    (void)close(pipe_ends[1]);
    (void)!read(pipe_ends[0], &ready, 1);
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
    char ready;
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(change_pin, &pins);
    (void)!read(pipe_ends[0], &ready, 1);
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
    guest_count("killed-pin-changes", kills + kills / 2);
    guest_ok(kill_changes(CKU_USER, GUEST_PIN, kills),
             "the user's PIN is the old or the new one after each of %u kills", kills);
    guest_ok(kill_changes(CKU_SO, GUEST_SO_PIN, kills / 2), "so is the SO's after each of %u kills",
             kills / 2);
    return guest_end();
}
