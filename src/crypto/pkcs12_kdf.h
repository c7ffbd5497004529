/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key derivation of PKCS #12 (RFC 7292, appendix B).
 */
#pragma once

#include "base/secret.h"
#include "crypto/provider.h"

/* What the bytes are for: the identifier byte of appendix B.3. */
enum kk_pkcs12_id { KK_PKCS12_KEY = 1, KK_PKCS12_IV = 2, KK_PKCS12_MAC_KEY = 3 };

/* `digest` is OpenSSL's name of the hash, the password is taken as it is (RFC 7292 wants UTF-16,
 * high byte first, with two zeros at the end); the length of `out` says how many bytes are wanted.
 * Either may be empty, not both. `rounds` is 1 or more: CKR_ARGUMENTS_BAD. */
KK_RV kk_pkcs12_kdf(struct kk_crypto *crypto, const char *digest, enum kk_pkcs12_id id,
                    struct kk_span password, struct kk_span salt, uint64_t rounds,
                    struct kk_secret *out);
