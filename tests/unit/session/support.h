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

CK_RV object_create(struct kk_app *app, CK_SESSION_HANDLE session, const CK_ATTRIBUTE *attributes,
                    size_t count, CK_OBJECT_HANDLE *ret_handle);
CK_RV object_destroy(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);
CK_RV object_label(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                   const char *label);

/* Whether the handle says something: CKR_OK or CKR_OBJECT_HANDLE_INVALID. */
CK_RV object_ask(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);

/* An AES key of 16 bytes for every use, extractable. */
CK_OBJECT_HANDLE aes_create(struct kk_app *app, CK_SESSION_HANDLE session, bool token,
                            bool is_private);

CK_RV op_init(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
              const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV op_cipher(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                enum kk_phase phase, struct kk_span in, uint8_t *out, CK_ULONG *len);
CK_RV op_update(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                struct kk_span in);
CK_RV op_result(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                enum kk_phase phase, struct kk_span in, uint8_t *out, CK_ULONG *len);
CK_RV op_verify(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_phase phase,
                struct kk_span in, struct kk_span signature);

/* The same call from another thread, which must come back although this one is inside a call. */
typedef CK_RV session_call(struct kk_app *app, CK_SESSION_HANDLE session);
CK_RV apart(session_call *call, struct kk_app *app, CK_SESSION_HANDLE session);
