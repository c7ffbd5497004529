/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XEdDSA: signatures with X25519 keys ("The XEdDSA and VXEdDSA Signature Schemes", revision 1).
 *
 * The curve is that of Ed25519 in another form: hashing is OpenSSL's, arithmetic libsodium's, whose
 * private scalars are handled in constant time. X448 has no such library, and is refused.
 */
#pragma once

#include "crypto/asym.h"

#define KK_XEDDSA_SIGNATURE 64
#define KK_XEDDSA_RANDOM 64

/* CKR_KEY_TYPE_INCONSISTENT: no Montgomery key, or a public one to sign with; CKR_KEY_SIZE_RANGE:
 * another curve than X25519. */
KK_RV kk_xeddsa_check(const struct kk_key *key, enum kk_asym_use use);

/* `hash` is a name of digest.h's with 32 or 64 bytes. `random` is secret, and new each time: a
 * signature is as good as the nonce that is made from it, the key and the message. */
KK_RV kk_xeddsa_sign(struct kk_crypto *crypto, const struct kk_key *key, const char *hash,
                     struct kk_span message, const uint8_t random[KK_XEDDSA_RANDOM],
                     uint8_t signature[KK_XEDDSA_SIGNATURE]);

/* CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID */
KK_RV kk_xeddsa_verify(struct kk_crypto *crypto, const struct kk_key *key, const char *hash,
                       struct kk_span message, struct kk_span signature);
