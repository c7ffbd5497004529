/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest of the module: what the fault and process tests share. They reach the module through
 * dlopen and its function list only, report in TAP, and work in the token directory of their own
 * that with_conf.sh makes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cryptoki/vendor.h"

#define GUEST_NO_SLOT ((CK_SLOT_ID) - 1)
#define GUEST_SO_PIN "so pin of a guest"
#define GUEST_PIN "user pin of a guest"
#define GUEST_ID_SIZE 16

extern CK_FUNCTION_LIST *p11;
extern CK_KEYKIST_FUNCTIONS *vendor; /* NULL when the module has no such interface */

/* Loads the module and seeds guest_random(); ends the test when it cannot. */
void guest_load(const char *path);

/* One TAP line, in order; the plan at the end. guest_end() is main's exit code. */
void guest_ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
void guest_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void guest_skip_all(const char *reason) __attribute__((noreturn));
void guest_bail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int guest_end(void);

/* rv is CKR_OK; says which code it is otherwise. */
bool guest_fine(CK_RV rv, const char *what);

const char *guest_code(CK_RV rv);

double guest_seconds(void);
void guest_sleep_ms(double ms);

/* From the seed that guest_load() prints; KEYKIST_FAULT_SEED sets it. Thread safe. */
uint32_t guest_random(uint32_t below);

/* A line that tests/fault/soak.sh adds up. */
void guest_count(const char *what, unsigned long count);

/* The kind of repository under test, by KEYKIST_FAULT_KIND; the first is the default. */
struct guest_kind {
    const char *name;
    const char *conf;    /* makes new tokens of this kind */
    bool lists_damage;   /* whether an object that is gone is told of */
    bool pairs_whole;    /* whether the two keys of a pair come and go as one */
    bool stays_unsynced; /* what failed at its sync may turn out to be there, whole */
    const char *const
        *volatile_files; /* of a token: what they hold matters to live processes only */
};
const struct guest_kind *guest_kind(void);

/* From here on tokens of that kind in the directory `tokens`, which is made when it is missing,
 * with these lines of configuration. For the next C_Initialize, in this process and its children.
 */
void guest_use_tokens(const char *tokens, const char *settings);

/* How much: `normal`, or `many` with KEYKIST_LONG_TESTS set. */
unsigned guest_amount(unsigned normal, unsigned many);

/* Under sanitizers, where a process takes several times as long to start. */
bool guest_is_slow(void);

/* Tokens and sessions. Opening waits for nothing and answers 0 when it cannot. */
CK_SLOT_ID guest_token_make(const char *label);
CK_SLOT_ID guest_token_find(const char *label);
CK_SLOT_ID guest_slot_blank(void);
CK_SESSION_HANDLE guest_session(CK_SLOT_ID slot);
CK_RV guest_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin);

/* Initialises, finds the token, opens a session, logs the user in; ends the process when it
 * cannot. */
CK_SESSION_HANDLE guest_enter(const char *label);

/* A private AES-256 token key that says what it should be: CKA_ID is the caller's, CKA_LABEL holds
 * the hex digits of the first AES block under the key. */
CK_RV guest_key_make(CK_SESSION_HANDLE session, const uint8_t id[GUEST_ID_SIZE],
                     CK_OBJECT_HANDLE *ret_key);

/* It encrypts to what its label says. */
bool guest_key_whole(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);

CK_RV guest_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count,
                 CK_OBJECT_HANDLE *found, CK_ULONG room, CK_ULONG *ret_count);

/* A child that runs `body` and exits with its result, at once. */
pid_t guest_fork(int (*body)(void *), void *argument);

/* Its exit code; 128 and the signal's number when killed. */
int guest_wait(pid_t pid);

/* The folder of this test: that of SOFTHSM2_CONF. */
const char *guest_folder(void);

/* A child makes a token of this label with one whole key in it; ends the test when it cannot. */
void guest_token_prepare(const char *label);

/* A child tries a PIN. 0: it opens, with everything in it; 1: it is wrong; more: anything else. */
int guest_pin_opens(const char *label, CK_USER_TYPE user, const char *pin);
