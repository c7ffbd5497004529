/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows from an object's material, by tables: numbers that measure another attribute, and
 * bytes that are computed.
 */
#include "object/computed.h"

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/kdf.h"
#include "mechanism/mechanism.h"
#include "object/object.h"
#include "object/stateful.h"

#include "base/banned.h"

#define CHECK_VALUE_BYTES 3

static CK_OBJECT_CLASS class_of(const struct kk_attrs *attrs)
{
    return (CK_OBJECT_CLASS)kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX);
}

static CK_KEY_TYPE key_type_of(const struct kk_attrs *attrs)
{
    return (CK_KEY_TYPE)kk_attrs_number(attrs, CKA_KEY_TYPE, UINT64_MAX);
}

size_t kk_number_bits(struct kk_span number)
{
    struct kk_span bare = kk_strip_zeros(number);
    if (bare.len == 0) {
        return 0;
    }
    return bare.len * 8 - (size_t)(__builtin_clz(bare.data[0]) - 24);
}

bool kk_secret_length_fits(CK_KEY_TYPE key_type, size_t len)
{
    size_t min = 0;
    size_t max = 0;
    size_t step = 0;
    bool is_secret = kk_key_type_lengths(key_type, &min, &max, &step);
    bool is_any = min == 0 && max == 0;
    return !is_secret || is_any ||
           (len >= min && len <= max && (len - min) % KK_MAX(step, 1u) == 0);
}

/* The code for a secret key of a length that cannot be, by how it came. */
static CK_RV length_code(enum kk_verb verb)
{
    switch (verb) {
    case KK_VERB_UNWRAP:
        /*= pkcs11-3.2 C_UnwrapKey: any length conflict is CKR_WRAPPED_KEY_LEN_RANGE */
        return CKR_WRAPPED_KEY_LEN_RANGE;
    case KK_VERB_DERIVE:
    case KK_VERB_GENERATE:
        return CKR_KEY_SIZE_RANGE;
    case KK_VERB_CREATE:
    case KK_VERB_COPY:
    case KK_VERB_SET:
    case KK_VERB_FIND:
        break;
    }
    return CKR_ATTRIBUTE_VALUE_INVALID;
}

static bool has_parity(struct kk_span value)
{
    int all = 1;
    for (size_t i = 0; i < value.len; i++) {
        all &= __builtin_parity(value.data[i]);
    }
    return all == 1;
}

/*= pkcs11-3.2 DES2, DES3 secret key objects: creating or unwrapping a key with incorrect parity
 * returns an error */
static KK_RV check_parity(const struct kk_finish *finish, const struct kk_attrs *attrs)
{
    CK_KEY_TYPE key_type = key_type_of(attrs);
    bool is_des = key_type == CKK_DES || key_type == CKK_DES2 || key_type == CKK_DES3;
    bool comes_in = finish->verb == KK_VERB_CREATE || finish->verb == KK_VERB_UNWRAP;
    CK_RV rv =
        finish->verb == KK_VERB_UNWRAP ? CKR_WRAPPED_KEY_INVALID : CKR_ATTRIBUTE_VALUE_INVALID;
    KK_ENSURE(!is_des || !comes_in || has_parity(kk_attrs_bytes(attrs, CKA_VALUE)), rv);
    return CKR_OK;
}

static KK_RV check_secret(const struct kk_finish *finish, const struct kk_attrs *attrs)
{
    if (!kk_attrs_has(attrs, CKA_VALUE)) {
        return CKR_OK; /* a type whose schema has none */
    }
    size_t len = kk_attrs_bytes(attrs, CKA_VALUE).len;
    bool is_given = kk_attrs_number(attrs, CKA_VALUE_LEN, len) == len;
    bool fits = kk_secret_length_fits(key_type_of(attrs), len);
    KK_ENSURE(is_given && fits, length_code(finish->verb));
    return check_parity(finish, attrs);
}

/* Computes what is missing and lets crypto/ look at the numbers. */
static KK_RV check_parts(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_key_unrefp) struct kk_key *key = NULL;
    KK_TRY(kk_key_complete(crypto, parts));
    return kk_key_new(crypto, parts, &key);
}

/* crypto/ does not compute with every key type that the standard knows; such keys are kept as they
 * came. */
static bool is_foreign(CK_RV rv)
{
    return rv == CKR_KEY_TYPE_INCONSISTENT;
}

/* The template's own material: checked, completed, in canonical form. */
static KK_RV settle_created(struct kk_crypto *crypto, struct kk_attrs *attrs,
                            struct kk_key_parts *parts)
{
    /* Nobody knows of a state from outside which of its one-time keys were used. */
    KK_ENSURE(!kk_stateful_is_one_time(attrs), CKR_ATTRIBUTE_VALUE_INVALID);
    CK_RV rv = kk_key_parts_of(crypto, attrs, parts);
    if (rv == CKR_OK) {
        rv = check_parts(crypto, parts);
    }
    if (is_foreign(rv)) {
        kk_key_parts_clear(parts);
        return CKR_OK;
    }
    KK_TRY(rv);
    return kk_key_parts_to(crypto, parts, class_of(attrs), attrs);
}

