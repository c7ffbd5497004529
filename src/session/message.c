/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state machine of messages. The family's context stays from message to message: signing a
 * further message costs what C_SignInit and C_Sign with the same key cost, without the handle's
 * lookup.
 */
#include "session/message.h"

#include "base/memory.h"
#include "mechanism/message.h"
#include "session/audit.h"
#include "session/operation_internal.h"
#include "session/session.h"

#include "base/banned.h"

/* The most that is held of a message in parts whose mechanism takes it whole: all of these sign a
 * hash or a block. */
#define HELD_MAX ((size_t)64 << 10)

/*= pkcs11-3.2 CKA_ALWAYS_AUTHENTICATE: the user has to supply the PIN for each use */
static KK_RV begin_message(struct kk_call *call, struct kk_operation *operation,
                           enum kk_op_kind kind)
{
    KK_ENSURE(!operation->in_message, CKR_OPERATION_ACTIVE);
    KK_ENSURE(!operation->needs_login, CKR_USER_NOT_LOGGED_IN);
    return kk_call_audit_use(call, kind, operation->object, operation->op.mechanism->type);
}

static CK_RV end_message(struct kk_operation *operation, CK_RV rv)
{
    operation->in_message = false;
    operation->needs_login = operation->object->always_authenticate;
    kk_buffer_clear(&operation->held);
    return rv;
}

/*= pkcs11-3.2 5.2: with a NULL buffer, or one that is too small, the length is returned and the
 * message goes on */
static bool is_answered(const struct kk_output *out, size_t length, CK_RV *ret_rv)
{
    if (out->data != NULL && *out->len >= length) {
        return false;
    }
    *ret_rv = out->data == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    /* Who gets room for nothing may hand in NULL again, and would never see a tag. */
    *out->len = KK_MAX(length, (size_t)1);
    return true;
}

KK_RV kk_call_message_ops(struct kk_call *call, enum kk_op_kind kind,
                          const struct kk_message_ops **ret_ops)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, kind, &operation));
    *ret_ops = operation->op.mechanism->message;
    return CKR_OK;
}

KK_RV kk_call_message_final(struct kk_call *call, enum kk_op_kind kind)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, kind, &operation));
    kk_operation_end(operation);
    return CKR_OK;
}

CK_RV kk_call_message_fail(struct kk_call *call, enum kk_op_kind kind, CK_RV rv)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, kind, &operation));
    KK_ENSURE(operation->in_message, CKR_OPERATION_NOT_INITIALIZED);
    return end_message(operation, rv);
}

/* --- encryption and decryption ---------------------------------------------------------------- */

static KK_RV crypt_whole(struct kk_operation *operation, const struct kk_message *message,
                         struct kk_span aad, struct kk_span in, const struct kk_output *out)
{
    size_t len = *out->len;
    KK_TRY(kk_message_begin(&operation->op, message, aad));
    KK_TRY(kk_message_final(&operation->op, message, in, out->data, &len));
    *out->len = len;
    return CKR_OK;
}

KK_RV kk_call_message_crypt(struct kk_call *call, enum kk_op_kind kind,
                            const struct kk_message *message, struct kk_span aad, struct kk_span in,
                            const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    CK_RV rv = CKR_OK;
    KK_TRY(kk_operation_find(call, kind, &operation));
    KK_ENSURE(!operation->in_message, CKR_OPERATION_ACTIVE);
    if (is_answered(out, in.len, &rv)) {
        return rv;
    }
    KK_TRY(begin_message(call, operation, kind));
    return end_message(operation, crypt_whole(operation, message, aad, in, out));
}

KK_RV kk_call_message_crypt_begin(struct kk_call *call, enum kk_op_kind kind,
                                  const struct kk_message *message, struct kk_span aad)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, kind, &operation));
    KK_TRY(begin_message(call, operation, kind));
    CK_RV rv = kk_message_begin(&operation->op, message, aad);
    if (rv != CKR_OK) {
        return end_message(operation, rv);
    }
    operation->in_message = true;
    return CKR_OK;
}

KK_RV kk_call_message_crypt_next(struct kk_call *call, enum kk_op_kind kind,
                                 const struct kk_message *message, struct kk_span in,
                                 const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    CK_RV rv = CKR_OK;
    size_t len = 0;
    KK_TRY(kk_operation_find(call, kind, &operation));
    KK_ENSURE(operation->in_message, CKR_OPERATION_NOT_INITIALIZED);
    enum kk_phase phase = message == NULL ? KK_PHASE_UPDATE : KK_PHASE_FINAL;
    if (is_answered(out, kk_message_bound(&operation->op, phase, in.len), &rv)) {
        return rv;
    }
    len = *out->len;
    rv = message == NULL ? kk_message_update(&operation->op, in, out->data, &len)
                         : kk_message_final(&operation->op, message, in, out->data, &len);
    if (rv == CKR_OK) {
        *out->len = len;
    }
    return rv != CKR_OK || message != NULL ? end_message(operation, rv) : CKR_OK;
}

