/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many messages under one key with an AEAD: what session/ does with a row's kk_message_ops. One
 * engine for all of them; an AEAD says how its parameter is read and how it wants its data.
 */
#pragma once

#include "mechanism/mechanism.h"

/* Makes or reuses op->context and forgets the messages of before, generated IVs included. The
 * parameter of the ...Init call is not looked at: each message brings its own.
 * CKR_KEY_SIZE_RANGE, CKR_KEY_TYPE_INCONSISTENT. */
KK_RV kk_message_init(struct kk_op *op);

/* A message begins. Encryption: message->iv is the IV that is used, generated where the generator
 * says so. CKR_MECHANISM_PARAM_INVALID, as kk_iv_next(). */
KK_RV kk_message_begin(struct kk_op *op, const struct kk_message *message, struct kk_span aad);

/* The most that in_len more bytes give now, exactly: KK_PHASE_UPDATE, or KK_PHASE_FINAL for the
 * last part. */
size_t kk_message_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len);

/* Decryption keeps the part: CKR_ENCRYPTED_DATA_LEN_RANGE beyond limits.aead_buffer. */
KK_RV kk_message_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);

/* The last part. Encryption writes message->tag, and again a generated message->iv; decryption
 * checks message->tag: CKR_AEAD_DECRYPT_FAILED, and nothing stays in `out`.
 * CKR_MECHANISM_PARAM_INVALID when IV or tag have another length than at the beginning. */
KK_RV kk_message_final(struct kk_op *op, const struct kk_message *message, struct kk_span in,
                       uint8_t *out, size_t *ret_len);
