/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operation state machine: one operation of each kind per session, what starts it, what ends it
 * and what leaves it as it is; the output-length convention of chapter 5.2; waiting results.
 */
#pragma once

#include "mechanism/mechanism.h"
#include "object/object.h"

struct kk_session;
struct kk_call;

struct kk_operation {
    struct kk_op op; /* kept, with its context, after the end: the next one may reuse it */
    bool active;
    bool multi;               /* an update was done */
    bool needs_login;         /* CKA_ALWAYS_AUTHENTICATE: until C_Login(CKU_CONTEXT_SPECIFIC) */
    bool is_private;          /* the key is a private object: a logout ends the operation */
    struct kk_object *object; /* the key, a reference; NULL for digests */
    CK_OBJECT_HANDLE handle;  /* by which it was given */
    uint64_t found_epoch;     /* of the token, when the handle was looked up */
    uint64_t epoch;           /* of the token, when the key was last known to be there */
    uint64_t login_round;
    struct kk_buffer signature; /* given at the beginning: KK_OP_VERIFY_SIGNATURE */
    struct kk_secret *pending;  /* a result that did not fit the caller's buffer */
    enum kk_phase pending_phase;
    bool is_ready;         /* started, and no data seen since */
    bool in_message;       /* of the message kinds: between ...Begin and the last ...Next */
    struct kk_buffer held; /* parts of a message that its mechanism takes whole */
};

/* Where a result goes: the caller's buffer and its length. data NULL: a length query. */
struct kk_output {
    uint8_t *data;
    CK_ULONG *len;
};

/* Where the parameter of a new operation goes: into the operation, unless one is active, else
 * `spare`. Whoever fills it and then fails clears it. */
struct kk_param *kk_operation_param(struct kk_call *call, enum kk_op_kind kind,
                                    struct kk_param *spare);

/* Starts one. `param` is taken over on success; it may be what kk_operation_param() gave.
 * CKR_OPERATION_ACTIVE, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID, CKR_KEY_HANDLE_INVALID,
 * CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, and those of the mechanism. `key` is 0
 * for digests. */
KK_RV kk_operation_init(struct kk_call *call, enum kk_op_kind kind,
                        const struct kk_mechanism *mechanism, struct kk_param *param,
                        CK_OBJECT_HANDLE key);

/* Encrypt and decrypt, by kind; `in` is empty for the final phase. */
KK_RV kk_operation_cipher(struct kk_call *call, enum kk_op_kind kind, enum kk_phase phase,
                          struct kk_span in, const struct kk_output *out);

/* Sign, sign-recover and digest. The update phase has no output. */
KK_RV kk_operation_update(struct kk_call *call, enum kk_op_kind kind, struct kk_span in);
KK_RV kk_operation_result(struct kk_call *call, enum kk_op_kind kind, enum kk_phase phase,
                          struct kk_span in, const struct kk_output *out);

/* Whether this call would compute a signature that takes long; and how long the active one's
 * signatures are. */
bool kk_operation_is_slow(struct kk_call *call, enum kk_phase phase, const struct kk_output *out);
size_t kk_operation_signature_length(const struct kk_call *call);

/* Verify: single (with data) or final. */
KK_RV kk_operation_verify(struct kk_call *call, enum kk_phase phase, struct kk_span in,
                          struct kk_span signature);

/* C_VerifySignatureInit: kk_operation_init() with a signature, which is copied.
 * CKR_SIGNATURE_LEN_RANGE for a length that the mechanism never has. */
KK_RV kk_operation_verify_signature_init(struct kk_call *call, const struct kk_mechanism *mechanism,
                                         struct kk_param *param, CK_OBJECT_HANDLE key,
                                         struct kk_span signature);

/* The data for it: single or final. */
KK_RV kk_operation_verify_signature(struct kk_call *call, enum kk_phase phase, struct kk_span in);

KK_RV kk_operation_verify_recover(struct kk_call *call, struct kk_span signature,
                                  const struct kk_output *out);

/* The four dual-function updates (dual.c): `cipher` is KK_OP_ENCRYPT or KK_OP_DECRYPT, `other` what
 * the plaintext goes to as well: KK_OP_DIGEST, KK_OP_SIGN or KK_OP_VERIFY. When nothing is put out
 * (a length query, a buffer too small, an error), nothing goes to the other one. A half that fails
 * ends; both end when the plaintext that was put out could not be passed on. */
KK_RV kk_operation_dual(struct kk_call *call, enum kk_op_kind cipher, enum kk_op_kind other,
                        struct kk_span in, const struct kk_output *out);

/* C_GetOperationState (state.c): the session's encryption or decryption and its digest, sealed.
 * CKR_OPERATION_NOT_INITIALIZED, CKR_STATE_UNSAVEABLE. */
KK_RV kk_call_save_state(struct kk_call *call, const struct kk_output *out);

/* C_SetOperationState: ends what the session was doing. A key that is not given (0) is looked for.
 * CKR_SAVED_STATE_INVALID, CKR_KEY_NEEDED, CKR_KEY_NOT_NEEDED, CKR_KEY_CHANGED. */
KK_RV kk_call_restore_state(struct kk_call *call, struct kk_span state,
                            CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key);

/* C_DigestKey. CKR_KEY_HANDLE_INVALID, CKR_KEY_INDIGESTIBLE. */
KK_RV kk_operation_digest_key(struct kk_call *call, CK_OBJECT_HANDLE key);

/* Ends the operation if there is one; the context stays for the next. Always CKR_OK. */
CK_RV kk_operation_cancel(struct kk_call *call, enum kk_op_kind kind);

/* CKR_OPERATION_NOT_INITIALIZED when none of the kind is active. An error found by the caller
 * (arguments) that must end the operation is passed through it: ends it and returns rv. */
CK_RV kk_operation_fail(struct kk_call *call, enum kk_op_kind kind, CK_RV rv);

/* Forgets everything, context included. */
void kk_operation_clear(struct kk_operation *operation);

/* The same, and gives its room back. NULL is fine. */
void kk_operation_free(struct kk_operation *operation);

/* Ends it and keeps the context. NULL is fine. */
void kk_operation_end(struct kk_operation *operation);

/* Clears operations and idle contexts whose key was destroyed. */
void kk_operation_forget_destroyed(struct kk_session *session);

/* Whether any active operation waits for a context-specific login; it is given to all of them. */
bool kk_operation_wants_login(const struct kk_session *session);
void kk_operation_grant_login(struct kk_session *session);
