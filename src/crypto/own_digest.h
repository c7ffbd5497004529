/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests that OpenSSL does not have: BLAKE2b of other lengths ("BLAKE2B-160", bits by eights) and
 * SHA-512/t ("SHA512/t" with t bits, not 384); by libsodium. For crypto/ alone: digest.h gives them
 * out beside OpenSSL's.
 */
#pragma once

#include "base/bytes.h"

/* Both hash blocks of this many bytes, which HMAC asks for. */
#define KK_OWN_DIGEST_BLOCK 128

struct kk_own_digest;

bool kk_own_digest_is(const char *name);

/* Stands at its start. CKR_MECHANISM_INVALID for other names. */
KK_RV kk_own_digest_new(const char *name, struct kk_own_digest **ret_digest);
void kk_own_digest_free(struct kk_own_digest *digest);
KK_DEFINE_CLEANUP(struct kk_own_digest *, kk_own_digest_free);

size_t kk_own_digest_size(const struct kk_own_digest *digest);
void kk_own_digest_start(struct kk_own_digest *digest);
void kk_own_digest_update(struct kk_own_digest *digest, struct kk_span in);
void kk_own_digest_finish(struct kk_own_digest *digest, uint8_t *out);
