/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA: signatures with and without a hash, encryption, PKCS#1 v1.5, PSS, OAEP, X9.31 and no
 * padding.
 */
#pragma once

#include "crypto/asym.h"

enum kk_rsa_padding { KK_RSA_NONE, KK_RSA_PKCS1, KK_RSA_PSS, KK_RSA_OAEP, KK_RSA_X931 };

/* How the block is made. Names are OpenSSL's and are not copied: they live as long as the program.
 */
struct kk_rsa_scheme {
    enum kk_rsa_padding padding;
    const char *hash;     /* PSS, OAEP; PKCS#1 v1.5 signatures: of the DigestInfo, NULL for none */
    const char *mgf_hash; /* PSS, OAEP */
    size_t salt_len;      /* PSS */
    struct kk_span label; /* OAEP; copied */
    bool prehash;         /* the operation hashes the message itself, with `hash` */
    bool bound;           /* encryption: the message travels in a TPM_BOUND_DATA of TPM 1.2 */
};

struct kk_rsa_op;

/* See asym.h. CKR_KEY_TYPE_INCONSISTENT; CKR_KEY_SIZE_RANGE when the modulus is too short for the
 * hash; CKR_MECHANISM_PARAM_INVALID when it is for the salt, or for a hash that is not there. */
KK_RV kk_rsa_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                   const struct kk_rsa_scheme *scheme, struct kk_rsa_op **op);
void kk_rsa_free(struct kk_rsa_op *op);

/* Bytes of the modulus. */
size_t kk_rsa_length(const struct kk_key *key);

/* The most that can be encrypted (and decrypted) under the scheme; 0 when the key is too short. */
size_t kk_rsa_room(const struct kk_key *key, const struct kk_rsa_scheme *scheme);

/* More of the message; schemes with prehash only. */
KK_RV kk_rsa_update(struct kk_rsa_op *op, struct kk_span in);

/* `in` is the rest of the message, or what the block is made from (X9.31: with its trailer). Writes
 * kk_rsa_length() bytes. CKR_DATA_LEN_RANGE, CKR_DATA_INVALID (raw: not below the modulus; X9.31:
 * no trailer). */
KK_RV kk_rsa_sign(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);

/* CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID, CKR_DATA_LEN_RANGE. */
KK_RV kk_rsa_verify(struct kk_rsa_op *op, struct kk_span in, struct kk_span signature);

/* The data inside a signature; out has room for kk_rsa_length() bytes. */
KK_RV kk_rsa_recover(struct kk_rsa_op *op, struct kk_span signature, uint8_t *out, size_t *ret_len);

/* Encrypts or decrypts by the use; out has room for kk_rsa_length() bytes when encrypting and
 * kk_rsa_room() when decrypting. CKR_DATA_LEN_RANGE, CKR_DATA_INVALID,
 * CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID. PKCS#1 v1.5 decryption never says that
 * the padding was wrong: it gives bytes that look like a message then, always the same ones; for
 * the same reason nothing is said about the head of bound data there. */
KK_RV kk_rsa_crypt(struct kk_rsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);

/* Begin, crypt, free. */
KK_RV kk_rsa_crypt_once(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                        const struct kk_rsa_scheme *scheme, struct kk_span in, uint8_t *out,
                        size_t *ret_len);
