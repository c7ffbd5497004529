/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#8 by our own DER: OpenSSL's encoders and decoders leave copies of private keys behind.
 * PrivateKeyInfo is written into secret memory that is known to be large enough.
 */
#include "crypto/algorithm.h"
#include "crypto/key_internal.h"

#include "base/memory.h"

/* Tags, lengths, versions and identifiers around the parts. */
#define OVERHEAD 128
#define OVERHEAD_PER_PART 8

#define SEED_TAG 0x80 /* [0], primitive */

/* --- out -------------------------------------------------------------------------------------- */

static const enum kk_part rsa_order[] = {
    KK_PART_MODULUS, KK_PART_PUBLIC_EXPONENT, KK_PART_PRIVATE_EXPONENT, KK_PART_PRIME_1,
    KK_PART_PRIME_2, KK_PART_EXPONENT_1,      KK_PART_EXPONENT_2,       KK_PART_COEFFICIENT,
};

static const uint8_t zero[] = {0};
static const uint8_t one[] = {1};

static KK_RV put_rsa(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    size_t sequence = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put_integer(der, KK_SPAN_ARRAY(zero));
    for (size_t i = 0; i < KK_ARRAY_LEN(rsa_order); i++) {
        struct kk_span part = kk_key_parts_get(parts, rsa_order[i]);
        KK_ENSURE(part.len > 0, CKR_ATTRIBUTE_VALUE_INVALID);
        kk_der_put_integer(der, part);
    }
    kk_der_end(der, sequence);
    return CKR_OK;
}

static void put_ec(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    struct kk_span point = kk_key_parts_get(parts, KK_PART_EC_POINT);
    size_t sequence = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put_integer(der, KK_SPAN_ARRAY(one));
    kk_der_put(der, KK_DER_OCTET_STRING, kk_key_parts_get(parts, KK_PART_VALUE));
    if (point.len > 0) {
        size_t tagged = kk_der_begin(der, KK_DER_CONTEXT(1));
        kk_der_put_bits(der, point);
        kk_der_end(der, tagged);
    }
    kk_der_end(der, sequence);
}

/* RFC 9881 and RFC 9935: the expanded key, and the seed with it where there is one, for readers
 * that know one of the two only. */
static void put_lattice(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    struct kk_span seed = kk_key_parts_get(parts, KK_PART_SEED);
    if (seed.len == 0) {
        kk_der_put(der, KK_DER_OCTET_STRING, kk_key_parts_get(parts, KK_PART_VALUE));
        return;
    }
    size_t both = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put(der, KK_DER_OCTET_STRING, seed);
    kk_der_put(der, KK_DER_OCTET_STRING, kk_key_parts_get(parts, KK_PART_VALUE));
    kk_der_end(der, both);
}

static KK_RV put_private(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    switch (parts->kind) {
    case KK_KEY_RSA:
        return put_rsa(der, parts);
    case KK_KEY_EC:
        put_ec(der, parts);
        return CKR_OK;
    case KK_KEY_EDWARDS:
    case KK_KEY_MONTGOMERY:
        kk_der_put(der, KK_DER_OCTET_STRING, kk_key_parts_get(parts, KK_PART_VALUE));
        return CKR_OK;
    case KK_KEY_DSA:
    case KK_KEY_DH:
    case KK_KEY_X942_DH:
        kk_der_put_integer(der, kk_key_parts_get(parts, KK_PART_VALUE));
        return CKR_OK;
    case KK_KEY_ML_DSA:
    case KK_KEY_ML_KEM:
        put_lattice(der, parts);
        return CKR_OK;
    case KK_KEY_SLH_DSA: /* RFC 9909: the bytes themselves */
        kk_buffer_put_span(der, kk_key_parts_get(parts, KK_PART_VALUE));
        return CKR_OK;
    case KK_KEY_SECRET:
    case KK_KEY_HSS: /* a state stays where it is */
        break;
    }
    return CKR_KEY_TYPE_INCONSISTENT;
}

