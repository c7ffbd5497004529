/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of a certificate as is shown. It comes from a token, which may hold anything.
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

/* "YYMMDDHHMMSSZ" and "YYYYMMDDHHMMSSZ" as "YYYY-MM-DDTHH:MM:SSZ". */
static KK_RV read_time(struct kk_reader *reader, char ret_text[24])
{
    bool is_short = kk_der_next_is(reader, DER_UTC_TIME);
    struct kk_span time = kk_der_take(reader, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME);
    size_t digits = is_short ? 12 : 14;
    KK_ENSURE(!reader->failed && time.len == digits + 1 && time.data[digits] == 'Z',
              CKR_DATA_INVALID);
    char text[16];
    memcpy(text, time.data, digits);
    text[digits] = '\0';
    KK_ENSURE(strspn(text, "0123456789") == digits, CKR_DATA_INVALID);
    const char *rest = is_short ? text + 2 : text + 4;
    const char *century = is_short ? (text[0] >= '5' ? "19" : "20") : "";
    (void)snprintf(ret_text, 24, "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century, is_short ? 2 : 4,
                   text, rest, rest + 2, rest + 4, rest + 6, rest + 8);
    return CKR_OK;
}

static KK_RV read_constraints(struct kk_span value, struct kk_x509 *x509)
{
    struct kk_reader outer = kk_reader_new(value);
    struct kk_reader inner = kk_der_enter(&outer, KK_DER_SEQUENCE);
    if (kk_der_next_is(&inner, DER_BOOLEAN)) {
        struct kk_span flag = kk_der_take(&inner, DER_BOOLEAN);
        x509->is_ca = flag.len == 1 && flag.data[0] != 0;
    }
    KK_ENSURE(!inner.failed && !outer.failed, CKR_DATA_INVALID);
    return CKR_OK;
}

/* id-kp: 1.3.6.1.5.5.7.3.n */
static KK_RV read_purposes(struct kk_span value, struct kk_x509 *x509)
{
    static const uint8_t prefix[] = {0x2b, 6, 1, 5, 5, 7, 3};
    struct kk_reader outer = kk_reader_new(value);
    struct kk_reader list = kk_der_enter(&outer, KK_DER_SEQUENCE);
    while (!list.failed && list.rest.len > 0) {
        struct kk_span oid = kk_der_take(&list, KK_DER_OID);
        if (oid.len == sizeof prefix + 1 &&
            kk_span_equal(KK_SPAN(oid.data, sizeof prefix), KK_SPAN_ARRAY(prefix)) &&
            oid.data[sizeof prefix] >= 1 && oid.data[sizeof prefix] <= 4) {
            x509->purposes |= 1U << (oid.data[sizeof prefix] - 1);
        }
    }
    KK_ENSURE(!list.failed && kk_reader_done(&outer), CKR_DATA_INVALID);
    return CKR_OK;
}

static KK_RV read_key_id(struct kk_span value, struct kk_x509 *x509)
{
    struct kk_reader reader = kk_reader_new(value);
    x509->key_id = kk_der_take(&reader, KK_DER_OCTET_STRING);
    KK_ENSURE(kk_reader_done(&reader), CKR_DATA_INVALID);
    return CKR_OK;
}

static KK_RV read_extension(struct kk_reader *list, struct kk_x509 *x509)
{
    static const uint8_t constraints[] = {0x55, 0x1d, 19};
    static const uint8_t alt_names[] = {0x55, 0x1d, 17};
    static const uint8_t purposes[] = {0x55, 0x1d, 37};
    static const uint8_t key_id[] = {0x55, 0x1d, 14};
    struct kk_reader extension = kk_der_enter(list, KK_DER_SEQUENCE);
    struct kk_span oid = kk_der_take(&extension, KK_DER_OID);
    if (kk_der_next_is(&extension, DER_BOOLEAN)) {
        (void)kk_der_take(&extension, DER_BOOLEAN);
    }
    struct kk_span value = kk_der_take(&extension, KK_DER_OCTET_STRING);
    KK_ENSURE(kk_reader_done(&extension) && !list->failed, CKR_DATA_INVALID);
    if (kk_span_equal(oid, KK_SPAN_ARRAY(constraints))) {
        return read_constraints(value, x509);
    }
    if (kk_span_equal(oid, KK_SPAN_ARRAY(purposes))) {
        return read_purposes(value, x509);
    }
    if (kk_span_equal(oid, KK_SPAN_ARRAY(key_id))) {
        return read_key_id(value, x509);
    }
    if (kk_span_equal(oid, KK_SPAN_ARRAY(alt_names))) {
        x509->alt_names = value;
    }
    return CKR_OK;
}

