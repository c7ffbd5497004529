/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operation state machine.
 *
 * A result is computed straight into the caller's buffer when that has room for the most that the
 * mechanism may put out. Otherwise the answer is CKR_BUFFER_TOO_SMALL at once where the length is
 * known exactly, as it is in every update; where it is not (padding, implicit lengths), the result
 * is computed into secret memory and waits there for a buffer that it fits.
 */
#include "session/operation_internal.h"

#include <string.h>

#include "base/memory.h"
#include "mechanism/message.h"
#include "mechanism/offer.h"
#include "object/stateful.h"
#include "session/audit.h"
#include "session/handles.h"
#include "session/objects.h"
#include "session/session.h"
#include "session/turn.h"

#include "base/banned.h"

#define MAC_MAX 256 /* no MAC is longer */

/* Per kind of operation: the usage attribute that a key must have. */
static const unsigned int usages[KK_OP_COUNT] = {
    [KK_OP_ENCRYPT] = KK_USAGE_ENCRYPT,
    [KK_OP_DECRYPT] = KK_USAGE_DECRYPT,
    [KK_OP_SIGN] = KK_USAGE_SIGN,
    [KK_OP_VERIFY] = KK_USAGE_VERIFY,
    [KK_OP_DIGEST] = 0,
    [KK_OP_SIGN_RECOVER] = KK_USAGE_SIGN_RECOVER,
    [KK_OP_VERIFY_RECOVER] = KK_USAGE_VERIFY_RECOVER,
    [KK_OP_MESSAGE_ENCRYPT] = KK_USAGE_ENCRYPT,
    [KK_OP_MESSAGE_DECRYPT] = KK_USAGE_DECRYPT,
    [KK_OP_MESSAGE_SIGN] = KK_USAGE_SIGN,
    [KK_OP_MESSAGE_VERIFY] = KK_USAGE_VERIFY,
    [KK_OP_VERIFY_SIGNATURE] = KK_USAGE_VERIFY,
};

/* What a family does for each kind: many messages are many operations to it. */
static const enum kk_op_kind family_kinds[KK_OP_COUNT] = {
    [KK_OP_ENCRYPT] = KK_OP_ENCRYPT,
    [KK_OP_DECRYPT] = KK_OP_DECRYPT,
    [KK_OP_SIGN] = KK_OP_SIGN,
    [KK_OP_VERIFY] = KK_OP_VERIFY,
    [KK_OP_DIGEST] = KK_OP_DIGEST,
    [KK_OP_SIGN_RECOVER] = KK_OP_SIGN_RECOVER,
    [KK_OP_VERIFY_RECOVER] = KK_OP_VERIFY_RECOVER,
    [KK_OP_MESSAGE_ENCRYPT] = KK_OP_ENCRYPT,
    [KK_OP_MESSAGE_DECRYPT] = KK_OP_DECRYPT,
    [KK_OP_MESSAGE_SIGN] = KK_OP_SIGN,
    [KK_OP_MESSAGE_VERIFY] = KK_OP_VERIFY,
    [KK_OP_VERIFY_SIGNATURE] = KK_OP_VERIFY,
};

bool kk_operation_is_message(enum kk_op_kind kind)
{
    return kind >= KK_OP_MESSAGE_ENCRYPT && kind <= KK_OP_MESSAGE_VERIFY;
}

/* Most operations keep nothing: on their way this costs two loads. */
static void clear_used(struct kk_buffer *buffer)
{
    if (KK_UNLIKELY(buffer->data != NULL || buffer->failed)) {
        kk_buffer_clear(buffer);
    }
}

KK_RV kk_operation_room(struct kk_session *session, enum kk_op_kind kind,
                        struct kk_operation **ret_operation)
{
    if (KK_UNLIKELY(session->operations[kind] == NULL)) {
        KK_TRY(kk_alloc(sizeof(struct kk_operation), &session->operations[kind]));
    }
    *ret_operation = session->operations[kind];
    return CKR_OK;
}

void kk_operation_end(struct kk_operation *operation)
{
    if (operation == NULL) {
        return;
    }
    operation->active = false;
    operation->multi = false;
    operation->needs_login = false;
    operation->is_ready = false;
    operation->in_message = false;
    kk_secret_free(KK_STEAL(operation->pending));
    clear_used(&operation->held);
    clear_used(&operation->signature);
    kk_param_clear(&operation->op.param);
}

