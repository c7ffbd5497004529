/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EdDSA: Ed25519 and Ed448, pure, with a context, and prehashed (RFC 8032).
 *
 * OpenSSL knows contexts and the prehashed forms from 3.2 on. Before that Ed25519's are computed
 * with libsodium's group arithmetic (ed25519_variant.h), and Ed448's are refused.
 */
#pragma once

#include "crypto/asym.h"

#define KK_EDDSA_MAX_CONTEXT 255

struct kk_eddsa_scheme {
    bool prehash;           /* Ed25519ph, Ed448ph */
    struct kk_span context; /* copied; Ed25519 with one is Ed25519ctx */
};

struct kk_eddsa_op;

/* See asym.h. CKR_MECHANISM_PARAM_INVALID for a context that is too long, or for a form that this
 * OpenSSL does not have. */
KK_RV kk_eddsa_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                     const struct kk_eddsa_scheme *scheme, struct kk_eddsa_op **op);
void kk_eddsa_free(struct kk_eddsa_op *op);

size_t kk_eddsa_length(const struct kk_key *key);

/* EdDSA goes over the message twice: the pieces are kept until the end. */
KK_RV kk_eddsa_update(struct kk_eddsa_op *op, struct kk_span in);

/* `in` is the rest of the message. */
KK_RV kk_eddsa_sign(struct kk_eddsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);
KK_RV kk_eddsa_verify(struct kk_eddsa_op *op, struct kk_span in, struct kk_span signature);
