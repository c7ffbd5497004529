/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests by OpenSSL's name, or by that of own_digest.h. A struct kk_digest is used again and
 * again: start, update, finish.
 */
#pragma once

#include "base/bytes.h"
#include "crypto/provider.h"

#define KK_DIGEST_MAX 64

struct kk_digest;

/* CKR_MECHANISM_INVALID for a name that the library does not have. */
KK_RV kk_digest_new(struct kk_crypto *crypto, const char *name, struct kk_digest **ret_digest);
void kk_digest_free(struct kk_digest *digest);
KK_DEFINE_CLEANUP(struct kk_digest *, kk_digest_free);

size_t kk_digest_size(const struct kk_digest *digest);

KK_RV kk_digest_start(struct kk_digest *digest);
KK_RV kk_digest_update(struct kk_digest *digest, struct kk_span in);

/* `out` has room for kk_digest_size() bytes. */
KK_RV kk_digest_finish(struct kk_digest *digest, uint8_t *out);

/* A function that gives any number of bytes (SHAKE) over `in`. */
KK_RV kk_digest_expand(struct kk_crypto *crypto, const char *name, struct kk_span in, uint8_t *out,
                       size_t out_len);

/* One digest over several pieces; out_len must be the digest's size. */
KK_RV kk_digest_pieces(struct kk_crypto *crypto, const char *name, const struct kk_span *pieces,
                       size_t count, uint8_t *out, size_t out_len);
