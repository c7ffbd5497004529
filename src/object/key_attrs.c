/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key's attributes to the parts that crypto/ works with, and back: one table.
 */
#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/ec.h"
#include "mechanism/mechanism.h"
#include "object/computed.h"
#include "object/object.h"
#include "object/stateful.h"

#include "base/banned.h"

/* On which objects a row holds. */
enum half {
    ON_PUBLIC = 1 << 0,
    ON_PRIVATE = 1 << 1,
    ON_SECRET = 1 << 2,
    ON_DOMAIN = 1 << 3,
    TO_GENERATE = 1 << 4, /* what a generation starts from */
};

/* How the attribute's bytes and the part's differ. */
enum form {
    AS_IS,
    NUMBER, /* no leading zeros */
    SCALAR, /* EC: as long as the order; Edwards, Montgomery: perhaps in an OCTET STRING */
    PARAMS, /* canonical OID */
    POINT,  /* in DER outside, raw inside */
};

struct part_row {
    unsigned int kinds; /* K() of enum kk_key_kind */
    unsigned int halves;
    CK_ATTRIBUTE_TYPE type;
    enum kk_part part;
    enum form form;
};

#define K(kind) (1u << (kind))
#define K_CURVES (K(KK_KEY_EC) | K(KK_KEY_EDWARDS) | K(KK_KEY_MONTGOMERY))
#define K_LATTICES (K(KK_KEY_ML_DSA) | K(KK_KEY_ML_KEM))
#define K_SETS (K_LATTICES | K(KK_KEY_SLH_DSA))
#define K_GROUPS (K(KK_KEY_DSA) | K(KK_KEY_DH) | K(KK_KEY_X942_DH))
#define K_SUBGROUPS (K(KK_KEY_DSA) | K(KK_KEY_X942_DH))
#define ON_PAIR (ON_PUBLIC | ON_PRIVATE)
#define ON_GROUP (ON_PUBLIC | ON_PRIVATE | ON_DOMAIN | TO_GENERATE)

/* EC_PARAMS comes before what needs the curve. */
/* clang-format off */
static const struct part_row part_rows[] = {
    { K(KK_KEY_SECRET), ON_SECRET, CKA_VALUE, KK_PART_VALUE, AS_IS },
    { K(KK_KEY_RSA), ON_PAIR, CKA_MODULUS, KK_PART_MODULUS, NUMBER },
    { K(KK_KEY_RSA), ON_PAIR | TO_GENERATE, CKA_PUBLIC_EXPONENT, KK_PART_PUBLIC_EXPONENT, NUMBER },
    { K(KK_KEY_RSA), ON_PRIVATE, CKA_PRIVATE_EXPONENT, KK_PART_PRIVATE_EXPONENT, NUMBER },
    { K(KK_KEY_RSA), ON_PRIVATE, CKA_PRIME_1, KK_PART_PRIME_1, NUMBER },
    { K(KK_KEY_RSA), ON_PRIVATE, CKA_PRIME_2, KK_PART_PRIME_2, NUMBER },
    { K(KK_KEY_RSA), ON_PRIVATE, CKA_EXPONENT_1, KK_PART_EXPONENT_1, NUMBER },
    { K(KK_KEY_RSA), ON_PRIVATE, CKA_EXPONENT_2, KK_PART_EXPONENT_2, NUMBER },
    { K(KK_KEY_RSA), ON_PRIVATE, CKA_COEFFICIENT, KK_PART_COEFFICIENT, NUMBER },
    { K_CURVES, ON_PAIR | TO_GENERATE, CKA_EC_PARAMS, KK_PART_EC_PARAMS, PARAMS },
    { K_CURVES, ON_PAIR, CKA_EC_POINT, KK_PART_EC_POINT, POINT },
    { K_CURVES, ON_PRIVATE, CKA_VALUE, KK_PART_VALUE, SCALAR },
    { K_GROUPS, ON_GROUP, CKA_PRIME, KK_PART_PRIME, NUMBER },
    { K_SUBGROUPS, ON_GROUP, CKA_SUBPRIME, KK_PART_SUBPRIME, NUMBER },
    { K_GROUPS, ON_GROUP, CKA_BASE, KK_PART_BASE, NUMBER },
    { K_GROUPS, ON_PUBLIC, CKA_VALUE, KK_PART_PUBLIC, NUMBER },
    { K_GROUPS, ON_PRIVATE, CKA_VALUE, KK_PART_VALUE, NUMBER },
    { K_SETS, ON_PUBLIC, CKA_VALUE, KK_PART_PUBLIC, AS_IS },
    { K_SETS, ON_PRIVATE, CKA_VALUE, KK_PART_VALUE, AS_IS },
    { K_LATTICES, ON_PRIVATE, CKA_SEED, KK_PART_SEED, AS_IS },
    { K(KK_KEY_HSS), ON_PUBLIC, CKA_VALUE, KK_PART_PUBLIC, AS_IS },
    { K(KK_KEY_HSS), ON_PRIVATE, CKA_VALUE, KK_PART_VALUE, AS_IS },
};
/* clang-format on */