void kk_operation_clear(struct kk_operation *operation)
{
    kk_operation_end(operation);
    if (operation->op.context != NULL) {
        operation->op.context_free(operation->op.context);
    }
    kk_key_unref(operation->op.key);
    kk_object_unref(operation->object);
    *operation = (struct kk_operation){0};
}

void kk_operation_free(struct kk_operation *operation)
{
    if (operation != NULL) {
        kk_operation_clear(operation);
        kk_free(operation);
    }
}

CK_RV kk_operation_cancel(struct kk_call *call, enum kk_op_kind kind)
{
    kk_operation_end(call->session->operations[kind]);
    return CKR_OK;
}

CK_RV kk_operation_fail(struct kk_call *call, enum kk_op_kind kind, CK_RV rv)
{
    struct kk_operation *operation = call->session->operations[kind];
    if (operation == NULL || !operation->active) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    kk_operation_end(operation);
    return rv;
}

/* Whether a mechanism takes part in this kind of operation. */
static bool offers(const struct kk_mechanism *mechanism, enum kk_op_kind kind)
{
    switch (kind) {
    case KK_OP_ENCRYPT:
    case KK_OP_DECRYPT:
        return mechanism->cipher != NULL;
    case KK_OP_MESSAGE_ENCRYPT:
    case KK_OP_MESSAGE_DECRYPT:
        return mechanism->message != NULL;
    case KK_OP_SIGN:
    case KK_OP_VERIFY:
    case KK_OP_VERIFY_SIGNATURE:
        return mechanism->sign != NULL;
    case KK_OP_MESSAGE_SIGN:
    case KK_OP_MESSAGE_VERIFY:
        return mechanism->sign != NULL && !mechanism->sign->one_time;
    case KK_OP_SIGN_RECOVER:
    case KK_OP_VERIFY_RECOVER:
        return mechanism->sign != NULL && mechanism->sign->recover != NULL;
    case KK_OP_DIGEST:
        return mechanism->digest != NULL;
    case KK_OP_COUNT:
        break;
    }
    return false;
}

/* In calls that come without a mark in OpenSSL's queue of errors. */
static void mark_unless_quiet(const struct kk_op *op)
{
    const struct kk_mechanism *row = op->mechanism;
    bool crypts = op->kind == KK_OP_ENCRYPT || op->kind == KK_OP_DECRYPT;
    bool quiet = crypts ? row->cipher != NULL && row->cipher->quiet
                        : op->kind == KK_OP_DIGEST || row->sign->quiet;
    if (!quiet) {
        kk_crypto_mark();
    }
}

KK_RV kk_operation_start(struct kk_operation *operation, enum kk_op_kind kind)
{
    struct kk_op *op = &operation->op;
    mark_unless_quiet(op);
    if (kind == KK_OP_MESSAGE_ENCRYPT || kind == KK_OP_MESSAGE_DECRYPT) {
        return kk_message_init(op);
    }
    if (kind == KK_OP_ENCRYPT || kind == KK_OP_DECRYPT) {
        return op->mechanism->cipher->init(op);
    }
    return kind == KK_OP_DIGEST ? op->mechanism->digest->init(op) : op->mechanism->sign->init(op);
}

KK_RV kk_operation_take_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                            enum kk_op_kind kind, CK_OBJECT_HANDLE handle,
                            struct kk_object **ret_object, struct kk_key **ret_key)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_TRY(kk_call_key_object(call, handle, CKR_KEY_HANDLE_INVALID, &object));
    KK_ENSURE(kk_mechanism_takes(mechanism, object->key_type), CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE((object->usage & usages[kind]) != 0, CKR_KEY_FUNCTION_NOT_PERMITTED);
    KK_ENSURE(kk_object_allows(object, mechanism->type), CKR_MECHANISM_INVALID);
    KK_TRY(kk_call_parsed_key(call, object, ret_key));
    KK_TRY(kk_mechanism_check_floor(mechanism, *ret_key));
    *ret_object = KK_STEAL(object);
    return CKR_OK;
}

