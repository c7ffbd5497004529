/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of the conformance runner: checks, how a chapter registers them, and what a check may
 * expect. A failed expectation leaves the check at once (longjmp), from whatever depth of helpers.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The state a check starts in; the runner brings it about and cleans up behind the check. */
enum fixture {
    FIX_LIBRARY,     /* loaded, not initialised */
    FIX_INITIALIZED, /* C_Initialize done, no session open */
    FIX_PUBLIC,      /* one R/W session S, nobody logged in */
    FIX_USER,        /* one R/W session S, the user logged in */
    FIX_SO,          /* one R/W session S, the SO logged in */
};

struct check {
    const char *name;
    enum fixture fixture;
    const char *clause; /* where the text says it: a function or a chapter of PKCS#11 3.2 */
    const char *title;  /* what it says */
    void (*run)(void);
    void (*run_row)(const void *row); /* instead of run, where a check stands for a table's rows */
};

#define CHECK(fixture, name, clause, title) {#name, fixture, clause, title, name, NULL}
#define CHECK_ROW(fixture, name, clause, title) {#name, fixture, clause, title, NULL, name}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A check that runs once: its id is chapter/name. */
void check_add(const char *chapter, const struct check *check);
/* A check that runs for a row of a table: its id is chapter/name:variant. */
void check_add_row(const char *chapter, const struct check *check, const char *variant,
                   const void *row);

#define check_add_table(chapter, table)                                                            \
    do {                                                                                           \
        for (size_t check_no = 0; check_no < COUNT(table); check_no++)                             \
            check_add(chapter, &(table)[check_no]);                                                \
    } while (0)

/* Every check of a table for every row of another, whose rows begin with their name. */
#define check_add_rows(chapter, table, rows)                                                       \
    do {                                                                                           \
        for (size_t row_no = 0; row_no < COUNT(rows); row_no++)                                    \
            for (size_t check_no = 0; check_no < COUNT(table); check_no++)                         \
                check_add_row(chapter, &(table)[check_no], (rows)[row_no].name, &(rows)[row_no]);  \
    } while (0)

/* The same for the rows for which condition holds: it may use row. */
#define check_add_rows_if(chapter, table, rows, condition)                                         \
    do {                                                                                           \
        for (size_t row_no = 0; row_no < COUNT(rows); row_no++) {                                  \
            __typeof__(&(rows)[0]) row = &(rows)[row_no];                                          \
            for (size_t check_no = 0; (condition) && check_no < COUNT(table); check_no++)          \
                check_add_row(chapter, &(table)[check_no], row->name, row);                        \
        }                                                                                          \
    } while (0)

/* Every chapter's file ends with one of these. */
void chapter_general(void);
void chapter_handles(void);
void chapter_slots(void);
void chapter_mechanisms(void);
void chapter_tokens(void);
void chapter_sessions(void);
void chapter_login(void);
void chapter_objects(void);
void chapter_attributes(void);
void chapter_modify(void);
void chapter_find(void);
void chapter_keygen(void);
void chapter_keypair(void);
void chapter_digest(void);
void chapter_sign(void);
void chapter_signature(void);
void chapter_cipher(void);
void chapter_encrypt(void);
void chapter_rsacrypt(void);
void chapter_dual(void);
void chapter_messages(void);
void chapter_state(void);
void chapter_verify(void);
void chapter_usage(void);
void chapter_wrap(void);
void chapter_derive(void);
void chapter_kdf(void);
void chapter_ike(void);
void chapter_pbe(void);
void chapter_null(void);
void chapter_badsigs(void);
void chapter_badinput(void);
void chapter_pubkey(void);
void chapter_groups(void);
void chapter_tls(void);
void chapter_pairs(void);
void chapter_curves(void);
void chapter_kem(void);
void chapter_wrapauth(void);
void chapter_lattice(void);
void chapter_hss(void);
void chapter_otp(void);
void chapter_templates(void);
void chapter_interop(void);
void chapter_random(void);
void chapter_process(void);
void chapter_events(void);
void chapter_removal(void);
void chapter_loginuser(void);
void chapter_async(void);
void chapter_features(void);
void chapter_every(void);
void chapter_makers(void);
void chapter_inits(void);
void chapter_returns(void);
void chapter_clauses(void);
void chapter_oasis(void);
void chapter_profiles(void);
void chapter_chaos(void);

#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)
#define HERE __FILE__ ":" STRINGIFY(__LINE__)

_Noreturn void check_fail(const char *where, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void check_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The code must be one of the list. CKR_FUNCTION_NOT_SUPPORTED, where it is not in the list, makes
 * the check a skipped one: a library need not support every function. */
void expect_rv(const char *where, const char *what, CK_RV rv, const CK_RV *allowed, size_t count);
void expect_failure(const char *where, const char *what, CK_RV rv);
void expect_true(const char *where, const char *what, bool holds);
void expect_equal(const char *where, const char *what, CK_ULONG got, CK_ULONG wanted);
void expect_bytes(const char *where, const char *what, const void *got, CK_ULONG got_length,
                  const void *wanted, CK_ULONG wanted_length);

#define EXPECT_ANY(call, ...)                                                                      \
    expect_rv(HERE, #call, (call), (const CK_RV[]){__VA_ARGS__},                                   \
              sizeof((const CK_RV[]){__VA_ARGS__}) / sizeof(CK_RV))
#define EXPECT(call, code) expect_rv(HERE, #call, (call), (const CK_RV[]){code}, 1)
#define EXPECT_OK(call) expect_rv(HERE, #call, (call), (const CK_RV[]){CKR_OK}, 1)
#define EXPECT_FAILURE(call) expect_failure(HERE, #call, (call))
#define EXPECT_TRUE(condition) expect_true(HERE, #condition, (condition))
#define EXPECT_EQUAL(got, wanted) expect_equal(HERE, #got, (CK_ULONG)(got), (CK_ULONG)(wanted))
#define EXPECT_BYTES(got, got_length, wanted, wanted_length)                                       \
    expect_bytes(HERE, #got, (got), (got_length), (wanted), (wanted_length))

/* The name of a return value, or its number. Valid until the fourth next call. */
const char *rv_name(CK_RV rv);
