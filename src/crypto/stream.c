/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ChaCha20 is OpenSSL's, whose counter and nonce share 16 bytes in every variant; Salsa20, the
 * step that makes a key from a long nonce, and Poly1305 are libsodium's.
 */
#include "crypto/stream.h"

#include <sodium.h>

#include "base/memory.h"
#include "base/secret.h"
#include "crypto/error.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

/* EVP counts in int. */
#define PIECE ((size_t)1 << 30)

#define NONCE_SHORT 8
#define NONCE_IETF 12
#define NONCE_LONG 24

struct kk_stream {
    enum kk_stream_kind kind;
    struct kk_secret *key;
    struct kk_secret *block; /* Salsa20: the key stream of a block that was begun */
    EVP_CIPHER *evp;         /* ChaCha20 */
    EVP_CIPHER_CTX *ctx;
    uint8_t nonce[NONCE_LONG]; /* Salsa20 */
    size_t nonce_len;
    uint64_t counter; /* Salsa20: of the next whole block */
    size_t used;      /* bytes of `block` that are used up; all of them: none is begun */
    uint64_t left;    /* bytes until the counter overflows; UINT64_MAX: never */
};

KK_RV kk_stream_new(struct kk_crypto *crypto, enum kk_stream_kind kind, struct kk_span key,
                    struct kk_stream **ret_stream)
{
    KK_CLEANUP(kk_stream_freep) struct kk_stream *stream = NULL;
    KK_ENSURE(key.len == KK_STREAM_KEY, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(sodium_init() >= 0, CKR_FUNCTION_FAILED);
    KK_TRY(kk_alloc(sizeof *stream, &stream));
    stream->kind = kind;
    KK_TRY(kk_secret_from(key, &stream->key));
    KK_TRY(kk_secret_new(KK_STREAM_BLOCK, &stream->block));
    if (kind == KK_STREAM_CHACHA20) {
        KK_TRY(kk_crypto_fetch_cipher(crypto, "ChaCha20", &stream->evp));
        stream->ctx = EVP_CIPHER_CTX_new();
        KK_ENSURE(stream->ctx != NULL, CKR_HOST_MEMORY);
    }
    *ret_stream = KK_STEAL(stream);
    return CKR_OK;
}

void kk_stream_free(struct kk_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_CIPHER_CTX_free(stream->ctx);
        EVP_CIPHER_free(stream->evp);
    }
    kk_secret_free(stream->key);
    kk_secret_free(stream->block);
    kk_free(stream);
}