static size_t aead_buffer(const struct kk_engine *engine)
{
    return (size_t)engine->config->aead_buffer << 10;
}

/* Makes room for another mechanism or key. A context is kept when it may serve again: the same
 * mechanism; the family itself sees whether the key is the same. */
static void prepare(struct kk_operation *operation, const struct kk_mechanism *mechanism,
                    enum kk_op_kind kind, const struct kk_engine *engine)
{
    struct kk_op *op = &operation->op;
    if (op->mechanism != mechanism && op->context != NULL) {
        op->context_free(op->context);
        op->context = NULL;
        op->context_free = NULL;
    }
    op->mechanism = mechanism;
    op->kind = family_kinds[kind];
    op->crypto = engine->crypto;
    op->aead_buffer = aead_buffer(engine);
}

void kk_operation_adopt(struct kk_call *call, enum kk_op_kind kind,
                        const struct kk_mechanism *mechanism, struct kk_object *object,
                        struct kk_key *key)
{
    struct kk_session *session = call->session;
    struct kk_operation *operation = session->operations[kind];
    prepare(operation, mechanism, kind, call->app->engine);
    operation->is_private = object != NULL && object->is_private;
    operation->needs_login = object != NULL && object->always_authenticate;
    operation->login_round = session->login_round;
    operation->epoch = call->epoch;
    operation->handle = CK_INVALID_HANDLE;
    kk_object_unref(operation->object);
    kk_key_unref(operation->op.key);
    operation->object = object;
    operation->op.key = key;
    if (object != NULL && object->object_class == CKO_OTP_KEY) {
        kk_otp_rules_of(object->attrs, &operation->op.otp);
    }
}

/*
 * Whether the key is the one of last time, still its present version, and everything that was
 * looked at then is as it was. A commit that changes or destroys an object moves the epoch, whoever
 * makes it; a logout clears operations with private keys before the next call in their session. The
 * keys of one-time passwords and signatures change with each use.
 */
static bool has_key(struct kk_call *call, const struct kk_operation *operation,
                    const struct kk_mechanism *mechanism, CK_OBJECT_HANDLE handle)
{
    struct kk_object *object = operation->object;
    if (object == NULL || operation->handle != handle || operation->op.mechanism != mechanism ||
        atomic_load_explicit(&object->superseded, memory_order_acquire)) {
        return false;
    }
    return !object->is_token ||
           (operation->found_epoch == call->epoch &&
            kk_token_look(call->session->token, &object->uuid, &call->epoch) == CKR_OK &&
            operation->found_epoch == call->epoch);
}

/* Begins with the key of last time. */
static void begin_again(struct kk_call *call, struct kk_operation *operation)
{
    operation->op.aead_buffer = aead_buffer(call->app->engine);
    operation->needs_login = operation->object->always_authenticate;
    operation->login_round = call->session->login_round;
    operation->epoch = call->epoch;
    kk_object_touch_key(operation->object);
}

/* Begins with a key that is looked up, and remembers by what. */
static KK_RV begin_with(struct kk_call *call, struct kk_operation *operation, enum kk_op_kind kind,
                        const struct kk_mechanism *mechanism, CK_OBJECT_HANDLE handle)
{
    struct kk_object *object = NULL;
    struct kk_key *key = NULL;
    if (kind != KK_OP_DIGEST) {
        KK_TRY(kk_operation_take_key(call, mechanism, kind, handle, &object, &key));
    }
    kk_operation_adopt(call, kind, mechanism, object, key);
    if (object != NULL && object->object_class != CKO_OTP_KEY &&
        (mechanism->sign == NULL || mechanism->sign->turns == NULL)) {
        operation->handle = handle;
        operation->found_epoch = call->epoch;
    }
    return CKR_OK;
}

struct kk_param *kk_operation_param(struct kk_call *call, enum kk_op_kind kind,
                                    struct kk_param *spare)
{
    struct kk_operation *operation = call->session->operations[kind];
    return operation == NULL || operation->active ? spare : &operation->op.param;
}

