/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block ciphers over EVP_CIPHER_CTX.
 */
#include "crypto/cipher.h"

#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

/* EVP counts in int. */
#define PIECE ((size_t)1 << 30)

struct kk_cipher {
    EVP_CIPHER_CTX *ctx;
    size_t block;  /* 1 for stream modes */
    size_t iv_len; /* that the context has now */
    size_t total;  /* bytes in since the start */
    bool encrypt;
    bool pads;
    bool is_gcm;
    bool is_cfb64;
    bool is_ofb8;
    uint8_t feedback[KK_CIPHER_BLOCK];   /* the two modes: the shift register, */
    uint8_t key_stream[KK_CIPHER_BLOCK]; /* and what it was encrypted to */
    size_t used;                         /* CFB64: bytes of the key stream, of CFB64_SEGMENT */
    uint8_t rest[KK_CIPHER_BLOCK];       /* taken in, not yet put out: block modes */
};

#define CFB64_SEGMENT ((size_t)8)

/* Providers say so by letting the length be set. */
static bool takes_any_length(const EVP_CIPHER *evp)
{
    const OSSL_PARAM *settable = EVP_CIPHER_settable_ctx_params(evp);
    return settable != NULL && OSSL_PARAM_locate_const(settable, OSSL_CIPHER_PARAM_KEYLEN) != NULL;
}

/* Ciphers with keys of any length, or of any number of effective bits (RC2; 0: others), hear of it
 * before they see the key. */
static KK_RV set_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *evp, struct kk_span key, size_t bits,
                     bool encrypt)
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_RC2_KEYBITS, &bits),
                           OSSL_PARAM_END};
    bool other = bits > 0 || key.len != (size_t)EVP_CIPHER_get_key_length(evp);
    KK_ENSURE(key.len <= INT_MAX, CKR_KEY_SIZE_RANGE);
    if (other) {
        KK_ENSURE(EVP_CipherInit_ex2(ctx, evp, NULL, NULL, encrypt, bits > 0 ? params : NULL) ==
                          1 &&
                      EVP_CIPHER_CTX_set_key_length(ctx, (int)key.len) == 1,
                  kk_crypto_error("EVP_CIPHER_CTX_set_key_length", CKR_KEY_SIZE_RANGE));
    }
    KK_ENSURE(EVP_CipherInit_ex2(ctx, other ? NULL : evp, key.data, NULL, encrypt, NULL) == 1,
              kk_crypto_error("EVP_CipherInit_ex2", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

/* Modes that are made here, of ECB. */
static bool has_own_mode(const struct kk_cipher *cipher)
{
    return cipher->is_cfb64 || cipher->is_ofb8;
}

static KK_RV cipher_new(struct kk_crypto *crypto, const char *algorithm, struct kk_span key,
                        size_t bits, bool encrypt, enum kk_padding padding,
                        struct kk_cipher **ret_cipher)
{
    KK_CLEANUP(EVP_CIPHER_freep) EVP_CIPHER *evp = NULL;
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    kk_crypto_mark();
    KK_TRY(kk_crypto_fetch_cipher(crypto, algorithm, &evp));
    KK_ENSURE(key.len == (size_t)EVP_CIPHER_get_key_length(evp) || takes_any_length(evp),
              CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_alloc(sizeof *cipher, &cipher));
    cipher->is_cfb64 = padding == KK_PADDING_CFB64;
    cipher->is_ofb8 = padding == KK_PADDING_OFB8;
    bool is_ours = has_own_mode(cipher);
    cipher->ctx = EVP_CIPHER_CTX_new();
    KK_ENSURE(cipher->ctx != NULL, CKR_HOST_MEMORY);
    KK_TRY(set_key(cipher->ctx, evp, key, bits, encrypt || is_ours));
    size_t block = (size_t)EVP_CIPHER_get_block_size(evp);
    if (block > 1) {
        /* Where there is nothing to pad it would be said again in each initialisation. */
        EVP_CIPHER_CTX_set_padding(cipher->ctx, padding == KK_PADDING_PKCS7);
    }
    cipher->block = is_ours ? 1 : block;
    cipher->iv_len = is_ours ? block : (size_t)EVP_CIPHER_get_iv_length(evp);
    cipher->encrypt = encrypt;
    cipher->pads = padding == KK_PADDING_PKCS7 && cipher->block > 1;
    cipher->is_gcm = EVP_CIPHER_get_mode(evp) == EVP_CIPH_GCM_MODE;
    *ret_cipher = KK_STEAL(cipher);
    return CKR_OK;
}

KK_RV kk_cipher_new(struct kk_crypto *crypto, const char *algorithm, struct kk_span key,
                    bool encrypt, enum kk_padding padding, struct kk_cipher **ret_cipher)
{
    return cipher_new(crypto, algorithm, key, 0, encrypt, padding, ret_cipher);
}

KK_RV kk_cipher_new_rc2(struct kk_crypto *crypto, const char *algorithm, struct kk_span key,
                        size_t effective_bits, bool encrypt, enum kk_padding padding,
                        struct kk_cipher **ret_cipher)
{
    KK_ENSURE(effective_bits >= 1 && effective_bits <= 1024, CKR_ARGUMENTS_BAD);
    return cipher_new(crypto, algorithm, key, effective_bits, encrypt, padding, ret_cipher);
}

void kk_cipher_free(struct kk_cipher *cipher)
{
    if (cipher == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_CIPHER_CTX_free(cipher->ctx);
    }
    kk_wipe(cipher, sizeof *cipher);
    kk_free(cipher);
}

static KK_RV set_iv_len(struct kk_cipher *cipher, size_t len)
{
    if (len == cipher->iv_len) {
        return CKR_OK;
    }
    KK_ENSURE(cipher->is_gcm && len >= 1 && len <= KK_GCM_IV_MAX, CKR_MECHANISM_PARAM_INVALID);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_IVLEN, &len),
                           OSSL_PARAM_END};
    KK_ENSURE(EVP_CIPHER_CTX_set_params(cipher->ctx, params) == 1,
              kk_crypto_error("EVP_CIPHER_CTX_set_params", CKR_MECHANISM_PARAM_INVALID));
    cipher->iv_len = len;
    return CKR_OK;
}

