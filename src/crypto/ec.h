/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Curves and points in every form that the field uses.
 */
#pragma once

#include "crypto/key.h"

/* What a CKA_EC_PARAMS names. */
struct kk_curve {
    enum kk_key_kind kind; /* KK_KEY_EC, _EDWARDS, _MONTGOMERY */
    const char *name;      /* OpenSSL's: "prime256v1", "ED25519", "X448" */
    size_t field_bytes;    /* of a coordinate (EC) or of the public bytes (Ed448: 57) */
    size_t order_bytes;    /* half of an ECDSA signature; Edwards: half of the signature */
    size_t order_bits;
    size_t field_bits;
    uint8_t oid[20]; /* DER, with tag and length */
    size_t oid_len;
    uint32_t cofactor; /* 1 where every point of the curve is a multiple of the base point */
    bool binary;       /* over F2m */
};

/* Reads EC_PARAMS: a DER OID, a PrintableString curve name ("edwards25519", "curve25519",
 * "secp256r1" ...), or explicit ECParameters that equal a named curve. CKR_CURVE_NOT_SUPPORTED for
 * a curve the library does not have, CKR_ATTRIBUTE_VALUE_INVALID for what is none of these,
 * implicitCA included. */
KK_RV kk_curve_parse(struct kk_crypto *crypto, struct kk_span params, struct kk_curve *ret_curve);

/* Reads a public point: raw (compressed, hybrid or uncompressed) or inside a DER OCTET STRING (or,
 * for Edwards and Montgomery, BIT STRING); the two are told apart by length against the curve.
 * Gives 04 || x || y, or the public bytes. Not checked to be on the curve; kk_key_new() does that.
 */
KK_RV kk_point_parse(struct kk_crypto *crypto, const struct kk_curve *curve, struct kk_span point,
                     struct kk_buffer *ret_raw);

/* CKA_EC_POINT as 3.x gives it out: EC a DER OCTET STRING around the uncompressed point; Edwards
 * and Montgomery as the text of 3.2 says. */
KK_RV kk_point_format(const struct kk_curve *curve, struct kk_span raw,
                      struct kk_buffer *ret_attribute);