KK_RV kk_operation_init(struct kk_call *call, enum kk_op_kind kind,
                        const struct kk_mechanism *mechanism, struct kk_param *param,
                        CK_OBJECT_HANDLE key_handle)
{
    struct kk_session *session = call->session;
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_room(session, kind, &operation));
    KK_ENSURE(!operation->active, CKR_OPERATION_ACTIVE);
    KK_ENSURE(offers(mechanism, kind), CKR_MECHANISM_INVALID);
    session->validated = session->validated && !kk_operation_is_message(kind);
    if (KK_LIKELY(has_key(call, operation, mechanism, key_handle))) {
        begin_again(call, operation);
    } else {
        KK_TRY(begin_with(call, operation, kind, mechanism, key_handle));
    }
    KK_TRY(kk_call_resolve_param(call, param));
    if (param != &operation->op.param) {
        kk_param_move(&operation->op.param, param);
    }
    CK_RV rv = kk_operation_start(operation, kind);
    if (rv == CKR_OK && !kk_operation_is_message(kind)) {
        rv = kk_call_audit_use(call, kind, operation->object, mechanism->type);
    }
    if (rv != CKR_OK) {
        kk_operation_clear(operation);
        return rv;
    }
    operation->active = true;
    operation->is_ready = true;
    return CKR_OK;
}

/* A session object that was changed since: whether its present version is still there. */
static bool is_known(struct kk_call *call, const struct kk_uuid *uuid)
{
    KK_LOCK_SCOPE(&call->app->state_lock);
    return kk_handles_find_uuid(call->app, uuid) != NULL;
}

/* Whether the key is gone: destroyed here, or by another process since the last look. */
static bool key_gone(struct kk_call *call, struct kk_operation *operation)
{
    struct kk_object *object = operation->object;
    if (object == NULL) {
        return false;
    }
    if (atomic_load_explicit(&object->destroyed, memory_order_acquire)) {
        return true;
    }
    if (!object->is_token) {
        return atomic_load(&object->superseded) && !is_known(call, &object->uuid);
    }
    if (operation->epoch == call->epoch) {
        return false;
    }
    bool user = false;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *present = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    CK_RV rv = kk_token_get(call->session->token, unlock, user, &object->uuid, &present);
    operation->epoch = call->epoch;
    return rv == CKR_OBJECT_HANDLE_INVALID;
}

KK_RV kk_operation_find(struct kk_call *call, enum kk_op_kind kind,
                        struct kk_operation **ret_operation)
{
    struct kk_operation *operation = call->session->operations[kind];
    KK_ENSURE(operation != NULL && operation->active, CKR_OPERATION_NOT_INITIALIZED);
    if (KK_UNLIKELY(key_gone(call, operation))) {
        kk_operation_clear(operation);
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    *ret_operation = operation;
    return CKR_OK;
}

/* The active operation of a kind, fit to go on. */
static KK_RV active(struct kk_call *call, enum kk_op_kind kind, struct kk_operation **ret_operation)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_find(call, kind, &operation));
    if (KK_UNLIKELY(operation->needs_login)) {
        kk_operation_end(operation);
        return CKR_USER_NOT_LOGGED_IN;
    }
    *ret_operation = operation;
    return CKR_OK;
}

void kk_operation_forget_destroyed(struct kk_session *session)
{
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        struct kk_operation *operation = session->operations[i];
        if (operation != NULL && operation->object != NULL &&
            atomic_load(&operation->object->destroyed)) {
            kk_operation_clear(operation);
        }
    }
}

bool kk_operation_wants_login(const struct kk_session *session)
{
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        const struct kk_operation *operation = session->operations[i];
        if (operation != NULL && operation->active && operation->needs_login) {
            return true;
        }
    }
    return false;
}

void kk_operation_grant_login(struct kk_session *session)
{
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        if (session->operations[i] != NULL) {
            session->operations[i]->needs_login = false;
        }
    }
}

/* How a phase of an operation is computed; *ret_len comes with the room there is. */
typedef KK_RV compute_fn(struct kk_call *call, struct kk_operation *operation, enum kk_phase phase,
                         struct kk_span in, uint8_t *out, size_t *ret_len);

/* Hands out a result that waits. */
static KK_RV deliver_pending(struct kk_operation *operation, const struct kk_output *out,
                             bool *ret_delivered)
{
    size_t len = kk_secret_len(operation->pending);
    bool fits = out->data != NULL && *out->len >= len;
    if (fits) {
        memcpy(out->data, kk_secret_data(operation->pending), len);
        kk_secret_free(KK_STEAL(operation->pending));
    }
    KK_ENSURE(out->data == NULL || fits, (*out->len = len, CKR_BUFFER_TOO_SMALL));
    *out->len = len;
    *ret_delivered = fits;
    return CKR_OK;
}

