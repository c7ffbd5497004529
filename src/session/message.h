/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many messages with one key (PKCS#11 3.2 chapters Message-based encryption, decryption, signing
 * and MACing, verifying). ...Init (kk_operation_init() with a KK_OP_MESSAGE_ kind) starts a process
 * that lasts until ...Final, a cancel, a logout or the end of the key. In it are messages: in one
 * call, or from ...Begin to the last ...Next. What goes wrong with a message ends the message, not
 * the process. A key with CKA_ALWAYS_AUTHENTICATE wants a login for each.
 *
 * All give CKR_OPERATION_NOT_INITIALIZED without a process (...Next: without a message),
 * CKR_OPERATION_ACTIVE where a message is under way and must not be, CKR_USER_NOT_LOGGED_IN where a
 * context-specific login is due, and the codes of the mechanism.
 */
#pragma once

#include "session/operation.h"

/* How the parameters of the process's messages are read. */
KK_RV kk_call_message_ops(struct kk_call *call, enum kk_op_kind kind,
                          const struct kk_message_ops **ret_ops);

/* KK_OP_MESSAGE_ENCRYPT and KK_OP_MESSAGE_DECRYPT. What a message's parameter gets back (a
 * generated IV, the tag) stands in `message` afterwards; nothing, where the answer was a length. */
KK_RV kk_call_message_crypt(struct kk_call *call, enum kk_op_kind kind,
                            const struct kk_message *message, struct kk_span aad, struct kk_span in,
                            const struct kk_output *out);
KK_RV kk_call_message_crypt_begin(struct kk_call *call, enum kk_op_kind kind,
                                  const struct kk_message *message, struct kk_span aad);
/* `message` is NULL while more parts follow. */
KK_RV kk_call_message_crypt_next(struct kk_call *call, enum kk_op_kind kind,
                                 const struct kk_message *message, struct kk_span in,
                                 const struct kk_output *out);

/* KK_OP_MESSAGE_SIGN. `out` is NULL while more parts follow. */
KK_RV kk_call_message_sign(struct kk_call *call, struct kk_span in, const struct kk_output *out);
KK_RV kk_call_message_sign_next(struct kk_call *call, struct kk_span in,
                                const struct kk_output *out);

/* KK_OP_MESSAGE_VERIFY. `signature` is NULL while more parts follow. */
KK_RV kk_call_message_verify(struct kk_call *call, struct kk_span in, struct kk_span signature);
KK_RV kk_call_message_verify_next(struct kk_call *call, struct kk_span in,
                                  const struct kk_span *signature);

/* Of either kind: C_SignMessageBegin, C_VerifyMessageBegin. */
KK_RV kk_call_message_sign_begin(struct kk_call *call, enum kk_op_kind kind);

/* C_Message...Final: ends the process, with a message that may be under way. */
KK_RV kk_call_message_final(struct kk_call *call, enum kk_op_kind kind);

/* An error that the caller of a ...Next found: ends the message and returns rv. */
CK_RV kk_call_message_fail(struct kk_call *call, enum kk_op_kind kind, CK_RV rv);