/* --- signing and verifying -------------------------------------------------------------------- */

static KK_RV begin_signing(struct kk_call *call, struct kk_operation *operation,
                           enum kk_op_kind kind)
{
    KK_TRY(begin_message(call, operation, kind));
    if (!operation->is_ready) {
        KK_TRY(kk_operation_start(operation, kind));
    }
    operation->is_ready = false;
    return CKR_OK;
}

KK_RV kk_call_message_sign_begin(struct kk_call *call, enum kk_op_kind kind)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, kind, &operation));
    KK_TRY(begin_signing(call, operation, kind));
    operation->held.wipe = true;
    operation->in_message = true;
    return CKR_OK;
}

KK_RV kk_call_message_sign(struct kk_call *call, struct kk_span in, const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    size_t len = 0;
    CK_RV rv = CKR_OK;
    KK_TRY(kk_operation_find(call, KK_OP_MESSAGE_SIGN, &operation));
    KK_ENSURE(!operation->in_message, CKR_OPERATION_ACTIVE);
    if (is_answered(out, kk_operation_bound(&operation->op, KK_PHASE_SINGLE, in.len), &rv)) {
        return rv;
    }
    KK_TRY(begin_signing(call, operation, KK_OP_MESSAGE_SIGN));
    len = *out->len;
    rv = kk_operation_compute(call, operation, KK_PHASE_SINGLE, in, out->data, &len);
    if (rv == CKR_OK) {
        *out->len = len;
    }
    return end_message(operation, rv);
}

KK_RV kk_call_message_verify(struct kk_call *call, struct kk_span in, struct kk_span signature)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, KK_OP_MESSAGE_VERIFY, &operation));
    KK_TRY(begin_signing(call, operation, KK_OP_MESSAGE_VERIFY));
    return end_message(operation, kk_operation_check(operation, KK_PHASE_SINGLE, in, signature));
}

/* One more part, for the mechanism or to be held until the message is whole. */
static KK_RV take_part(struct kk_operation *operation, struct kk_span in)
{
    if (kk_operation_has_update(&operation->op)) {
        return kk_operation_feed(&operation->op, in);
    }
    KK_ENSURE(in.len <= HELD_MAX - operation->held.len, CKR_DATA_LEN_RANGE);
    kk_buffer_put_span(&operation->held, in);
    return kk_buffer_check(&operation->held);
}

/* How a message that came in parts ends: of one that was held everything is still to be seen. */
static enum kk_phase last_phase(const struct kk_operation *operation)
{
    return kk_operation_has_update(&operation->op) ? KK_PHASE_FINAL : KK_PHASE_SINGLE;
}

KK_RV kk_call_message_sign_next(struct kk_call *call, struct kk_span in,
                                const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    size_t len = 0;
    CK_RV rv = CKR_OK;
    KK_TRY(kk_operation_find(call, KK_OP_MESSAGE_SIGN, &operation));
    KK_ENSURE(operation->in_message, CKR_OPERATION_NOT_INITIALIZED);
    if (out != NULL &&
        is_answered(out, kk_operation_bound(&operation->op, KK_PHASE_FINAL, in.len), &rv)) {
        return rv;
    }
    rv = take_part(operation, in);
    if (out == NULL) {
        return rv == CKR_OK ? CKR_OK : end_message(operation, rv);
    }
    if (rv == CKR_OK) {
        len = *out->len;
        rv = kk_operation_compute(call, operation, last_phase(operation),
                                  kk_buffer_span(&operation->held), out->data, &len);
    }
    if (rv == CKR_OK) {
        *out->len = len;
    }
    return end_message(operation, rv);
}

KK_RV kk_call_message_verify_next(struct kk_call *call, struct kk_span in,
                                  const struct kk_span *signature)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, KK_OP_MESSAGE_VERIFY, &operation));
    KK_ENSURE(operation->in_message, CKR_OPERATION_NOT_INITIALIZED);
    CK_RV rv = take_part(operation, in);
    if (rv == CKR_OK && signature == NULL) {
        return CKR_OK;
    }
    if (rv == CKR_OK) {
        rv = kk_operation_check(operation, last_phase(operation), kk_buffer_span(&operation->held),
                                *signature);
    }
    return end_message(operation, rv);
}
