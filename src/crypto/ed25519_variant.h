/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ed25519ctx and Ed25519ph (RFC 8032, section 5.1) for an OpenSSL that has neither; for crypto/
 * alone. Hashing is OpenSSL's, arithmetic libsodium's, whose private scalars are handled in
 * constant time.
 */
#pragma once

#include "crypto/key_internal.h"

#define KK_ED25519_SIGNATURE 64
#define KK_ED25519_KEY 32

struct kk_ed25519_variant {
    bool prehash; /* the message is hashed first: Ed25519ph */
    struct kk_span context;
};

KK_RV kk_ed25519_variant_sign(struct kk_crypto *crypto, const struct kk_ed25519_variant *variant,
                              const uint8_t seed[KK_ED25519_KEY],
                              const uint8_t public_key[KK_ED25519_KEY], struct kk_span message,
                              uint8_t signature[KK_ED25519_SIGNATURE]);

/* CKR_SIGNATURE_INVALID */
KK_RV kk_ed25519_variant_verify(struct kk_crypto *crypto, const struct kk_ed25519_variant *variant,
                                const uint8_t public_key[KK_ED25519_KEY], struct kk_span message,
                                const uint8_t signature[KK_ED25519_SIGNATURE]);
