/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates and requests put together.
 */
#include <stdio.h>
#include <string.h>

#include "cli/x509.h"
#include "crypto/der.h"

#include "base/banned.h"

#define DER_BOOLEAN 0x01
#define DER_SET 0x31
#define DER_UTC_TIME 0x17
#define DER_GENERALIZED_TIME 0x18
#define DER_CONTEXT_PRIMITIVE_0 0x80

#define OID(...) {__VA_ARGS__}

/* ---- the signature's algorithm ---- */

enum parameters { PARAMETERS_NONE, PARAMETERS_NULL, PARAMETERS_PSS };

/* clang-format off */
static const struct algorithm {
    CK_MECHANISM_TYPE mechanism;
    uint8_t oid[9];
    size_t oid_len;
    enum parameters parameters;
    uint8_t hash; /* the last number of the hash's OID, for PSS */
    uint8_t salt;
} algorithms[] = {
    {CKM_SHA1_RSA_PKCS,       OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5),  9, PARAMETERS_NULL, 0, 0},
    {CKM_SHA224_RSA_PKCS,     OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 14), 9, PARAMETERS_NULL, 0, 0},
    {CKM_SHA256_RSA_PKCS,     OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11), 9, PARAMETERS_NULL, 0, 0},
    {CKM_SHA384_RSA_PKCS,     OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12), 9, PARAMETERS_NULL, 0, 0},
    {CKM_SHA512_RSA_PKCS,     OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13), 9, PARAMETERS_NULL, 0, 0},
    {CKM_SHA256_RSA_PKCS_PSS, OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10), 9, PARAMETERS_PSS,  1, 32},
    {CKM_SHA384_RSA_PKCS_PSS, OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10), 9, PARAMETERS_PSS,  2, 48},
    {CKM_SHA512_RSA_PKCS_PSS, OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10), 9, PARAMETERS_PSS,  3, 64},
    {CKM_ECDSA_SHA1,          OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1),           7, PARAMETERS_NONE, 0, 0},
    {CKM_ECDSA_SHA224,        OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1),        8, PARAMETERS_NONE, 0, 0},
    {CKM_ECDSA_SHA256,        OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2),        8, PARAMETERS_NONE, 0, 0},
    {CKM_ECDSA_SHA384,        OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3),        8, PARAMETERS_NONE, 0, 0},
    {CKM_ECDSA_SHA512,        OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4),        8, PARAMETERS_NONE, 0, 0},
};
/* clang-format on */

static void put_hash(struct kk_buffer *out, uint8_t last)
{
    const uint8_t oid[] = {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last};
    size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
    kk_der_put(out, KK_DER_OID, KK_SPAN_ARRAY(oid));
    kk_der_put(out, KK_DER_NULL, KK_SPAN(NULL, 0));
    kk_der_end(out, sequence);
}

/* RFC 4055: RSASSA-PSS-params with MGF1 and one hash for both. */
static void put_pss(struct kk_buffer *out, const struct algorithm *row)
{
    static const uint8_t mgf1[] = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8);
    size_t params = kk_der_begin(out, KK_DER_SEQUENCE);
    size_t hash = kk_der_begin(out, KK_DER_CONTEXT(0));
    put_hash(out, row->hash);
    kk_der_end(out, hash);
    size_t mgf = kk_der_begin(out, KK_DER_CONTEXT(1));
    size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
    kk_der_put(out, KK_DER_OID, KK_SPAN_ARRAY(mgf1));
    put_hash(out, row->hash);
    kk_der_end(out, sequence);
    kk_der_end(out, mgf);
    size_t salt = kk_der_begin(out, KK_DER_CONTEXT(2));
    kk_der_put_integer(out, KK_SPAN(&row->salt, 1));
    kk_der_end(out, salt);
    kk_der_end(out, params);
}

/* EdDSA and ML-DSA: key and signature have one AlgorithmIdentifier (RFC 8410, RFC 9881). */
static KK_RV put_of_key(struct kk_buffer *out, struct kk_span key)
{
    struct kk_reader outer = kk_reader_new(key);
    struct kk_reader inner = kk_der_enter(&outer, KK_DER_SEQUENCE);
    struct kk_span algorithm = kk_der_take_any(&inner);
    KK_ENSURE(!inner.failed, CKR_DATA_INVALID);
    kk_buffer_put_span(out, algorithm);
    return kk_buffer_check(out);
}

