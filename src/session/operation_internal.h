/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For session/ alone: the steps of operation.c that the dual functions, the message functions and
 * saved states go by as well.
 */
#pragma once

#include "session/operation.h"

/* KK_OP_MESSAGE_...: many messages with one key. */
bool kk_operation_is_message(enum kk_op_kind kind);

/* The active operation of a kind, its key still there. CKR_OPERATION_NOT_INITIALIZED. */
KK_RV kk_operation_find(struct kk_call *call, enum kk_op_kind kind,
                        struct kk_operation **ret_operation);

/* Has the family start from the beginning, with the parameter that the operation has. */
KK_RV kk_operation_start(struct kk_operation *operation, enum kk_op_kind kind);

/* Signatures, MACs and digests: whether data comes in parts too, and the length of the result. */
bool kk_operation_has_update(const struct kk_op *op);
size_t kk_operation_length(const struct kk_op *op);

/* The length of the result that follows on in_len more bytes. */
size_t kk_operation_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len);

/* One more part; a result into `out`, which has room for it; whether a signature is right. */
KK_RV kk_operation_feed(struct kk_op *op, struct kk_span in);
KK_RV kk_operation_compute(struct kk_call *call, struct kk_operation *operation,
                           enum kk_phase phase, struct kk_span in, uint8_t *out, size_t *ret_len);
KK_RV kk_operation_check(struct kk_operation *operation, enum kk_phase phase, struct kk_span in,
                         struct kk_span signature);

/* Whether kk_operation_update() would take data. CKR_OPERATION_NOT_INITIALIZED, also where the
 * mechanism takes no parts, which ends the operation; CKR_USER_NOT_LOGGED_IN. */
KK_RV kk_operation_takes_parts(struct kk_call *call, enum kk_op_kind kind);

/* Checks a key against the mechanism and the operation, and parses it. Codes of
 * kk_operation_init(). */
KK_RV kk_operation_take_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                            enum kk_op_kind kind, CK_OBJECT_HANDLE handle,
                            struct kk_object **ret_object, struct kk_key **ret_key);

/* The session's operation of a kind, made when it is the first; inactive then. It stays until the
 * session is closed: most sessions use one or two kinds. */
KK_RV kk_operation_room(struct kk_session *session, enum kk_op_kind kind,
                        struct kk_operation **ret_operation);

/* Makes the operation of this kind, for which there is room, one with mechanism and key, which it
 * takes over (NULL: none); the family is not started, nothing is active. */
void kk_operation_adopt(struct kk_call *call, enum kk_op_kind kind,
                        const struct kk_mechanism *mechanism, struct kk_object *object,
                        struct kk_key *key);