/* Computes into secret memory of the bound's size, because the caller's buffer is smaller. */
static KK_RV compute_pending(struct kk_call *call, struct kk_operation *operation,
                             enum kk_phase phase, struct kk_span in, size_t bound,
                             compute_fn *compute)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *result = NULL;
    size_t len = bound;
    KK_TRY(kk_secret_new(bound, &result));
    KK_TRY(compute(call, operation, phase, in, kk_secret_data(result), &len));
    kk_secret_truncate(result, len);
    operation->pending = KK_STEAL(result);
    operation->pending_phase = phase;
    return CKR_OK;
}

/*= pkcs11-3.2 5.2: with a NULL buffer, or one that is too small, the length is returned and the
 * operation stays active */
static KK_RV produce(struct kk_call *call, struct kk_operation *operation, enum kk_phase phase,
                     struct kk_span in, size_t bound, bool exact, compute_fn *compute,
                     const struct kk_output *out, bool *ret_delivered)
{
    *ret_delivered = false;
    if (operation->pending != NULL) {
        KK_ENSURE(operation->pending_phase == phase, CKR_OPERATION_NOT_INITIALIZED);
        return deliver_pending(operation, out, ret_delivered);
    }
    if (out->data == NULL) {
        /* Who gets room for nothing may hand in NULL again, and the data would never come in. */
        *out->len = bound == 0 && phase == KK_PHASE_UPDATE ? in.len : bound;
        return CKR_OK;
    }
    if (KK_LIKELY(*out->len >= bound)) {
        size_t len = bound;
        KK_TRY(compute(call, operation, phase, in, out->data, &len));
        *out->len = len;
        *ret_delivered = true;
        return CKR_OK;
    }
    KK_ENSURE(!exact && phase != KK_PHASE_UPDATE, (*out->len = bound, CKR_BUFFER_TOO_SMALL));
    KK_TRY(compute_pending(call, operation, phase, in, bound, compute));
    return deliver_pending(operation, out, ret_delivered);
}

/* What follows from produce(): an operation goes on after a length query, after
 * CKR_BUFFER_TOO_SMALL and after an update; everything else ends it. */
static CK_RV conclude(struct kk_call *call, struct kk_operation *operation, enum kk_phase phase,
                      CK_RV rv, bool delivered)
{
    if (rv == CKR_OK && phase == KK_PHASE_UPDATE) {
        operation->multi = operation->multi || delivered;
    } else if (rv != CKR_BUFFER_TOO_SMALL && (rv != CKR_OK || delivered)) {
        call->session->validated = rv == CKR_OK && kk_offer_is_approved(&operation->op);
        kk_operation_end(operation);
    }
    return rv;
}

static KK_RV compute_cipher(KK_UNUSED struct kk_call *call, struct kk_operation *operation,
                            enum kk_phase phase, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    const struct kk_cipher_ops *ops = operation->op.mechanism->cipher;
    if (phase == KK_PHASE_UPDATE) {
        return ops->update(&operation->op, in, out, ret_len);
    }
    if (phase == KK_PHASE_FINAL) {
        return ops->final(&operation->op, out, ret_len);
    }
    if (ops->single != NULL) {
        return ops->single(&operation->op, in, out, ret_len);
    }
    size_t room = *ret_len;
    size_t first = room;
    KK_TRY(ops->update(&operation->op, in, out, &first));
    size_t second = room - first;
    KK_TRY(ops->final(&operation->op, out + first, &second));
    *ret_len = first + second;
    return CKR_OK;
}

/*= pkcs11-3.2 C_Encrypt: a length query that is not answered with CKR_OK ends the operation */
/* Of data that cannot be encrypted there is no output whose length could be told. */
static KK_RV check_length(const struct kk_operation *operation, enum kk_phase phase, size_t in_len)
{
    const struct kk_cipher_ops *ops = operation->op.mechanism->cipher;
    if (phase != KK_PHASE_SINGLE || ops->check_length == NULL || operation->pending != NULL) {
        return CKR_OK;
    }
    return ops->check_length(&operation->op, in_len);
}