KK_RV kk_x509_put_algorithm(struct kk_buffer *out, CK_MECHANISM_TYPE mechanism, struct kk_span key)
{
    if (mechanism == CKM_EDDSA || mechanism == CKM_ML_DSA) {
        return put_of_key(out, key);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        const struct algorithm *row = &algorithms[i];
        if (row->mechanism == mechanism) {
            size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
            kk_der_put(out, KK_DER_OID, KK_SPAN(row->oid, row->oid_len));
            if (row->parameters == PARAMETERS_NULL) {
                kk_der_put(out, KK_DER_NULL, KK_SPAN(NULL, 0));
            } else if (row->parameters == PARAMETERS_PSS) {
                put_pss(out, row);
            }
            kk_der_end(out, sequence);
            return kk_buffer_check(out);
        }
    }
    return CKR_MECHANISM_INVALID;
}

KK_RV kk_x509_mechanism(struct kk_span algorithm, struct kk_span key,
                        CK_MECHANISM_TYPE *ret_mechanism)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer same = {0};
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
        KK_TRY(kk_x509_put_algorithm(&der, algorithms[i].mechanism, key));
        if (kk_span_equal(kk_buffer_span(&der), algorithm)) {
            *ret_mechanism = algorithms[i].mechanism;
            return CKR_OK;
        }
    }
    KK_ENSURE(put_of_key(&same, key) == CKR_OK && kk_span_equal(kk_buffer_span(&same), algorithm),
              CKR_MECHANISM_INVALID);
    *ret_mechanism = 0;
    return CKR_OK;
}

/* ---- extensions ---- */

/* id-ce: 2.5.29.n. Opens the OCTET STRING; close both with end_extension(). */
struct extension {
    size_t sequence;
    size_t value;
};

static struct extension begin_extension(struct kk_buffer *out, uint8_t last, bool is_critical)
{
    static const uint8_t yes[] = {0xff};
    const uint8_t oid[] = {0x55, 0x1d, last};
    struct extension extension = {.sequence = kk_der_begin(out, KK_DER_SEQUENCE)};
    kk_der_put(out, KK_DER_OID, KK_SPAN_ARRAY(oid));
    if (is_critical) {
        kk_der_put(out, DER_BOOLEAN, KK_SPAN_ARRAY(yes));
    }
    extension.value = kk_der_begin(out, KK_DER_OCTET_STRING);
    return extension;
}

static void end_extension(struct kk_buffer *out, struct extension extension)
{
    kk_der_end(out, extension.value);
    kk_der_end(out, extension.sequence);
}

static void put_constraints(struct kk_buffer *out, const struct kk_x509_wish *wish)
{
    static const uint8_t yes[] = {0xff};
    struct extension extension = begin_extension(out, 19, true);
    size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
    if (wish->is_ca) {
        kk_der_put(out, DER_BOOLEAN, KK_SPAN_ARRAY(yes));
        if (wish->has_path_len) {
            kk_der_put(out, KK_DER_INTEGER, KK_SPAN(&wish->path_len, 1));
        }
    }
    kk_der_end(out, sequence);
    end_extension(out, extension);
}

/* digitalSignature; for RSA keyEncipherment; of a CA keyCertSign and cRLSign. */
static void put_key_usage(struct kk_buffer *out, const struct kk_x509_wish *wish)
{
    struct extension extension = begin_extension(out, 15, true);
    uint8_t bits = wish->is_ca ? 0x86 : wish->encrypts ? 0xa0 : 0x80;
    uint8_t unused = wish->is_ca ? 1 : wish->encrypts ? 5 : 7;
    const uint8_t value[] = {unused, bits};
    kk_der_put(out, KK_DER_BIT_STRING, KK_SPAN_ARRAY(value));
    end_extension(out, extension);
}

/* id-kp: 1.3.6.1.5.5.7.3.n */
static void put_purposes(struct kk_buffer *out, unsigned int purposes)
{
    static const struct {
        enum kk_x509_purpose purpose;
        uint8_t last;
    } rows[] = {{KK_X509_SERVER, 1}, {KK_X509_CLIENT, 2}, {KK_X509_CODE, 3}, {KK_X509_EMAIL, 4}};
    struct extension extension = begin_extension(out, 37, false);
    size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        const uint8_t oid[] = {0x2b, 6, 1, 5, 5, 7, 3, rows[i].last};
        if ((purposes & rows[i].purpose) != 0) {
            kk_der_put(out, KK_DER_OID, KK_SPAN_ARRAY(oid));
        }
    }
    kk_der_end(out, sequence);
    end_extension(out, extension);
}

static void put_alt_names(struct kk_buffer *out, struct kk_span names)
{
    struct extension extension = begin_extension(out, 17, false);
    kk_der_put(out, KK_DER_SEQUENCE, names);
    end_extension(out, extension);
}

static void put_key_id(struct kk_buffer *out, struct kk_span id)
{
    struct extension extension = begin_extension(out, 14, false);
    kk_der_put(out, KK_DER_OCTET_STRING, id);
    end_extension(out, extension);
}

