/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An independent opinion, from OpenSSL. What fails here is a fault of the runner, not of the
 * module: it fails the check with OpenSSL's reason.
 */
#include "ossl.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "keys_data.h"

static void need(bool holds, const char *what)
{
    if (!holds)
        check_fail(HERE, "OpenSSL: %s: %s", what, ERR_reason_error_string(ERR_peek_last_error()));
}
#define NEED(condition) need(condition, #condition)

/* ---- digests and MACs ---- */

CK_ULONG ossl_digest(const char *digest, const CK_BYTE *data, CK_ULONG length, CK_BYTE *out)
{
    size_t out_length = 0;
    NEED(EVP_Q_digest(NULL, digest, NULL, data, length, out, &out_length) == 1);
    return out_length;
}

CK_ULONG ossl_hmac(const char *digest, const CK_BYTE *key, CK_ULONG key_length, const CK_BYTE *data,
                   CK_ULONG length, CK_BYTE *out)
{
    size_t out_length = 0;
    NEED(EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, key, key_length, data, length, out, 128,
                   &out_length) != NULL);
    return out_length;
}

CK_ULONG ossl_cmac(const CK_BYTE *key, CK_ULONG key_length, const CK_BYTE *data, CK_ULONG length,
                   CK_BYTE *out)
{
    size_t out_length = 0;
    char cipher[16];
    snprintf(cipher, sizeof cipher, "AES-%lu-CBC", key_length * 8);
    NEED(EVP_Q_mac(NULL, "CMAC", NULL, cipher, NULL, key, key_length, data, length, out, 128,
                   &out_length) != NULL);
    return out_length;
}

void ossl_tls_prf(const char *digest, const CK_BYTE *secret, CK_ULONG secret_length,
                  const CK_BYTE *seed, CK_ULONG seed_length, CK_BYTE *out, CK_ULONG out_length)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)secret, secret_length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)seed, seed_length),
        OSSL_PARAM_END,
    };
    NEED(context != NULL && EVP_KDF_derive(context, out, out_length, params) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

/* ---- ciphers ---- */

CK_ULONG ossl_encrypt(const struct ossl_cipher *cipher, const CK_BYTE *data, CK_ULONG length,
                      CK_BYTE *out)
{
    int part = 0, last = 0;
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, cipher->name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    NEED(fetched != NULL && ctx != NULL);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    NEED(EVP_EncryptInit_ex2(ctx, fetched, NULL, NULL, NULL) == 1);
    if (cipher->tag_length != 0)
        NEED(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)cipher->iv_length, NULL) == 1);
    NEED(EVP_EncryptInit_ex2(ctx, NULL, cipher->key, cipher->iv, NULL) == 1);
    EVP_CIPHER_CTX_set_padding(ctx, cipher->padded ? 1 : 0);
    if (cipher->aad_length != 0)
        NEED(EVP_EncryptUpdate(ctx, NULL, &part, cipher->aad, (int)cipher->aad_length) == 1);
    part = 0;
    if (length != 0)
        NEED(EVP_EncryptUpdate(ctx, out, &part, data, (int)length) == 1);
    NEED(EVP_EncryptFinal_ex(ctx, out + part, &last) == 1);
    CK_ULONG total = (CK_ULONG)(part + last);
    if (cipher->tag_length != 0)
        NEED(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)cipher->tag_length,
                                 out + total) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(fetched);
    return total + cipher->tag_length;
}

