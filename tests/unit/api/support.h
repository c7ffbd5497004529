/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine on the memory store with quick PINs, one token, one application, and the C_ functions
 * called as a program calls them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/memory.h"

#define assert_ok(call) assert_int_equal((call), CKR_OK)

struct world {
    struct kk_engine *engine;
    struct kk_app *app;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* read-write, a user logged in */
};

extern CK_BBOOL yes;
extern CK_BBOOL no;

void world_open(struct world *world);
void world_close(struct world *world);

CK_SESSION_HANDLE open_session(struct kk_app *app, CK_SLOT_ID slot);
CK_RV login(struct kk_app *app, CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin);

/* An AES key for all uses, in the session or in the token. */
CK_OBJECT_HANDLE make_aes(struct world *world, CK_BBOOL token);

CK_RV sign_init(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