static enum half half_of(CK_OBJECT_CLASS object_class)
{
    static const enum half halves[] = {
        [CKO_PUBLIC_KEY] = ON_PUBLIC, [CKO_PRIVATE_KEY] = ON_PRIVATE,
        [CKO_SECRET_KEY] = ON_SECRET, [CKO_DOMAIN_PARAMETERS] = ON_DOMAIN,
        [CKO_OTP_KEY] = ON_SECRET,
    };
    return object_class < KK_ARRAY_LEN(halves) ? halves[object_class] : 0;
}

/* One conversion, in either direction. */
struct conversion {
    struct kk_crypto *crypto;
    CK_OBJECT_CLASS object_class;
    struct kk_curve curve;
};

/*= pkcs11-3.2 Elliptic curves: invalid or unsupported domain parameters are
 * CKR_DOMAIN_PARAMS_INVALID */
static KK_RV parse_curve(struct conversion *conversion, struct kk_span params)
{
    CK_RV rv = kk_curve_parse(conversion->crypto, params, &conversion->curve);
    KK_ENSURE(rv != CKR_ATTRIBUTE_VALUE_INVALID, CKR_DOMAIN_PARAMS_INVALID);
    return rv;
}

/* SoftHSM makes X25519 and X448 keys as CKK_EC_EDWARDS; both kinds are taken there. */
static bool kind_fits(enum kk_key_kind wanted, enum kk_key_kind found)
{
    return wanted == found || (wanted == KK_KEY_EDWARDS && found == KK_KEY_MONTGOMERY);
}

static KK_RV take_params(struct conversion *conversion, struct kk_span value,
                         struct kk_key_parts *parts)
{
    KK_TRY(parse_curve(conversion, value));
    struct kk_curve *curve = &conversion->curve;
    KK_ENSURE(kind_fits(parts->kind, curve->kind), CKR_CURVE_NOT_SUPPORTED);
    parts->kind = curve->kind;
    return kk_key_parts_set(parts, KK_PART_EC_PARAMS, KK_SPAN(curve->oid, curve->oid_len));
}

static KK_RV take_point(struct conversion *conversion, struct kk_span value,
                        struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer raw = {0};
    KK_ENSURE(conversion->curve.name != NULL, CKR_TEMPLATE_INCOMPLETE);
    KK_TRY(kk_point_parse(conversion->crypto, &conversion->curve, value, &raw));
    return kk_key_parts_set(parts, KK_PART_EC_POINT, kk_buffer_span(&raw));
}

/* `number` at the end of `len` bytes; one that is longer stays as it is, for kk_key_new() to
 * refuse. */
static KK_RV take_padded(struct kk_span number, size_t len, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *padded = NULL;
    struct kk_span bare = kk_strip_zeros(number);
    KK_TRY(kk_secret_new(KK_MAX(len, bare.len), &padded));
    if (bare.len > 0) {
        size_t zeros = kk_secret_len(padded) - bare.len;
        memcpy(kk_secret_data(padded) + zeros, bare.data, bare.len);
    }
    return kk_key_parts_set(parts, KK_PART_VALUE, kk_secret_span(padded));
}

static KK_RV take_scalar(const struct conversion *conversion, struct kk_span value,
                         struct kk_key_parts *parts)
{
    const struct kk_curve *curve = &conversion->curve;
    KK_ENSURE(curve->name != NULL, CKR_TEMPLATE_INCOMPLETE);
    if (curve->kind == KK_KEY_EC) {
        return take_padded(value, curve->order_bytes, parts);
    }
    bool is_wrapped = value.len == curve->field_bytes + 2 && value.data[0] == KK_DER_OCTET_STRING &&
                      value.data[1] == curve->field_bytes;
    if (is_wrapped) {
        value = KK_SPAN(value.data + 2, curve->field_bytes);
    }
    return kk_key_parts_set(parts, KK_PART_VALUE, value);
}

