/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Curves and points in every form that the field uses.
 *
 * Explicit parameters are not computed with: they are compared, number by number, with the named
 * curves of the same size, so that nobody can have us do arithmetic over parameters of theirs.
 */
#include "crypto/ec.h"

#include <pthread.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/objects.h>

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/ec_curves.h"
#include "crypto/error.h"
#include "crypto/key_internal.h"

#define BUILTIN_CURVES 128

/* Curves of SP 800-186 that the FIPS provider has and that are not below its strength. */
static bool is_approved(const char *name)
{
    static const char *const approved[] = {
        "secp224r1", "prime256v1", "secp384r1", "secp521r1", "sect233k1", "sect233r1",
        "sect283k1", "sect283r1",  "sect409k1", "sect409r1", "sect571k1", "sect571r1",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(approved); i++) {
        if (strcmp(approved[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* By row: whether this build of the library has the curve. */
static bool has_row[BUILTIN_CURVES];
static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;

static void find_builtin(void)
{
    EC_builtin_curve curves[BUILTIN_CURVES];
    size_t count = KK_MIN(EC_get_builtin_curves(curves, BUILTIN_CURVES), (size_t)BUILTIN_CURVES);
    size_t row_count = 0;
    const struct kk_curve_row *rows = kk_curve_rows(&row_count);
    KK_ASSERT(row_count <= KK_ARRAY_LEN(has_row));
    for (size_t i = 0; i < row_count; i++) {
        int nid = rows[i].kind == KK_KEY_EC ? OBJ_sn2nid(rows[i].name) : NID_undef;
        for (size_t j = 0; nid != NID_undef && j < count; j++) {
            has_row[i] = has_row[i] || curves[j].nid == nid;
        }
    }
}

/* Distributions leave some out. */
static bool is_available(const struct kk_crypto *crypto, const struct kk_curve_row *row)
{
    size_t count = 0;
    if (row->kind == KK_KEY_EC && kk_crypto_is_fips(crypto) && !is_approved(row->name)) {
        return false;
    }
    if (row->kind != KK_KEY_EC) {
        return kk_crypto_has(crypto, KK_ALGORITHM_KEY, row->name);
    }
    pthread_once(&builtin_once, find_builtin);
    return has_row[row - kk_curve_rows(&count)];
}

static size_t bytes_of_bits(size_t bits)
{
    return (bits + 7) / 8;
}

static void describe(const struct kk_curve_row *row, struct kk_curve *ret_curve)
{
    *ret_curve = (struct kk_curve){
        .kind = row->kind,
        .name = row->name,
        .field_bytes = bytes_of_bits(row->field_bits),
        .order_bytes = bytes_of_bits(row->order_bits),
        .order_bits = row->order_bits,
        .field_bits = row->field_bits,
        .oid_len = row->oid_len,
        .cofactor = row->cofactor,
        .binary = row->binary,
    };
    KK_ASSERT(row->oid_len <= sizeof ret_curve->oid);
    memcpy(ret_curve->oid, row->oid, row->oid_len);
    if (row->kind == KK_KEY_EDWARDS) {
        /* RFC 8032: b is one bit more than the field, so that Ed448 has 57 bytes. */
        ret_curve->field_bytes = row->field_bits / 8 + 1;
        ret_curve->order_bytes = ret_curve->field_bytes;
    }
}

/* --- explicit parameters ---------------------------------------------------------------------- */

/* ECParameters, taken apart. */
struct explicit_params {
    bool binary;
    struct kk_span prime; /* Fp */
    size_t degree;        /* F2m, and its reduction polynomial's middle terms, 0 where unused */
    size_t terms[3];
    struct kk_span a;
    struct kk_span b;
    struct kk_span base;
    struct kk_span order;
};

static const uint8_t oid_prime_field[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x01};
static const uint8_t oid_binary_field[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x02};
static const uint8_t oid_trinomial[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x02, 0x03, 0x02};
static const uint8_t oid_pentanomial[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x02, 0x03, 0x03};

static size_t take_small(struct kk_reader *reader)
{
    struct kk_span number = kk_der_take_integer(reader);
    size_t value = 0;
    if (number.len > 2) {
        reader->failed = true;
        return 0;
    }
    for (size_t i = 0; i < number.len; i++) {
        value = value << 8 | number.data[i];
    }
    return value;
}

static bool read_binary_field(struct kk_reader *field, struct explicit_params *params)
{
    struct kk_reader in = kk_der_enter(field, KK_DER_SEQUENCE);
    params->degree = take_small(&in);
    struct kk_span basis = kk_der_take(&in, KK_DER_OID);
    if (kk_span_equal(basis, KK_SPAN_ARRAY(oid_trinomial))) {
        params->terms[0] = take_small(&in);
    } else if (kk_span_equal(basis, KK_SPAN_ARRAY(oid_pentanomial))) {
        struct kk_reader terms = kk_der_enter(&in, KK_DER_SEQUENCE);
        for (size_t i = 0; i < 3; i++) {
            params->terms[i] = take_small(&terms);
        }
        in.failed |= !kk_reader_done(&terms);
    } else {
        return false;
    }
    return kk_reader_done(&in);
}

static bool read_field(struct kk_reader *reader, struct explicit_params *params)
{
    struct kk_reader field = kk_der_enter(reader, KK_DER_SEQUENCE);
    struct kk_span type = kk_der_take(&field, KK_DER_OID);
    params->binary = kk_span_equal(type, KK_SPAN_ARRAY(oid_binary_field));
    if (params->binary) {
        return read_binary_field(&field, params) && kk_reader_done(&field);
    }
    params->prime = kk_der_take_integer(&field);
    return kk_span_equal(type, KK_SPAN_ARRAY(oid_prime_field)) && kk_reader_done(&field);
}

static bool read_explicit(struct kk_span der, struct explicit_params *params)
{
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader in = kk_der_enter(&outer, KK_DER_SEQUENCE);
    size_t version = take_small(&in);
    if (!kk_reader_done(&outer) || version < 1 || version > 3 || !read_field(&in, params)) {
        return false;
    }
    struct kk_reader coefficients = kk_der_enter(&in, KK_DER_SEQUENCE);
    params->a = kk_der_take(&coefficients, KK_DER_OCTET_STRING);
    params->b = kk_der_take(&coefficients, KK_DER_OCTET_STRING);
    if (kk_der_next_is(&coefficients, KK_DER_BIT_STRING)) { /* the seed */
        (void)kk_der_take_any(&coefficients);
    }
    params->base = kk_der_take(&in, KK_DER_OCTET_STRING);
    params->order = kk_der_take_integer(&in);
    if (kk_der_next_is(&in, KK_DER_INTEGER)) { /* the cofactor follows from the rest */
        (void)kk_der_take_integer(&in);
    }
    return kk_reader_done(&coefficients) && kk_reader_done(&in);
}

/* number == bytes, which may have leading zeros. */
static bool bn_is(const BIGNUM *number, struct kk_span bytes)
{
    uint8_t buffer[KK_EC_MAX_FIELD_BYTES + 8];
    struct kk_span bare = kk_strip_zeros(bytes);
    if ((size_t)BN_num_bytes(number) != bare.len || bare.len > sizeof buffer) {
        return false;
    }
    BN_bn2bin(number, buffer);
    return kk_span_equal(KK_SPAN(buffer, bare.len), bare);
}

/* The reduction polynomial has exactly these terms. */
static bool polynomial_is(const BIGNUM *polynomial, const struct explicit_params *params)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *want = BN_new();
    if (want == NULL || BN_set_bit(want, 0) != 1 || BN_set_bit(want, (int)params->degree) != 1) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (params->terms[i] != 0 && BN_set_bit(want, (int)params->terms[i]) != 1) {
            return false;
        }
    }
    return BN_cmp(polynomial, want) == 0;
}

static bool base_is(const EC_GROUP *group, struct kk_span base)
{
    static const point_conversion_form_t forms[] = {
        POINT_CONVERSION_UNCOMPRESSED, POINT_CONVERSION_COMPRESSED, POINT_CONVERSION_HYBRID};
    uint8_t point[KK_EC_MAX_POINT_BYTES];
    for (size_t i = 0; i < KK_ARRAY_LEN(forms); i++) {
        size_t len = EC_POINT_point2oct(group, EC_GROUP_get0_generator(group), forms[i], point,
                                        sizeof point, NULL);
        if (len != 0 && kk_span_equal(KK_SPAN(point, len), base)) {
            return true;
        }
    }
    return false;
}

static bool group_is(const EC_GROUP *group, const struct explicit_params *params)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *p = BN_new();
    KK_CLEANUP(kk_bn_freep) BIGNUM *a = BN_new();
    KK_CLEANUP(kk_bn_freep) BIGNUM *b = BN_new();
    if (p == NULL || a == NULL || b == NULL || EC_GROUP_get_curve(group, p, a, b, NULL) != 1) {
        return false;
    }
    bool same_field = params->binary ? polynomial_is(p, params) : bn_is(p, params->prime);
    return same_field && bn_is(a, params->a) && bn_is(b, params->b) &&
           bn_is(EC_GROUP_get0_order(group), params->order) && base_is(group, params->base);
}

static size_t bit_length(struct kk_span number)
{
    struct kk_span bare = kk_strip_zeros(number);
    size_t bits = bare.len * 8;
    for (uint8_t top = bare.len > 0 ? bare.data[0] : 0x80; (top & 0x80) == 0;
         top = (uint8_t)(top << 1)) {
        bits--;
    }
    return bits;
}

static KK_RV find_explicit(struct kk_crypto *crypto, const struct explicit_params *params,
                           const struct kk_curve_row **ret_row)
{
    size_t count = 0;
    const struct kk_curve_row *rows = kk_curve_rows(&count);
    size_t field_bits = params->binary ? params->degree : bit_length(params->prime);
    size_t order_bits = bit_length(params->order);
    for (size_t i = 0; i < count; i++) {
        const struct kk_curve_row *row = &rows[i];
        if (row->kind != KK_KEY_EC || row->field_bits != field_bits ||
            row->order_bits != order_bits || row->binary != params->binary ||
            !is_available(crypto, row)) {
            continue;
        }
        KK_CLEANUP(EC_GROUP_freep) EC_GROUP *group =
            EC_GROUP_new_by_curve_name_ex(crypto->libctx, NULL, OBJ_sn2nid(row->name));
        if (group != NULL && group_is(group, params)) {
            *ret_row = row;
            return CKR_OK;
        }
    }
    return CKR_CURVE_NOT_SUPPORTED;
}

/* --- names and identifiers -------------------------------------------------------------------- */

static KK_RV find_oid(struct kk_span params, const struct kk_curve_row **ret_row)
{
    struct kk_reader reader = kk_reader_new(params);
    struct kk_span oid = kk_der_take(&reader, KK_DER_OID);
    KK_ENSURE(kk_reader_done(&reader) && oid.len > 0, CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_row = kk_curve_by_oid(params);
    KK_ENSURE(*ret_row != NULL, CKR_CURVE_NOT_SUPPORTED);
    return CKR_OK;
}

/* pkcs11-tool up to 0.23 gives "curve25519" a length that is one too many; it can mean nothing
 * else. */
static bool is_one_short(struct kk_span params)
{
    return params.len > 2 && params.data[1] == params.len - 1;
}

static KK_RV find_name(struct kk_span params, const struct kk_curve_row **ret_row)
{
    struct kk_reader reader = kk_reader_new(params);
    struct kk_span name = kk_der_take(&reader, KK_DER_PRINTABLE_STRING);
    if (reader.failed && is_one_short(params)) {
        name = KK_SPAN(params.data + 2, params.len - 2);
        reader = kk_reader_new(KK_SPAN(NULL, 0));
    }
    KK_ENSURE(kk_reader_done(&reader) && name.len > 0, CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_row = kk_curve_by_name(name);
    KK_ENSURE(*ret_row != NULL, CKR_CURVE_NOT_SUPPORTED);
    return CKR_OK;
}

/*= pkcs11-3.2 EC domain parameters: the choice implicitlyCA must not be used in Cryptoki */
static KK_RV find_row(struct kk_crypto *crypto, struct kk_span params,
                      const struct kk_curve_row **ret_row)
{
    KK_ENSURE(params.len > 0, CKR_ATTRIBUTE_VALUE_INVALID);
    if (params.data[0] == KK_DER_OID) {
        return find_oid(params, ret_row);
    }
    if (params.data[0] == KK_DER_PRINTABLE_STRING) {
        return find_name(params, ret_row);
    }
    struct explicit_params parsed = {0};
    KK_ENSURE(read_explicit(params, &parsed), CKR_ATTRIBUTE_VALUE_INVALID);
    return find_explicit(crypto, &parsed, ret_row);
}

KK_RV kk_curve_parse(struct kk_crypto *crypto, struct kk_span params, struct kk_curve *ret_curve)
{
    const struct kk_curve_row *row = NULL;
    KK_TRY(find_row(crypto, params, &row));
    KK_ENSURE(row != NULL && is_available(crypto, row), CKR_CURVE_NOT_SUPPORTED);
    describe(row, ret_curve);
    return CKR_OK;
}

KK_RV kk_curve_of_parts(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                        struct kk_curve *ret_curve)
{
    struct kk_curve curve;
    KK_TRY(kk_curve_parse(crypto, kk_key_parts_get(parts, KK_PART_EC_PARAMS), &curve));
    /*= pkcs11-3.2 EC_EDWARDS_KEY_PAIR_GEN: other curves are CKR_CURVE_NOT_SUPPORTED */
    KK_ENSURE(curve.kind == parts->kind, CKR_CURVE_NOT_SUPPORTED);
    *ret_curve = curve;
    return CKR_OK;
}

/* --- points ----------------------------------------------------------------------------------- */

/* A Weierstrass point without DER around it, by its length and first byte. */
static bool is_raw_point(const struct kk_curve *curve, struct kk_span point)
{
    if (point.len == 1 + 2 * curve->field_bytes) {
        return point.data[0] == 0x04 || point.data[0] == 0x06 || point.data[0] == 0x07;
    }
    return point.len == 1 + curve->field_bytes && (point.data[0] == 0x02 || point.data[0] == 0x03);
}

static bool is_raw(const struct kk_curve *curve, struct kk_span point)
{
    return curve->kind == KK_KEY_EC ? is_raw_point(curve, point) : point.len == curve->field_bytes;
}

/* Takes the DER off. */
static KK_RV unwrap_point(const struct kk_curve *curve, struct kk_span point,
                          struct kk_span *ret_bare)
{
    struct kk_reader reader = kk_reader_new(point);
    struct kk_span bare = kk_der_next_is(&reader, KK_DER_BIT_STRING)
                              ? kk_der_take_bits(&reader)
                              : kk_der_take(&reader, KK_DER_OCTET_STRING);
    KK_ENSURE(kk_reader_done(&reader) && is_raw(curve, bare), CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_bare = bare;
    return CKR_OK;
}

/* From compressed or hybrid to uncompressed. */
static KK_RV decompress(struct kk_crypto *crypto, const struct kk_curve *curve,
                        struct kk_span point, struct kk_buffer *ret_raw)
{
    KK_CLEANUP(EC_GROUP_freep) EC_GROUP *group =
        EC_GROUP_new_by_curve_name_ex(crypto->libctx, NULL, OBJ_sn2nid(curve->name));
    KK_CLEANUP(EC_POINT_freep) EC_POINT *parsed = group != NULL ? EC_POINT_new(group) : NULL;
    uint8_t raw[KK_EC_MAX_POINT_BYTES];
    KK_ENSURE(parsed != NULL, kk_crypto_error("EC_POINT_new", CKR_HOST_MEMORY));
    KK_ENSURE(EC_POINT_oct2point(group, parsed, point.data, point.len, NULL) == 1,
              kk_crypto_error("EC_POINT_oct2point", CKR_ATTRIBUTE_VALUE_INVALID));
    size_t len =
        EC_POINT_point2oct(group, parsed, POINT_CONVERSION_UNCOMPRESSED, raw, sizeof raw, NULL);
    KK_ENSURE(len == 1 + 2 * curve->field_bytes, CKR_ATTRIBUTE_VALUE_INVALID);
    kk_buffer_put(ret_raw, raw, len);
    return kk_buffer_check(ret_raw);
}

KK_RV kk_point_parse(struct kk_crypto *crypto, const struct kk_curve *curve, struct kk_span point,
                     struct kk_buffer *ret_raw)
{
    struct kk_span bare = point;
    KK_ENSURE(point.len > 0, CKR_ATTRIBUTE_VALUE_INVALID);
    if (!is_raw(curve, point)) {
        KK_TRY(unwrap_point(curve, point, &bare));
    }
    if (curve->kind == KK_KEY_EC && bare.data[0] != 0x04) {
        return decompress(crypto, curve, bare, ret_raw);
    }
    kk_buffer_put_span(ret_raw, bare);
    return kk_buffer_check(ret_raw);
}

KK_RV kk_point_format(const struct kk_curve *curve, struct kk_span raw,
                      struct kk_buffer *ret_attribute)
{
    if (curve->kind == KK_KEY_EC) {
        kk_der_put(ret_attribute, KK_DER_OCTET_STRING, raw);
    } else {
        kk_buffer_put_span(ret_attribute, raw);
    }
    return kk_buffer_check(ret_attribute);
}
