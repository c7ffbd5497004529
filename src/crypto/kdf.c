/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the token layer needs to seal its records. HMAC and Argon2id are libsodium's: its states lie
 * on our stack, so that nothing is allocated and nothing is left behind. Block ciphers and plain
 * hashes are OpenSSL's, which has the faster code for them.
 */
#include "crypto/kdf.h"

#include <errno.h>
#include <limits.h>

#include <sodium.h>

#include "base/memory.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"

#include "base/banned.h"

KK_RV kk_argon2id(struct kk_span pin, const uint8_t salt[16], uint64_t ops, size_t mem_bytes,
                  struct kk_secret *out)
{
    KK_STATIC_ASSERT(crypto_pwhash_argon2id_SALTBYTES == 16, "salt16");
    size_t len = kk_secret_len(out);
    KK_ENSURE(sodium_init() >= 0, CKR_FUNCTION_FAILED);
    KK_ENSURE(len >= crypto_pwhash_argon2id_BYTES_MIN, CKR_ARGUMENTS_BAD);
    KK_ENSURE(ops >= crypto_pwhash_argon2id_OPSLIMIT_MIN &&
                  ops <= crypto_pwhash_argon2id_OPSLIMIT_MAX,
              CKR_ARGUMENTS_BAD);
    KK_ENSURE(mem_bytes >= crypto_pwhash_argon2id_MEMLIMIT_MIN &&
                  mem_bytes <= crypto_pwhash_argon2id_MEMLIMIT_MAX,
              CKR_ARGUMENTS_BAD);
    KK_ENSURE(pin.len <= crypto_pwhash_argon2id_PASSWD_MAX, CKR_ARGUMENTS_BAD);
    const char *password = pin.len == 0 ? "" : (const char *)pin.data;
    int rc = crypto_pwhash_argon2id(kk_secret_data(out), len, password, pin.len, salt, ops,
                                    mem_bytes, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    KK_ENSURE(rc == 0, CKR_HOST_MEMORY);
    return CKR_OK;
}

static void hmac_sha512(struct kk_span key, struct kk_span a, struct kk_span b, struct kk_span c,
                        uint8_t out[crypto_auth_hmacsha512_BYTES])
{
    crypto_auth_hmacsha512_state state;
    crypto_auth_hmacsha512_init(&state, key.data, key.len);
    crypto_auth_hmacsha512_update(&state, a.data, a.len);
    crypto_auth_hmacsha512_update(&state, b.data, b.len);
    crypto_auth_hmacsha512_update(&state, c.data, c.len);
    crypto_auth_hmacsha512_final(&state, out);
    kk_wipe(&state, sizeof state);
}

KK_RV kk_hkdf_sha512(struct kk_crypto *crypto, struct kk_span ikm, struct kk_span salt,
                     struct kk_span info, struct kk_secret *out)
{
    enum { HASH = crypto_auth_hmacsha512_BYTES };
    (void)crypto;
    KK_SECRET_ARRAY(prk, HASH);
    KK_SECRET_ARRAY(block, HASH);
    static const uint8_t no_salt[HASH];
    uint8_t *to = kk_secret_data(out);
    size_t len = kk_secret_len(out);
    KK_ENSURE(len <= (size_t)255 * HASH, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(sodium_init() >= 0, CKR_FUNCTION_FAILED);
    hmac_sha512(salt.len == 0 ? KK_SPAN_ARRAY(no_salt) : salt, ikm, KK_SPAN(NULL, 0),
                KK_SPAN(NULL, 0), prk);
    uint8_t counter = 1;
    for (size_t done = 0; done < len; done += HASH, counter++) {
        hmac_sha512(KK_SPAN_ARRAY(prk), KK_SPAN(block, done == 0 ? 0 : HASH), info,
                    KK_SPAN(&counter, 1), block);
        memcpy(to + done, block, KK_MIN((size_t)HASH, len - done));
    }
    return CKR_OK;
}

KK_RV kk_hmac_sha256(struct kk_crypto *crypto, struct kk_span key, const struct kk_span *pieces,
                     size_t count, uint8_t out[KK_SHA256_SIZE])
{
    (void)crypto;
    crypto_auth_hmacsha256_state state;
    KK_ENSURE(sodium_init() >= 0, CKR_FUNCTION_FAILED);
    crypto_auth_hmacsha256_init(&state, key.data, key.len);
    for (size_t i = 0; i < count; i++) {
        crypto_auth_hmacsha256_update(&state, pieces[i].data, pieces[i].len);
    }
    crypto_auth_hmacsha256_final(&state, out);
    kk_wipe(&state, sizeof state);
    return CKR_OK;
}

static KK_RV gcm_begin(struct kk_crypto *crypto, struct kk_span key, bool encrypt,
                       struct kk_span nonce, struct kk_span aad, struct kk_cipher **ret_cipher)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    KK_ENSURE(key.len == KK_AEAD_KEY && nonce.len == KK_AEAD_NONCE, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_cipher_new(crypto, "AES-256-GCM", key, encrypt, KK_PADDING_NONE, &cipher));
    KK_TRY(kk_cipher_start(cipher, nonce));
    KK_TRY(kk_cipher_aad(cipher, aad));
    *ret_cipher = KK_STEAL(cipher);
    return CKR_OK;
}

KK_RV kk_aead_seal(struct kk_crypto *crypto, struct kk_span key, struct kk_span nonce,
                   struct kk_span aad, struct kk_span plain, uint8_t *out_cipher,
                   uint8_t out_tag[KK_AEAD_TAG])
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    size_t len = 0;
    KK_TRY(gcm_begin(crypto, key, true, nonce, aad, &cipher));
    KK_TRY(kk_cipher_update(cipher, plain, out_cipher, &len));
    KK_TRY(kk_cipher_finish(cipher, out_cipher + len, &len));
    return kk_cipher_tag(cipher, out_tag, KK_AEAD_TAG);
}

KK_RV kk_aead_open(struct kk_crypto *crypto, struct kk_span key, struct kk_span nonce,
                   struct kk_span aad, struct kk_span sealed, const uint8_t tag[KK_AEAD_TAG],
                   uint8_t *out_plain)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    size_t len = 0;
    size_t last = 0;
    KK_TRY(gcm_begin(crypto, key, false, nonce, aad, &cipher));
    CK_RV rv = kk_cipher_set_tag(cipher, KK_SPAN(tag, KK_AEAD_TAG));
    if (rv == CKR_OK) {
        rv = kk_cipher_update(cipher, sealed, out_plain, &len);
    }
    if (rv == CKR_OK) {
        rv = kk_cipher_finish(cipher, out_plain + len, &last);
    }
    if (rv != CKR_OK) {
        kk_wipe(out_plain, sealed.len);
    }
    return rv;
}

KK_RV kk_sha256(struct kk_crypto *crypto, const struct kk_span *pieces, size_t count,
                uint8_t out[KK_SHA256_SIZE])
{
    return kk_digest_pieces(crypto, "SHA256", pieces, count, out, KK_SHA256_SIZE);
}

KK_RV kk_sha1(struct kk_crypto *crypto, const struct kk_span *pieces, size_t count,
              uint8_t out[KK_SHA1_SIZE])
{
    return kk_digest_pieces(crypto, "SHA1", pieces, count, out, KK_SHA1_SIZE);
}