CK_ULONG ossl_decrypt(const struct ossl_cipher *cipher, const CK_BYTE *data, CK_ULONG length,
                      CK_BYTE *out)
{
    int part = 0, last = 0;
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, cipher->name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    NEED(fetched != NULL && ctx != NULL);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    NEED(EVP_DecryptInit_ex2(ctx, fetched, cipher->key, cipher->iv, NULL) == 1);
    EVP_CIPHER_CTX_set_padding(ctx, cipher->padded ? 1 : 0);
    bool good = EVP_DecryptUpdate(ctx, out, &part, data, (int)length) == 1 &&
                EVP_DecryptFinal_ex(ctx, out + part, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(fetched);
    return good ? (CK_ULONG)(part + last) : CK_UNAVAILABLE_INFORMATION;
}

/* ---- keys ---- */

static void push_number(OSSL_PARAM_BLD *builder, BIGNUM **numbers, const char *name,
                        const CK_BYTE *bytes, size_t length)
{
    *numbers = BN_bin2bn(bytes, (int)length, NULL);
    NEED(OSSL_PARAM_BLD_push_BN(builder, name, *numbers) == 1);
}

static EVP_PKEY *rsa_key(void)
{
    static EVP_PKEY *key;
    BIGNUM *numbers[8] = {NULL};
    if (key != NULL)
        return key;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    push_number(builder, &numbers[0], OSSL_PKEY_PARAM_RSA_N, rsa_modulus, sizeof rsa_modulus);
    push_number(builder, &numbers[1], OSSL_PKEY_PARAM_RSA_E, rsa_public_exponent,
                sizeof rsa_public_exponent);
    push_number(builder, &numbers[2], OSSL_PKEY_PARAM_RSA_D, rsa_private_exponent,
                sizeof rsa_private_exponent);
    push_number(builder, &numbers[3], OSSL_PKEY_PARAM_RSA_FACTOR1, rsa_prime_1, sizeof rsa_prime_1);
    push_number(builder, &numbers[4], OSSL_PKEY_PARAM_RSA_FACTOR2, rsa_prime_2, sizeof rsa_prime_2);
    push_number(builder, &numbers[5], OSSL_PKEY_PARAM_RSA_EXPONENT1, rsa_exponent_1,
                sizeof rsa_exponent_1);
    push_number(builder, &numbers[6], OSSL_PKEY_PARAM_RSA_EXPONENT2, rsa_exponent_2,
                sizeof rsa_exponent_2);
    push_number(builder, &numbers[7], OSSL_PKEY_PARAM_RSA_COEFFICIENT1, rsa_coefficient,
                sizeof rsa_coefficient);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    NEED(EVP_PKEY_fromdata_init(ctx) == 1);
    NEED(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    for (size_t i = 0; i < COUNT(numbers); i++)
        BN_free(numbers[i]);
    return key;
}

/* A key of the curve: with private bytes a pair, else a public key. */
static EVP_PKEY *curve_key(const struct curve *curve, const CK_BYTE *private, const CK_BYTE *public,
                           CK_ULONG public_length)
{
    EVP_PKEY *key = NULL;
    BIGNUM *number = NULL;
    bool named = curve->type == CKK_EC;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (named)
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->openssl, 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, public, public_length);
    if (private != NULL && named)
        push_number(builder, &number, OSSL_PKEY_PARAM_PRIV_KEY, private, curve->private_length);
    else if (private != NULL)
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PRIV_KEY, private,
                                         curve->private_length);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, named ? "EC" : curve->openssl, NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, private != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(number);
    return key;
}

/* ---- RSA ---- */

static void set_rsa_padding(EVP_PKEY_CTX *ctx, const struct ossl_rsa *rsa)
{
    OSSL_PARAM params[6] = {OSSL_PARAM_END};
    size_t count = 0;
    int salt = rsa->salt;
#define TEXT(name, value) params[count++] = OSSL_PARAM_construct_utf8_string(name, (char *)value, 0)
    TEXT(OSSL_PKEY_PARAM_PAD_MODE, rsa->padding);
    if (strcmp(rsa->padding, "pss") == 0)
        params[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt);
    if (rsa->digest != NULL && strcmp(rsa->padding, "oaep") == 0)
        TEXT(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, rsa->digest);
    else if (rsa->digest != NULL)
        TEXT(OSSL_SIGNATURE_PARAM_DIGEST, rsa->digest);
    if (rsa->mgf != NULL)
        TEXT(OSSL_PKEY_PARAM_MGF1_DIGEST, rsa->mgf);
#undef TEXT
    if (rsa->label_length != 0)
        params[count++] = OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
                                                            (void *)rsa->label, rsa->label_length);
    params[count] = OSSL_PARAM_construct_end();
    NEED(EVP_PKEY_CTX_set_params(ctx, params) == 1);
}

static EVP_PKEY_CTX *rsa_context(int (*init)(EVP_PKEY_CTX *), const struct ossl_rsa *rsa)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, rsa_key(), NULL);
    NEED(ctx != NULL && init(ctx) == 1);
    set_rsa_padding(ctx, rsa);
    return ctx;
}