static KK_RV dup_parts(const struct kk_key_parts *from, struct kk_key_parts *parts)
{
    parts->kind = from->kind;
    parts->is_private = from->is_private;
    parts->bits = from->bits;
    parts->order_bits = from->order_bits;
    parts->parameter_set = from->parameter_set; /* of HSS the parts say it all */
    for (size_t i = 0; i < KK_PART_COUNT; i++) {
        if (from->part[i] != NULL) {
            KK_TRY(kk_secret_dup(from->part[i], &parts->part[i]));
        }
    }
    return CKR_OK;
}

/* What came out of a wrapped blob may be anything. */
static KK_RV check_unwrapped(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    CK_RV rv = check_parts(crypto, parts);
    bool is_broken = rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCOMPLETE;
    KK_ENSURE(!is_broken, CKR_WRAPPED_KEY_INVALID);
    return is_foreign(rv) ? CKR_OK : rv;
}

/*= pkcs11-3.2 Wrapping private keys: an error results if the type does not match the template's */
static KK_RV check_kind(const struct kk_finish *finish, const struct kk_attrs *attrs)
{
    enum kk_key_kind wanted = kk_key_kind_of(key_type_of(attrs));
    enum kk_key_kind found = finish->parts->kind;
    bool fits = wanted == found || (wanted == KK_KEY_EDWARDS && found == KK_KEY_MONTGOMERY);
    bool is_unwrapped = finish->verb == KK_VERB_UNWRAP;
    KK_ENSURE(fits, is_unwrapped ? CKR_WRAPPED_KEY_INVALID : CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/* Material that a mechanism contributes. */
static KK_RV settle_contributed(struct kk_crypto *crypto, const struct kk_finish *finish,
                                struct kk_attrs *attrs, struct kk_key_parts *parts)
{
    KK_TRY(check_kind(finish, attrs));
    KK_TRY(dup_parts(finish->parts, parts));
    if (finish->verb == KK_VERB_DERIVE) {
        kk_key_value_settle(key_type_of(attrs), parts->part[KK_PART_VALUE]);
    }
    if (finish->verb == KK_VERB_UNWRAP && parts->is_private) {
        KK_TRY(check_unwrapped(crypto, parts));
    }
    return kk_key_parts_to(crypto, parts, class_of(attrs), attrs);
}

static KK_RV settle_material(struct kk_crypto *crypto, const struct kk_finish *finish,
                             struct kk_attrs *attrs, struct kk_key_parts *parts)
{
    CK_OBJECT_CLASS object_class = class_of(attrs);
    bool is_pair = object_class == CKO_PUBLIC_KEY || object_class == CKO_PRIVATE_KEY;
    if (finish->parts != NULL) {
        KK_TRY(settle_contributed(crypto, finish, attrs, parts));
    } else if (is_pair) {
        KK_TRY(settle_created(crypto, attrs, parts));
    }
    return object_class == CKO_SECRET_KEY ? check_secret(finish, attrs) : CKR_OK;
}

/* Numbers that measure another attribute. */
enum measure { BYTES, BITS, U32_AT_0, U32_AT_4, U32_AT_8 };

/* clang-format off */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    CK_ATTRIBUTE_TYPE of;
    enum measure measure;
} measures[] = {
    { CKA_MODULUS_BITS, CKA_MODULUS, BITS },
    { CKA_PRIME_BITS, CKA_PRIME, BITS },
    { CKA_SUBPRIME_BITS, CKA_SUBPRIME, BITS },
    { CKA_VALUE_BITS, CKA_VALUE, BITS },
    { CKA_VALUE_LEN, CKA_VALUE, BYTES },
    { CKA_HSS_LEVELS, CKA_VALUE, U32_AT_0 },     /* RFC 8554, 6.1: u32 L, then the LMS key, */
    { CKA_HSS_LMS_TYPE, CKA_VALUE, U32_AT_4 },   /* which begins with its two types */
    { CKA_HSS_LMOTS_TYPE, CKA_VALUE, U32_AT_8 },
};
/* clang-format on */

static KK_RV u32_at(struct kk_span value, size_t offset, uint64_t *ret_number)
{
    KK_ENSURE(value.len >= offset + 4, CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_number = kk_load_u32(value.data + offset);
    return CKR_OK;
}

static KK_RV take_measure(enum measure measure, struct kk_span value, uint64_t *ret_number)
{
    switch (measure) {
    case BYTES:
        *ret_number = value.len;
        break;
    case BITS:
        *ret_number = kk_number_bits(value);
        break;
    case U32_AT_0:
        return u32_at(value, 0, ret_number);
    case U32_AT_4:
        return u32_at(value, 4, ret_number);
    case U32_AT_8:
        return u32_at(value, 8, ret_number);
    }
    return CKR_OK;
}

/* Only what a template cannot give: CKA_HSS_LEVELS of a private key is the caller's. */
static bool is_measured(const struct kk_schema *schema, size_t row, const struct kk_attrs *attrs)
{
    if (!kk_attrs_has(attrs, measures[row].of)) {
        return false;
    }
    const struct kk_attr_rule *rule = kk_schema_rule(schema, measures[row].type);
    return rule != NULL && (rule->footnotes & FN(2)) != 0;
}

static KK_RV fill_measures(const struct kk_schema *schema, struct kk_attrs *attrs)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(measures); i++) {
        uint64_t number = 0;
        if (is_measured(schema, i, attrs)) {
            struct kk_span value = kk_attrs_bytes(attrs, measures[i].of);
            KK_TRY(take_measure(measures[i].measure, value, &number));
            KK_TRY(kk_attrs_set_number(attrs, measures[i].type, number));
        }
    }
    return CKR_OK;
}