static void store_le64(uint8_t out[8], uint64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

/* OpenSSL's IV: the counter, then the nonce. A long nonce goes into the key first. */
static KK_RV start_chacha(struct kk_stream *stream, struct kk_span nonce, uint64_t counter)
{
    KK_SECRET_ARRAY(key, KK_STREAM_KEY);
    uint8_t iv[16];
    memcpy(key, kk_secret_data(stream->key), sizeof key);
    if (nonce.len == NONCE_LONG) {
        KK_ENSURE(crypto_core_hchacha20(key, nonce.data, kk_secret_data(stream->key), NULL) == 0,
                  CKR_FUNCTION_FAILED);
        nonce = KK_SPAN(nonce.data + 16, NONCE_SHORT);
    }
    store_le64(iv, counter);
    memcpy(iv + (sizeof iv - nonce.len), nonce.data, nonce.len);
    KK_ENSURE(EVP_CipherInit_ex2(stream->ctx, stream->evp, key, iv, 1, NULL) == 1,
              kk_crypto_error("EVP_CipherInit_ex2", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_stream_start(struct kk_stream *stream, struct kk_span nonce, uint64_t counter)
{
    bool ietf = nonce.len == NONCE_IETF && stream->kind == KK_STREAM_CHACHA20;
    KK_ENSURE(ietf || nonce.len == NONCE_SHORT || nonce.len == NONCE_LONG,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(!ietf || counter <= UINT32_MAX, CKR_MECHANISM_PARAM_INVALID);
    uint64_t blocks = ietf ? ((uint64_t)1 << 32) - counter : 0 - counter; /* 0 is 2^64 */
    bool never = blocks == 0 || blocks > UINT64_MAX / KK_STREAM_BLOCK;
    stream->left = never ? UINT64_MAX : blocks * KK_STREAM_BLOCK;
    if (stream->kind == KK_STREAM_CHACHA20) {
        return start_chacha(stream, nonce, counter);
    }
    memcpy(stream->nonce, nonce.data, nonce.len);
    stream->nonce_len = nonce.len;
    stream->counter = counter;
    stream->used = KK_STREAM_BLOCK;
    return CKR_OK;
}

static KK_RV xor_chacha(struct kk_stream *stream, struct kk_span in, uint8_t *out)
{
    for (size_t at = 0; at < in.len; at += PIECE) {
        int len = 0;
        int piece = (int)KK_MIN(in.len - at, PIECE);
        KK_ENSURE(EVP_CipherUpdate(stream->ctx, out + at, &len, in.data + at, piece) == 1,
                  kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
    }
    return CKR_OK;
}

static void salsa_blocks(struct kk_stream *stream, const uint8_t *in, size_t len, uint8_t *out)
{
    const uint8_t *key = kk_secret_data(stream->key);
    if (stream->nonce_len == NONCE_LONG) {
        (void)crypto_stream_xsalsa20_xor_ic(out, in, len, stream->nonce, stream->counter, key);
    } else {
        (void)crypto_stream_salsa20_xor_ic(out, in, len, stream->nonce, stream->counter, key);
    }
    stream->counter += len / KK_STREAM_BLOCK;
}

/* What a block that was begun still gives. */
static size_t salsa_rest(struct kk_stream *stream, struct kk_span in, uint8_t *out)
{
    const uint8_t *block = kk_secret_data(stream->block);
    size_t len = KK_MIN(in.len, KK_STREAM_BLOCK - stream->used);
    for (size_t i = 0; i < len; i++) {
        out[i] = in.data[i] ^ block[stream->used + i];
    }
    stream->used += len;
    return len;
}

static KK_RV xor_salsa(struct kk_stream *stream, struct kk_span in, uint8_t *out)
{
    uint8_t *block = kk_secret_data(stream->block);
    size_t at = salsa_rest(stream, in, out);
    size_t whole = (in.len - at) / KK_STREAM_BLOCK * KK_STREAM_BLOCK;
    if (whole > 0) {
        salsa_blocks(stream, in.data + at, whole, out + at);
        at += whole;
    }
    if (at < in.len) {
        memset(block, 0, KK_STREAM_BLOCK);
        salsa_blocks(stream, block, KK_STREAM_BLOCK, block);
        stream->used = 0;
        (void)salsa_rest(stream, KK_SPAN(in.data + at, in.len - at), out + at);
    }
    return CKR_OK;
}

static KK_RV xor_apart(struct kk_stream *stream, struct kk_span in, uint8_t *out)
{
    return stream->kind == KK_STREAM_CHACHA20 ? xor_chacha(stream, in, out)
                                              : xor_salsa(stream, in, out);
}

KK_RV kk_stream_xor(struct kk_stream *stream, struct kk_span in, uint8_t *out)
{
    KK_ENSURE(in.len <= stream->left, CKR_DATA_LEN_RANGE);
    if (stream->left != UINT64_MAX) {
        stream->left -= in.len;
    }
    if (in.len == 0) {
        return CKR_OK;
    }
    uintptr_t in_at = (uintptr_t)in.data;
    uintptr_t out_at = (uintptr_t)out;
    if (KK_LIKELY(in_at == out_at || out_at + in.len <= in_at || in_at + in.len <= out_at)) {
        return xor_apart(stream, in, out);
    }
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer copy = {.wipe = true};
    kk_buffer_put_span(&copy, in);
    KK_TRY(kk_buffer_check(&copy));
    return xor_apart(stream, kk_buffer_span(&copy), out);
}

KK_STATIC_ASSERT(sizeof(crypto_onetimeauth_poly1305_state) <= sizeof((struct kk_poly1305){0}.state),
                 "room for libsodium's state");

static crypto_onetimeauth_poly1305_state *state_of(struct kk_poly1305 *poly)
{
    return (crypto_onetimeauth_poly1305_state *)(void *)poly->state;
}

void kk_poly1305_start(struct kk_poly1305 *poly, const uint8_t key[KK_STREAM_KEY])
{
    KK_ASSERT(sodium_init() >= 0);
    (void)crypto_onetimeauth_poly1305_init(state_of(poly), key);
}

void kk_poly1305_update(struct kk_poly1305 *poly, struct kk_span in)
{
    if (in.len > 0) {
        (void)crypto_onetimeauth_poly1305_update(state_of(poly), in.data, in.len);
    }
}

void kk_poly1305_finish(struct kk_poly1305 *poly, uint8_t ret_tag[KK_POLY1305_TAG])
{
    (void)crypto_onetimeauth_poly1305_final(state_of(poly), ret_tag);
    kk_poly1305_clear(poly);
}

void kk_poly1305_clear(struct kk_poly1305 *poly)
{
    kk_wipe(poly, sizeof *poly);
}

struct kk_stream_aead {
    struct kk_poly1305 poly;
    struct kk_stream *stream;
    uint64_t aad_len;
    uint64_t data_len;
    bool pads;
};

KK_RV kk_stream_aead_new(struct kk_crypto *crypto, enum kk_stream_kind kind, struct kk_span key,
                         struct kk_stream_aead **ret_aead)
{
    KK_CLEANUP(kk_stream_aead_freep) struct kk_stream_aead *aead = NULL;
    KK_TRY(kk_alloc(sizeof *aead, &aead));
    KK_TRY(kk_stream_new(crypto, kind, key, &aead->stream));
    *ret_aead = KK_STEAL(aead);
    return CKR_OK;
}

void kk_stream_aead_free(struct kk_stream_aead *aead)
{
    if (aead == NULL) {
        return;
    }
    kk_stream_free(aead->stream);
    kk_poly1305_clear(&aead->poly);
    kk_free(aead);
}

static void put_length(struct kk_stream_aead *aead, uint64_t len)
{
    uint8_t bytes[8];
    store_le64(bytes, len);
    kk_poly1305_update(&aead->poly, KK_SPAN_ARRAY(bytes));
}

/* Behind `len` bytes of data. */
static void put_padding(struct kk_stream_aead *aead, uint64_t len)
{
    static const uint8_t zeros[16];
    kk_poly1305_update(&aead->poly, KK_SPAN(zeros, (size_t)(0 - len) % 16));
}

KK_RV kk_stream_aead_start(struct kk_stream_aead *aead, struct kk_span nonce, struct kk_span aad)
{
    KK_SECRET_ARRAY(block, KK_STREAM_BLOCK);
    KK_TRY(kk_stream_start(aead->stream, nonce, 0));
    KK_TRY(kk_stream_xor(aead->stream, KK_SPAN_ARRAY(block), block));
    aead->pads = nonce.len != NONCE_SHORT || aead->stream->kind != KK_STREAM_CHACHA20;
    aead->aad_len = aad.len;
    aead->data_len = 0;
    kk_poly1305_start(&aead->poly, block);
    kk_poly1305_update(&aead->poly, aad);
    if (aead->pads) {
        put_padding(aead, aad.len);
    } else {
        put_length(aead, aad.len);
    }
    return CKR_OK;
}

KK_RV kk_stream_aead_encrypt(struct kk_stream_aead *aead, struct kk_span plain, uint8_t *out)
{
    KK_TRY(kk_stream_xor(aead->stream, plain, out));
    kk_poly1305_update(&aead->poly, KK_SPAN(out, plain.len));
    aead->data_len += plain.len;
    return CKR_OK;
}

KK_RV kk_stream_aead_decrypt(struct kk_stream_aead *aead, struct kk_span sealed, uint8_t *out)
{
    kk_poly1305_update(&aead->poly, sealed);
    aead->data_len += sealed.len;
    return kk_stream_xor(aead->stream, sealed, out);
}

void kk_stream_aead_tag(struct kk_stream_aead *aead, uint8_t ret_tag[KK_POLY1305_TAG])
{
    if (aead->pads) {
        put_padding(aead, aead->data_len);
        put_length(aead, aead->aad_len);
    }
    put_length(aead, aead->data_len);
    kk_poly1305_finish(&aead->poly, ret_tag);
}
