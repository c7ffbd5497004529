/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session table, and the frame of a call.
 */
#include "session/session.h"

#include "base/memory.h"
#include "session/async.h"
#include "session/audit.h"
#include "session/handles.h"
#include "session/question.h"

#include "base/banned.h"

struct kk_session *kk_session_ref(struct kk_session *session)
{
    atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
    return session;
}

static void session_free(struct kk_session *session)
{
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        if (session->operations[i] != NULL) {
            kk_operation_free(session->operations[i]);
        }
    }
    kk_find_free(&session->find);
    kk_job_unref(atomic_load(&session->job));
    kk_token_unref(session->token);
    kk_mutex_destroy(&session->lock);
    kk_free(session);
}

void kk_session_unref(struct kk_session *session)
{
    if (session != NULL &&
        atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) == 1) {
        session_free(session);
    }
}

static void cancel(struct kk_session *session, unsigned int what)
{
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        if ((what & KK_CANCEL_OPERATION(i)) != 0) {
            kk_operation_end(session->operations[i]);
        }
    }
    if ((what & KK_CANCEL_FIND) != 0) {
        kk_find_clear(&session->find);
    }
    if ((what & KK_CANCEL_DESTROYED) != 0) {
        kk_operation_forget_destroyed(session);
    }
}

/* Ends operations that a logout made void, and forgets the contexts of private keys. */
static void forget_logins(struct kk_session *session, uint64_t round)
{
    atomic_store(&session->login_round, round);
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        struct kk_operation *operation = session->operations[i];
        if (operation != NULL && operation->is_private && operation->login_round != round) {
            kk_operation_clear(operation);
        }
    }
    kk_question_free(KK_STEAL(session->find.question));
}

/* Caller holds the session's lock. */
static void purge(struct kk_session *session)
{
    KK_ASSERT_HELD(&session->lock);
    uint64_t round = atomic_load(&session->slot->login_round);
    if (round != atomic_load(&session->login_round)) {
        forget_logins(session, round);
    }
    if (atomic_load(&session->cancelled) != 0) {
        cancel(session, atomic_exchange(&session->cancelled, 0));
    }
}

static inline bool is_settled(struct kk_session *session)
{
    return atomic_load(&session->login_round) == atomic_load(&session->slot->login_round) &&
           atomic_load(&session->cancelled) == 0;
}

static void __attribute__((noinline)) settle(struct kk_session *session)
{
    while (!is_settled(session) && kk_mutex_trylock(&session->lock)) {
        purge(session);
        kk_mutex_unlock(&session->lock);
    }
}

void kk_session_settle(struct kk_session *session)
{
    settle(session);
}

/* The token was initialised anew under the session: this application's state of it is void. */
static void slot_void(struct kk_session *session)
{
    struct kk_slot *slot = session->slot;
    KK_LOCK_SCOPE(&session->app->state_lock);
    if (slot->incarnation == session->incarnation) {
        slot->incarnation = kk_token_incarnation(session->token);
        kk_slot_logout(session->app, slot);
        kk_handles_forget_slot(session->app, slot);
    }
}

static struct kk_session *find_session(struct kk_app *app, CK_SESSION_HANDLE handle)
{
    KK_LOCK_SCOPE(&app->lock);
    struct kk_session *session = kk_handle_map_find(app->sessions, handle);
    return session != NULL ? kk_session_ref(session) : NULL;
}

/* Whether the session may go on: open, on a token that is there and is still the same one. */
static KK_RV check_alive(struct kk_session *session, uint64_t *ret_epoch)
{
    KK_ENSURE(!atomic_load_explicit(&session->dead, memory_order_acquire),
              CKR_SESSION_HANDLE_INVALID);
    CK_RV rv = kk_token_fresh(session->token, ret_epoch);
    if (KK_UNLIKELY(rv == CKR_DEVICE_REMOVED)) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    KK_TRY(rv);
    if (KK_UNLIKELY(kk_token_incarnation(session->token) != session->incarnation)) {
        slot_void(session);
        return CKR_SESSION_HANDLE_INVALID;
    }
    return CKR_OK;
}