static KK_RV put_info(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    size_t sequence = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put_integer(der, KK_SPAN_ARRAY(zero));
    KK_TRY(kk_algorithm_put(der, parts));
    size_t octets = kk_der_begin(der, KK_DER_OCTET_STRING);
    KK_TRY(put_private(der, parts));
    kk_der_end(der, octets);
    kk_der_end(der, sequence);
    return CKR_OK;
}

KK_RV kk_pkcs8_encode(const struct kk_key_parts *parts, struct kk_secret **ret_der)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *der = NULL;
    size_t room = OVERHEAD;
    KK_ENSURE(parts->is_private, CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(parts->kind == KK_KEY_RSA || kk_key_parts_get(parts, KK_PART_VALUE).len > 0,
              CKR_ATTRIBUTE_VALUE_INVALID);
    for (size_t i = 0; i < KK_PART_COUNT; i++) {
        room += kk_key_parts_get(parts, (enum kk_part)i).len + OVERHEAD_PER_PART;
    }
    KK_TRY(kk_secret_new(room, &der));
    /* A buffer that never grows, because it has room for everything. */
    struct kk_buffer buffer = {.data = kk_secret_data(der), .capacity = room};
    KK_TRY(put_info(&buffer, parts));
    KK_ASSERT(!buffer.failed && buffer.data == kk_secret_data(der));
    kk_secret_truncate(der, buffer.len);
    *ret_der = KK_STEAL(der);
    return CKR_OK;
}

/* --- in --------------------------------------------------------------------------------------- */

static KK_RV take_rsa(struct kk_span key, struct kk_key_parts *parts)
{
    struct kk_reader outer = kk_reader_new(key);
    struct kk_reader in = kk_der_enter(&outer, KK_DER_SEQUENCE);
    struct kk_span version = kk_der_take_integer(&in);
    for (size_t i = 0; i < KK_ARRAY_LEN(rsa_order); i++) {
        KK_TRY(kk_key_parts_set(parts, rsa_order[i], kk_der_take_integer(&in)));
    }
    /* Version 1 has more than two primes. */
    KK_ENSURE(version.len == 0 && kk_reader_done(&in) && kk_reader_done(&outer),
              CKR_WRAPPED_KEY_INVALID);
    return CKR_OK;
}

/* ECPrivateKey: version 1, the number, perhaps parameters, perhaps the point. */
static KK_RV take_ec(struct kk_span key, struct kk_key_parts *parts)
{
    struct kk_reader outer = kk_reader_new(key);
    struct kk_reader in = kk_der_enter(&outer, KK_DER_SEQUENCE);
    struct kk_span version = kk_der_take_integer(&in);
    KK_TRY(kk_key_parts_set(parts, KK_PART_VALUE, kk_der_take(&in, KK_DER_OCTET_STRING)));
    if (kk_der_next_is(&in, KK_DER_CONTEXT(0))) {
        struct kk_reader params = kk_der_enter(&in, KK_DER_CONTEXT(0));
        if (!kk_key_parts_has(parts, KK_PART_EC_PARAMS)) {
            KK_TRY(kk_key_parts_set(parts, KK_PART_EC_PARAMS, params.rest));
        }
    }
    if (kk_der_next_is(&in, KK_DER_CONTEXT(1))) {
        struct kk_reader point = kk_der_enter(&in, KK_DER_CONTEXT(1));
        KK_TRY(kk_key_parts_set(parts, KK_PART_EC_POINT, kk_der_take_bits(&point)));
        in.failed |= !kk_reader_done(&point);
    }
    KK_ENSURE(version.len == 1 && version.data[0] == 1 && kk_reader_done(&in) &&
                  kk_reader_done(&outer) && kk_key_parts_has(parts, KK_PART_EC_PARAMS),
              CKR_WRAPPED_KEY_INVALID);
    return CKR_OK;
}

static KK_RV take_value(struct kk_span key, uint8_t tag, struct kk_key_parts *parts)
{
    struct kk_reader in = kk_reader_new(key);
    struct kk_span value = tag == KK_DER_INTEGER ? kk_der_take_integer(&in) : kk_der_take(&in, tag);
    KK_ENSURE(kk_reader_done(&in) && value.len > 0, CKR_WRAPPED_KEY_INVALID);
    return kk_key_parts_set(parts, KK_PART_VALUE, value);
}

