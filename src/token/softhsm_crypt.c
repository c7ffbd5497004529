/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What SoftHSM encrypts: the master key under a PIN, and byte strings under the master key.
 *
 *   blob           salt 8, IV 16, AES-256-CBC of "RJR" and 32 bytes of key
 *   its key        SHA-256 of salt and PIN, hashed again until 1,500 + salt[7] times in all
 *   byte string    IV 16, AES-256-CBC
 *
 * Nothing is authenticated. In a blob the length is known, so that all 13 bytes of padding are
 * checked: a wrong PIN passes them and the three letters once in 2^128, not once in 2^24.
 */
#include <string.h>

#include "base/memory.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

#define CIPHER "AES-256-CBC"
#define IV_LEN KK_CIPHER_BLOCK
#define SALT_LEN 8
#define ROUNDS 1500
#define HASH_LEN 32

static const uint8_t magic[3] = {'R', 'J', 'R'};

#define BLOB_PLAIN_LEN (sizeof magic + KK_SOFTHSM_MASTER_LEN)

KK_RV kk_softhsm_decrypt(const struct kk_softhsm_keys *keys, struct kk_span sealed,
                         struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    size_t len = 0;
    size_t last = 0;
    KK_ENSURE(sealed.len >= IV_LEN + KK_CIPHER_BLOCK && sealed.len % KK_CIPHER_BLOCK == 0,
              CKR_ENCRYPTED_DATA_INVALID);
    struct kk_span body = KK_SPAN(sealed.data + IV_LEN, sealed.len - IV_LEN);
    KK_TRY(kk_cipher_new(keys->crypto, CIPHER, keys->master, false, KK_PADDING_PKCS7, &cipher));
    KK_TRY(kk_cipher_start(cipher, KK_SPAN(sealed.data, IV_LEN)));
    KK_TRY(kk_secret_new(body.len + KK_CIPHER_BLOCK, &plain));
    KK_TRY(kk_cipher_update(cipher, body, kk_secret_data(plain), &len));
    KK_TRY(kk_cipher_finish(cipher, kk_secret_data(plain) + len, &last));
    kk_secret_truncate(plain, len + last);
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

KK_RV kk_softhsm_encrypt(const struct kk_softhsm_keys *keys, struct kk_span plain,
                         struct kk_buffer *ret_sealed)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    size_t len = 0;
    size_t last = 0;
    size_t whole = plain.len / KK_CIPHER_BLOCK * KK_CIPHER_BLOCK + KK_CIPHER_BLOCK;
    uint8_t *to = kk_buffer_extend(ret_sealed, IV_LEN + whole);
    KK_TRY(kk_buffer_check(ret_sealed));
    KK_TRY(kk_crypto_random(keys->crypto, to, IV_LEN));
    KK_TRY(kk_cipher_new(keys->crypto, CIPHER, keys->master, true, KK_PADDING_PKCS7, &cipher));
    KK_TRY(kk_cipher_start(cipher, KK_SPAN(to, IV_LEN)));
    KK_TRY(kk_cipher_update(cipher, plain, to + IV_LEN, &len));
    KK_TRY(kk_cipher_finish(cipher, to + IV_LEN + len, &last));
    KK_ASSERT(len + last == whole);
    return CKR_OK;
}

static KK_RV derive(struct kk_crypto *crypto, struct kk_span salt, struct kk_span pin,
                    uint8_t ret_key[HASH_LEN])
{
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    KK_TRY(kk_digest_new(crypto, "SHA256", &digest));
    KK_TRY(kk_digest_start(digest));
    KK_TRY(kk_digest_update(digest, salt));
    KK_TRY(kk_digest_update(digest, pin));
    KK_TRY(kk_digest_finish(digest, ret_key));
    for (unsigned int i = 1; i < ROUNDS + (unsigned int)salt.data[SALT_LEN - 1]; i++) {
        KK_TRY(kk_digest_start(digest));
        KK_TRY(kk_digest_update(digest, KK_SPAN(ret_key, HASH_LEN)));
        KK_TRY(kk_digest_finish(digest, ret_key));
    }
    return CKR_OK;
}

KK_RV kk_softhsm_blob_open(struct kk_crypto *crypto, struct kk_span blob, struct kk_span pin,
                           struct kk_secret **ret_master)
{
    KK_SECRET_ARRAY(key, HASH_LEN);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_ENSURE(blob.len == KK_SOFTHSM_BLOB_LEN, CKR_DEVICE_ERROR);
    KK_TRY(derive(crypto, KK_SPAN(blob.data, SALT_LEN), pin, key));
    const struct kk_softhsm_keys keys = {crypto, KK_SPAN_ARRAY(key)};
    CK_RV rv =
        kk_softhsm_decrypt(&keys, KK_SPAN(blob.data + SALT_LEN, blob.len - SALT_LEN), &plain);
    KK_ENSURE(rv != CKR_ENCRYPTED_DATA_INVALID, CKR_PIN_INCORRECT);
    KK_TRY(rv);
    struct kk_span opened = kk_secret_span(plain);
    KK_ENSURE(opened.len == BLOB_PLAIN_LEN && kk_ct_equal(opened.data, magic, sizeof magic),
              CKR_PIN_INCORRECT);
    return kk_secret_from(KK_SPAN(opened.data + sizeof magic, KK_SOFTHSM_MASTER_LEN), ret_master);
}

KK_RV kk_softhsm_blob_seal(struct kk_crypto *crypto, struct kk_span master, struct kk_span pin,
                           uint8_t ret_blob[KK_SOFTHSM_BLOB_LEN])
{
    KK_SECRET_ARRAY(key, HASH_LEN);
    KK_SECRET_ARRAY(plain, BLOB_PLAIN_LEN);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer sealed = {0};
    uint8_t salt[SALT_LEN];
    KK_ENSURE(master.len == KK_SOFTHSM_MASTER_LEN, CKR_DEVICE_ERROR);
    memcpy(plain, magic, sizeof magic);
    memcpy(plain + sizeof magic, master.data, master.len);
    KK_TRY(kk_crypto_random(crypto, salt, sizeof salt));
    KK_TRY(derive(crypto, KK_SPAN_ARRAY(salt), pin, key));
    const struct kk_softhsm_keys keys = {crypto, KK_SPAN_ARRAY(key)};
    kk_buffer_put(&sealed, salt, sizeof salt);
    KK_TRY(kk_softhsm_encrypt(&keys, KK_SPAN_ARRAY(plain), &sealed));
    KK_ASSERT(sealed.len == KK_SOFTHSM_BLOB_LEN);
    memcpy(ret_blob, sealed.data, sealed.len);
    return CKR_OK;
}