/* Whether the session's lock is for this call: another one than its job need not wait for it. */
static KK_RV check_job(struct kk_session *session, const struct kk_job *job)
{
    const struct kk_job *present = atomic_load_explicit(&session->job, memory_order_acquire);
    if (KK_LIKELY(present == job)) {
        return CKR_OK;
    }
    return job == NULL ? CKR_OPERATION_ACTIVE : CKR_FUNCTION_CANCELED;
}

static void end_void(struct kk_app *app, CK_SESSION_HANDLE handle, const struct kk_slot *slot);

static KK_RV begin(struct kk_app *app, CK_SESSION_HANDLE handle, const struct kk_job *job,
                   unsigned int what, struct kk_call *ret_call)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = find_session(app, handle);
    KK_ENSURE(session != NULL, CKR_SESSION_HANDLE_INVALID);
    KK_TRY(check_job(session, job));
    kk_mutex_lock(&session->lock);
    CK_RV rv = check_job(session, job); /* it may have come while this call waited */
    if (KK_LIKELY(rv == CKR_OK)) {
        rv = check_alive(session, &ret_call->epoch);
        if (KK_UNLIKELY(rv != CKR_OK)) {
            cancel(session, what);
        }
    }
    if (rv != CKR_OK) {
        kk_mutex_unlock(&session->lock);
        if (rv == CKR_SESSION_HANDLE_INVALID) {
            end_void(app, handle, session->slot);
        }
        return rv;
    }
    if (KK_UNLIKELY(!is_settled(session))) {
        purge(session);
    }
    ret_call->app = app;
    ret_call->session = KK_STEAL(session);
    return CKR_OK;
}

KK_RV kk_call_begin(struct kk_app *app, CK_SESSION_HANDLE handle, struct kk_call *ret_call)
{
    return begin(app, handle, NULL, 0, ret_call);
}

KK_RV kk_call_begin_on(struct kk_app *app, CK_SESSION_HANDLE handle, unsigned int what,
                       struct kk_call *ret_call)
{
    return begin(app, handle, NULL, what, ret_call);
}

KK_RV kk_call_begin_job(struct kk_app *app, CK_SESSION_HANDLE handle, const struct kk_job *job,
                        const atomic_bool *abandoned, struct kk_call *ret_call)
{
    KK_TRY(begin(app, handle, job, 0, ret_call));
    ret_call->abandoned = abandoned;
    return CKR_OK;
}

static bool forget_destroyed(KK_UNUSED CK_ULONG handle, void *value, KK_UNUSED void *context)
{
    struct kk_session *session = value;
    atomic_fetch_or(&session->cancelled, KK_CANCEL_DESTROYED);
    kk_session_settle(session);
    return true;
}

/* A destroyed key lies in no idle context of another session. */
static void forget_in_all(struct kk_app *app)
{
    KK_LOCK_SCOPE(&app->lock);
    kk_handle_map_each(app->sessions, forget_destroyed, NULL);
}

void kk_call_end(struct kk_call *call)
{
    struct kk_session *session = call->session;
    if (session == NULL) {
        return;
    }
    kk_mutex_unlock(&session->lock);
    /* A logout or a cancel that found the lock taken leaves the rest to whoever held it. */
    if (KK_UNLIKELY(!is_settled(session))) {
        settle(session);
    }
    kk_session_unref(session);
    call->session = NULL;
    if (KK_UNLIKELY(call->others_hold_it)) {
        call->others_hold_it = false;
        forget_in_all(call->app);
    }
}

KK_RV kk_session_living(struct kk_app *app, CK_SESSION_HANDLE handle,
                        struct kk_session **ret_session)
{
    uint64_t epoch = 0;
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = find_session(app, handle);
    KK_ENSURE(session != NULL, CKR_SESSION_HANDLE_INVALID);
    if (check_alive(session, &epoch) == CKR_SESSION_HANDLE_INVALID) {
        end_void(app, handle, session->slot);
        return CKR_SESSION_HANDLE_INVALID;
    }
    *ret_session = KK_STEAL(session);
    return CKR_OK;
}

KK_RV kk_session_cancel(struct kk_app *app, CK_SESSION_HANDLE handle, CK_FLAGS pending,
                        unsigned int what)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_session_living(app, handle, &session));
    kk_async_abandon(session, pending);
    atomic_fetch_or(&session->cancelled, what);
    kk_session_settle(session);
    return CKR_OK;
}

