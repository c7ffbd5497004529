/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the token layer needs to seal its records: a PIN to a key, keys from keys, keyed hashes,
 * AES-256-GCM and the plain hashes of check values.
 *
 * A struct kk_crypto may be shared by any number of threads. Functions that hash take their input
 * in pieces, so that no caller joins buffers.
 */
#pragma once

#include "base/secret.h"
#include "crypto/provider.h"

#define KK_AEAD_KEY 32
#define KK_AEAD_NONCE 12
#define KK_AEAD_TAG 16
#define KK_SHA256_SIZE 32
#define KK_SHA1_SIZE 20

/* Argon2id 1.3. The length of `out` says how many bytes are wanted (16 or more). CKR_HOST_MEMORY
 * when the memory cannot be had, CKR_ARGUMENTS_BAD for figures outside the algorithm's range. */
KK_RV kk_argon2id(struct kk_span pin, const uint8_t salt[16], uint64_t ops, size_t mem_bytes,
                  struct kk_secret *out);

/* RFC 5869, extract and expand. The length of `out` says how many bytes are wanted (at most 255
 * times 64, else CKR_KEY_SIZE_RANGE). An empty salt is 64 zeros. */
KK_RV kk_hkdf_sha512(struct kk_crypto *crypto, struct kk_span ikm, struct kk_span salt,
                     struct kk_span info, struct kk_secret *out);

/* HMAC over the pieces, one after the other. No allocation. */
KK_RV kk_hmac_sha256(struct kk_crypto *crypto, struct kk_span key, const struct kk_span *pieces,
                     size_t count, uint8_t out[KK_SHA256_SIZE]);

/* AES-256-GCM. `out_cipher` has room for plain.len bytes and may be plain.data. */
KK_RV kk_aead_seal(struct kk_crypto *crypto, struct kk_span key, struct kk_span nonce,
                   struct kk_span aad, struct kk_span plain, uint8_t *out_cipher,
                   uint8_t out_tag[KK_AEAD_TAG]);

/* CKR_ENCRYPTED_DATA_INVALID when the tag does not fit; `out_plain` is wiped then. */
KK_RV kk_aead_open(struct kk_crypto *crypto, struct kk_span key, struct kk_span nonce,
                   struct kk_span aad, struct kk_span cipher, const uint8_t tag[KK_AEAD_TAG],
                   uint8_t *out_plain);

/* Plain hashes over the pieces. */
KK_RV kk_sha256(struct kk_crypto *crypto, const struct kk_span *pieces, size_t count,
                uint8_t out[KK_SHA256_SIZE]);
KK_RV kk_sha1(struct kk_crypto *crypto, const struct kk_span *pieces, size_t count,
              uint8_t out[KK_SHA1_SIZE]);
