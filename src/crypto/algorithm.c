/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AlgorithmIdentifiers of keys.
 */
#include "crypto/algorithm.h"

#include "crypto/ec_curves.h"
#include "crypto/pq.h"

/* What stands behind the identifier. */
enum shape {
    SHAPE_NULL,  /* NULL, or parameters of a signature scheme, which bind us to nothing */
    SHAPE_CURVE, /* ECParameters */
    SHAPE_NOTHING,
    SHAPE_DOMAIN, /* a SEQUENCE of numbers, `domain` in their order */
    SHAPE_BARE,   /* nothing, and the identifier says no more than the kind */
};

struct algorithm {
    enum kk_key_kind kind;
    enum shape shape;
    const char *oid; /* its content */
    size_t oid_len;
    enum kk_part domain[3];
    size_t domain_count;
    bool only_read;
};

#define OID(bytes) bytes, sizeof(bytes) - 1

/* clang-format off */
static const struct algorithm algorithms[] = {
    {KK_KEY_RSA,        SHAPE_NULL,    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), {0}, 0, false},
    {KK_KEY_RSA,        SHAPE_NULL,    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), {0}, 0, true}, /* PSS */
    {KK_KEY_RSA,        SHAPE_NULL,    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07"), {0}, 0, true}, /* OAEP */
    {KK_KEY_EC,         SHAPE_CURVE,   OID("\x2a\x86\x48\xce\x3d\x02\x01"), {0}, 0, false},
    {KK_KEY_EC,         SHAPE_CURVE,   OID("\x2b\x81\x04\x01\x0c"), {0}, 0, true}, /* ECDH only */
    {KK_KEY_EDWARDS,    SHAPE_NOTHING, OID("\x2b\x65\x70"), {0}, 0, false},
    {KK_KEY_EDWARDS,    SHAPE_NOTHING, OID("\x2b\x65\x71"), {0}, 0, false},
    {KK_KEY_MONTGOMERY, SHAPE_NOTHING, OID("\x2b\x65\x6e"), {0}, 0, false},
    {KK_KEY_MONTGOMERY, SHAPE_NOTHING, OID("\x2b\x65\x6f"), {0}, 0, false},
    {KK_KEY_DSA,        SHAPE_DOMAIN,  OID("\x2a\x86\x48\xce\x38\x04\x01"),
     {KK_PART_PRIME, KK_PART_SUBPRIME, KK_PART_BASE}, 3, false},
    {KK_KEY_DH,         SHAPE_DOMAIN,  OID("\x2a\x86\x48\x86\xf7\x0d\x01\x03\x01"),
     {KK_PART_PRIME, KK_PART_BASE}, 2, false},
    {KK_KEY_X942_DH,    SHAPE_DOMAIN,  OID("\x2a\x86\x48\xce\x3e\x02\x01"),
     {KK_PART_PRIME, KK_PART_BASE, KK_PART_SUBPRIME}, 3, false},
    {KK_KEY_HSS,        SHAPE_BARE,    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x11"), {0}, 0, false}, /* RFC 9708 */
};
/* clang-format on */

static struct kk_span oid_of(const struct algorithm *algorithm)
{
    return KK_SPAN(algorithm->oid, algorithm->oid_len);
}

/* Curves of RFC 8410 are algorithms of their own. */
static KK_RV find_curve_oid(const struct kk_key_parts *parts, struct kk_span *ret_oid)
{
    struct kk_span params = kk_key_parts_get(parts, KK_PART_EC_PARAMS);
    struct kk_reader reader = kk_reader_new(params);
    const struct kk_curve_row *row = NULL;
    if (kk_der_next_is(&reader, KK_DER_PRINTABLE_STRING)) {
        row = kk_curve_by_name(kk_der_take(&reader, KK_DER_PRINTABLE_STRING));
    } else {
        row = kk_curve_by_oid(params);
    }
    KK_ENSURE(row != NULL && row->kind == parts->kind, CKR_CURVE_NOT_SUPPORTED);
    *ret_oid = KK_SPAN(row->oid + 2, row->oid_len - 2);
    return CKR_OK;
}

static KK_RV find_writable(const struct kk_key_parts *parts, const struct algorithm **ret_algorithm)
{
    struct kk_span curve = {0};
    if (parts->kind == KK_KEY_EDWARDS || parts->kind == KK_KEY_MONTGOMERY) {
        KK_TRY(find_curve_oid(parts, &curve));
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        const struct algorithm *algorithm = &algorithms[i];
        if (algorithm->kind == parts->kind && !algorithm->only_read &&
            (curve.len == 0 || kk_span_equal(curve, oid_of(algorithm)))) {
            *ret_algorithm = algorithm;
            return CKR_OK;
        }
    }
    return CKR_KEY_TYPE_INCONSISTENT;
}

/* Named curves by their identifier, whatever form EC_PARAMS has; explicit ones as they are. */
static void put_curve(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    struct kk_span params = kk_key_parts_get(parts, KK_PART_EC_PARAMS);
    struct kk_reader reader = kk_reader_new(params);
    const struct kk_curve_row *row = NULL;
    if (kk_der_next_is(&reader, KK_DER_PRINTABLE_STRING)) {
        row = kk_curve_by_name(kk_der_take(&reader, KK_DER_PRINTABLE_STRING));
    }
    kk_buffer_put_span(der, row != NULL ? KK_SPAN(row->oid, row->oid_len) : params);
}

static void put_parameters(struct kk_buffer *der, const struct algorithm *algorithm,
                           const struct kk_key_parts *parts)
{
    switch (algorithm->shape) {
    case SHAPE_NULL:
        kk_der_put(der, KK_DER_NULL, KK_SPAN(NULL, 0));
        return;
    case SHAPE_CURVE:
        put_curve(der, parts);
        return;
    case SHAPE_NOTHING:
    case SHAPE_BARE:
        return;
    case SHAPE_DOMAIN:
        break;
    }
    size_t domain = kk_der_begin(der, KK_DER_SEQUENCE);
    for (size_t i = 0; i < algorithm->domain_count; i++) {
        kk_der_put_integer(der, kk_key_parts_get(parts, algorithm->domain[i]));
    }
    kk_der_end(der, domain);
}

/* A parameter set is an algorithm of its own, without parameters. */
static bool has_sets(enum kk_key_kind kind)
{
    return kind == KK_KEY_ML_KEM || kind == KK_KEY_ML_DSA || kind == KK_KEY_SLH_DSA;
}

static KK_RV put_set(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    const struct kk_pq_set *set = NULL;
    KK_TRY(kk_pq_set_find(parts->kind, parts->parameter_set, &set));
    size_t sequence = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put(der, KK_DER_OID, kk_pq_set_oid(set));
    kk_der_end(der, sequence);
    return CKR_OK;
}

KK_RV kk_algorithm_put(struct kk_buffer *der, const struct kk_key_parts *parts)
{
    const struct algorithm *algorithm = NULL;
    if (has_sets(parts->kind)) {
        return put_set(der, parts);
    }
    KK_TRY(find_writable(parts, &algorithm));
    size_t sequence = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put(der, KK_DER_OID, oid_of(algorithm));
    put_parameters(der, algorithm, parts);
    kk_der_end(der, sequence);
    return CKR_OK;
}

static KK_RV take_domain(struct kk_reader *reader, const struct algorithm *algorithm,
                         struct kk_key_parts *parts)
{
    struct kk_reader domain = kk_der_enter(reader, KK_DER_SEQUENCE);
    for (size_t i = 0; i < algorithm->domain_count; i++) {
        KK_TRY(kk_key_parts_set(parts, algorithm->domain[i], kk_der_take_integer(&domain)));
    }
    reader->failed |= domain.failed; /* a DH private length or X9.42 seed may follow */
    return CKR_OK;
}

static KK_RV take_curve(struct kk_reader *reader, struct kk_key_parts *parts)
{
    if (reader->rest.len == 0) {
        return CKR_OK; /* inside ECPrivateKey then */
    }
    return kk_key_parts_set(parts, KK_PART_EC_PARAMS, kk_der_take_any(reader));
}

/* The curve of RFC 8410 is its algorithm. */
static KK_RV take_nothing(const struct algorithm *algorithm, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer oid = {0};
    kk_der_put(&oid, KK_DER_OID, oid_of(algorithm));
    KK_TRY(kk_buffer_check(&oid));
    return kk_key_parts_set(parts, KK_PART_EC_PARAMS, kk_buffer_span(&oid));
}

static KK_RV take_parameters(struct kk_reader *reader, const struct algorithm *algorithm,
                             struct kk_key_parts *parts)
{
    parts->kind = algorithm->kind;
    switch (algorithm->shape) {
    case SHAPE_NULL:
        if (reader->rest.len > 0) {
            (void)kk_der_take_any(reader);
        }
        return CKR_OK;
    case SHAPE_CURVE:
        return take_curve(reader, parts);
    case SHAPE_NOTHING:
        return take_nothing(algorithm, parts);
    case SHAPE_BARE:
        return CKR_OK;
    case SHAPE_DOMAIN:
        break;
    }
    return take_domain(reader, algorithm, parts);
}

KK_RV kk_algorithm_take(struct kk_reader *reader, struct kk_key_parts *parts)
{
    struct kk_reader in = kk_der_enter(reader, KK_DER_SEQUENCE);
    struct kk_span oid = kk_der_take(&in, KK_DER_OID);
    const struct kk_pq_set *set = kk_pq_set_by_oid(oid);
    if (set != NULL) {
        parts->kind = set->kind;
        parts->parameter_set = set->parameter_set;
        reader->failed |= !kk_reader_done(&in);
        return CKR_OK;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        if (kk_span_equal(oid, oid_of(&algorithms[i]))) {
            KK_TRY(take_parameters(&in, &algorithms[i], parts));
            reader->failed |= !kk_reader_done(&in);
            return CKR_OK;
        }
    }
    return CKR_KEY_TYPE_INCONSISTENT;
}
