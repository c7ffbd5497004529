/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that want a login for each use.
 */
#include "session/guarded.h"

#include "base/banned.h"

static bool is_about(const struct kk_guarded *guarded, const struct kk_session *session,
                     const struct kk_uuid *key)
{
    return guarded->login_round == atomic_load(&session->login_round) &&
           kk_uuid_equal(&guarded->key, key);
}

/*= pkcs11-3.2 Private key objects: omitting to re-authenticate will result in
 * CKR_USER_NOT_LOGGED_IN to be returned from calls using the key */
KK_RV kk_call_guard(struct kk_call *call, const struct kk_object *object)
{
    struct kk_session *session = call->session;
    struct kk_guarded *guarded = &session->guarded;
    if (KK_LIKELY(!object->always_authenticate)) {
        return CKR_OK;
    }
    bool granted =
        guarded->state == KK_GUARDED_GRANTED && is_about(guarded, session, &object->uuid);
    *guarded = (struct kk_guarded){.state = granted ? KK_GUARDED_NOT : KK_GUARDED_ASKED,
                                   .key = object->uuid,
                                   .login_round = atomic_load(&session->login_round)};
    return granted ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

bool kk_guard_wants_login(const struct kk_session *session)
{
    return session->guarded.state == KK_GUARDED_ASKED &&
           session->guarded.login_round == atomic_load(&session->login_round);
}

void kk_guard_grant_login(struct kk_session *session)
{
    if (kk_guard_wants_login(session)) {
        session->guarded.state = KK_GUARDED_GRANTED;
    }
}