bool ossl_rsa_verify(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                     const CK_BYTE *signature, CK_ULONG signature_length)
{
    EVP_PKEY_CTX *ctx = rsa_context(EVP_PKEY_verify_init, rsa);
    bool good = EVP_PKEY_verify(ctx, signature, signature_length, data, length) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

bool ossl_rsa_verify_sha256(const CK_BYTE *data, CK_ULONG length, const CK_BYTE *signature,
                            CK_ULONG signature_length)
{
    CK_BYTE hash[64];
    const struct ossl_rsa rsa = {.padding = "pkcs1", .digest = "SHA2-256"};
    CK_ULONG hash_length = ossl_digest("SHA2-256", data, length, hash);
    return ossl_rsa_verify(&rsa, hash, hash_length, signature, signature_length);
}

CK_ULONG ossl_rsa_sign(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                       CK_BYTE *out)
{
    size_t out_length = RSA_BYTES;
    EVP_PKEY_CTX *ctx = rsa_context(EVP_PKEY_sign_init, rsa);
    NEED(EVP_PKEY_sign(ctx, out, &out_length, data, length) == 1);
    EVP_PKEY_CTX_free(ctx);
    return out_length;
}

CK_ULONG ossl_rsa_encrypt(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                          CK_BYTE *out)
{
    size_t out_length = RSA_BYTES;
    EVP_PKEY_CTX *ctx = rsa_context(EVP_PKEY_encrypt_init, rsa);
    NEED(EVP_PKEY_encrypt(ctx, out, &out_length, data, length) == 1);
    EVP_PKEY_CTX_free(ctx);
    return out_length;
}

CK_ULONG ossl_rsa_decrypt(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                          CK_BYTE *out)
{
    size_t out_length = RSA_BYTES;
    EVP_PKEY_CTX *ctx = rsa_context(EVP_PKEY_decrypt_init, rsa);
    int good = EVP_PKEY_decrypt(ctx, out, &out_length, data, length);
    EVP_PKEY_CTX_free(ctx);
    return good == 1 ? out_length : CK_UNAVAILABLE_INFORMATION;
}

/* ---- curves ---- */

static CK_ULONG ecdsa_to_der(const CK_BYTE *raw, CK_ULONG length, CK_BYTE *out)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    int half = (int)(length / 2);
    unsigned char *end = out;
    ECDSA_SIG_set0(signature, BN_bin2bn(raw, half, NULL), BN_bin2bn(raw + half, half, NULL));
    int written = i2d_ECDSA_SIG(signature, &end);
    ECDSA_SIG_free(signature);
    return (CK_ULONG)written;
}

static bool ecdsa_verify(EVP_PKEY *key, const CK_BYTE *hash, CK_ULONG length,
                         const CK_BYTE *signature, CK_ULONG signature_length)
{
    CK_BYTE der[256];
    CK_ULONG der_length = ecdsa_to_der(signature, signature_length, der);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    NEED(EVP_PKEY_verify_init(ctx) == 1);
    bool good = EVP_PKEY_verify(ctx, der, der_length, hash, length) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static bool eddsa_verify(EVP_PKEY *key, const CK_BYTE *data, CK_ULONG length,
                         const CK_BYTE *signature, CK_ULONG signature_length)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    NEED(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1);
    bool good = EVP_DigestVerify(ctx, signature, signature_length, data, length) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

bool ossl_point_verify(const struct curve *curve, const CK_BYTE *point, CK_ULONG point_length,
                       const CK_BYTE *data, CK_ULONG length, const CK_BYTE *signature,
                       CK_ULONG signature_length)
{
    EVP_PKEY *key = curve_key(curve, NULL, point, point_length);
    if (key == NULL)
        return false;
    bool good = curve->type == CKK_EC
                    ? ecdsa_verify(key, data, length, signature, signature_length)
                    : eddsa_verify(key, data, length, signature, signature_length);
    EVP_PKEY_free(key);
    return good;
}

bool ossl_curve_verify(const struct curve *curve, const CK_BYTE *data, CK_ULONG length,
                       const CK_BYTE *signature, CK_ULONG signature_length)
{
    return ossl_point_verify(curve, curve->public, curve->public_length, data, length, signature,
                             signature_length);
}

static CK_ULONG ecdsa_sign(const struct curve *curve, EVP_PKEY *key, const CK_BYTE *hash,
                           CK_ULONG length, CK_BYTE *out)
{
    CK_BYTE der[256];
    const CK_BYTE *start = der;
    size_t der_length = sizeof der;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    NEED(EVP_PKEY_sign_init(ctx) == 1);
    NEED(EVP_PKEY_sign(ctx, der, &der_length, hash, length) == 1);
    EVP_PKEY_CTX_free(ctx);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &start, (long)der_length);
    NEED(signature != NULL);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, (int)curve->order);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + curve->order, (int)curve->order);
    ECDSA_SIG_free(signature);
    return 2 * curve->order;
}

