/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of sessions for the audit log.
 */
#include "session/audit.h"

#include "base/config.h"
#include "base/log.h"

#include "base/banned.h"

static const enum kk_audit_kind uses[KK_OP_COUNT] = {
    [KK_OP_ENCRYPT] = KK_AUDIT_ENCRYPT,
    [KK_OP_DECRYPT] = KK_AUDIT_DECRYPT,
    [KK_OP_SIGN] = KK_AUDIT_SIGN,
    [KK_OP_VERIFY] = KK_AUDIT_VERIFY,
    [KK_OP_DIGEST] = KK_AUDIT_DIGEST_KEY,
    [KK_OP_SIGN_RECOVER] = KK_AUDIT_SIGN_RECOVER,
    [KK_OP_VERIFY_RECOVER] = KK_AUDIT_VERIFY_RECOVER,
    [KK_OP_MESSAGE_ENCRYPT] = KK_AUDIT_ENCRYPT,
    [KK_OP_MESSAGE_DECRYPT] = KK_AUDIT_DECRYPT,
    [KK_OP_MESSAGE_SIGN] = KK_AUDIT_SIGN,
    [KK_OP_MESSAGE_VERIFY] = KK_AUDIT_VERIFY,
    [KK_OP_VERIFY_SIGNATURE] = KK_AUDIT_VERIFY,
};

KK_RV kk_call_audit_write(struct kk_call *call, enum kk_audit_kind kind,
                          const struct kk_object *object, const struct kk_audit_note *note)
{
    bool user = false;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    const struct kk_audit_event event = {
        .kind = kind, .object = &object->uuid, .attrs = object->attrs, .note = note};
    return kk_token_audit(call->session->token, unlock, &event);
}

static struct kk_audit_note note_of(CK_MECHANISM_TYPE mechanism, const struct kk_object *with)
{
    struct kk_audit_note note = {.has_mechanism = mechanism != CK_UNAVAILABLE_INFORMATION,
                                 .mechanism = mechanism,
                                 .has_with = with != NULL};
    if (with != NULL) {
        note.with = with->uuid;
    }
    return note;
}

KK_RV kk_call_audit_use(struct kk_call *call, enum kk_op_kind kind, const struct kk_object *object,
                        CK_MECHANISM_TYPE mechanism)
{
    if (!kk_call_audits_use(call) || object == NULL) {
        return CKR_OK;
    }
    const struct kk_audit_note note = note_of(mechanism, NULL);
    return kk_call_audit_write(call, uses[kind], object, &note);
}

KK_RV kk_call_audit_wrap(struct kk_call *call, const struct kk_object *target,
                         const struct kk_object *wrapping, CK_MECHANISM_TYPE mechanism)
{
    if (!kk_app_audits(call->app)) {
        return CKR_OK;
    }
    const struct kk_audit_note note = note_of(mechanism, wrapping);
    return kk_call_audit_write(call, KK_AUDIT_WRAP, target, &note);
}

/* Whether the values of a key's material may be read. */
static bool is_open(const struct kk_object *object)
{
    return (object->object_class == CKO_SECRET_KEY || object->object_class == CKO_PRIVATE_KEY ||
            object->object_class == CKO_OTP_KEY) &&
           !kk_attrs_flag(object->attrs, CKA_SENSITIVE, true) &&
           kk_attrs_flag(object->attrs, CKA_EXTRACTABLE, false);
}

KK_RV kk_call_audit_export(struct kk_call *call, const struct kk_object *object,
                           const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    bool leaves = false;
    if (!kk_app_audits(call->app) || !is_open(object)) {
        return CKR_OK;
    }
    for (CK_ULONG i = 0; i < count; i++) {
        leaves = leaves || (wanted[i].pValue != NULL && kk_policy_is_secret(wanted[i].type) &&
                            kk_attrs_has(object->attrs, wanted[i].type));
    }
    return leaves ? kk_call_audit_write(call, KK_AUDIT_EXPORT, object, NULL) : CKR_OK;
}

KK_RV kk_call_audit_session_object(struct kk_call *call, enum kk_audit_kind kind,
                                   const struct kk_object *object)
{
    if (!kk_app_audits(call->app) || object->key_type == CK_UNAVAILABLE_INFORMATION) {
        return CKR_OK;
    }
    const struct kk_audit_note *note = kind == KK_AUDIT_CREATE ? &call->note : NULL;
    if (note != NULL && note->kind != KK_AUDIT_NONE) {
        kind = note->kind;
    }
    return kk_call_audit_write(call, kind, object, note);
}

void kk_call_note(struct kk_call *call, enum kk_audit_kind kind, CK_MECHANISM_TYPE mechanism,
                  const struct kk_object *with)
{
    call->note = note_of(mechanism, with);
    call->note.kind = kind;
}

void kk_session_audit_logout(struct kk_session *session, struct kk_unlock *unlock)
{
    const struct kk_audit_event event = {.kind = KK_AUDIT_LOGOUT};
    if (unlock != NULL && kk_app_audits(session->app)) {
        /* Nobody is kept from logging out; what is wrong was logged. */
        KK_IGNORE(kk_token_audit(session->token, unlock, &event));
    }
}
