/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIN tries of many processes, and of killed ones: all of them together have ten, right ones cost
 * none, and a killed try is a try.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>
#include <sys/syscall.h>

#include "guest.h"

#define LABEL "tries"

/* The derivation of a sealed token's PIN (pin.kdf = test) takes this much memory in one piece. */
#define DERIVATION_SIZE (8u << 20)

static int pipe_ends[2];

/* A slow derivation, so that it is hit surely. */
static void use_slow_tokens(void)
{
    char tokens[4200];
    (void)snprintf(tokens, sizeof tokens, "%s/slow", guest_folder());
    guest_use_tokens(tokens, "pin.kdf = strong");
}

/* One failed try locks, so that whether a try was counted is seen at the next one. */
static void use_one_try_tokens(void)
{
    char tokens[4200];
    (void)snprintf(tokens, sizeof tokens, "%s/one", guest_folder());
    guest_use_tokens(tokens, "pin.max_tries = 1");
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

/* Tries that are killed in the middle, until the PIN is locked; 0: it never was. On a busy machine
 * a try that is over may be seen late, and the next one begin late: they get longer and longer. */
static unsigned killed_tries(unsigned most)
{
    double whole = watched_try(GUEST_PIN, 0);
    guest_note("a try takes %.0f ms", whole);
    double ms = whole > 1 ? whole / 2 : 0.5;
    for (unsigned tries = 1; tries <= most; tries++, ms *= tries > 10 ? 1.25 : 1) {
        (void)watched_try("wrong pin", ms);
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
    unsigned tries = killed_tries(40);
    guest_note("locked after %u killed tries", tries);
    guest_ok(tries >= 10, "killed tries count: the PIN is locked in the end");
    guest_ok(guest_pin_opens(LABEL, CKU_USER, GUEST_PIN) == 2, "the right PIN is refused then");
    guest_ok(guest_wait(guest_fork(unlock_by_so, NULL)) == 0, "the SO sets the PIN anew");
    guest_ok(guest_pin_opens(LABEL, CKU_USER, GUEST_PIN) == 0, "which opens everything");
}

/* --- killed at every system call -------------------------------------------------------------- */

static int try_when_traced(void *unused)
{
    (void)unused;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0) {
        return 94;
    }
    CK_RV rv = guest_login(session, CKU_USER, "wrong pin");
    return rv == CKR_PIN_INCORRECT ? 1 : 3;
}

static int try_right(void *unused)
{
    (void)unused;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    CK_RV rv = guest_login(session, CKU_USER, GUEST_PIN);
    return rv == CKR_OK ? 0 : rv == CKR_PIN_LOCKED ? 2 : 3;
}

/* Whether the tracee is about to ask for the memory of a derivation. */
static bool begins_to_derive(pid_t pid)
{
    struct ptrace_syscall_info info = {0};
    return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_mmap &&
           info.entry.args[1] >= DERIVATION_SIZE;
}

struct traced_try {
    unsigned passed; /* boundaries */
    bool derived;    /* it had begun to */
    int end;         /* its exit code, or 128 and the signal */
};

/* A wrong PIN, killed at this boundary of its system calls. */
static struct traced_try kill_try(unsigned boundary)
{
    struct traced_try traced = {0};
    int status = 0;
    pid_t pid = guest_fork(try_when_traced, NULL);
    while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
        bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        traced.passed += is_call;
        if (is_call && traced.passed == boundary) {
            (void)kill(pid, SIGKILL);
            continue;
        }
        traced.derived = traced.derived || (is_call && begins_to_derive(pid));
        if (WSTOPSIG(status) == SIGSTOP) {
            (void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
                         (void *)(uintptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
        }
        (void)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
    }
    traced.end = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return traced;
}

/* Who learns something about a PIN has used up a try, wherever it is killed; and once a try is
 * counted, being killed later does not take it back. How many calls a try makes depends on what was
 * left of the log: the SO's PIN change before each makes all begin alike. */
static void check_every_boundary(void)
{
    unsigned tries = 0;
    unsigned counted = 0;
    unsigned derived = 0;
    unsigned wrong = 0;
    struct traced_try traced = {0};
    use_one_try_tokens();
    guest_token_prepare(LABEL);
    for (unsigned at = 1; traced.end != 1; at++) {
        traced = kill_try(at);
        int after = guest_wait(guest_fork(try_right, NULL));
        bool was_counted = after == 2;
        if ((after != 0 && after != 2) || (traced.end != 128 + SIGKILL && traced.end != 1) ||
            (!was_counted && (traced.derived || counted > 0 || traced.end == 1)) ||
            guest_wait(guest_fork(unlock_by_so, NULL)) != 0) {
            guest_note("killed at boundary %u (%d), %s: then %d", at, traced.end,
                       traced.derived ? "deriving" : "before the derivation", after);
            wrong++;
        }
        tries++;
        counted += was_counted;
        derived += traced.derived;
    }
    guest_note("%u tries over %u boundaries: %u had begun to derive, %u counted", tries,
               traced.passed, derived, counted);
    guest_count("killed-tries", tries);
    guest_ok(wrong == 0 && counted > 5 && counted < tries,
             "a try is counted before anything is learnt from it, and stays counted");
    guest_ok(strcmp(guest_kind()->name, "sealed") != 0 || derived > 5,
             "some were killed in the derivation and later");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    guest_load(argv[1]);
    guest_token_prepare(LABEL);
    check_tries();
    check_every_boundary();
    check_killed_tries();
    return guest_end();
}