static KK_RV read_extensions(struct kk_reader *body, struct kk_x509 *x509)
{
    while (body->rest.len > 0 && !kk_der_next_is(body, KK_DER_CONTEXT(3))) {
        (void)kk_der_take_any(body); /* the unique identifiers of old */
        KK_ENSURE(!body->failed, CKR_DATA_INVALID);
    }
    if (body->rest.len == 0) {
        return CKR_OK;
    }
    struct kk_reader outer = kk_der_enter(body, KK_DER_CONTEXT(3));
    struct kk_reader list = kk_der_enter(&outer, KK_DER_SEQUENCE);
    KK_ENSURE(!list.failed && kk_reader_done(&outer), CKR_DATA_INVALID);
    while (list.rest.len > 0) {
        KK_TRY(read_extension(&list, x509));
    }
    return CKR_OK;
}

KK_RV kk_x509_read(struct kk_span der, struct kk_x509 *ret_x509)
{
    struct kk_x509 x509 = {0};
    struct kk_reader file = kk_reader_new(der);
    struct kk_reader whole = kk_der_enter(&file, KK_DER_SEQUENCE);
    struct kk_reader body = kk_der_enter(&whole, KK_DER_SEQUENCE);
    if (kk_der_next_is(&body, KK_DER_CONTEXT(0))) {
        (void)kk_der_take_any(&body);
    }
    x509.serial = kk_der_take(&body, KK_DER_INTEGER);
    (void)kk_der_take(&body, KK_DER_SEQUENCE);
    x509.issuer = kk_der_take_any(&body);
    struct kk_reader validity = kk_der_enter(&body, KK_DER_SEQUENCE);
    KK_ENSURE(!body.failed, CKR_DATA_INVALID);
    KK_TRY(read_time(&validity, x509.begin));
    KK_TRY(read_time(&validity, x509.end));
    x509.subject = kk_der_take_any(&body);
    x509.key = kk_der_take_any(&body);
    KK_ENSURE(!body.failed && kk_reader_done(&validity), CKR_DATA_INVALID);
    KK_TRY(read_extensions(&body, &x509));
    *ret_x509 = x509;
    return CKR_OK;
}

/* ---- requests ---- */

/* The extensions that are asked for (RFC 2985, 5.4.2); other attributes are passed over. */
static KK_RV read_attribute(struct kk_reader *list, struct kk_x509 *x509)
{
    static const uint8_t wanted[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14};
    struct kk_reader attribute = kk_der_enter(list, KK_DER_SEQUENCE);
    struct kk_span oid = kk_der_take(&attribute, KK_DER_OID);
    struct kk_reader values = kk_der_enter(&attribute, DER_SET);
    KK_ENSURE(!list->failed && !values.failed && kk_reader_done(&attribute), CKR_DATA_INVALID);
    if (!kk_span_equal(oid, KK_SPAN_ARRAY(wanted))) {
        return CKR_OK;
    }
    struct kk_reader extensions = kk_der_enter(&values, KK_DER_SEQUENCE);
    KK_ENSURE(!extensions.failed && kk_reader_done(&values), CKR_DATA_INVALID);
    while (extensions.rest.len > 0) {
        KK_TRY(read_extension(&extensions, x509));
    }
    return CKR_OK;
}

static KK_RV read_request_body(struct kk_span der, struct kk_x509 *x509)
{
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader body = kk_der_enter(&outer, KK_DER_SEQUENCE);
    (void)kk_der_take(&body, KK_DER_INTEGER);
    x509->subject = kk_der_take_any(&body);
    x509->key = kk_der_take_any(&body);
    if (body.rest.len > 0) {
        struct kk_reader attributes = kk_der_enter(&body, KK_DER_CONTEXT(0));
        while (!attributes.failed && attributes.rest.len > 0) {
            KK_TRY(read_attribute(&attributes, x509));
        }
        KK_ENSURE(!attributes.failed, CKR_DATA_INVALID);
    }
    KK_ENSURE(kk_reader_done(&body) && kk_reader_done(&outer), CKR_DATA_INVALID);
    return CKR_OK;
}

KK_RV kk_x509_read_request(struct kk_span der, struct kk_x509_request *ret_request)
{
    struct kk_x509_request request = {0};
    struct kk_reader file = kk_reader_new(der);
    struct kk_reader whole = kk_der_enter(&file, KK_DER_SEQUENCE);
    request.body = kk_der_take_any(&whole);
    request.algorithm = kk_der_take_any(&whole);
    request.signature = kk_der_take_bits(&whole);
    KK_ENSURE(kk_reader_done(&whole) && kk_reader_done(&file), CKR_DATA_INVALID);
    KK_TRY(read_request_body(request.body, &request.asked));
    *ret_request = request;
    return CKR_OK;
}
