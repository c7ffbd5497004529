/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PBKDF2 of PKCS #5 (RFC 8018).
 */
#pragma once

#include "base/secret.h"
#include "crypto/provider.h"

/* `digest` is OpenSSL's name of the hash in the HMAC; the length of `out` says how many bytes are
 * wanted. `rounds` is 1 or more: CKR_ARGUMENTS_BAD. The FIPS provider wants 1,000 of them, a salt
 * of 16 bytes and a key of 14: CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_pbkdf2(struct kk_crypto *crypto, const char *digest, struct kk_span password,
                struct kk_span salt, uint64_t rounds, struct kk_secret *out);