static KK_RV take_part(struct conversion *conversion, const struct part_row *row,
                       struct kk_span value, struct kk_key_parts *parts)
{
    switch (row->form) {
    case AS_IS:
        break;
    case NUMBER:
        return kk_key_parts_set(parts, row->part, kk_strip_zeros(value));
    case SCALAR:
        return take_scalar(conversion, value, parts);
    case PARAMS:
        return take_params(conversion, value, parts);
    case POINT:
        return take_point(conversion, value, parts);
    }
    return kk_key_parts_set(parts, row->part, value);
}

/* All parts of these halves that the attributes have. */
static KK_RV take_parts(struct conversion *conversion, const struct kk_attrs *attrs,
                        unsigned int halves, struct kk_key_parts *parts)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(part_rows); i++) {
        const struct part_row *row = &part_rows[i];
        const struct kk_attr *attr = kk_attrs_find(attrs, row->type);
        bool is_wanted = (row->kinds & K(parts->kind)) != 0 && (row->halves & halves) != 0;
        if (!is_wanted || attr == NULL || attr->kind != KK_ATTR_BYTES) {
            continue;
        }
        struct kk_span value = kk_attr_bytes(attr);
        /* A number of no bytes is zero; where a key is made, somebody asked for that. */
        bool is_zero = row->form == NUMBER && (halves & TO_GENERATE) != 0;
        if (value.len > 0 || is_zero || parts->kind == KK_KEY_SECRET) {
            KK_TRY(take_part(conversion, row, value, parts));
        }
    }
    return CKR_OK;
}

static void give_away(struct kk_key_parts *parts, struct kk_key_parts *ret_parts)
{
    *ret_parts = *parts;
    *parts = (struct kk_key_parts){0};
}

KK_RV kk_key_parts_of(struct kk_crypto *crypto, const struct kk_attrs *attrs,
                      struct kk_key_parts *ret_parts)
{
    CK_OBJECT_CLASS object_class = (CK_OBJECT_CLASS)kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX);
    CK_KEY_TYPE key_type = (CK_KEY_TYPE)kk_attrs_number(attrs, CKA_KEY_TYPE, UINT64_MAX);
    struct conversion conversion = {.crypto = crypto, .object_class = object_class};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {
        .kind = kk_key_kind_of(key_type),
        .is_private = object_class == CKO_PRIVATE_KEY,
    };
    enum half half = half_of(object_class);
    bool is_whole = (parts.kind == KK_KEY_SECRET) == (half == ON_SECRET);
    KK_ENSURE(parts.kind != 0 && half != 0 && is_whole, CKR_KEY_TYPE_INCONSISTENT);
    parts.parameter_set = (CK_ULONG)kk_attrs_number(attrs, CKA_PARAMETER_SET, 0);
    KK_TRY(take_parts(&conversion, attrs, half, &parts));
    give_away(&parts, ret_parts);
    return CKR_OK;
}

static KK_RV give_value(const struct conversion *conversion, CK_ATTRIBUTE_TYPE type,
                        struct kk_span value, struct kk_attrs *attrs)
{
    if (kk_attr_type_is_secret_of(conversion->object_class, type)) {
        return kk_attrs_set_secret(attrs, type, value);
    }
    return kk_attrs_set_bytes(attrs, type, value);
}

static KK_RV give_point(const struct conversion *conversion, struct kk_span raw,
                        struct kk_attrs *attrs)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer point = {0};
    KK_ENSURE(conversion->curve.name != NULL, CKR_DOMAIN_PARAMS_INVALID);
    KK_TRY(kk_point_format(&conversion->curve, raw, &point));
    return kk_attrs_set_bytes(attrs, CKA_EC_POINT, kk_buffer_span(&point));
}

static KK_RV give_part(struct conversion *conversion, const struct part_row *row,
                       struct kk_span value, struct kk_attrs *attrs)
{
    if (row->form == POINT) {
        return give_point(conversion, value, attrs);
    }
    if (row->form == PARAMS) {
        KK_TRY(parse_curve(conversion, value));
    }
    return give_value(conversion, row->type, value, attrs);
}

