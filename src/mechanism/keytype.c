/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key types: which kind of key each CKK_ is, how long a secret key of it may be, and the check
 * value.
 */
#include "mechanism/mechanism.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/secret.h"
#include "crypto/cipher.h"
#include "crypto/kdf.h"

#include "base/banned.h"

/* How the check value of a secret is made. */
enum check { BY_SHA1, BY_AES, BY_DES };

struct key_type {
    CK_KEY_TYPE type;
    enum kk_key_kind kind;
    uint16_t min, max, step; /* bytes of a secret; 0: any length */
    uint8_t check;
};

/* clang-format off */
static const struct key_type key_types[] = {
    {CKK_RSA,              KK_KEY_RSA,        0,   0,  0, BY_SHA1},
    {CKK_DSA,              KK_KEY_DSA,        0,   0,  0, BY_SHA1},
    {CKK_DH,               KK_KEY_DH,         0,   0,  0, BY_SHA1},
    {CKK_EC,               KK_KEY_EC,         0,   0,  0, BY_SHA1},
    {CKK_X9_42_DH,         KK_KEY_X942_DH,    0,   0,  0, BY_SHA1},
    {CKK_GENERIC_SECRET,   KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_RC2,              KK_KEY_SECRET,     1, 128,  1, BY_SHA1},
    {CKK_RC4,              KK_KEY_SECRET,     1, 256,  1, BY_SHA1},
    {CKK_DES,              KK_KEY_SECRET,     8,   8,  8, BY_DES},
    {CKK_DES2,             KK_KEY_SECRET,    16,  16, 16, BY_DES},
    {CKK_DES3,             KK_KEY_SECRET,    24,  24, 24, BY_DES},
    {CKK_CAST,             KK_KEY_SECRET,     1,   8,  1, BY_SHA1},
    {CKK_CAST3,            KK_KEY_SECRET,     1,   8,  1, BY_SHA1},
    {CKK_CAST128,          KK_KEY_SECRET,     1,  16,  1, BY_SHA1},
    {CKK_RC5,              KK_KEY_SECRET,     1, 255,  1, BY_SHA1},
    {CKK_IDEA,             KK_KEY_SECRET,    16,  16, 16, BY_SHA1},
    {CKK_SKIPJACK,         KK_KEY_SECRET,    20,  20, 20, BY_SHA1},
    {CKK_BATON,            KK_KEY_SECRET,    40,  40, 40, BY_SHA1},
    {CKK_JUNIPER,          KK_KEY_SECRET,    40,  40, 40, BY_SHA1},
    {CKK_CDMF,             KK_KEY_SECRET,     8,   8,  8, BY_SHA1},
    {CKK_AES,              KK_KEY_SECRET,    16,  32,  8, BY_AES},
    {CKK_BLOWFISH,         KK_KEY_SECRET,     4,  56,  1, BY_SHA1},
    {CKK_TWOFISH,          KK_KEY_SECRET,    16,  32,  8, BY_SHA1},
    {CKK_SECURID,          KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_HOTP,             KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_ACTI,             KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_CAMELLIA,         KK_KEY_SECRET,    16,  32,  8, BY_SHA1},
    {CKK_ARIA,             KK_KEY_SECRET,    16,  32,  8, BY_SHA1},
    {CKK_MD5_HMAC,         KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA_1_HMAC,       KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_RIPEMD128_HMAC,   KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_RIPEMD160_HMAC,   KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA256_HMAC,      KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA384_HMAC,      KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA512_HMAC,      KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA224_HMAC,      KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SEED,             KK_KEY_SECRET,    16,  16, 16, BY_SHA1},
    {CKK_GOST28147,        KK_KEY_SECRET,    32,  32, 32, BY_SHA1},
    {CKK_CHACHA20,         KK_KEY_SECRET,    32,  32, 32, BY_SHA1},
    {CKK_POLY1305,         KK_KEY_SECRET,    32,  32, 32, BY_SHA1},
    {CKK_AES_XTS,          KK_KEY_SECRET,    32,  64, 32, BY_SHA1},
    {CKK_SHA3_224_HMAC,    KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA3_256_HMAC,    KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA3_384_HMAC,    KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA3_512_HMAC,    KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_BLAKE2B_160_HMAC, KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_BLAKE2B_256_HMAC, KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_BLAKE2B_384_HMAC, KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_BLAKE2B_512_HMAC, KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SALSA20,          KK_KEY_SECRET,    32,  32, 32, BY_SHA1},
    {CKK_X2RATCHET,        KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_EC_EDWARDS,       KK_KEY_EDWARDS,    0,   0,  0, BY_SHA1},
    {CKK_EC_MONTGOMERY,    KK_KEY_MONTGOMERY, 0,   0,  0, BY_SHA1},
    {CKK_HKDF,             KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA512_224_HMAC,  KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA512_256_HMAC,  KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_SHA512_T_HMAC,    KK_KEY_SECRET,     0,   0,  0, BY_SHA1},
    {CKK_HSS,              KK_KEY_HSS,        0,   0,  0, BY_SHA1},
    {CKK_ML_KEM,           KK_KEY_ML_KEM,     0,   0,  0, BY_SHA1},
    {CKK_ML_DSA,           KK_KEY_ML_DSA,     0,   0,  0, BY_SHA1},
    {CKK_SLH_DSA,          KK_KEY_SLH_DSA,    0,   0,  0, BY_SHA1},
};
/* clang-format on */

