/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Login states: C_Login, C_Logout, C_InitPIN, C_SetPIN. The state belongs to the application's slot
 * and is shared by all its sessions there. PINs are derived outside every lock but the session's
 * own.
 */
#include <string.h>

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

static bool is_named(const struct kk_slot *slot, struct kk_span name)
{
    return kk_mem_equal(slot->user, slot->user_len, name.data, name.len);
}

/* Whether a login of this kind may begin. Caller holds the state lock. */
static KK_RV check_login(const struct kk_slot *slot, enum kk_login_state wanted,
                         struct kk_span name)
{
    if (slot->login == wanted && is_named(slot, name)) {
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
                        struct kk_span name, struct kk_span pin)
{
    struct kk_slot *slot = session->slot;
    struct kk_unlock *unlock = NULL;
    CK_RV rv = CKR_OK;
    KK_WITH_LOCK(&session->app->state_lock)
    {
        KK_TRY(check_login(slot, wanted, name));
    }
    KK_TRY(kk_token_login(session->token, role, name, pin, &unlock));
    KK_WITH_LOCK(&session->app->state_lock)
    {
        rv = check_login(slot, wanted, name); /* another thread may have been quicker */
        if (rv == CKR_OK &&
            (atomic_load(&session->dead) || slot->incarnation != session->incarnation)) {
            rv = CKR_SESSION_CLOSED; /* or the token was initialised anew meanwhile */
        }
        if (rv == CKR_OK) {
            slot->login = wanted;
            slot->unlock = unlock;
            slot->user_len = name.len;
            if (name.len > 0) {
                memcpy(slot->user, name.data, name.len);
            }
            atomic_fetch_add(&slot->login_round, 1);
        }
    }
    if (rv != CKR_OK) {
        kk_token_logout(session->token, unlock);
    }
    return rv;
}

/* The name of who is logged in, copied. */
struct own_name {
    uint8_t bytes[KK_USER_NAME_MAX];
};

static struct kk_span name_of(struct kk_session *session, struct own_name *ret_name)
{
    KK_LOCK_SCOPE(&session->app->state_lock);
    const struct kk_slot *slot = session->slot;
    memcpy(ret_name->bytes, slot->user, sizeof ret_name->bytes);
    return KK_SPAN(ret_name->bytes, slot->user_len);
}

/*= pkcs11-3.2 C_Login: CKU_CONTEXT_SPECIFIC authenticates the key operation that is about to be
 * done */
static KK_RV login_context(struct kk_session *session, struct kk_span name, struct kk_span pin)
{
    struct own_name own;
    bool user = false;
    KK_ENSURE(kk_operation_wants_login(session) || kk_guard_wants_login(session),
              CKR_OPERATION_NOT_INITIALIZED);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(session, &user);
    KK_ENSURE(unlock != NULL && user, CKR_USER_NOT_LOGGED_IN);
    KK_ENSURE(name.len == 0 || kk_span_equal(name, name_of(session, &own)),
              CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    KK_TRY(kk_token_verify_pin(session->token, unlock, KK_ROLE_USER, name_of(session, &own), pin));
    kk_operation_grant_login(session);
    kk_guard_grant_login(session);
    return CKR_OK;
}

KK_RV kk_session_login_auto(struct kk_call *call, CK_USER_TYPE user, struct kk_span name)
{
    const struct kk_engine *engine = call->session->app->engine;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_ENSURE(kk_engine_has_auto_pin(engine) && name.len == 0 &&
                  (user == CKU_USER || user == CKU_CONTEXT_SPECIFIC),
              CKR_ARGUMENTS_BAD);
    KK_TRY(kk_engine_auto_pin(engine, &pin));
    return kk_session_login(call, user, name, kk_secret_span(pin));
}

KK_RV kk_session_login(struct kk_call *call, CK_USER_TYPE user, struct kk_span name,
                       struct kk_span pin)
{
    KK_ENSURE(name.len <= KK_USER_NAME_MAX, CKR_USER_PIN_NOT_INITIALIZED);
    switch (user) {
    case CKU_USER:
        return login_role(call->session, KK_LOGIN_USER, KK_ROLE_USER, name, pin);
    case CKU_SO:
        KK_ENSURE(name.len == 0, CKR_USER_PIN_NOT_INITIALIZED); /* the SO has no name */
        return login_role(call->session, KK_LOGIN_SO, KK_ROLE_SO, name, pin);
    case CKU_CONTEXT_SPECIFIC:
        return login_context(call->session, name, pin);
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
    slot->user_len = 0;
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
    struct own_name own;
    KK_ENSURE(session->rw, CKR_SESSION_READ_ONLY);
    KK_TRY(check_new_pin(session, new_pin));
    enum kk_role role =
        kk_session_state(session) == CKS_RW_SO_FUNCTIONS ? KK_ROLE_SO : KK_ROLE_USER;
    return kk_token_set_pin(session->token, role, name_of(session, &own), old_pin, new_pin);
}

/* ---- named users ---- */

KK_RV kk_session_user_add(struct kk_call *call, struct kk_span name, struct kk_span pin)
{
    struct kk_session *session = call->session;
    bool user = false;
    KK_ENSURE(session->rw, CKR_SESSION_READ_ONLY);
    KK_TRY(check_new_pin(session, pin));
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(session, &user);
    return kk_token_user_add(session->token, unlock, name, pin);
}

KK_RV kk_session_user_remove(struct kk_call *call, struct kk_span name)
{
    struct kk_session *session = call->session;
    bool user = false;
    KK_ENSURE(session->rw, CKR_SESSION_READ_ONLY);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(session, &user);
    return kk_token_user_remove(session->token, unlock, name);
}
