/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream ciphers ChaCha20 (RFC 8439, and Bernstein's with 64 bits of nonce) and Salsa20, both
 * also with nonces of 192 bits, Poly1305, and their authenticated encryption. Keys have 256 bits.
 */
#pragma once

#include "base/bytes.h"
#include "crypto/provider.h"

#define KK_STREAM_KEY 32
#define KK_STREAM_BLOCK 64
#define KK_POLY1305_TAG 16

enum kk_stream_kind { KK_STREAM_CHACHA20, KK_STREAM_SALSA20 };

struct kk_stream;

/* CKR_KEY_SIZE_RANGE for keys of another length. */
KK_RV kk_stream_new(struct kk_crypto *crypto, enum kk_stream_kind kind, struct kk_span key,
                    struct kk_stream **ret_stream);
void kk_stream_free(struct kk_stream *stream);
KK_DEFINE_CLEANUP(struct kk_stream *, kk_stream_free);

/* Forgets what was going on; the next byte is the first of block `counter`. Nonces have 8, 12
 * (ChaCha20 only) or 24 bytes, with 12 the counter has 32 bits: CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_stream_start(struct kk_stream *stream, struct kk_span nonce, uint64_t counter);

/* Encrypts or decrypts; input and output may be the same or overlap in any way. CKR_DATA_LEN_RANGE
 * when the counter would overflow. */
KK_RV kk_stream_xor(struct kk_stream *stream, struct kk_span in, uint8_t *out);

/* Poly1305 with a key of KK_STREAM_KEY bytes that is good for one message. Lies where its owner
 * lies; wiped by finish and by clear. */
struct kk_poly1305 {
    _Alignas(16) uint8_t state[256];
};

void kk_poly1305_start(struct kk_poly1305 *poly, const uint8_t key[KK_STREAM_KEY]);
void kk_poly1305_update(struct kk_poly1305 *poly, struct kk_span in);
void kk_poly1305_finish(struct kk_poly1305 *poly, uint8_t ret_tag[KK_POLY1305_TAG]);
void kk_poly1305_clear(struct kk_poly1305 *poly);

/* Authenticated encryption: the first block of the stream gives Poly1305 its key, the message
 * begins with the next one. What is authenticated is that of RFC 8439 (data and ciphertext, each
 * padded to 16 bytes, then both lengths); for ChaCha20 with nonces of 8 bytes nothing is padded and
 * each length follows what it measures, as in libsodium. */
struct kk_stream_aead;

KK_RV kk_stream_aead_new(struct kk_crypto *crypto, enum kk_stream_kind kind, struct kk_span key,
                         struct kk_stream_aead **ret_aead);
void kk_stream_aead_free(struct kk_stream_aead *aead);
KK_DEFINE_CLEANUP(struct kk_stream_aead *, kk_stream_aead_free);

/* Codes of kk_stream_start(). */
KK_RV kk_stream_aead_start(struct kk_stream_aead *aead, struct kk_span nonce, struct kk_span aad);

KK_RV kk_stream_aead_encrypt(struct kk_stream_aead *aead, struct kk_span plain, uint8_t *out);

/* What comes out may be given away only after the tag was compared. */
KK_RV kk_stream_aead_decrypt(struct kk_stream_aead *aead, struct kk_span sealed, uint8_t *out);

void kk_stream_aead_tag(struct kk_stream_aead *aead, uint8_t ret_tag[KK_POLY1305_TAG]);
