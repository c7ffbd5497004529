/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An independent opinion: OpenSSL verifies what the module signs, decrypts what it encrypts and
 * computes its digests and MACs. Digests go by OpenSSL's names ("SHA2-256").
 */
#pragma once

#include "keys.h"

/* A digest; gives its length. */
CK_ULONG ossl_digest(const char *digest, const CK_BYTE *data, CK_ULONG length, CK_BYTE *out);
CK_ULONG ossl_hmac(const char *digest, const CK_BYTE *key, CK_ULONG key_length, const CK_BYTE *data,
                   CK_ULONG length, CK_BYTE *out);
CK_ULONG ossl_cmac(const CK_BYTE *key, CK_ULONG key_length, const CK_BYTE *data, CK_ULONG length,
                   CK_BYTE *out);

/* The PRF of TLS 1.2 with a digest, or with "MD5-SHA1" of TLS 1.0; seed with the label in front. */
void ossl_tls_prf(const char *digest, const CK_BYTE *secret, CK_ULONG secret_length,
                  const CK_BYTE *seed, CK_ULONG seed_length, CK_BYTE *out, CK_ULONG out_length);

/* AES in the mode of an OpenSSL cipher's name ("AES-128-CBC"); the tag of an AEAD comes last. */
struct ossl_cipher {
    const char *name;
    const CK_BYTE *key;
    const CK_BYTE *iv;
    CK_ULONG iv_length;
    const CK_BYTE *aad;
    CK_ULONG aad_length;
    CK_ULONG tag_length; /* 0 for a mode without tag */
    bool padded;
};
CK_ULONG ossl_encrypt(const struct ossl_cipher *cipher, const CK_BYTE *data, CK_ULONG length,
                      CK_BYTE *out);

/* Gives CK_UNAVAILABLE_INFORMATION when it does not decrypt. Not for AEADs. */
CK_ULONG ossl_decrypt(const struct ossl_cipher *cipher, const CK_BYTE *data, CK_ULONG length,
                      CK_BYTE *out);

/* RSA with the fixed key. padding is "pkcs1", "pss", "oaep" or "none"; digest may be NULL: data is
 * then what the padding takes. */
struct ossl_rsa {
    const char *padding;
    const char *digest;
    const char *mgf;
    int salt;
    const CK_BYTE *label;
    CK_ULONG label_length;
};
bool ossl_rsa_verify(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                     const CK_BYTE *signature, CK_ULONG signature_length);
/* PKCS #1 v1.5 with SHA-256, over data of any length. */
bool ossl_rsa_verify_sha256(const CK_BYTE *data, CK_ULONG length, const CK_BYTE *signature,
                            CK_ULONG signature_length);
CK_ULONG ossl_rsa_sign(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                       CK_BYTE *out);
CK_ULONG ossl_rsa_encrypt(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                          CK_BYTE *out);
/* Gives CK_UNAVAILABLE_INFORMATION when it does not decrypt. */
CK_ULONG ossl_rsa_decrypt(const struct ossl_rsa *rsa, const CK_BYTE *data, CK_ULONG length,
                          CK_BYTE *out);

/* ECDSA (r || s) over a hash, EdDSA over data, with a curve's fixed key. */
bool ossl_curve_verify(const struct curve *curve, const CK_BYTE *data, CK_ULONG length,
                       const CK_BYTE *signature, CK_ULONG signature_length);
CK_ULONG ossl_curve_sign(const struct curve *curve, const CK_BYTE *data, CK_ULONG length,
                         CK_BYTE *out);
/* The same with another public key of the curve. */
bool ossl_point_verify(const struct curve *curve, const CK_BYTE *point, CK_ULONG point_length,
                       const CK_BYTE *data, CK_ULONG length, const CK_BYTE *signature,
                       CK_ULONG signature_length);
/* A new key pair's public half, and the secret of the curve's fixed private key with it. */
CK_ULONG ossl_peer(const struct curve *curve, CK_BYTE *point, CK_ULONG *ret_point_length,
                   CK_BYTE *secret);

/* The public key inside a SubjectPublicKeyInfo is the fixed RSA key, or the curve's. */
bool ossl_is_rsa_info(const CK_BYTE *der, CK_ULONG length);
bool ossl_is_curve_info(const struct curve *curve, const CK_BYTE *der, CK_ULONG length);

/* The same for a PrivateKeyInfo (PKCS #8), and the making of one: gives its length. */
bool ossl_is_rsa_pkcs8(const CK_BYTE *der, CK_ULONG length);
bool ossl_is_curve_pkcs8(const struct curve *curve, const CK_BYTE *der, CK_ULONG length);
CK_ULONG ossl_rsa_pkcs8(CK_BYTE *out);
CK_ULONG ossl_curve_pkcs8(const struct curve *curve, CK_BYTE *out);