KK_RV kk_operation_cipher(struct kk_call *call, enum kk_op_kind kind, enum kk_phase phase,
                          struct kk_span in, const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    bool delivered = false;
    KK_TRY(active(call, kind, &operation));
    mark_unless_quiet(&operation->op);
    const struct kk_cipher_ops *ops = operation->op.mechanism->cipher;
    /*= pkcs11-3.2 C_Encrypt: not after C_EncryptUpdate; there is no single-part operation then */
    KK_ENSURE(phase != KK_PHASE_SINGLE || !operation->multi, CKR_OPERATION_NOT_INITIALIZED);
    if (phase != KK_PHASE_SINGLE && ops->update == NULL) {
        return conclude(call, operation, phase, CKR_OPERATION_NOT_INITIALIZED, false);
    }
    size_t bound = ops->bound(&operation->op, phase, in.len);
    CK_RV rv = CKR_OK;
    if (KK_UNLIKELY(out->data == NULL || *out->len < bound)) {
        rv = check_length(operation, phase, in.len);
    }
    if (KK_LIKELY(rv == CKR_OK)) {
        rv =
            produce(call, operation, phase, in, bound, ops->exact, compute_cipher, out, &delivered);
    }
    return conclude(call, operation, phase, rv, delivered);
}

/* Signatures, MACs and digests differ in the table only. */
bool kk_operation_has_update(const struct kk_op *op)
{
    const struct kk_sign_ops *sign = op->mechanism->sign;
    return op->kind == KK_OP_DIGEST || (sign != NULL && sign->update != NULL);
}

size_t kk_operation_length(const struct kk_op *op)
{
    return op->kind == KK_OP_DIGEST ? op->mechanism->digest->length(op)
                                    : op->mechanism->sign->length(op);
}

size_t kk_operation_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    size_t (*bound)(const struct kk_op *, enum kk_phase, size_t) =
        op->kind == KK_OP_DIGEST ? op->mechanism->digest->bound : op->mechanism->sign->bound;
    return KK_UNLIKELY(bound != NULL) ? bound(op, phase, in_len) : kk_operation_length(op);
}

KK_RV kk_operation_feed(struct kk_op *op, struct kk_span in)
{
    return op->kind == KK_OP_DIGEST ? op->mechanism->digest->update(op, in)
                                    : op->mechanism->sign->update(op, in);
}

KK_RV kk_operation_update(struct kk_call *call, enum kk_op_kind kind, struct kk_span in)
{
    struct kk_operation *operation = NULL;
    KK_TRY(active(call, kind, &operation));
    CK_RV rv = CKR_OPERATION_NOT_INITIALIZED;
    if (kk_operation_has_update(&operation->op)) {
        rv = kk_operation_feed(&operation->op, in);
    }
    return conclude(call, operation, KK_PHASE_UPDATE, rv, true);
}

KK_RV kk_operation_takes_parts(struct kk_call *call, enum kk_op_kind kind)
{
    struct kk_operation *operation = NULL;
    KK_TRY(active(call, kind, &operation));
    if (!kk_operation_has_update(&operation->op)) {
        return conclude(call, operation, KK_PHASE_UPDATE, CKR_OPERATION_NOT_INITIALIZED, false);
    }
    return CKR_OK;
}

static KK_RV compute_digest(struct kk_op *op, enum kk_phase phase, struct kk_span in, uint8_t *out,
                            size_t *ret_len)
{
    const struct kk_digest_ops *ops = op->mechanism->digest;
    if (phase == KK_PHASE_SINGLE && ops->single != NULL) {
        return ops->single(op, in, out, ret_len);
    }
    if (phase == KK_PHASE_SINGLE) {
        KK_TRY(ops->update(op, in));
    }
    return ops->final(op, out, ret_len);
}

static KK_RV compute_sign(struct kk_op *op, enum kk_phase phase, struct kk_span in, uint8_t *out,
                          size_t *ret_len)
{
    const struct kk_sign_ops *ops = op->mechanism->sign;
    if (phase == KK_PHASE_SINGLE && ops->single != NULL) {
        return ops->single(op, in, out, ret_len);
    }
    if (phase == KK_PHASE_SINGLE) {
        KK_TRY(ops->update(op, in));
    }
    return ops->final(op, out, ret_len);
}

