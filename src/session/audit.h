/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session tells the token's audit log. Each function costs one branch while audit.log is
 * off; a code other than CKR_OK means that the operation must not be done or not be answered.
 */
#pragma once

#include "session/session.h"

KK_RV kk_call_audit_write(struct kk_call *call, enum kk_audit_kind kind,
                          const struct kk_object *object, const struct kk_audit_note *note);

/* Whether entries are written at all, and whether those of uses are. */
static inline bool kk_app_audits(const struct kk_app *app)
{
    return KK_UNLIKELY(app->engine->settings.audit.mode != KK_AUDIT_LOG_OFF);
}

static inline bool kk_call_audits_use(const struct kk_call *call)
{
    return KK_UNLIKELY(call->app->engine->settings.audit.mode == KK_AUDIT_LOG_ON);
}

/* A key is used with a mechanism, beginning now. */
KK_RV kk_call_audit_use(struct kk_call *call, enum kk_op_kind kind, const struct kk_object *object,
                        CK_MECHANISM_TYPE mechanism);

/* A key leaves, wrapped with another one. */
KK_RV kk_call_audit_wrap(struct kk_call *call, const struct kk_object *target,
                         const struct kk_object *wrapping, CK_MECHANISM_TYPE mechanism);

/* C_GetAttributeValue is about to give out key material, if it is. */
KK_RV kk_call_audit_export(struct kk_call *call, const struct kk_object *object,
                           const CK_ATTRIBUTE *wanted, CK_ULONG count);

/* A session object that is a key is made, changed or destroyed. */
KK_RV kk_call_audit_session_object(struct kk_call *call, enum kk_audit_kind kind,
                                   const struct kk_object *object);

/* What is made next: how, and (NULL: nothing) with which key. */
void kk_call_note(struct kk_call *call, enum kk_audit_kind kind, CK_MECHANISM_TYPE mechanism,
                  const struct kk_object *with);

/* A login that ended; without locks of rank KK_RANK_STATE and above. NULL is fine. */
void kk_session_audit_logout(struct kk_session *session, struct kk_unlock *unlock);