static KK_RV give_remaining(const struct kk_key_parts *parts, struct kk_attrs *attrs)
{
    CK_ULONG remaining = 0;
    KK_TRY(kk_stateful_remaining(kk_key_parts_get(parts, KK_PART_VALUE), &remaining));
    return kk_attrs_set_number(attrs, CKA_HSS_KEYS_REMAINING, remaining);
}

KK_RV kk_key_parts_to(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                      CK_OBJECT_CLASS object_class, struct kk_attrs *attrs)
{
    struct conversion conversion = {.crypto = crypto, .object_class = object_class};
    unsigned int half = half_of(object_class);
    for (size_t i = 0; i < KK_ARRAY_LEN(part_rows); i++) {
        const struct part_row *row = &part_rows[i];
        bool is_wanted = (row->kinds & K(parts->kind)) != 0 && (row->halves & half) != 0;
        if (is_wanted && parts->part[row->part] != NULL) {
            struct kk_span value = kk_key_parts_get(parts, row->part);
            KK_TRY(give_part(&conversion, row, value, attrs));
        }
    }
    if (parts->kind == KK_KEY_HSS && object_class == CKO_PRIVATE_KEY) {
        return give_remaining(parts, attrs);
    }
    bool has_set = (K_SETS & K(parts->kind)) != 0;
    return has_set ? kk_attrs_set_number(attrs, CKA_PARAMETER_SET, parts->parameter_set) : CKR_OK;
}

/* The bytes a secret key is to have: what the template says, or what its type says. */
static KK_RV generated_bytes(CK_KEY_TYPE key_type, const struct kk_attrs *attrs, size_t *ret_len)
{
    size_t min = 0;
    size_t max = 0;
    size_t step = 0;
    bool is_secret = kk_key_type_lengths(key_type, &min, &max, &step);
    KK_ENSURE(is_secret, CKR_KEY_TYPE_INCONSISTENT);
    uint64_t otherwise = min == max ? min : 0;
    uint64_t len = kk_attrs_number(attrs, CKA_VALUE_LEN, otherwise);
    KK_ENSURE(len != 0 || kk_attrs_has(attrs, CKA_VALUE_LEN), CKR_TEMPLATE_INCOMPLETE);
    bool is_sane = len > 0 && len <= KK_RECORD_MAX / 2;
    KK_ENSURE(is_sane && kk_secret_length_fits(key_type, (size_t)len), CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_len = (size_t)len;
    return CKR_OK;
}

static KK_RV generated_bits(CK_KEY_TYPE key_type, const struct kk_attrs *attrs,
                            struct kk_key_parts *parts)
{
    size_t len = 0;
    if (parts->kind == KK_KEY_SECRET) {
        KK_TRY(generated_bytes(key_type, attrs, &len));
        parts->bits = (CK_ULONG)(len * 8);
        return CKR_OK;
    }
    uint64_t prime_bits = kk_number_bits(kk_key_parts_get(parts, KK_PART_PRIME));
    uint64_t bits = kk_attrs_number(attrs, CKA_PRIME_BITS, prime_bits);
    bits = kk_attrs_number(attrs, CKA_MODULUS_BITS, bits);
    KK_ENSURE(bits <= UINT32_MAX, CKR_ATTRIBUTE_VALUE_INVALID);
    parts->bits = (CK_ULONG)bits;
    uint64_t order_bits = kk_attrs_number(attrs, CKA_SUBPRIME_BITS, 0);
    KK_ENSURE(order_bits <= UINT32_MAX, CKR_ATTRIBUTE_VALUE_INVALID);
    parts->order_bits = (CK_ULONG)order_bits;
    return CKR_OK;
}

KK_RV kk_policy_generation(struct kk_crypto *crypto, CK_KEY_TYPE key_type,
                           const struct kk_attrs *attrs, struct kk_key_parts *ret_parts)
{
    struct conversion conversion = {.crypto = crypto};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = kk_key_kind_of(key_type)};
    KK_ENSURE(parts.kind != 0, CKR_KEY_TYPE_INCONSISTENT);
    parts.parameter_set = (CK_ULONG)kk_attrs_number(attrs, CKA_PARAMETER_SET, 0);
    KK_TRY(take_parts(&conversion, attrs, TO_GENERATE, &parts));
    KK_TRY(generated_bits(key_type, attrs, &parts));
    give_away(&parts, ret_parts);
    return CKR_OK;
}
