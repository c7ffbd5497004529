/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One Cryptoki application: its slots as it sees them, its sessions, login states, handles and
 * session objects. Many may stand on one engine; the module has one, the daemon one per client,
 * tests two.
 */
#pragma once

#include "base/handle_map.h"
#include "base/lock.h"
#include "object/policy.h"
#include "token/index.h"
#include "token/token.h"
#include "token/uuid_map.h"

struct kk_session;
struct kk_builtins;
struct kk_workers;

/* Who is logged in on a token, seen by one application. */
enum kk_login_state { KK_LOGIN_NONE, KK_LOGIN_USER, KK_LOGIN_SO };

/* A slot as one application sees it: ids stay until C_Finalize. Lives as long as the application.
 */
struct kk_slot {
    CK_SLOT_ID id;
    struct kk_token *token; /* NULL: the empty slot */
    bool left;              /* its token was deleted */
    bool gone;              /* and the slot is not listed any more */
    bool unlisted;          /* an event brought it; the next C_GetSlotList(NULL) lists it */
    uint64_t plug;          /* of its token, when an event was last looked for */
    bool event;             /* a token came or went, and C_WaitForSlotEvent has not said so */
    size_t sessions;        /* open ones */
    size_t rw_sessions;
    enum kk_login_state login;
    struct kk_unlock *unlock;
    uint8_t user[KK_USER_NAME_MAX]; /* the name of who is logged in; the unnamed user's is empty */
    size_t user_len;
    _Atomic uint64_t login_round; /* moves at each login and logout */
    uint64_t incarnation; /* of the token, when the first of the present sessions was opened */
    struct kk_index *session_objects;
    struct kk_builtins *builtins; /* made by the token itself; NULL until somebody asks */
};

/* Handles that hold a version of a token object, in the order in which they came to it. A full ring
 * takes the object from the one that came first: its handle stays, and asks the token again. */
struct kk_handle_ring {
    struct kk_handle **entries; /* NULL: a place that was left */
    size_t capacity;            /* grows up to the configuration's cache.objects */
    size_t next;
};

struct kk_app {
    struct kk_engine *engine;
    _Atomic uint64_t counter; /* handles of both kinds */

    struct kk_mutex lock;           /* KK_RANK_SESSIONS */
    struct kk_handle_map *sessions; /* of struct kk_session */

    struct kk_mutex state_lock;    /* KK_RANK_STATE */
    struct kk_handle_map *objects; /* of struct kk_handle */
    struct kk_uuid_map *handles;   /* uuid -> struct kk_handle: one handle per object */
    struct kk_handle_ring ring;    /* the handles that hold a token object */
    struct kk_slot **slots;        /* by rising id, the empty one last */
    size_t slot_count;
    size_t making; /* tokens that calls of this application are making: their slots are theirs */
    atomic_bool ending;
    struct kk_workers *workers; /* for asynchronous sessions */
};

/* The engine is borrowed and must outlive the application. Looks for tokens. */
KK_RV kk_app_new(struct kk_engine *engine, struct kk_app **ret_app);

/* C_Finalize: closes all sessions without waiting for calls under way in them. */
void kk_app_free(struct kk_app *app);
KK_DEFINE_CLEANUP(struct kk_app *, kk_app_free);

/* The slots' ids, empty one last. `look`: looks for tokens that came or went first. `present_only`
 * leaves out slots whose token was deleted or taken out. Copied; kk_free() it. */
KK_RV kk_app_slots(struct kk_app *app, bool look, bool present_only, CK_SLOT_ID **ret_ids,
                   size_t *ret_count);

/* C_WaitForSlotEvent: the slot of an event that nobody was told of. Without `block`: CKR_NO_EVENT
 * when there is none. CKR_CRYPTOKI_NOT_INITIALIZED: kk_app_end_waits() was called. */
KK_RV kk_app_slot_event(struct kk_app *app, bool block, CK_SLOT_ID *ret_slot_id);

/* C_Finalize: every wait for an event ends, and none begins any more. */
void kk_app_end_waits(struct kk_app *app);

/* Whether the slot has a token: not one that was deleted or taken out. CKR_SLOT_ID_INVALID. */
KK_RV kk_app_slot_is_present(struct kk_app *app, CK_SLOT_ID slot_id, bool *ret_present);

/* The slot itself. Caller holds the state lock. CKR_SLOT_ID_INVALID. */
KK_RV kk_app_slot(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_slot **ret_slot);

/* The slot's token, with a reference; *ret_token NULL for the empty slot. CKR_SLOT_ID_INVALID,
 * CKR_TOKEN_NOT_PRESENT when its token was deleted. */
KK_RV kk_app_slot_token(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_token **ret_token);

/* C_InitToken. CKR_SESSION_EXISTS with open sessions. */
KK_RV kk_app_init_token(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_span so_pin,
                        const char label[32]);

/* Open sessions and read-write ones, without those that ended with their token's leaving. */
KK_RV kk_app_slot_sessions(struct kk_app *app, CK_SLOT_ID slot_id, size_t *ret_sessions,
                           size_t *ret_rw_sessions);
