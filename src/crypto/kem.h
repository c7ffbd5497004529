/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key encapsulation that OpenSSL computes: RSASVE (SP 800-56B, 7.2.1) and ML-KEM (FIPS 203).
 */
#pragma once

#include "crypto/key.h"

/* Bytes of the ciphertext, and of the secret; 0 for keys of another kind. */
size_t kk_kem_length(const struct kk_key *key);
size_t kk_kem_secret_length(const struct kk_key *key);

/* `out` has room for kk_kem_length(). CKR_KEY_TYPE_INCONSISTENT. */
KK_RV kk_kem_encapsulate(struct kk_crypto *crypto, struct kk_key *key, uint8_t *out,
                         struct kk_secret **ret_secret);

/* With a private key. CKR_WRAPPED_KEY_LEN_RANGE; CKR_WRAPPED_KEY_INVALID (RSASVE: a number that
 * cannot have come from an encapsulation; ML-KEM rejects in secret). */
KK_RV kk_kem_decapsulate(struct kk_crypto *crypto, struct kk_key *key, struct kk_span ciphertext,
                         struct kk_secret **ret_secret);