/* The seed, the expanded key, or both. */
static KK_RV take_lattice(struct kk_span key, struct kk_key_parts *parts)
{
    struct kk_reader outer = kk_reader_new(key);
    if (kk_der_next_is(&outer, SEED_TAG)) {
        KK_TRY(kk_key_parts_set(parts, KK_PART_SEED, kk_der_take(&outer, SEED_TAG)));
    } else if (kk_der_next_is(&outer, KK_DER_OCTET_STRING)) {
        KK_TRY(kk_key_parts_set(parts, KK_PART_VALUE, kk_der_take(&outer, KK_DER_OCTET_STRING)));
    } else {
        struct kk_reader both = kk_der_enter(&outer, KK_DER_SEQUENCE);
        KK_TRY(kk_key_parts_set(parts, KK_PART_SEED, kk_der_take(&both, KK_DER_OCTET_STRING)));
        KK_TRY(kk_key_parts_set(parts, KK_PART_VALUE, kk_der_take(&both, KK_DER_OCTET_STRING)));
        outer.failed |= !kk_reader_done(&both);
    }
    KK_ENSURE(kk_reader_done(&outer), CKR_WRAPPED_KEY_INVALID);
    return CKR_OK;
}

static KK_RV take_private(struct kk_span key, struct kk_key_parts *parts)
{
    switch (parts->kind) {
    case KK_KEY_RSA:
        return take_rsa(key, parts);
    case KK_KEY_EC:
        return take_ec(key, parts);
    case KK_KEY_EDWARDS:
    case KK_KEY_MONTGOMERY:
        return take_value(key, KK_DER_OCTET_STRING, parts);
    case KK_KEY_DSA:
    case KK_KEY_DH:
    case KK_KEY_X942_DH:
        return take_value(key, KK_DER_INTEGER, parts);
    case KK_KEY_ML_DSA:
    case KK_KEY_ML_KEM:
        return take_lattice(key, parts);
    case KK_KEY_SLH_DSA:
        return kk_key_parts_set(parts, KK_PART_VALUE, key);
    case KK_KEY_SECRET:
    case KK_KEY_HSS: /* a state stays where it is */
        break;
    }
    return CKR_WRAPPED_KEY_INVALID;
}

/* Attributes ([0]) are passed over, and OneAsymmetricKey's public key ([1]), which
 * kk_key_complete() computes anyway. */
static void skip_rest(struct kk_reader *in)
{
    if (kk_der_next_is(in, KK_DER_CONTEXT(0))) {
        (void)kk_der_take_any(in);
    }
    if (kk_der_next_is(in, 0x81) || kk_der_next_is(in, KK_DER_CONTEXT(1))) {
        (void)kk_der_take_any(in);
    }
}

/*= pkcs11-3.2 C_UnwrapKey: zeros that a wrapping mechanism padded the PrivateKeyInfo with are
 * ignored */
static bool only_padding(const struct kk_reader *reader)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < reader->rest.len; i++) {
        seen |= reader->rest.data[i];
    }
    return !reader->failed && seen == 0;
}

static KK_RV decode(struct kk_span der, struct kk_key_parts *parts)
{
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader in = kk_der_enter(&outer, KK_DER_SEQUENCE);
    struct kk_span version = kk_der_take_integer(&in);
    KK_ENSURE(!in.failed && only_padding(&outer), CKR_WRAPPED_KEY_INVALID);
    KK_ENSURE(version.len == 0 || (version.len == 1 && version.data[0] == 1),
              CKR_WRAPPED_KEY_INVALID);
    CK_RV rv = kk_algorithm_take(&in, parts);
    KK_ENSURE(rv == CKR_OK || rv == CKR_HOST_MEMORY, CKR_WRAPPED_KEY_INVALID);
    KK_TRY(rv);
    struct kk_span key = kk_der_take(&in, KK_DER_OCTET_STRING);
    skip_rest(&in);
    KK_ENSURE(kk_reader_done(&in), CKR_WRAPPED_KEY_INVALID);
    parts->is_private = true;
    return take_private(key, parts);
}

KK_RV kk_pkcs8_decode(struct kk_span der, struct kk_key_parts *ret_parts)
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
