/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions, and the frame round every call in one.
 *
 * A session's own lock is held from kk_call_begin() to kk_call_end(), across crypto and storage:
 * two calls in one session wait for each other, calls in two sessions never do. Closing a session,
 * logging out and finalizing mark it dead and do not wait; the last holder frees it.
 */
#pragma once

#include "session/app.h"
#include "session/operation.h"

struct kk_handle;
struct kk_job;

/* A search, and what the next one may use again. */
struct kk_find {
    bool active;
    struct kk_uuid_list found; /* matches, those before `next` handed out */
    size_t next;
    struct kk_question *question; /* the template of the last search; NULL: none is kept */
};

/* Ends the search, if there is one. */
void kk_find_clear(struct kk_find *find);

/* And frees all that it has. */
void kk_find_free(struct kk_find *find);

/* A use of a key with CKA_ALWAYS_AUTHENTICATE, see guarded.h. */
struct kk_guarded {
    enum { KK_GUARDED_NOT, KK_GUARDED_ASKED, KK_GUARDED_GRANTED } state;
    struct kk_uuid key;
    uint64_t login_round;
};

struct kk_session {
    atomic_uint refs;
    struct kk_app *app;
    struct kk_slot *slot;
    struct kk_token *token; /* a reference */
    CK_SESSION_HANDLE handle;
    bool rw;
    CK_FLAGS flags;
    atomic_bool dead;
    uint64_t incarnation;
    struct kk_handle *owned;      /* its session objects, which go with it; state lock */
    _Atomic uint64_t login_round; /* at which idle contexts were last looked through */
    _Atomic(struct kk_job *) job; /* an asynchronous call, a reference; changed under state lock */
    _Atomic unsigned int cancelled; /* KK_CANCEL_ bits that whoever holds the lock owes */
    struct kk_mutex lock;           /* KK_RANK_SESSION; covers what follows */
    struct kk_operation *operations[KK_OP_COUNT]; /* NULL: none of that kind was begun yet */
    bool validated; /* the last operation that completed was an approved service (offer.h) */
    struct kk_find find;
    struct kk_guarded guarded;
};

/* What C_SessionCancel ends: an operation of a kind, the search. */
#define KK_CANCEL_OPERATION(kind) (1u << (kind))
#define KK_CANCEL_FIND (1u << KK_OP_COUNT)
#define KK_CANCEL_DESTROYED (2u << KK_OP_COUNT) /* operations and contexts of destroyed keys */

struct kk_call {
    struct kk_app *app;
    struct kk_session *session;
    uint64_t epoch;               /* of the token, when the call began */
    struct kk_audit_note note;    /* how what is being made came about; zeros: C_CreateObject */
    const atomic_bool *abandoned; /* of a job: nobody waits for it any more. NULL: no job */
    bool others_hold_it; /* what was destroyed: other sessions let go of it when the call ends */
};

/* CKR_SESSION_HANDLE_INVALID: no such session, closed, its token deleted or initialised anew.
 * CKR_OPERATION_ACTIVE: an asynchronous call is pending in it. */
KK_RV kk_call_begin(struct kk_app *app, CK_SESSION_HANDLE handle, struct kk_call *ret_call);

/* The same for a call whose failure ends what `what` names, KK_CANCEL_ bits: also the failure of a
 * token that cannot be asked now. */
KK_RV kk_call_begin_on(struct kk_app *app, CK_SESSION_HANDLE handle, unsigned int what,
                       struct kk_call *ret_call);
/* The same for the worker that runs the session's job. CKR_FUNCTION_CANCELED: it was cancelled. */
KK_RV kk_call_begin_job(struct kk_app *app, CK_SESSION_HANDLE handle, const struct kk_job *job,
                        const atomic_bool *abandoned, struct kk_call *ret_call);
void kk_call_end(struct kk_call *call);

/* C_OpenSession. CKR_SLOT_ID_INVALID, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED (not
 * initialised), CKR_SESSION_READ_WRITE_SO_EXISTS. */
KK_RV kk_session_open(struct kk_app *app, CK_SLOT_ID slot_id, CK_FLAGS flags,
                      CK_SESSION_HANDLE *ret_handle);
KK_RV kk_session_close(struct kk_app *app, CK_SESSION_HANDLE handle);
KK_RV kk_session_close_slot(struct kk_app *app, CK_SLOT_ID slot_id);
void kk_session_close_all(struct kk_app *app);

/* Closes the slot's sessions that ended when their token left it or was initialised anew. */
void kk_session_close_void(struct kk_app *app, CK_SLOT_ID slot_id);

struct kk_session *kk_session_ref(struct kk_session *session);
void kk_session_unref(struct kk_session *session);
KK_DEFINE_CLEANUP(struct kk_session *, kk_session_unref);

/* A session for a call that does not take its lock. Codes of kk_call_begin(), but a store that
 * fails is no reason not to log out or to close. */
KK_RV kk_session_living(struct kk_app *app, CK_SESSION_HANDLE handle,
                        struct kk_session **ret_session);

/* C_GetSessionInfo's state. */
CK_STATE kk_session_state(struct kk_session *session);

/* Who is logged in now, for the policy. */
void kk_session_actor(struct kk_session *session, struct kk_actor *ret_actor);

/* An unlock of the present login, with a reference for the caller (NULL: nobody), and whether it is
 * a user's. */
struct kk_unlock *kk_session_unlock(struct kk_session *session, bool *ret_user);

/* Login states (login.c). `name` is empty for the unnamed user and for the SO, who has none. */
KK_RV kk_session_login(struct kk_call *call, CK_USER_TYPE user, struct kk_span name,
                       struct kk_span pin);
/* The same with the PIN of pin.auto. CKR_ARGUMENTS_BAD: there is none, or not for this user.
 * CKR_DEVICE_ERROR: it cannot be had. */
KK_RV kk_session_login_auto(struct kk_call *call, CK_USER_TYPE user, struct kk_span name);
/* Does not wait for a call under way in the session, or in any other: what such a call holds of
 * private keys goes when it ends. */
KK_RV kk_session_logout(struct kk_app *app, CK_SESSION_HANDLE handle);
KK_RV kk_session_init_pin(struct kk_call *call, struct kk_span pin);
KK_RV kk_session_set_pin(struct kk_call *call, struct kk_span old_pin, struct kk_span new_pin);

/* Named users, made and removed by the SO, or by the user where the SO cannot reset PINs. Codes of
 * repository.h, CKR_PIN_LEN_RANGE, CKR_SESSION_READ_ONLY. */
KK_RV kk_session_user_add(struct kk_call *call, struct kk_span name, struct kk_span pin);
KK_RV kk_session_user_remove(struct kk_call *call, struct kk_span name);

/* Ends a slot's login. Caller holds the state lock; sessions purge themselves. */
void kk_slot_logout(struct kk_app *app, struct kk_slot *slot);

/* C_SessionCancel: KK_CANCEL_ bits; `pending`: CKF_ kinds of asynchronous calls. Does not wait for
 * a call under way, whose operation ends with it. */
KK_RV kk_session_cancel(struct kk_app *app, CK_SESSION_HANDLE handle, CK_FLAGS pending,
                        unsigned int what);

/* Drops the contexts and ends the operations that a login, a logout or C_SessionCancel made void,
 * unless a call is under way: then that does so when it ends. */
void kk_session_settle(struct kk_session *session);