static CK_ULONG eddsa_sign(EVP_PKEY *key, const CK_BYTE *data, CK_ULONG length, CK_BYTE *out)
{
    size_t out_length = 128;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    NEED(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
    NEED(EVP_DigestSign(ctx, out, &out_length, data, length) == 1);
    EVP_MD_CTX_free(ctx);
    return out_length;
}

static EVP_PKEY *fixed_pair(const struct curve *curve)
{
    EVP_PKEY *key = curve_key(curve, curve->private, curve->public, curve->public_length);
    NEED(key != NULL);
    return key;
}

CK_ULONG ossl_curve_sign(const struct curve *curve, const CK_BYTE *data, CK_ULONG length,
                         CK_BYTE *out)
{
    EVP_PKEY *key = fixed_pair(curve);
    CK_ULONG out_length = curve->type == CKK_EC ? ecdsa_sign(curve, key, data, length, out)
                                                : eddsa_sign(key, data, length, out);
    EVP_PKEY_free(key);
    return out_length;
}

CK_ULONG ossl_peer(const struct curve *curve, CK_BYTE *point, CK_ULONG *ret_point_length,
                   CK_BYTE *secret)
{
    size_t point_length = 0, secret_length = 80;
    bool named = curve->type == CKK_EC;
    EVP_PKEY *own = fixed_pair(curve);
    EVP_PKEY *peer = named ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve->openssl)
                           : EVP_PKEY_Q_keygen(NULL, NULL, curve->openssl);
    NEED(peer != NULL);
    NEED(EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, point, 256,
                                         &point_length) == 1);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    NEED(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1);
    NEED(EVP_PKEY_derive(ctx, secret, &secret_length) == 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    *ret_point_length = point_length;
    return secret_length;
}

/* ---- SubjectPublicKeyInfo ---- */

static bool is_info_of(EVP_PKEY *key, const CK_BYTE *der, CK_ULONG length)
{
    EVP_PKEY *other = d2i_PUBKEY(NULL, &der, (long)length);
    bool same = other != NULL && EVP_PKEY_eq(key, other) == 1;
    EVP_PKEY_free(other);
    return same;
}

bool ossl_is_rsa_info(const CK_BYTE *der, CK_ULONG length)
{
    return is_info_of(rsa_key(), der, length);
}

bool ossl_is_curve_info(const struct curve *curve, const CK_BYTE *der, CK_ULONG length)
{
    EVP_PKEY *key = fixed_pair(curve);
    bool same = is_info_of(key, der, length);
    EVP_PKEY_free(key);
    return same;
}

/* ---- PKCS #8 ---- */

static bool is_pkcs8_of(EVP_PKEY *key, const CK_BYTE *der, CK_ULONG length)
{
    const CK_BYTE *end = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, (long)length);
    EVP_PKEY *other = info == NULL ? NULL : EVP_PKCS82PKEY(info);
    bool same = other != NULL && end == der + length && EVP_PKEY_eq(key, other) == 1;
    EVP_PKEY_free(other);
    PKCS8_PRIV_KEY_INFO_free(info);
    return same;
}

bool ossl_is_rsa_pkcs8(const CK_BYTE *der, CK_ULONG length)
{
    return is_pkcs8_of(rsa_key(), der, length);
}

bool ossl_is_curve_pkcs8(const struct curve *curve, const CK_BYTE *der, CK_ULONG length)
{
    EVP_PKEY *key = fixed_pair(curve);
    bool same = is_pkcs8_of(key, der, length);
    EVP_PKEY_free(key);
    return same;
}

static CK_ULONG pkcs8_of(EVP_PKEY *key, CK_BYTE *out)
{
    unsigned char *end = out;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    NEED(info != NULL);
    int length = i2d_PKCS8_PRIV_KEY_INFO(info, &end);
    PKCS8_PRIV_KEY_INFO_free(info);
    return (CK_ULONG)length;
}

CK_ULONG ossl_rsa_pkcs8(CK_BYTE *out)
{
    return pkcs8_of(rsa_key(), out);
}

CK_ULONG ossl_curve_pkcs8(const struct curve *curve, CK_BYTE *out)
{
    EVP_PKEY *key = fixed_pair(curve);
    CK_ULONG length = pkcs8_of(key, out);
    EVP_PKEY_free(key);
    return length;
}