static bool settle_in_slot(KK_UNUSED CK_ULONG handle, void *value, void *context)
{
    struct kk_session *session = value;
    if (session->slot == context) {
        kk_session_settle(session);
    }
    return true;
}

/* The login that is about to end, for its last entry; NULL while nothing is audited. Caller holds
 * the state lock. */
static struct kk_unlock *for_audit(struct kk_app *app, const struct kk_slot *slot)
{
    return kk_app_audits(app) && slot->unlock != NULL ? kk_unlock_ref(slot->unlock) : NULL;
}

KK_RV kk_session_logout(struct kk_app *app, CK_SESSION_HANDLE handle)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    KK_TRY(kk_session_living(app, handle, &session));
    KK_WITH_LOCK(&app->state_lock)
    {
        KK_ENSURE(session->slot->login != KK_LOGIN_NONE, CKR_USER_NOT_LOGGED_IN);
        unlock = for_audit(app, session->slot);
        kk_slot_logout(app, session->slot);
    }
    KK_WITH_LOCK(&app->lock)
    {
        kk_handle_map_each(app->sessions, settle_in_slot, session->slot);
    }
    kk_session_audit_logout(session, unlock);
    return CKR_OK;
}

static KK_RV session_new(struct kk_app *app, struct kk_token *token, CK_FLAGS flags,
                         struct kk_session **ret_session)
{
    struct kk_session *session = NULL;
    KK_TRY(kk_alloc(sizeof *session, &session));
    session->refs = 1;
    session->app = app;
    session->token = kk_token_ref(token);
    session->flags = flags;
    session->rw = (flags & CKF_RW_SESSION) != 0;
    kk_mutex_init(&session->lock, KK_RANK_SESSION);
    *ret_session = session;
    return CKR_OK;
}

/* Counts the session in. Caller holds the sessions' lock, so that nobody closes it meanwhile. */
static KK_RV join_slot(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_session *session)
{
    struct kk_slot *slot = NULL;
    KK_LOCK_SCOPE(&app->state_lock);
    KK_TRY(kk_app_slot(app, slot_id, &slot));
    KK_ENSURE(slot->token == session->token, CKR_SLOT_ID_INVALID);
    KK_ENSURE(session->rw || slot->login != KK_LOGIN_SO, CKR_SESSION_READ_WRITE_SO_EXISTS);
    session->incarnation = kk_token_incarnation(session->token);
    if (slot->incarnation != session->incarnation) {
        slot->incarnation = session->incarnation;
        kk_slot_logout(app, slot);
        kk_handles_forget_slot(app, slot);
    }
    session->slot = slot;
    session->login_round = slot->login_round;
    slot->sessions++;
    slot->rw_sessions += session->rw;
    return CKR_OK;
}

KK_RV kk_session_open(struct kk_app *app, CK_SLOT_ID slot_id, CK_FLAGS flags,
                      CK_SESSION_HANDLE *ret_handle)
{
    uint64_t epoch = 0;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_app_slot_token(app, slot_id, &token));
    KK_ENSURE(token != NULL, CKR_TOKEN_NOT_RECOGNIZED);
    CK_RV rv = kk_token_fresh(token, &epoch);
    KK_TRY(rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv);
    kk_session_close_void(app, slot_id);
    KK_TRY(session_new(app, token, flags, &session));
    KK_LOCK_SCOPE(&app->lock);
    KK_TRY(kk_handle_map_add(app->sessions, session, &session->handle));
    rv = join_slot(app, slot_id, session);
    if (rv != CKR_OK) {
        kk_handle_map_remove(app->sessions, session->handle);
        return rv;
    }
    *ret_handle = session->handle;
    session = NULL; /* the map's now */
    return CKR_OK;
}

/* Takes a session, already out of the map, out of its slot: its objects go; the last one logs out.
 */
