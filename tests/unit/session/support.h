/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine on the memory store with quick PINs, and tokens to work on.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "session/keys.h"
#include "session/objects.h"

#define PIN KK_SPAN_TEXT("1234")
#define SO_PIN KK_SPAN_TEXT("56785678")
#define LABEL "session test                    "

#define assert_ok(call) assert_int_equal((call), CKR_OK)

struct world {
    struct kk_engine *engine;
    struct kk_app *app; /* two applications on one engine */
    struct kk_app *other;
    CK_SLOT_ID slot;
};

/* An engine with one initialised token, with a user PIN, on a store engine of the caller's choice.
 */
void world_open_on(struct world *world, const struct kk_store_ops *store_ops, const char *tokendir);
void world_open(struct world *world);
void world_close(struct world *world);

CK_SESSION_HANDLE session_open(struct kk_app *app, CK_SLOT_ID slot, bool rw);
CK_RV session_login(struct kk_app *app, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                    struct kk_span pin);
CK_RV session_logout(struct kk_app *app, CK_SESSION_HANDLE session);

/* A data object with this label; CKR_ of the creation. */
CK_RV data_create(struct kk_app *app, CK_SESSION_HANDLE session, const char *label, bool token,
                  bool is_private, CK_OBJECT_HANDLE *ret_handle);

/* How many objects with this label (NULL: all) the session finds; *ret_first (may be NULL): a
 * handle. */
size_t find_count(struct kk_app *app, CK_SESSION_HANDLE session, const char *label,
                  CK_OBJECT_HANDLE *ret_first);