KK_RV kk_operation_compute(struct kk_call *call, struct kk_operation *operation,
                           enum kk_phase phase, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct kk_op *op = &operation->op;
    if (op->kind == KK_OP_DIGEST) {
        return compute_digest(op, phase, in, out, ret_len);
    }
    if (KK_UNLIKELY(op->mechanism->sign->turns != NULL)) {
        KK_TRY(kk_call_take_turn(call, operation));
    }
    return compute_sign(op, phase, in, out, ret_len);
}

KK_RV kk_operation_result(struct kk_call *call, enum kk_op_kind kind, enum kk_phase phase,
                          struct kk_span in, const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    bool delivered = false;
    KK_TRY(active(call, kind, &operation));
    mark_unless_quiet(&operation->op);
    KK_ENSURE(phase != KK_PHASE_SINGLE || !operation->multi, CKR_OPERATION_NOT_INITIALIZED);
    if (phase == KK_PHASE_FINAL && !kk_operation_has_update(&operation->op)) {
        return conclude(call, operation, phase, CKR_OPERATION_NOT_INITIALIZED, false);
    }
    size_t bound = kk_operation_bound(&operation->op, phase, in.len);
    CK_RV rv =
        produce(call, operation, phase, in, bound, true, kk_operation_compute, out, &delivered);
    return conclude(call, operation, phase, rv, delivered);
}

size_t kk_operation_signature_length(const struct kk_call *call)
{
    return kk_operation_length(&call->session->operations[KK_OP_SIGN]->op);
}

bool kk_operation_is_slow(struct kk_call *call, enum kk_phase phase, const struct kk_output *out)
{
    static const CK_KEY_TYPE slow[] = {CKK_RSA, CKK_ML_DSA, CKK_SLH_DSA};
    const struct kk_operation *operation = call->session->operations[KK_OP_SIGN];
    if (operation == NULL || !operation->active || operation->needs_login ||
        operation->object == NULL ||
        (phase == KK_PHASE_SINGLE ? operation->multi : !kk_operation_has_update(&operation->op)) ||
        out->data == NULL || *out->len < kk_operation_length(&operation->op)) {
        return false; /* answered at once */
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(slow); i++) {
        if (operation->object->key_type == slow[i]) {
            return true;
        }
    }
    return false;
}

/* A MAC is verified by computing it again. */
static KK_RV verify_mac(struct kk_operation *operation, enum kk_phase phase, struct kk_span in,
                        struct kk_span signature)
{
    KK_SECRET_ARRAY(mac, MAC_MAX);
    size_t len = kk_operation_length(&operation->op);
    KK_ENSURE(len <= sizeof mac, CKR_FUNCTION_FAILED);
    KK_ENSURE(signature.len == len, CKR_SIGNATURE_LEN_RANGE);
    KK_TRY(compute_sign(&operation->op, phase, in, mac, &len));
    return kk_ct_equal(mac, signature.data, len) ? CKR_OK : CKR_SIGNATURE_INVALID;
}

KK_RV kk_operation_check(struct kk_operation *operation, enum kk_phase phase, struct kk_span in,
                         struct kk_span signature)
{
    const struct kk_sign_ops *ops = operation->op.mechanism->sign;
    if (ops->verify_final == NULL && ops->verify_single == NULL) {
        return verify_mac(operation, phase, in, signature);
    }
    if (phase == KK_PHASE_FINAL) {
        return ops->verify_final(&operation->op, signature);
    }
    if (ops->verify_single != NULL) {
        return ops->verify_single(&operation->op, in, signature);
    }
    KK_TRY(ops->update(&operation->op, in));
    return ops->verify_final(&operation->op, signature);
}

/*= pkcs11-3.2 C_Verify, C_VerifySignature: a call always terminates the active verification
 * operation */
