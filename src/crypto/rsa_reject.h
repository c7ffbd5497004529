/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#1 v1.5 unpadding with implicit rejection, for OpenSSL before 3.2, which has none. From the
 * same key and ciphertext it gives the bytes that later versions give; for crypto/ alone.
 */
#pragma once

#include "crypto/key_internal.h"

/* `block` is the raw decryption of `cipher`, both of the modulus' length k; `exponent_hash` is the
 * SHA-256 of d at length k. A right block gives its message, any other one bytes derived from key
 * and ciphertext, in the same time. out has room for k - 11 bytes. */
KK_RV kk_rsa_unpad(struct kk_crypto *crypto, struct kk_span exponent_hash, struct kk_span cipher,
                   struct kk_span block, uint8_t *out, size_t *ret_len);