KK_RV kk_cipher_start(struct kk_cipher *cipher, struct kk_span iv)
{
    KK_TRY(set_iv_len(cipher, iv.len));
    cipher->total = 0;
    if (has_own_mode(cipher)) {
        memcpy(cipher->feedback, iv.data, iv.len);
        cipher->used = CFB64_SEGMENT;
        return CKR_OK;
    }
    KK_ENSURE(EVP_CipherInit_ex2(cipher->ctx, NULL, NULL, iv.len == 0 ? NULL : iv.data, -1, NULL) ==
                  1,
              kk_crypto_error("EVP_CipherInit_ex2", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_cipher_aad(struct kk_cipher *cipher, struct kk_span aad)
{
    int len = 0;
    for (size_t at = 0; at < aad.len; at += PIECE) {
        int piece = (int)KK_MIN(aad.len - at, PIECE);
        KK_ENSURE(EVP_CipherUpdate(cipher->ctx, NULL, &len, aad.data + at, piece) == 1,
                  kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
    }
    return CKR_OK;
}

/* Bytes put out after `total` bytes in. When padding is to be taken off, the last whole block is
 * held back: it may be the one with the padding. */
static size_t put_out(const struct kk_cipher *cipher, size_t total)
{
    bool holds_back = cipher->pads && !cipher->encrypt && total > 0;
    return (total - (holds_back ? 1 : 0)) / cipher->block * cipher->block;
}

size_t kk_cipher_output(const struct kk_cipher *cipher, size_t in_len)
{
    return put_out(cipher, cipher->total + in_len) - put_out(cipher, cipher->total);
}

/* The last bytes that were taken in, as many as are not put out yet. */
static void keep_rest(struct kk_cipher *cipher, struct kk_span in)
{
    size_t before = cipher->total - put_out(cipher, cipher->total);
    size_t total = cipher->total + in.len;
    size_t after = total - put_out(cipher, total);
    if (after <= in.len) {
        memcpy(cipher->rest, in.data + (in.len - after), after);
    } else {
        /* The data adds to what was there; nothing came out. */
        memmove(cipher->rest, cipher->rest + (before + in.len - after), after - in.len);
        memcpy(cipher->rest + (after - in.len), in.data, in.len);
    }
}

/* SP 800-38A, 6.3, with s = 64: the register moves by a segment, and the segment's ciphertext comes
 * in behind. */
static KK_RV next_segment(struct kk_cipher *cipher)
{
    int len = 0;
    KK_ENSURE(EVP_CipherUpdate(cipher->ctx, cipher->key_stream, &len, cipher->feedback,
                               sizeof cipher->feedback) == 1,
              kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
    memmove(cipher->feedback, cipher->feedback + CFB64_SEGMENT, CFB64_SEGMENT);
    cipher->used = 0;
    return CKR_OK;
}

static KK_RV update_cfb64(struct kk_cipher *cipher, struct kk_span in, uint8_t *out)
{
    for (size_t i = 0; i < in.len; i++) {
        if (cipher->used == CFB64_SEGMENT) {
            KK_TRY(next_segment(cipher));
        }
        uint8_t byte = in.data[i];
        out[i] = byte ^ cipher->key_stream[cipher->used];
        cipher->feedback[CFB64_SEGMENT + cipher->used] = cipher->encrypt ? out[i] : byte;
        cipher->used++;
    }
    return CKR_OK;
}

/* FIPS 81, 8-bit OFB: the register moves by a byte, and the byte of the key stream comes in behind.
 */
static KK_RV update_ofb8(struct kk_cipher *cipher, struct kk_span in, uint8_t *out)
{
    size_t last = cipher->iv_len - 1;
    for (size_t i = 0; i < in.len; i++) {
        int len = 0;
        KK_ENSURE(EVP_CipherUpdate(cipher->ctx, cipher->key_stream, &len, cipher->feedback,
                                   (int)cipher->iv_len) == 1,
                  kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
        memmove(cipher->feedback, cipher->feedback + 1, last);
        cipher->feedback[last] = cipher->key_stream[0];
        out[i] = in.data[i] ^ cipher->key_stream[0];
    }
    return CKR_OK;
}

static KK_RV update_apart(struct kk_cipher *cipher, struct kk_span in, uint8_t *out,
                          size_t *ret_len)
{
    size_t done = 0;
    if (has_own_mode(cipher)) {
        cipher->total += in.len;
        *ret_len = in.len;
        return cipher->is_ofb8 ? update_ofb8(cipher, in, out) : update_cfb64(cipher, in, out);
    }
    if (cipher->block > 1) {
        keep_rest(cipher, in); /* before the output comes to lie where the data is */
    }
    for (size_t at = 0; at < in.len; at += PIECE) {
        int len = 0;
        int piece = (int)KK_MIN(in.len - at, PIECE);
        KK_ENSURE(EVP_CipherUpdate(cipher->ctx, out + done, &len, in.data + at, piece) == 1,
                  kk_crypto_error("EVP_CipherUpdate", CKR_FUNCTION_FAILED));
        done += (size_t)len;
    }
    cipher->total += in.len;
    *ret_len = done;
    return CKR_OK;
}

/* OpenSSL works in place, but not when output runs ahead of input: with bytes held back, or with
 * buffers that overlap otherwise. */
static bool output_runs_into_input(const struct kk_cipher *cipher, struct kk_span in,
                                   const uint8_t *out, size_t out_len)
{
    uintptr_t in_at = (uintptr_t)in.data;
    uintptr_t out_at = (uintptr_t)out;
    bool apart = out_at + out_len <= in_at || in_at + in.len <= out_at;
    bool in_step = in_at == out_at && put_out(cipher, cipher->total) == cipher->total;
    return !apart && !in_step;
}

KK_RV kk_cipher_update(struct kk_cipher *cipher, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    size_t total = 0;
    if (in.len == 0) {
        *ret_len = 0;
        return CKR_OK;
    }
    KK_ENSURE(kk_add(cipher->total, in.len, &total), CKR_DATA_LEN_RANGE);
    if (KK_LIKELY(!output_runs_into_input(cipher, in, out, kk_cipher_output(cipher, in.len)))) {
        return update_apart(cipher, in, out, ret_len);
    }
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer copy = {.wipe = true};
    kk_buffer_put_span(&copy, in);
    KK_TRY(kk_buffer_check(&copy));
    return update_apart(cipher, kk_buffer_span(&copy), out, ret_len);
}

KK_RV kk_cipher_finish(struct kk_cipher *cipher, uint8_t *out, size_t *ret_len)
{
    uint8_t spare[KK_CIPHER_BLOCK * 2];
    int len = 0;
    bool whole = cipher->total % cipher->block == 0;
    if (cipher->encrypt) {
        KK_ENSURE(whole || cipher->pads, CKR_DATA_LEN_RANGE);
    } else {
        KK_ENSURE(whole && (cipher->total > 0 || !cipher->pads), CKR_ENCRYPTED_DATA_LEN_RANGE);
    }
    int ok = EVP_CipherFinal_ex(cipher->ctx, spare, &len);
    if (ok == 1 && len > 0) {
        memcpy(out, spare, (size_t)len);
    }
    kk_wipe(spare, sizeof spare);
    KK_ENSURE(ok == 1,
              kk_crypto_error("EVP_CipherFinal_ex",
                              cipher->encrypt ? CKR_FUNCTION_FAILED : CKR_ENCRYPTED_DATA_INVALID));
    *ret_len = (size_t)len;
    return CKR_OK;
}

KK_RV kk_cipher_tag(struct kk_cipher *cipher, uint8_t *out, size_t len)
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, out, len),
                           OSSL_PARAM_END};
    KK_ENSURE(EVP_CIPHER_CTX_get_params(cipher->ctx, params) == 1,
              kk_crypto_error("EVP_CIPHER_CTX_get_params", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_cipher_set_tag(struct kk_cipher *cipher, struct kk_span tag)
{
    /* OpenSSL reads the tag only, though its parameter has no const. */
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(
                               OSSL_CIPHER_PARAM_AEAD_TAG, (uint8_t *)(uintptr_t)tag.data, tag.len),
                           OSSL_PARAM_END};
    KK_ENSURE(EVP_CIPHER_CTX_set_params(cipher->ctx, params) == 1,
              kk_crypto_error("EVP_CIPHER_CTX_set_params", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_cipher_state(const struct kk_cipher *cipher, struct kk_cipher_state *ret_state)
{
    struct kk_cipher_state state = {.iv_len = cipher->iv_len,
                                    .rest_len = cipher->total - put_out(cipher, cipher->total)};
    KK_ENSURE(!has_own_mode(cipher) && cipher->block > 1 && cipher->block <= sizeof state.rest &&
                  cipher->iv_len <= sizeof state.iv,
              CKR_STATE_UNSAVEABLE);
    KK_ENSURE(cipher->iv_len == 0 ||
                  EVP_CIPHER_CTX_get_updated_iv(cipher->ctx, state.iv, cipher->iv_len) == 1,
              kk_crypto_error("EVP_CIPHER_CTX_get_updated_iv", CKR_STATE_UNSAVEABLE));
    memcpy(state.rest, cipher->rest, state.rest_len);
    *ret_state = state;
    return CKR_OK;
}
