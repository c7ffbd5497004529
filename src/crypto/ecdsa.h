/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ECDSA and DSA with signatures as PKCS#11 has them: r and s at the length of the order, one
 * behind the other.
 */
#pragma once

#include "crypto/asym.h"

struct kk_ecdsa_op;

/* See asym.h. `hash` is OpenSSL's name, NULL when the caller hashes. */
KK_RV kk_ecdsa_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                     const char *hash, struct kk_ecdsa_op **op);
void kk_ecdsa_free(struct kk_ecdsa_op *op);

/* Bytes of a signature. */
size_t kk_ecdsa_length(const struct kk_key *key);

KK_RV kk_ecdsa_update(struct kk_ecdsa_op *op, struct kk_span in);

/* `in` is the rest of the message, or the hash, of which the leftmost bits count. */
KK_RV kk_ecdsa_sign(struct kk_ecdsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);

/* Halves shorter than the order are taken. CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID. */
KK_RV kk_ecdsa_verify(struct kk_ecdsa_op *op, struct kk_span in, struct kk_span signature);
