/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys for the checks, imported into S as session objects. Unless extra attributes say otherwise
 * they are private, not sensitive, extractable and permitted every use that their type knows.
 */
#pragma once

#include "env.h"

enum { RSA_BYTES = 256 };

struct curve {
    const char *name;
    CK_KEY_TYPE type;
    const char *openssl; /* OpenSSL's name of the group or of the key type */
    const CK_BYTE *params;
    CK_ULONG params_length;
    const CK_BYTE *private;
    CK_ULONG private_length;
    const CK_BYTE *public; /* an uncompressed point, or the key of RFC 8032 and RFC 7748 */
    CK_ULONG public_length;
    CK_ULONG order; /* bytes of the base point's order: half a signature */
};

enum curve_name { P256, P384, P521, K256, BP256, ED25519, ED448, X25519, X448, CURVE_COUNT };
extern const struct curve curves[CURVE_COUNT];

/* base with the attributes of extra put in place of those of the same type, or after them. */
struct merged {
    CK_ATTRIBUTE attributes[48];
    CK_ULONG count;
};
struct merged merge_templates(struct template base, struct template extra);

CK_RV key_rsa_private_rv(struct template extra, CK_OBJECT_HANDLE *ret_key);
CK_OBJECT_HANDLE key_rsa_private_with(const char *where, struct template extra);
CK_OBJECT_HANDLE key_rsa_public_with(const char *where, struct template extra);
CK_RV key_secret_rv(CK_KEY_TYPE type, const CK_BYTE *value, CK_ULONG length, struct template extra,
                    CK_OBJECT_HANDLE *ret_key);
CK_OBJECT_HANDLE key_secret_with(const char *where, CK_KEY_TYPE type, const CK_BYTE *value,
                                 CK_ULONG length, struct template extra);
CK_RV key_curve_private_rv(const struct curve *curve, struct template extra,
                           CK_OBJECT_HANDLE *ret_key);
CK_OBJECT_HANDLE key_curve_private_with(const char *where, const struct curve *curve,
                                        struct template extra);
CK_OBJECT_HANDLE key_curve_public_with(const char *where, const struct curve *curve,
                                       struct template extra);

#define key_rsa_private(...) key_rsa_private_with(HERE, TEMPLATE(__VA_ARGS__))
#define key_rsa_public(...) key_rsa_public_with(HERE, TEMPLATE(__VA_ARGS__))
#define key_curve_private(curve, ...) key_curve_private_with(HERE, curve, TEMPLATE(__VA_ARGS__))
#define key_curve_public(curve, ...) key_curve_public_with(HERE, curve, TEMPLATE(__VA_ARGS__))
#define key_secret(type, value, length, ...)                                                       \
    key_secret_with(HERE, type, value, length, TEMPLATE(__VA_ARGS__))

/* An AES key of 16, 24 or 32 bytes: key_value()'s. */
#define key_aes(length, ...) key_secret(CKK_AES, key_value(), length, __VA_ARGS__)
/* A generic secret for HMAC. */
CK_OBJECT_HANDLE key_hmac(CK_ULONG length, CK_BBOOL private);
/* 512 bytes, always the same. */
const CK_BYTE *key_value(void);

#define ANY_LABEL ATTR_S(CKA_LABEL, "conformance")

/* The DER of an OCTET STRING of at most 65535 bytes; gives its length. */
CK_ULONG der_octets(const CK_BYTE *bytes, CK_ULONG length, CK_BYTE *out);
/* What is inside of such a DER; where it is none the bytes themselves. */
const CK_BYTE *der_contents(const CK_BYTE *der, CK_ULONG length, CK_ULONG *ret_length);

struct certificate {
    const CK_BYTE *value, *subject, *serial;
    CK_ULONG value_length, subject_length, serial_length;
};
extern const struct certificate certificate;