/* What the computations work on. Parts of kind 0: crypto/ does not know the key. */
struct source {
    struct kk_crypto *crypto;
    const struct kk_attrs *attrs;
    const struct kk_key_parts *parts;
};

static KK_RV compute_check_value(const struct source *source, struct kk_buffer *ret_value)
{
    uint8_t hash[KK_SHA1_SIZE];
    struct kk_span value = kk_attrs_bytes(source->attrs, CKA_VALUE);
    if (class_of(source->attrs) == CKO_SECRET_KEY) {
        if (!kk_attrs_has(source->attrs, CKA_VALUE)) {
            return CKR_OK;
        }
        KK_TRY(kk_check_value(source->crypto, key_type_of(source->attrs), value, hash));
    } else {
        if (value.len == 0) {
            return CKR_OK;
        }
        KK_TRY(kk_sha1(source->crypto, &value, 1, hash));
    }
    kk_buffer_put(ret_value, hash, CHECK_VALUE_BYTES);
    return kk_buffer_check(ret_value);
}

static KK_RV compute_key_info(const struct source *source, struct kk_buffer *ret_value)
{
    if (class_of(source->attrs) == CKO_CERTIFICATE) {
        struct kk_span value = kk_attrs_bytes(source->attrs, CKA_VALUE);
        uint64_t type = kk_attrs_number(source->attrs, CKA_CERTIFICATE_TYPE, UINT64_MAX);
        if (type == CKC_X_509) {
            kk_buffer_put_span(ret_value, kk_certificate_spki(value));
        }
        return kk_buffer_check(ret_value);
    }
    if (source->parts->kind == 0) {
        return CKR_OK;
    }
    CK_RV rv = kk_key_spki(source->crypto, source->parts, ret_value);
    if (is_foreign(rv)) {
        kk_buffer_clear(ret_value);
        return CKR_OK;
    }
    return rv;
}

/* CRC-64 of ECMA-182. */
static uint64_t crc64(struct kk_span bytes)
{
    uint64_t crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint64_t)bytes.data[i] << 56;
        for (int bit = 0; bit < 8; bit++) {
            crc =
                (crc & UINT64_C(1) << 63) != 0 ? crc << 1 ^ UINT64_C(0x42f0e1eba9ea3693) : crc << 1;
        }
    }
    return crc;
}

/* RSA: of the modulus; others: of the public key's CKA_VALUE, where the type has one. */
static KK_RV compute_crc64(const struct source *source, struct kk_buffer *ret_value)
{
    struct kk_span modulus = kk_key_parts_get(source->parts, KK_PART_MODULUS);
    struct kk_span value = kk_key_parts_get(source->parts, KK_PART_PUBLIC);
    struct kk_span bytes = modulus.len > 0 ? modulus : value;
    if (bytes.len > 0) {
        kk_buffer_put_u64(ret_value, crc64(bytes));
    }
    return kk_buffer_check(ret_value);
}

static const struct {
    CK_ATTRIBUTE_TYPE type;
    KK_RV (*compute)(const struct source *source, struct kk_buffer *ret_value);
} computations[] = {
    {CKA_CHECK_VALUE, compute_check_value},
    {CKA_PUBLIC_KEY_INFO, compute_key_info},
    {CKA_PUBLIC_CRC64_VALUE, compute_crc64},
};

