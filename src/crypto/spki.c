/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SubjectPublicKeyInfo.
 */
#include "crypto/algorithm.h"
#include "crypto/ec.h"
#include "crypto/key_internal.h"

static void put_rsa(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    size_t sequence = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put_integer(der, kk_key_parts_get(parts, KK_PART_MODULUS));
    kk_der_put_integer(der, kk_key_parts_get(parts, KK_PART_PUBLIC_EXPONENT));
    kk_der_end(der, sequence);
}

static KK_RV put_point(struct kk_crypto *crypto, struct kk_buffer *der,
                       const struct kk_key_parts *parts)
{
    struct kk_curve curve;
    KK_TRY(kk_curve_of_parts(crypto, parts, &curve));
    return kk_point_parse(crypto, &curve, kk_key_parts_get(parts, KK_PART_EC_POINT), der);
}

/* The content of the BIT STRING. */
static KK_RV put_public(struct kk_crypto *crypto, struct kk_buffer *der,
                        const struct kk_key_parts *parts)
{
    switch (parts->kind) {
    case KK_KEY_RSA:
        put_rsa(der, parts);
        return CKR_OK;
    case KK_KEY_EC:
    case KK_KEY_EDWARDS:
    case KK_KEY_MONTGOMERY:
        return put_point(crypto, der, parts);
    case KK_KEY_DSA:
    case KK_KEY_DH:
    case KK_KEY_X942_DH:
        kk_der_put_integer(der, kk_key_parts_get(parts, KK_PART_PUBLIC));
        return CKR_OK;
    case KK_KEY_ML_DSA:
    case KK_KEY_ML_KEM:
    case KK_KEY_SLH_DSA:
    case KK_KEY_HSS: /* RFC 9708: the bytes of RFC 8554 themselves */
        kk_buffer_put_span(der, kk_key_parts_get(parts, KK_PART_PUBLIC));
        return CKR_OK;
    case KK_KEY_SECRET:
        break;
    }
    return CKR_KEY_TYPE_INCONSISTENT;
}

static bool has_public(const struct kk_key_parts *parts)
{
    switch (parts->kind) {
    case KK_KEY_RSA:
        return kk_key_parts_get(parts, KK_PART_MODULUS).len > 0 &&
               kk_key_parts_get(parts, KK_PART_PUBLIC_EXPONENT).len > 0;
    case KK_KEY_EC:
    case KK_KEY_EDWARDS:
    case KK_KEY_MONTGOMERY:
        return kk_key_parts_get(parts, KK_PART_EC_POINT).len > 0;
    case KK_KEY_SECRET:
    case KK_KEY_HSS:
    case KK_KEY_DSA:
    case KK_KEY_DH:
    case KK_KEY_X942_DH:
    case KK_KEY_ML_DSA:
    case KK_KEY_ML_KEM:
    case KK_KEY_SLH_DSA:
        break;
    }
    return kk_key_parts_get(parts, KK_PART_PUBLIC).len > 0;
}

KK_RV kk_key_spki(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                  struct kk_buffer *ret_der)
{
    KK_ENSURE(parts->kind != KK_KEY_SECRET, CKR_KEY_TYPE_INCONSISTENT);
    /* A private HSS key does not have its public half at hand: trees are to be computed for it. */
    KK_ENSURE(has_public(parts),
              parts->kind == KK_KEY_HSS ? CKR_KEY_TYPE_INCONSISTENT : CKR_ATTRIBUTE_VALUE_INVALID);
    size_t sequence = kk_der_begin(ret_der, KK_DER_SEQUENCE);
    KK_TRY(kk_algorithm_put(ret_der, parts));
    size_t bits = kk_der_begin(ret_der, KK_DER_BIT_STRING);
    kk_buffer_put_u8(ret_der, 0);
    KK_TRY(put_public(crypto, ret_der, parts));
    kk_der_end(ret_der, bits);
    kk_der_end(ret_der, sequence);
    return kk_buffer_check(ret_der);
}

/* ---- and back ---- */

static KK_RV take_rsa(struct kk_span bits, struct kk_key_parts *parts)
{
    struct kk_reader outer = kk_reader_new(bits);
    struct kk_reader in = kk_der_enter(&outer, KK_DER_SEQUENCE);
    struct kk_span modulus = kk_der_take_integer(&in);
    struct kk_span exponent = kk_der_take_integer(&in);
    KK_ENSURE(kk_reader_done(&in) && kk_reader_done(&outer) && modulus.len > 0 && exponent.len > 0,
              CKR_DATA_INVALID);
    KK_TRY(kk_key_parts_set(parts, KK_PART_MODULUS, modulus));
    return kk_key_parts_set(parts, KK_PART_PUBLIC_EXPONENT, exponent);
}

static KK_RV take_number(struct kk_span bits, struct kk_key_parts *parts)
{
    struct kk_reader in = kk_reader_new(bits);
    struct kk_span number = kk_der_take_integer(&in);
    KK_ENSURE(kk_reader_done(&in) && number.len > 0, CKR_DATA_INVALID);
    return kk_key_parts_set(parts, KK_PART_PUBLIC, number);
}

static KK_RV take_public(struct kk_span bits, struct kk_key_parts *parts)
{
    switch (parts->kind) {
    case KK_KEY_RSA:
        return take_rsa(bits, parts);
    case KK_KEY_EC:
    case KK_KEY_EDWARDS:
    case KK_KEY_MONTGOMERY:
        return kk_key_parts_set(parts, KK_PART_EC_POINT, bits);
    case KK_KEY_DSA:
    case KK_KEY_DH:
    case KK_KEY_X942_DH:
        return take_number(bits, parts);
    case KK_KEY_ML_DSA:
    case KK_KEY_ML_KEM:
    case KK_KEY_SLH_DSA:
    case KK_KEY_HSS:
        return kk_key_parts_set(parts, KK_PART_PUBLIC, bits);
    case KK_KEY_SECRET:
        break;
    }
    return CKR_KEY_TYPE_INCONSISTENT;
}

static KK_RV decode(struct kk_span der, struct kk_key_parts *parts)
{
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader in = kk_der_enter(&outer, KK_DER_SEQUENCE);
    KK_ENSURE(!in.failed, CKR_DATA_INVALID);
    KK_TRY(kk_algorithm_take(&in, parts));
    struct kk_span bits = kk_der_take_bits(&in);
    KK_ENSURE(kk_reader_done(&in) && kk_reader_done(&outer), CKR_DATA_INVALID);
    return take_public(bits, parts);
}

KK_RV kk_spki_decode(struct kk_span der, struct kk_key_parts *ret_parts)
{
    struct kk_key_parts parts = {0};
    CK_RV rv = decode(der, &parts);
    if (rv != CKR_OK) {
        kk_key_parts_clear(&parts);
        return rv;
    }
    *ret_parts = parts;
    return CKR_OK;
}
