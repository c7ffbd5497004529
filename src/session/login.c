/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Login states: C_Login, C_Logout, C_InitPIN, C_SetPIN. The state belongs to the application's slot
 * and is shared by all its sessions there. PINs are derived outside every lock but the session's
 * own.
 */
#include "base/memory.h"
#include "session/guarded.h"
#include "session/handles.h"
#include "session/session.h"
#include "token/unattended.h"

#include "base/banned.h"

#define PIN_MIN_EVER 1

/* CKR_PIN_LEN_RANGE for PINs that are set anew. */
static KK_RV check_new_pin(const struct kk_session *session, struct kk_span pin)
{
    size_t min = session->app->engine->settings.pin_min_length;
    KK_ENSURE(pin.len >= KK_MAX(min, (size_t)PIN_MIN_EVER) && pin.len <= KK_PIN_MAX,
              CKR_PIN_LEN_RANGE);
    return CKR_OK;
}

/* Whether a login of this kind may begin. Caller holds the state lock. */
static KK_RV check_login(const struct kk_slot *slot, enum kk_login_state wanted)
{
    if (slot->login == wanted) {
        return CKR_USER_ALREADY_LOGGED_IN;
    }
    if (slot->login != KK_LOGIN_NONE) {
        return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    }
    /*= pkcs11-3.2 C_Login: CKR_SESSION_READ_ONLY_EXISTS when the SO logs in and a read-only session
     * is open */
    if (wanted == KK_LOGIN_SO && slot->sessions != slot->rw_sessions) {
        return CKR_SESSION_READ_ONLY_EXISTS;
    }
    return CKR_OK;
}

static KK_RV login_role(struct kk_session *session, enum kk_login_state wanted, enum kk_role role,
                        struct kk_span pin)
{
    struct kk_slot *slot = session->slot;
    struct kk_unlock *unlock = NULL;
    CK_RV rv = CKR_OK;
    KK_WITH_LOCK(&session->app->state_lock)
    {
        KK_TRY(check_login(slot, wanted));
    }
    KK_TRY(kk_token_login(session->token, role, KK_SPAN(NULL, 0), pin, &unlock));
    KK_WITH_LOCK(&session->app->state_lock)
    {
        rv = check_login(slot, wanted); /* another thread may have been quicker */
        if (rv == CKR_OK &&
            (atomic_load(&session->dead) || slot->incarnation != session->incarnation)) {
            rv = CKR_SESSION_CLOSED; /* or the token was initialised anew meanwhile */
        }
        if (rv == CKR_OK) {
            slot->login = wanted;
            slot->unlock = unlock;
            atomic_fetch_add(&slot->login_round, 1);
        }
    }
    if (rv != CKR_OK) {
        kk_token_logout(session->token, unlock);
    }
    return rv;
}

/*= pkcs11-3.2 C_Login: CKU_CONTEXT_SPECIFIC authenticates the key operation that is about to be
 * done */
static KK_RV login_context(struct kk_session *session, struct kk_span pin)
{
    bool user = false;
    KK_ENSURE(kk_operation_wants_login(session) || kk_guard_wants_login(session),
              CKR_OPERATION_NOT_INITIALIZED);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(session, &user);
    KK_ENSURE(unlock != NULL && user, CKR_USER_NOT_LOGGED_IN);
    KK_TRY(kk_token_verify_pin(session->token, unlock, KK_ROLE_USER, KK_SPAN(NULL, 0), pin));
    kk_operation_grant_login(session);
    kk_guard_grant_login(session);
    return CKR_OK;
}

KK_RV kk_session_login_auto(struct kk_call *call, CK_USER_TYPE user)
{
    const struct kk_engine *engine = call->session->app->engine;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_ENSURE(kk_engine_has_auto_pin(engine) && (user == CKU_USER || user == CKU_CONTEXT_SPECIFIC),
              CKR_ARGUMENTS_BAD);
    KK_TRY(kk_engine_auto_pin(engine, &pin));
    return kk_session_login(call, user, kk_secret_span(pin));
}

KK_RV kk_session_login(struct kk_call *call, CK_USER_TYPE user, struct kk_span pin)
{
    switch (user) {
    case CKU_USER:
        return login_role(call->session, KK_LOGIN_USER, KK_ROLE_USER, pin);
    case CKU_SO:
        return login_role(call->session, KK_LOGIN_SO, KK_ROLE_SO, pin);
    case CKU_CONTEXT_SPECIFIC:
        return login_context(call->session, pin);
    default:
        return CKR_USER_TYPE_INVALID;
    }
}

void kk_slot_logout(struct kk_app *app, struct kk_slot *slot)
{
    KK_ASSERT_HELD(&app->state_lock);
    if (slot->login == KK_LOGIN_NONE) {
        return;
    }
    slot->login = KK_LOGIN_NONE;
    atomic_fetch_add(&slot->login_round, 1);
    kk_handles_forget_private(app, slot);
    kk_token_logout(slot->token, KK_STEAL(slot->unlock));
}

/*= pkcs11-3.2 C_InitPIN: only in the R/W SO Functions state, else CKR_USER_NOT_LOGGED_IN */
KK_RV kk_session_init_pin(struct kk_call *call, struct kk_span pin)
{
    struct kk_session *session = call->session;
    KK_ENSURE(kk_session_state(session) == CKS_RW_SO_FUNCTIONS, CKR_USER_NOT_LOGGED_IN);
    KK_TRY(check_new_pin(session, pin));
    bool user = false;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(session, &user);
    KK_ENSURE(unlock != NULL && !user, CKR_USER_NOT_LOGGED_IN);
    return kk_token_init_pin(session->token, unlock, pin);
}

/*= pkcs11-3.2 C_SetPIN: changes the PIN of the user that is logged in, or the CKU_USER PIN when
 * nobody is; only in a read-write session */
KK_RV kk_session_set_pin(struct kk_call *call, struct kk_span old_pin, struct kk_span new_pin)
{
    struct kk_session *session = call->session;
    KK_ENSURE(session->rw, CKR_SESSION_READ_ONLY);
    KK_TRY(check_new_pin(session, new_pin));
    enum kk_role role =
        kk_session_state(session) == CKS_RW_SO_FUNCTIONS ? KK_ROLE_SO : KK_ROLE_USER;
    return kk_token_set_pin(session->token, role, KK_SPAN(NULL, 0), old_pin, new_pin);
}