/* Sets what is missing, compares what is given. What cannot be computed stays as given. */
static KK_RV fill_computation(const struct kk_schema *schema, const struct source *source, size_t i,
                              struct kk_attrs *attrs)
{
    CK_ATTRIBUTE_TYPE type = computations[i].type;
    const struct kk_attr_rule *rule = kk_schema_rule(schema, type);
    if (rule == NULL) {
        return CKR_OK;
    }
    const struct kk_attr *given = kk_attrs_find(attrs, type);
    bool is_refused = given != NULL && given->len == 0 && (rule->rules & KK_RULE_NO_STORE) != 0;
    if (is_refused) {
        kk_attrs_remove(attrs, type);
        return CKR_OK;
    }
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer value = {0};
    KK_TRY(computations[i].compute(source, &value));
    if (given == NULL || given->len == 0) {
        return value.len == 0 ? CKR_OK : kk_attrs_set_bytes(attrs, type, kk_buffer_span(&value));
    }
    bool is_free = value.len == 0 || (rule->rules & KK_RULE_COMPUTED) == 0;
    bool agrees = kk_span_equal(kk_attr_bytes(given), kk_buffer_span(&value));
    KK_ENSURE(is_free || agrees, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

KK_RV kk_computed_fill(struct kk_crypto *crypto, const struct kk_schema *schema,
                       const struct kk_finish *finish, struct kk_attrs *attrs)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_TRY(settle_material(crypto, finish, attrs, &parts));
    KK_TRY(fill_measures(schema, attrs));
    struct source source = {crypto, attrs, &parts};
    for (size_t i = 0; i < KK_ARRAY_LEN(computations); i++) {
        KK_TRY(fill_computation(schema, &source, i, attrs));
    }
    return CKR_OK;
}

/* The parts of a finished key, with the public half; kind 0 where crypto/ does not know it. */
static KK_RV load_parts(struct kk_crypto *crypto, const struct kk_attrs *attrs,
                        struct kk_key_parts *parts)
{
    CK_OBJECT_CLASS object_class = class_of(attrs);
    if (object_class != CKO_PUBLIC_KEY && object_class != CKO_PRIVATE_KEY) {
        return CKR_OK;
    }
    CK_RV rv = kk_key_parts_of(crypto, attrs, parts);
    if (rv == CKR_OK) {
        rv = kk_key_complete(crypto, parts);
    }
    if (is_foreign(rv)) {
        kk_key_parts_clear(parts);
        return CKR_OK;
    }
    return rv;
}

static bool is_to_verify(const struct kk_schema *schema, const struct kk_attrs *tmpl, size_t i)
{
    const struct kk_attr_rule *rule = kk_schema_rule(schema, computations[i].type);
    const struct kk_attr *given = kk_attrs_find(tmpl, computations[i].type);
    return rule != NULL && (rule->rules & KK_RULE_COMPUTED) != 0 && given != NULL && given->len > 0;
}

/*= pkcs11-3.2 Private key objects: the token must verify CKA_PUBLIC_KEY_INFO given to
 * C_CopyObject or C_SetAttributeValue */
KK_RV kk_computed_verify(struct kk_crypto *crypto, const struct kk_schema *schema,
                         const struct kk_attrs *tmpl, const struct kk_attrs *attrs)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(computations); i++) {
        if (!is_to_verify(schema, tmpl, i)) {
            continue;
        }
        KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer value = {0};
        KK_TRY(load_parts(crypto, attrs, &parts));
        struct source source = {crypto, attrs, &parts};
        KK_TRY(computations[i].compute(&source, &value));
        struct kk_span given = kk_attrs_bytes(tmpl, computations[i].type);
        bool agrees = value.len == 0 || kk_span_equal(given, kk_buffer_span(&value));
        /* Of a private HSS key it is set when the pair is made, and cannot be verified later. */
        bool is_open = parts.kind != KK_KEY_HSS || value.len > 0;
        KK_ENSURE(agrees && is_open, CKR_ATTRIBUTE_VALUE_INVALID);
    }
    return CKR_OK;
}

KK_RV kk_computed_contradicts(struct kk_crypto *crypto, const struct kk_schema *schema,
                              const struct kk_attrs *attrs, bool *ret_contradicts)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    bool contradicts = false;
    CK_RV rv = load_parts(crypto, attrs, &parts);
    struct source source = {crypto, attrs, &parts};
    for (size_t i = 0; i < KK_ARRAY_LEN(computations) && rv == CKR_OK; i++) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer value = {0};
        struct kk_span given = kk_attrs_bytes(attrs, computations[i].type);
        if (is_to_verify(schema, attrs, i)) {
            rv = computations[i].compute(&source, &value);
            contradicts = contradicts || (rv == CKR_OK && value.len == given.len &&
                                          !kk_span_equal(given, kk_buffer_span(&value)));
        }
    }
    KK_ENSURE(rv != CKR_HOST_MEMORY, rv);
    *ret_contradicts = contradicts;
    return CKR_OK;
}