static void put_authority_id(struct kk_buffer *out, struct kk_span id)
{
    struct extension extension = begin_extension(out, 35, false);
    size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
    kk_der_put(out, DER_CONTEXT_PRIMITIVE_0, id);
    kk_der_end(out, sequence);
    end_extension(out, extension);
}

/* `all`: also those that a certificate has without being asked. */
static void put_extensions(struct kk_buffer *out, const struct kk_x509_wish *wish, bool all)
{
    size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
    if (all || wish->is_ca) {
        put_constraints(out, wish);
        put_key_usage(out, wish);
    }
    if (wish->purposes != 0) {
        put_purposes(out, wish->purposes);
    }
    if (wish->alt_names.len > 0) {
        put_alt_names(out, wish->alt_names);
    }
    if (all && wish->key_id.len > 0) {
        put_key_id(out, wish->key_id);
    }
    if (all && wish->authority_id.len > 0) {
        put_authority_id(out, wish->authority_id);
    }
    kk_der_end(out, sequence);
}

/* ---- a request ---- */

static void put_requested(struct kk_buffer *out, const struct kk_x509_wish *wish)
{
    static const uint8_t oid[] = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14);
    size_t attribute = kk_der_begin(out, KK_DER_SEQUENCE);
    kk_der_put(out, KK_DER_OID, KK_SPAN_ARRAY(oid));
    size_t set = kk_der_begin(out, DER_SET);
    put_extensions(out, wish, false);
    kk_der_end(out, set);
    kk_der_end(out, attribute);
}

KK_RV kk_x509_put_request(struct kk_buffer *out, const struct kk_x509_wish *wish)
{
    static const uint8_t version[] = {0};
    size_t body = kk_der_begin(out, KK_DER_SEQUENCE);
    kk_der_put(out, 0x02, KK_SPAN_ARRAY(version));
    kk_buffer_put_span(out, wish->name);
    kk_buffer_put_span(out, wish->key);
    size_t attributes = kk_der_begin(out, KK_DER_CONTEXT(0));
    if (wish->is_ca || wish->purposes != 0 || wish->alt_names.len > 0) {
        put_requested(out, wish);
    }
    kk_der_end(out, attributes);
    kk_der_end(out, body);
    return kk_buffer_check(out);
}

/* ---- a certificate ---- */

/* UTCTime until 2049, GeneralizedTime from then on. */
static KK_RV put_time(struct kk_buffer *out, time_t when)
{
    struct tm utc;
    char text[32];
    KK_ENSURE(gmtime_r(&when, &utc) != NULL && utc.tm_year >= 70 && utc.tm_year < 8100,
              CKR_DATA_INVALID);
    bool is_short = utc.tm_year < 150;
    (void)strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &utc);
    const char *from = is_short ? text + 2 : text;
    kk_der_put(out, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME, KK_SPAN(from, strlen(from)));
    return CKR_OK;
}

KK_RV kk_x509_put_certificate(struct kk_buffer *out, const struct kk_x509_wish *wish)
{
    static const uint8_t version[] = {2};
    size_t body = kk_der_begin(out, KK_DER_SEQUENCE);
    size_t explicit_version = kk_der_begin(out, KK_DER_CONTEXT(0));
    kk_der_put(out, KK_DER_INTEGER, KK_SPAN_ARRAY(version));
    kk_der_end(out, explicit_version);
    kk_der_put_integer(out, wish->serial);
    kk_buffer_put_span(out, wish->algorithm);
    kk_buffer_put_span(out, wish->issuer.len > 0 ? wish->issuer : wish->name);
    size_t validity = kk_der_begin(out, KK_DER_SEQUENCE);
    KK_TRY(put_time(out, wish->begin));
    KK_TRY(put_time(out, wish->end));
    kk_der_end(out, validity);
    kk_buffer_put_span(out, wish->name);
    kk_buffer_put_span(out, wish->key);
    size_t extensions = kk_der_begin(out, KK_DER_CONTEXT(3));
    put_extensions(out, wish, true);
    kk_der_end(out, extensions);
    kk_der_end(out, body);
    return kk_buffer_check(out);
}

KK_RV kk_x509_put_signed(struct kk_buffer *out, struct kk_span body, struct kk_span algorithm,
                         struct kk_span signature)
{
    size_t sequence = kk_der_begin(out, KK_DER_SEQUENCE);
    kk_buffer_put_span(out, body);
    kk_buffer_put_span(out, algorithm);
    kk_der_put_bits(out, signature);
    kk_der_end(out, sequence);
    return kk_buffer_check(out);
}