static void leave_slot(struct kk_session *session)
{
    struct kk_slot *slot = session->slot;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    atomic_store_explicit(&session->dead, true, memory_order_release);
    kk_async_abandon(session, ~(CK_FLAGS)0);
    KK_WITH_LOCK(&session->app->state_lock)
    {
        kk_handles_forget_session(session->app, session);
        slot->rw_sessions -= session->rw;
        if (--slot->sessions == 0) {
            unlock = for_audit(session->app, slot);
            kk_slot_logout(session->app, slot);
        }
    }
    kk_session_audit_logout(session, unlock);
}

KK_RV kk_session_close(struct kk_app *app, CK_SESSION_HANDLE handle)
{
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_WITH_LOCK(&app->lock)
    {
        session = kk_handle_map_remove(app->sessions, handle);
    }
    KK_ENSURE(session != NULL, CKR_SESSION_HANDLE_INVALID);
    leave_slot(session);
    return CKR_OK;
}

struct closing {
    const struct kk_slot *slot; /* NULL: every one */
    bool only_void;             /* whose token is another one now, or was out of its slot */
};

static bool close_one(KK_UNUSED CK_ULONG handle, void *value, void *context)
{
    struct kk_session *session = value;
    const struct closing *closing = context;
    if ((closing->slot != NULL && closing->slot != session->slot) ||
        (closing->only_void && kk_token_incarnation(session->token) == session->incarnation)) {
        return true;
    }
    leave_slot(session);
    kk_session_unref(session);
    return false;
}

KK_RV kk_session_close_slot(struct kk_app *app, CK_SLOT_ID slot_id)
{
    struct kk_slot *slot = NULL;
    KK_WITH_LOCK(&app->state_lock)
    {
        KK_TRY(kk_app_slot(app, slot_id, &slot));
    }
    KK_LOCK_SCOPE(&app->lock);
    kk_handle_map_each(app->sessions, close_one, &(struct closing){.slot = slot});
    return CKR_OK;
}

/* One session that finds itself void takes the others along: they count as open until then. */
static void close_void(struct kk_app *app, const struct kk_slot *slot)
{
    struct closing closing = {.slot = slot, .only_void = true};
    KK_LOCK_SCOPE(&app->lock);
    kk_handle_map_each(app->sessions, close_one, &closing);
}

static void end_void(struct kk_app *app, CK_SESSION_HANDLE handle, const struct kk_slot *slot)
{
    KK_IGNORE(kk_session_close(app, handle)); /* another thread may have closed it */
    close_void(app, slot);
}

void kk_session_close_void(struct kk_app *app, CK_SLOT_ID slot_id)
{
    struct kk_slot *slot = NULL;
    KK_WITH_LOCK(&app->state_lock)
    {
        if (kk_app_slot(app, slot_id, &slot) != CKR_OK || slot->sessions == 0 ||
            slot->incarnation == kk_token_incarnation(slot->token)) {
            return;
        }
    }
    close_void(app, slot);
}

void kk_session_close_all(struct kk_app *app)
{
    KK_LOCK_SCOPE(&app->lock);
    kk_handle_map_each(app->sessions, close_one, &(struct closing){.slot = NULL});
}

CK_STATE kk_session_state(struct kk_session *session)
{
    static const CK_STATE states[2][3] = {
        {CKS_RO_PUBLIC_SESSION, CKS_RO_USER_FUNCTIONS, CKS_RO_PUBLIC_SESSION},
        {CKS_RW_PUBLIC_SESSION, CKS_RW_USER_FUNCTIONS, CKS_RW_SO_FUNCTIONS},
    };
    KK_LOCK_SCOPE(&session->app->state_lock);
    return states[session->rw][session->slot->login];
}

void kk_session_actor(struct kk_session *session, struct kk_actor *ret_actor)
{
    KK_LOCK_SCOPE(&session->app->state_lock);
    *ret_actor = (struct kk_actor){
        .user_logged_in = session->slot->login == KK_LOGIN_USER,
        .so_logged_in = session->slot->login == KK_LOGIN_SO,
        .rw_session = session->rw,
    };
}

struct kk_unlock *kk_session_unlock(struct kk_session *session, bool *ret_user)
{
    KK_LOCK_SCOPE(&session->app->state_lock);
    *ret_user = session->slot->login == KK_LOGIN_USER;
    return session->slot->unlock != NULL ? kk_unlock_ref(session->slot->unlock) : NULL;
}
