/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private keys and certificates as files hold them: PKCS#8 (plain or encrypted) and the traditional
 * forms of RSA, DSA and EC keys, each in PEM or DER; X.509 certificates in PEM or DER. Keys are
 * also written, as PKCS#8 in PEM.
 *
 * For programs, not for the module: a file is decoded once, in a library context of its own that is
 * gone before the function returns, and what is in it comes out as plain numbers and bytes.
 */
#pragma once

#include "base/bytes.h"
#include "base/secret.h"

enum kk_keyfile_kind {
    KK_KEYFILE_RSA,
    KK_KEYFILE_DSA,
    KK_KEYFILE_EC,
    KK_KEYFILE_EDWARDS,
    KK_KEYFILE_MONTGOMERY,
    KK_KEYFILE_ML_DSA
};

/* Numbers are big-endian without leading zeros. */
enum kk_keyfile_part {
    KK_KEYPART_MODULUS, /* RSA */
    KK_KEYPART_PUBLIC_EXPONENT,
    KK_KEYPART_PRIVATE_EXPONENT,
    KK_KEYPART_PRIME_1,
    KK_KEYPART_PRIME_2,
    KK_KEYPART_EXPONENT_1,
    KK_KEYPART_EXPONENT_2,
    KK_KEYPART_COEFFICIENT,
    KK_KEYPART_PRIME, /* DSA */
    KK_KEYPART_SUBPRIME,
    KK_KEYPART_BASE,
    KK_KEYPART_EC_PARAMS, /* DER: the curve's (or, for RFC 8410 keys, the algorithm's) OBJECT
                             IDENTIFIER; ECParameters when the file spells the curve out */
    KK_KEYPART_PUBLIC,    /* DSA: y. EC: uncompressed point. Others: the raw public key */
    KK_KEYPART_PRIVATE,   /* DSA: x. EC: the scalar. Others: the raw private key */
    KK_KEYPART_COUNT
};

struct kk_keyfile {
    enum kk_keyfile_kind kind;
    const char *algorithm;                     /* OpenSSL's name of it ("RSA", "ED25519") */
    struct kk_secret *parts[KK_KEYPART_COUNT]; /* NULL: this key has none */
};

/*
 * Decodes the first private key in `content`. `pin` opens an encrypted file; NULL when the caller
 * has none.
 *
 * CKR_DATA_INVALID            no private key in a known form
 * CKR_ENCRYPTED_DATA_INVALID  encrypted, and there is no PIN
 * CKR_PIN_INVALID             there is a PIN, and the file is not encrypted
 * CKR_PIN_INCORRECT           the PIN does not open it
 * CKR_MECHANISM_INVALID       the key's algorithm, or that of its encryption, is not handled
 */
KK_RV kk_keyfile_parse(struct kk_span content, const struct kk_secret *pin,
                       struct kk_keyfile **ret_keyfile);

void kk_keyfile_free(struct kk_keyfile *keyfile);
KK_DEFINE_CLEANUP(struct kk_keyfile *, kk_keyfile_free);

/* OpenSSL as it is loaded: "OpenSSL 3.0.22 25 Aug 2026", and the first two numbers of that. */
const char *kk_keyfile_library(unsigned int *ret_major, unsigned int *ret_minor);

/* Kind and name of the key of RFC 8410 whose parameters (KK_KEYPART_EC_PARAMS) are these.
 * CKR_CURVE_NOT_SUPPORTED: they are others. */
KK_RV kk_keyfile_of_params(struct kk_span params, struct kk_keyfile *keyfile);

/*
 * Computes the parts that the key lacks and that follow from those it has (RSA: all but n and d,
 * and e where it is a usual one; EC, Edwards and Montgomery: the public key), and checks that all
 * of them belong together. The key is as it was when this fails.
 *
 * CKR_ATTRIBUTE_VALUE_INVALID  they do not, or too many are missing
 * CKR_CURVE_NOT_SUPPORTED      the library does not know the curve
 * CKR_MECHANISM_INVALID        a kind of key that is not handled here (ML-DSA)
 */
KK_RV kk_keyfile_complete(struct kk_keyfile *keyfile);

/* Writes the key, completed, as PKCS#8 in PEM. With `pin` it is encrypted: PBES2 with AES-256-CBC
 * and PBKDF2-HMAC-SHA256. Codes as those of kk_keyfile_complete(); CKR_FUNCTION_FAILED when it
 * could not be encrypted. */
KK_RV kk_keyfile_write(const struct kk_keyfile *keyfile, const struct kk_secret *pin,
                       struct kk_secret **ret_pem);

/* A certificate and those of its fields that become attributes, all DER. */
struct kk_certfile {
    struct kk_buffer certificate;
    struct kk_buffer subject;
    struct kk_buffer issuer;
    struct kk_buffer serial;
};

/* Decodes the first certificate in `content`; CKR_DATA_INVALID when there is none. */
KK_RV kk_certfile_parse(struct kk_span content, struct kk_certfile **ret_certfile);

void kk_certfile_free(struct kk_certfile *certfile);
KK_DEFINE_CLEANUP(struct kk_certfile *, kk_certfile_free);
