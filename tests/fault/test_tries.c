/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIN tries of many processes, and of killed ones: all of them together have ten, right ones cost
 * none, and a killed try is a try.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "tries"

static int pipe_ends[2];

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
    if (write(pipe_ends[1], "", 1) != 1) {
        return 92;
    }
    return guest_login(session, CKU_USER, pin) == CKR_OK ? 0 : 1;
}

/* A try of this PIN, killed `ms` after it began (0: never); how many milliseconds it took. */
static double watched_try(const char *pin, double ms)
{
    char ready;
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(log_in_watched, (void *)(uintptr_t)pin);
    (void)!read(pipe_ends[0], &ready, 1);
    double start = guest_seconds();
    if (ms > 0) {
        guest_sleep_ms(ms);
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
    guest_ok(guest_pin_opens(LABEL, CKU_USER, GUEST_PIN) == 2, "then the right one is refused");
    guest_ok(guest_wait(guest_fork(unlock_by_so, NULL)) == 0, "the SO sets the PIN anew");
    guest_ok(guest_pin_opens(LABEL, CKU_USER, GUEST_PIN) == 0, "which opens everything");
}

static void check_killed_tries(void)
{
    use_slow_tokens();
    guest_token_prepare(LABEL);
    unsigned tries = killed_tries(30);
    guest_note("locked after %u killed tries", tries);
    guest_ok(tries >= 10, "killed tries count: the PIN is locked in the end");
    guest_ok(guest_pin_opens(LABEL, CKU_USER, GUEST_PIN) == 2, "the right PIN is refused then");
    guest_ok(guest_wait(guest_fork(unlock_by_so, NULL)) == 0, "the SO sets the PIN anew");
    guest_ok(guest_pin_opens(LABEL, CKU_USER, GUEST_PIN) == 0, "which opens everything");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    guest_load(argv[1]);
    guest_token_prepare(LABEL);
    check_tries();
    check_killed_tries();
    return guest_end();
}
