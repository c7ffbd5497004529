/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key agreement on Weierstrass and Montgomery curves, and the derivation functions behind it.
 */
#pragma once

#include "crypto/key.h"

/* The shared secret: the x coordinate at the field's length, or the bytes of RFC 7748. `peer` is a
 * point in any form of kk_point_parse(); one off the curve, or one that gives no secret:
 * CKR_MECHANISM_PARAM_INVALID. `cofactor`: cofactor Diffie-Hellman, the same on curves where it
 * is 1. */
KK_RV kk_ecdh_derive(struct kk_crypto *crypto, struct kk_key *key, struct kk_span peer,
                     bool cofactor, struct kk_secret **ret_secret);

/* Bytes of a point of the key's curve, uncompressed, or of RFC 7748. */
size_t kk_ecdh_point_length(const struct kk_key *key);

/* The same with a key pair made for the occasion on the curve of `peer`, a public key. `point` gets
 * its public half, kk_ecdh_point_length() bytes. */
KK_RV kk_ecdh_ephemeral(struct kk_crypto *crypto, const struct kk_key *peer, bool cofactor,
                        uint8_t *point, struct kk_secret **ret_secret);

enum kk_agreement_kdf {
    KK_KDF_X963,   /* H(secret || counter || info) */
    KK_KDF_CONCAT, /* SP 800-56A: H(counter || secret || info) */
};

/* `len` bytes derived from the secret with the digest of OpenSSL's name `hash`. */
KK_RV kk_agreement_kdf(struct kk_crypto *crypto, enum kk_agreement_kdf kdf, const char *hash,
                       struct kk_span secret, struct kk_span info, size_t len,
                       struct kk_secret **ret_value);
