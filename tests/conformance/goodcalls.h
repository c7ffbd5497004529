/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call of every function that must succeed, and what has to be there before it: for rules that
 * hold for all functions.
 */
#pragma once

#include "env.h"

struct good_call {
    const char *name;
    void (*prepare)(void); /* in S, the user logged in; fails or skips the check */
    CK_RV (*call)(void);
    CK_RV rv; /* what it gives; for most CKR_OK */
};

extern const struct good_call good_calls[];
extern const size_t good_call_count;

/* The same, but that a pointer which must be given is NULL: CKR_ARGUMENTS_BAD. */
extern const struct good_call null_calls[];
extern const size_t null_call_count;

/* Every preparation begins with it: another session is S, with nothing active in it. */
void good_call_session(CK_FLAGS flags);

/* A call may have left the library without C_Initialize. */
void good_call_end(void);