static const struct key_type *find(CK_KEY_TYPE type)
{
    size_t low = 0;
    size_t high = KK_ARRAY_LEN(key_types);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_types[middle].type == type) {
            return &key_types[middle];
        }
        if (key_types[middle].type < type) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

enum kk_key_kind kk_key_kind_of(CK_KEY_TYPE key_type)
{
    const struct key_type *row = find(key_type);
    return row == NULL ? (enum kk_key_kind)0 : row->kind;
}

bool kk_key_type_lengths(CK_KEY_TYPE key_type, size_t *ret_min, size_t *ret_max, size_t *ret_step)
{
    const struct key_type *row = find(key_type);
    if (row == NULL || row->kind != KK_KEY_SECRET) {
        return false;
    }
    *ret_min = row->min;
    *ret_max = row->max;
    *ret_step = row->step;
    return true;
}

static KK_RV first_block(struct kk_crypto *crypto, const char *algorithm, struct kk_span key,
                         size_t block, uint8_t ret_check[3])
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    static const uint8_t zeros[KK_CIPHER_BLOCK];
    KK_SECRET_ARRAY(out, KK_CIPHER_BLOCK); /* of AES what GCM's and CMAC's tags hang on */
    size_t len = 0;
    KK_TRY(kk_cipher_new(crypto, algorithm, key, true, KK_PADDING_NONE, &cipher));
    KK_TRY(kk_cipher_update(cipher, KK_SPAN(zeros, block), out, &len));
    KK_ENSURE(len == block, CKR_FUNCTION_FAILED);
    memcpy(ret_check, out, 3);
    return CKR_OK;
}

static CK_RV check_by_aes(struct kk_crypto *crypto, struct kk_span value, uint8_t ret_check[3])
{
    char name[32];
    KK_ENSURE(value.len == 16 || value.len == 24 || value.len == 32, CKR_KEY_SIZE_RANGE);
    snprintf(name, sizeof name, "AES-%zu-ECB", value.len * 8);
    return first_block(crypto, name, value, KK_CIPHER_BLOCK, ret_check);
}

/* Single and double-length DES are triple DES with parts of the key repeated. */
static CK_RV check_by_des(struct kk_crypto *crypto, struct kk_span value, uint8_t ret_check[3])
{
    KK_SECRET_ARRAY(key, 24);
    KK_ENSURE(value.len == 8 || value.len == 16 || value.len == 24, CKR_KEY_SIZE_RANGE);
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = value.data[i % value.len];
    }
    return first_block(crypto, "DES-EDE3-ECB", KK_SPAN_ARRAY(key), 8, ret_check);
}

static CK_RV check_by_sha1(struct kk_crypto *crypto, struct kk_span value, uint8_t ret_check[3])
{
    KK_SECRET_ARRAY(hash, KK_SHA1_SIZE);
    KK_TRY(kk_sha1(crypto, &value, 1, hash));
    memcpy(ret_check, hash, 3);
    return CKR_OK;
}

KK_RV kk_check_value(struct kk_crypto *crypto, CK_KEY_TYPE key_type, struct kk_span value,
                     uint8_t ret_check[3])
{
    static CK_RV (*const by[])(struct kk_crypto *crypto, struct kk_span value, uint8_t check[3]) = {
        [BY_SHA1] = check_by_sha1,
        [BY_AES] = check_by_aes,
        [BY_DES] = check_by_des,
    };
    const struct key_type *row = find(key_type);
    KK_ENSURE(row != NULL && row->kind == KK_KEY_SECRET, CKR_KEY_TYPE_INCONSISTENT);
    return by[row->check](crypto, value, ret_check);
}