static KK_RV verify_and_end(struct kk_call *call, struct kk_operation *operation,
                            enum kk_phase phase, struct kk_span in, struct kk_span signature)
{
    CK_RV rv = CKR_OPERATION_NOT_INITIALIZED;
    if (phase == KK_PHASE_SINGLE ? !operation->multi : kk_operation_has_update(&operation->op)) {
        rv = kk_operation_check(operation, phase, in, signature);
    }
    call->session->validated = rv == CKR_OK && kk_offer_is_approved(&operation->op);
    kk_operation_end(operation);
    return rv;
}

KK_RV kk_operation_verify(struct kk_call *call, enum kk_phase phase, struct kk_span in,
                          struct kk_span signature)
{
    struct kk_operation *operation = NULL;
    KK_TRY(active(call, KK_OP_VERIFY, &operation));
    mark_unless_quiet(&operation->op);
    return verify_and_end(call, operation, phase, in, signature);
}

/*= pkcs11-3.2 C_VerifySignatureInit: CKR_SIGNATURE_LEN_RANGE initiates no operation. Shorter ones
 * than the longest may be right: those of ECDSA. */
static KK_RV keep_signature(struct kk_operation *operation, struct kk_span signature)
{
    bool may_fit = signature.len > 0 && signature.len <= kk_operation_length(&operation->op);
    KK_ENSURE(may_fit, CKR_SIGNATURE_LEN_RANGE);
    kk_buffer_put_span(&operation->signature, signature);
    return kk_buffer_check(&operation->signature);
}

KK_RV kk_operation_verify_signature_init(struct kk_call *call, const struct kk_mechanism *mechanism,
                                         struct kk_param *param, CK_OBJECT_HANDLE key,
                                         struct kk_span signature)
{
    KK_TRY(kk_operation_init(call, KK_OP_VERIFY_SIGNATURE, mechanism, param, key));
    struct kk_operation *operation = call->session->operations[KK_OP_VERIFY_SIGNATURE];
    CK_RV rv = keep_signature(operation, signature);
    if (rv != CKR_OK) {
        kk_operation_end(operation);
    }
    return rv;
}

KK_RV kk_operation_verify_signature(struct kk_call *call, enum kk_phase phase, struct kk_span in)
{
    struct kk_operation *operation = NULL;
    KK_TRY(active(call, KK_OP_VERIFY_SIGNATURE, &operation));
    return verify_and_end(call, operation, phase, in, kk_buffer_span(&operation->signature));
}

static KK_RV compute_recover(KK_UNUSED struct kk_call *call, struct kk_operation *operation,
                             KK_UNUSED enum kk_phase phase, struct kk_span in, uint8_t *out,
                             size_t *ret_len)
{
    return operation->op.mechanism->sign->recover(&operation->op, in, out, ret_len);
}

KK_RV kk_operation_verify_recover(struct kk_call *call, struct kk_span signature,
                                  const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    bool delivered = false;
    KK_TRY(active(call, KK_OP_VERIFY_RECOVER, &operation));
    size_t bound = kk_operation_bound(&operation->op, KK_PHASE_SINGLE, signature.len);
    CK_RV rv = produce(call, operation, KK_PHASE_SINGLE, signature, bound, false, compute_recover,
                       out, &delivered);
    return conclude(call, operation, KK_PHASE_SINGLE, rv, delivered);
}

KK_RV kk_operation_digest_key(struct kk_call *call, CK_OBJECT_HANDLE handle)
{
    struct kk_operation *operation = NULL;
    KK_TRY(active(call, KK_OP_DIGEST, &operation));
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_key_unrefp) struct kk_key *key = NULL;
    CK_RV rv = kk_call_key_object(call, handle, CKR_KEY_HANDLE_INVALID, &object);
    if (rv == CKR_OK && object->object_class != CKO_SECRET_KEY) {
        rv = CKR_KEY_INDIGESTIBLE;
    }
    if (rv == CKR_OK) {
        rv = kk_call_parsed_key(call, object, &key);
    }
    if (rv == CKR_OK) {
        rv = kk_call_audit_use(call, KK_OP_DIGEST, object, operation->op.mechanism->type);
    }
    if (rv == CKR_OK) {
        const struct kk_digest_ops *ops = operation->op.mechanism->digest;
        rv = (ops->update_key != NULL ? ops->update_key : ops->update)(&operation->op,
                                                                       kk_key_secret(key));
    }
    return conclude(call, operation, KK_PHASE_UPDATE, rv, true);
}
